"""The application that `sketch demo` serves: one page that shows what is running and lets one try its routes."""

from __future__ import annotations

from sketch.demo.routes import app

__all__ = ["app"]
