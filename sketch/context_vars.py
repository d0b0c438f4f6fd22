"""The context variables that hold the current request and application.

They are untyped, as their values stand above everything that reads them; `sketch.context` has them with their types.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

request_var: ContextVar[Any] = ContextVar("sketch.request", default=None)
"""The current request, a `BaseRequest`; None outside of requests."""
get_request, set_request = request_var.get, request_var.set
"""Return and set the current request. Bound methods: calling them costs no attribute look-up."""
app_var: ContextVar[Any] = ContextVar("sketch.app", default=None)
"""The `Application` of the entered `context()`; None outside of one."""


def find_app() -> Any:
    """The application of the current request, else the application of an entered `context()`, else None."""
    request = request_var.get()
    return app_var.get() if request is None else request.app
