"""sketch: a web framework that behaves the same on its own HTTP server and on ASGI servers."""

from importlib import import_module
from typing import Any

# Every public name, by the module that defines it. `__init__.pyi` declares the same names for type checkers; a test
# compares the two. A module is imported when one of its names is first used: an application without websockets loads
# none of their code.
_NAMES = {
    "sketch.application": "Application",
    "sketch.binding.invalid_input": "InvalidInput",
    "sketch.binding.response_parts": "ResponseParts",
    "sketch.binding.sources": "Body Cookie Depends Form Header Path Query",
    "sketch.channels": "Channels",
    "sketch.context": "current_app current_request",
    "sketch.exceptions": """
        HTTPBadGateway HTTPBadRequest HTTPClientError HTTPConflict HTTPContentTooLarge HTTPException
        HTTPExpectationFailed HTTPFailedDependency HTTPForbidden HTTPFound HTTPGatewayTimeout HTTPGone
        HTTPInsufficientStorage HTTPInternalServerError HTTPLengthRequired HTTPLocked HTTPMethodNotAllowed
        HTTPMisdirectedRequest HTTPMovedPermanently HTTPMultipleChoices HTTPNetworkAuthenticationRequired
        HTTPNotAcceptable HTTPNotFound HTTPNotImplemented HTTPNotModified HTTPPaymentRequired HTTPPermanentRedirect
        HTTPPreconditionFailed HTTPPreconditionRequired HTTPProxyAuthenticationRequired
        HTTPRangeNotSatisfiable HTTPRedirection HTTPRequestEntityTooLarge HTTPRequestHeaderFieldsTooLarge
        HTTPRequestRangeNotSatisfiable HTTPRequestTimeout HTTPRequestURITooLong HTTPSeeOther HTTPServerError
        HTTPServiceUnavailable HTTPTemporaryRedirect HTTPTooEarly HTTPTooManyRequests HTTPUnauthorized
        HTTPUnavailableForLegalReasons HTTPUnprocessableContent HTTPUnprocessableEntity
        HTTPUnsupportedMediaType HTTPUpgradeRequired HTTPURITooLong HTTPVersionNotSupported
    """,
    "sketch.files.response": "FileResponse",
    "sketch.keys": "AppKey RequestKey",
    "sketch.lifecycle.signals": "Signal",
    "sketch.limits": "Limits",
    "sketch.middleware.compression": "Compression",
    "sketch.middleware.content_security_policy": "CSP NONCE",
    "sketch.middleware.cors": "CORS",
    "sketch.middleware.csrf": "CSRF csrf_token",
    "sketch.middleware.decompression": "Decompression",
    "sketch.middleware.https_redirect": "HTTPSRedirect",
    "sketch.middleware.protection": "Protection",
    "sketch.middleware.proxy_headers": "ProxyHeaders",
    "sketch.middleware.rate_limit": "RateLimit",
    "sketch.middleware.request_id": "RequestID RequestIDFilter",
    "sketch.middleware.security_headers": "SecurityHeaders csp_nonce",
    "sketch.middleware.sessions": "Sessions flash flashed",
    "sketch.middleware.trusted_hosts": "TrustedHosts",
    "sketch.observability.formatters": "JSONFormatter TextFormatter",
    "sketch.observability.health": "Health",
    "sketch.observability.log_file": "LogFile",
    "sketch.observability.metrics": "Metrics",
    "sketch.redirects": "redirect",
    "sketch.request": "Request",
    "sketch.request.forms": "BodyPart UploadedFile",
    "sketch.request.session": "Session",
    "sketch.response": "ErrorResponse HTMLResponse json_response JSONResponse RedirectResponse Response TextResponse",
    "sketch.routing": "Route Router",
    "sketch.routing.group": "RouteGroup",
    "sketch.routing.views": "View",
    "sketch.concurrency.workers": "current_worker",
    "sketch.serving.run": "run_app serve",
    "sketch.streams.json_lines": "JSONLinesResponse",
    "sketch.streams.sse": "Event EventStreamResponse last_event_id",
    "sketch.streams.stream": "StreamResponse",
    "sketch.tls": "TLSInfo",
    "sketch.transport": "ClientDisconnected Outcome",
    "sketch.websocket": "WebSocket WebSocketDisconnected WebSocketPolicy WebSocketResponse",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll] - it reads the stub


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used; read `__version__` from the installed distribution."""
    if name == "__version__":
        globals()[name] = _read_version()
        return globals()[name]
    if name not in _HOME:
        raise AttributeError(f"module 'sketch' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    """The public names, imported or not, and the module's special attributes."""
    return sorted({*_HOME, "__version__", *(name for name in globals() if name.startswith("__"))})


def _read_version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # slow to import, and seldom needed

    try:
        return version("sketch-web")
    except PackageNotFoundError:  # a checkout that was never installed
        return "0+unknown"


import_module("sketch.application")  # every application needs it: imported now, so that no request waits for it
