"""Serves a sketch application by RSGI, granian's own interface: `granian package.module:app`."""

from sketch_rsgi.app import RSGIApplication

__all__ = ["RSGIApplication"]
