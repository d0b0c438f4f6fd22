"""Middleware: functions round a handler, `async (request, handler) -> Response`."""

from sketch.middleware.chain import Endpoint, Middleware, fold, own

__all__ = ["Endpoint", "Middleware", "fold", "own"]
