"""Runs a sketch application under any ASGI 3 server."""

from sketch_asgi.app import ASGIApplication

__all__ = ["ASGIApplication"]
