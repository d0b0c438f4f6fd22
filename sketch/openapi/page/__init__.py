"""The reference page: a document of OpenAPI as HTML that one can read without a script, and try with one."""

from __future__ import annotations

from sketch.openapi.page.document import HEADERS, Page
from sketch.openapi.page.routes import PageRoutes

__all__ = ["HEADERS", "Page", "PageRoutes"]
