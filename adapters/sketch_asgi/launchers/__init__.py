"""Launchers of ASGI servers: each has the same options, first output line and exit codes."""
