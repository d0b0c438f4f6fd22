"""The application that `sketch demo` serves: a page that shows what is running and has forms to try its routes."""

from __future__ import annotations

from sketch.demo.routes import app

__all__ = ["app"]
