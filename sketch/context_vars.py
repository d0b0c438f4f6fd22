"""The context variables that hold the current request and application."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.request import Request

request_var: ContextVar[Request | None] = ContextVar("sketch.request", default=None)
app_var: ContextVar[Application | None] = ContextVar("sketch.app", default=None)


def find_app() -> Application | None:
    """The application of the current request, else the application of an entered `context()`, else None."""
    request = request_var.get()
    return app_var.get() if request is None else request.app
