"""Serves an application: the options, the backends by name, and the start of a backend."""
