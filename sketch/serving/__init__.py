"""Serving an application: options, backends by name, and the start of one."""
