"""sketch: a web framework with two modes and one behaviour."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sketch.application import Application
from sketch.context import current_app, current_request
from sketch.exceptions import (
    HTTPBadGateway,
    HTTPBadRequest,
    HTTPClientError,
    HTTPConflict,
    HTTPContentTooLarge,
    HTTPException,
    HTTPExpectationFailed,
    HTTPFailedDependency,
    HTTPForbidden,
    HTTPFound,
    HTTPGatewayTimeout,
    HTTPGone,
    HTTPInsufficientStorage,
    HTTPInternalServerError,
    HTTPLengthRequired,
    HTTPLocked,
    HTTPMethodNotAllowed,
    HTTPMisdirectedRequest,
    HTTPMovedPermanently,
    HTTPMultipleChoices,
    HTTPNetworkAuthenticationRequired,
    HTTPNotAcceptable,
    HTTPNotFound,
    HTTPNotImplemented,
    HTTPPaymentRequired,
    HTTPPermanentRedirect,
    HTTPPreconditionFailed,
    HTTPPreconditionRequired,
    HTTPProxyAuthenticationRequired,
    HTTPRangeNotSatisfiable,
    HTTPRedirection,
    HTTPRequestEntityTooLarge,
    HTTPRequestHeaderFieldsTooLarge,
    HTTPRequestRangeNotSatisfiable,
    HTTPRequestTimeout,
    HTTPRequestURITooLong,
    HTTPSeeOther,
    HTTPServerError,
    HTTPServiceUnavailable,
    HTTPTemporaryRedirect,
    HTTPTooEarly,
    HTTPTooManyRequests,
    HTTPUnauthorized,
    HTTPUnavailableForLegalReasons,
    HTTPUnprocessableContent,
    HTTPUnprocessableEntity,
    HTTPUnsupportedMediaType,
    HTTPUpgradeRequired,
    HTTPURITooLong,
    HTTPVersionNotSupported,
)
from sketch.keys import AppKey, RequestKey
from sketch.lifecycle.signals import Signal
from sketch.limits import Limits
from sketch.request import Request
from sketch.response import (
    ErrorResponse,
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamResponse,
    TextResponse,
    json_response,
)
from sketch.routing import Route, Router
from sketch.routing.views import View
from sketch.transport import ClientDisconnected

if TYPE_CHECKING:
    from sketch.channels import Channels
    from sketch.files.response import FileResponse
    from sketch.middleware.compression import Compression
    from sketch.middleware.cors import CORS
    from sketch.middleware.decompression import Decompression
    from sketch.middleware.proxy_headers import ProxyHeaders
    from sketch.middleware.request_id import RequestID, RequestIDFilter
    from sketch.middleware.security_headers import SecurityHeaders
    from sketch.request.forms import BodyPart, UploadedFile
    from sketch.routing.group import RouteGroup
    from sketch.serving.run import run_app, serve
    from sketch.streams.json_lines import JSONLinesResponse
    from sketch.streams.sse import Event, EventStreamResponse, last_event_id
    from sketch.websocket import WebSocket, WebSocketDisconnected, WebSocketPolicy, WebSocketResponse

__all__ = [
    "CORS",
    "AppKey",
    "Application",
    "BodyPart",
    "Channels",
    "ClientDisconnected",
    "Compression",
    "Decompression",
    "ErrorResponse",
    "Event",
    "EventStreamResponse",
    "FileResponse",
    "HTMLResponse",
    "HTTPBadGateway",
    "HTTPBadRequest",
    "HTTPClientError",
    "HTTPConflict",
    "HTTPContentTooLarge",
    "HTTPException",
    "HTTPExpectationFailed",
    "HTTPFailedDependency",
    "HTTPForbidden",
    "HTTPFound",
    "HTTPGatewayTimeout",
    "HTTPGone",
    "HTTPInsufficientStorage",
    "HTTPInternalServerError",
    "HTTPLengthRequired",
    "HTTPLocked",
    "HTTPMethodNotAllowed",
    "HTTPMisdirectedRequest",
    "HTTPMovedPermanently",
    "HTTPMultipleChoices",
    "HTTPNetworkAuthenticationRequired",
    "HTTPNotAcceptable",
    "HTTPNotFound",
    "HTTPNotImplemented",
    "HTTPPaymentRequired",
    "HTTPPermanentRedirect",
    "HTTPPreconditionFailed",
    "HTTPPreconditionRequired",
    "HTTPProxyAuthenticationRequired",
    "HTTPRangeNotSatisfiable",
    "HTTPRedirection",
    "HTTPRequestEntityTooLarge",
    "HTTPRequestHeaderFieldsTooLarge",
    "HTTPRequestRangeNotSatisfiable",
    "HTTPRequestTimeout",
    "HTTPRequestURITooLong",
    "HTTPSeeOther",
    "HTTPServerError",
    "HTTPServiceUnavailable",
    "HTTPTemporaryRedirect",
    "HTTPTooEarly",
    "HTTPTooManyRequests",
    "HTTPURITooLong",
    "HTTPUnauthorized",
    "HTTPUnavailableForLegalReasons",
    "HTTPUnprocessableContent",
    "HTTPUnprocessableEntity",
    "HTTPUnsupportedMediaType",
    "HTTPUpgradeRequired",
    "HTTPVersionNotSupported",
    "JSONLinesResponse",
    "JSONResponse",
    "Limits",
    "ProxyHeaders",
    "RedirectResponse",
    "Request",
    "RequestID",
    "RequestIDFilter",
    "RequestKey",
    "Response",
    "Route",
    "RouteGroup",
    "Router",
    "SecurityHeaders",
    "Signal",
    "StreamResponse",
    "TextResponse",
    "UploadedFile",
    "View",
    "WebSocket",
    "WebSocketDisconnected",
    "WebSocketPolicy",
    "WebSocketResponse",
    "current_app",
    "current_request",
    "json_response",
    "last_event_id",
    "run_app",
    "serve",
]


# What not every application needs is imported when it is first asked for.
_LAZY = {
    "BodyPart": "sketch.request.forms",
    "Channels": "sketch.channels",
    "Compression": "sketch.middleware.compression",
    "CORS": "sketch.middleware.cors",
    "Decompression": "sketch.middleware.decompression",
    "Event": "sketch.streams.sse",
    "EventStreamResponse": "sketch.streams.sse",
    "FileResponse": "sketch.files.response",
    "JSONLinesResponse": "sketch.streams.json_lines",
    "last_event_id": "sketch.streams.sse",
    "ProxyHeaders": "sketch.middleware.proxy_headers",
    "RequestID": "sketch.middleware.request_id",
    "RequestIDFilter": "sketch.middleware.request_id",
    "RouteGroup": "sketch.routing.group",
    "run_app": "sketch.serving.run",
    "SecurityHeaders": "sketch.middleware.security_headers",
    "serve": "sketch.serving.run",
    "UploadedFile": "sketch.request.forms",
    "WebSocket": "sketch.websocket",
    "WebSocketDisconnected": "sketch.websocket",
    "WebSocketPolicy": "sketch.websocket",
    "WebSocketResponse": "sketch.websocket",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for for the first time."""
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module 'sketch' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(module), name)
    return value
