"""Middleware: functions around a handler, `async (request, handler) -> Response`."""

from sketch.middleware.chain import Middleware, fold
from sketch.results import Endpoint, as_response

__all__ = ["Endpoint", "Middleware", "as_response", "fold"]
