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
from sketch.signals import Signal
from sketch.transport import ClientDisconnected
from sketch.views import View

if TYPE_CHECKING:
    from sketch.channels import Channels
    from sketch.files import FileResponse
    from sketch.forms import BodyPart, UploadedFile
    from sketch.jsonlines import JSONLinesResponse
    from sketch.middleware.compression import Compression
    from sketch.middleware.cors import CORS
    from sketch.middleware.decompression import Decompression
    from sketch.middleware.proxy_headers import ProxyHeaders
    from sketch.middleware.request_id import RequestID, RequestIDFilter
    from sketch.middleware.security_headers import SecurityHeaders
    from sketch.routing.group import RouteGroup
    from sketch.servers import run_app, serve
    from sketch.sse import Event, EventStreamResponse, last_event_id
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
    "BodyPart": "sketch.forms",
    "Channels": "sketch.channels",
    "Compression": "sketch.middleware.compression",
    "CORS": "sketch.middleware.cors",
    "Decompression": "sketch.middleware.decompression",
    "Event": "sketch.sse",
    "EventStreamResponse": "sketch.sse",
    "FileResponse": "sketch.files",
    "JSONLinesResponse": "sketch.jsonlines",
    "last_event_id": "sketch.sse",
    "ProxyHeaders": "sketch.middleware.proxy_headers",
    "RequestID": "sketch.middleware.request_id",
    "RequestIDFilter": "sketch.middleware.request_id",
    "RouteGroup": "sketch.routing.group",
    "run_app": "sketch.servers",
    "SecurityHeaders": "sketch.middleware.security_headers",
    "serve": "sketch.servers",
    "UploadedFile": "sketch.forms",
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
