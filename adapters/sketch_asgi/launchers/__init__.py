"""Launchers of ASGI servers: the same options, first line and exit codes on each."""
