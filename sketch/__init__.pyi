"""The public names of sketch, for type checkers: the same as `_NAMES` in `__init__.py`."""

from sketch.application import Application as Application
from sketch.binding.invalid_input import InvalidInput as InvalidInput
from sketch.binding.response_parts import ResponseParts as ResponseParts
from sketch.binding.sources import (
    Body as Body,
    Cookie as Cookie,
    Depends as Depends,
    Form as Form,
    Header as Header,
    Path as Path,
    Query as Query,
)
from sketch.channels import Channels as Channels
from sketch.concurrency.workers import current_worker as current_worker
from sketch.context import (
    current_app as current_app,
    current_request as current_request,
)
from sketch.exceptions import (
    HTTPBadGateway as HTTPBadGateway,
    HTTPBadRequest as HTTPBadRequest,
    HTTPClientError as HTTPClientError,
    HTTPConflict as HTTPConflict,
    HTTPContentTooLarge as HTTPContentTooLarge,
    HTTPException as HTTPException,
    HTTPExpectationFailed as HTTPExpectationFailed,
    HTTPFailedDependency as HTTPFailedDependency,
    HTTPForbidden as HTTPForbidden,
    HTTPFound as HTTPFound,
    HTTPGatewayTimeout as HTTPGatewayTimeout,
    HTTPGone as HTTPGone,
    HTTPInsufficientStorage as HTTPInsufficientStorage,
    HTTPInternalServerError as HTTPInternalServerError,
    HTTPLengthRequired as HTTPLengthRequired,
    HTTPLocked as HTTPLocked,
    HTTPMethodNotAllowed as HTTPMethodNotAllowed,
    HTTPMisdirectedRequest as HTTPMisdirectedRequest,
    HTTPMovedPermanently as HTTPMovedPermanently,
    HTTPMultipleChoices as HTTPMultipleChoices,
    HTTPNetworkAuthenticationRequired as HTTPNetworkAuthenticationRequired,
    HTTPNotAcceptable as HTTPNotAcceptable,
    HTTPNotFound as HTTPNotFound,
    HTTPNotImplemented as HTTPNotImplemented,
    HTTPNotModified as HTTPNotModified,
    HTTPPaymentRequired as HTTPPaymentRequired,
    HTTPPermanentRedirect as HTTPPermanentRedirect,
    HTTPPreconditionFailed as HTTPPreconditionFailed,
    HTTPPreconditionRequired as HTTPPreconditionRequired,
    HTTPProxyAuthenticationRequired as HTTPProxyAuthenticationRequired,
    HTTPRangeNotSatisfiable as HTTPRangeNotSatisfiable,
    HTTPRedirection as HTTPRedirection,
    HTTPRequestEntityTooLarge as HTTPRequestEntityTooLarge,
    HTTPRequestHeaderFieldsTooLarge as HTTPRequestHeaderFieldsTooLarge,
    HTTPRequestRangeNotSatisfiable as HTTPRequestRangeNotSatisfiable,
    HTTPRequestTimeout as HTTPRequestTimeout,
    HTTPRequestURITooLong as HTTPRequestURITooLong,
    HTTPSeeOther as HTTPSeeOther,
    HTTPServerError as HTTPServerError,
    HTTPServiceUnavailable as HTTPServiceUnavailable,
    HTTPTemporaryRedirect as HTTPTemporaryRedirect,
    HTTPTooEarly as HTTPTooEarly,
    HTTPTooManyRequests as HTTPTooManyRequests,
    HTTPUnauthorized as HTTPUnauthorized,
    HTTPUnavailableForLegalReasons as HTTPUnavailableForLegalReasons,
    HTTPUnprocessableContent as HTTPUnprocessableContent,
    HTTPUnprocessableEntity as HTTPUnprocessableEntity,
    HTTPUnsupportedMediaType as HTTPUnsupportedMediaType,
    HTTPUpgradeRequired as HTTPUpgradeRequired,
    HTTPURITooLong as HTTPURITooLong,
    HTTPVersionNotSupported as HTTPVersionNotSupported,
)
from sketch.files.response import FileResponse as FileResponse
from sketch.keys import (
    AppKey as AppKey,
    RequestKey as RequestKey,
)
from sketch.lifecycle.signals import Signal as Signal
from sketch.limits import Limits as Limits
from sketch.middleware.compression import Compression as Compression
from sketch.middleware.content_security_policy import (
    CSP as CSP,
    NONCE as NONCE,
)
from sketch.middleware.cors import CORS as CORS
from sketch.middleware.csrf import (
    CSRF as CSRF,
    csrf_token as csrf_token,
)
from sketch.middleware.decompression import Decompression as Decompression
from sketch.middleware.https_redirect import HTTPSRedirect as HTTPSRedirect
from sketch.middleware.protection import Protection as Protection
from sketch.middleware.proxy_headers import ProxyHeaders as ProxyHeaders
from sketch.middleware.rate_limit import RateLimit as RateLimit
from sketch.middleware.request_id import (
    RequestID as RequestID,
    RequestIDFilter as RequestIDFilter,
)
from sketch.middleware.security_headers import (
    SecurityHeaders as SecurityHeaders,
    csp_nonce as csp_nonce,
)
from sketch.middleware.sessions import (
    Sessions as Sessions,
    flash as flash,
    flashed as flashed,
)
from sketch.middleware.trusted_hosts import TrustedHosts as TrustedHosts
from sketch.observability.formatters import (
    JSONFormatter as JSONFormatter,
    TextFormatter as TextFormatter,
)
from sketch.observability.health import Health as Health
from sketch.observability.log_file import LogFile as LogFile
from sketch.observability.metrics import Metrics as Metrics
from sketch.redirects import redirect as redirect
from sketch.request import Request as Request
from sketch.request.forms import (
    BodyPart as BodyPart,
    UploadedFile as UploadedFile,
)
from sketch.request.session import Session as Session
from sketch.response import (
    ErrorResponse as ErrorResponse,
    HTMLResponse as HTMLResponse,
    JSONResponse as JSONResponse,
    RedirectResponse as RedirectResponse,
    Response as Response,
    TextResponse as TextResponse,
    json_response as json_response,
)
from sketch.routing import (
    Route as Route,
    Router as Router,
)
from sketch.routing.group import RouteGroup as RouteGroup
from sketch.routing.views import View as View
from sketch.serving.run import (
    run_app as run_app,
    serve as serve,
)
from sketch.streams.json_lines import JSONLinesResponse as JSONLinesResponse
from sketch.streams.sse import (
    Event as Event,
    EventStreamResponse as EventStreamResponse,
    last_event_id as last_event_id,
)
from sketch.streams.stream import StreamResponse as StreamResponse
from sketch.tls import TLSInfo as TLSInfo
from sketch.transport import ClientDisconnected as ClientDisconnected, Outcome as Outcome
from sketch.websocket import (
    WebSocket as WebSocket,
    WebSocketDisconnected as WebSocketDisconnected,
    WebSocketPolicy as WebSocketPolicy,
    WebSocketResponse as WebSocketResponse,
)

__version__: str
