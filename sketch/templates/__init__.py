"""Templates: pages, parts of pages and mails made by jinja2 (`sketch-web[templates]`)."""

from sketch.templates.templates import ContextProcessor, Templates

__all__ = ["ContextProcessor", "Templates"]
