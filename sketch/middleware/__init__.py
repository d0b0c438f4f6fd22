"""Middleware: functions round a handler, `async (request, handler) -> Response`."""

from sketch.middleware.chain import Endpoint, Middleware, fold, own
from sketch.middleware.proxy_headers import ProxyHeaders

__all__ = ["Endpoint", "Middleware", "ProxyHeaders", "fold", "own"]
