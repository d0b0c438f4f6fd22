"""HTTP errors: one class per status, raised or returned by handlers and middleware, answered by the application."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

from sketch.http.fields import encode_fields, make_fields
from sketch.http.locations import Location, quote_location
from sketch.http.status import PHRASES, check_status
from sketch.response import ErrorResponse, Response, check_reason


class Explanation(NamedTuple):
    """What led to an error: an input as it was declared beside the one that came. For the debug page alone.

    Args:
        name: of the input; its value is masked if the name marks a secret.
        declared: what was expected in general.
        sent: the values that came.
        faults: what is wrong with them.
    """

    name: str
    declared: str
    sent: tuple[object, ...]
    faults: tuple[str, ...]


class HTTPException(Exception):
    """An error with an HTTP status. A handler may raise or return it; each time it becomes a new response.

    Args:
        status: 400 to 599 (300 to 399 for redirects).
        reason: the text of the response's body; never part of the status line. Default: the status and its phrase.
        headers: extra header fields of the response.

    Raises:
        TypeError: for a status that is no int, a reason that is no text, and header fields that are none.
        ValueError: for a status outside 300 to 599, and header fields that cannot be sent.
    """

    status: int
    detail: str | None
    """The reason as it was given, None for the default."""
    headers: dict[str, str]

    def __init__(self, status: int, reason: str | None = None, *, headers: Mapping[str, str] | None = None) -> None:
        check_status(status, 300, 599)
        if reason is not None:
            check_reason(reason)
        if headers:
            encode_fields(make_fields(headers))  # raises for what cannot be sent
        self.status = status
        self.detail = reason
        self.headers = dict(headers or {})
        super().__init__(status, reason)

    @property
    def reason(self) -> str:
        """The text of the response's body as it was given, by default the phrase of the status: `"Not Found"`.

        Raises:
            TypeError: when it is set to what is no text.
        """
        return PHRASES.get(self.status, "Unknown Status") if self.detail is None else self.detail

    @reason.setter
    def reason(self, reason: str | None) -> None:
        if reason is not None:
            check_reason(reason)
        self.detail = reason

    def __str__(self) -> str:
        return self.detail or f"{self.status} {PHRASES.get(self.status, 'Unknown Status')}"

    def to_response(self) -> Response:
        """Make a plain text response with this status, reason and headers.

        If a subclass overrides this, its responses are sent as they are.
        """
        return ErrorResponse(self.status, self.detail, headers=self.headers)

    @property
    def members(self) -> Mapping[str, Any]:
        """The members of problem details beside the usual ones (RFC 9457 section 3.2); by default none."""
        return {}

    def explain(self, request: Any) -> Iterable[Explanation]:  # noqa: ARG002 - for those that override it
        """Return what the debug page shows of the inputs that have led to this error; by default nothing."""
        return ()

    def __reduce__(self) -> tuple[Any, ...]:
        # Copying and pickling call the class with `args`, which here are not the arguments of `__init__`.
        return _restore, (type(self), self.args), self.__dict__


def _restore(kind: type[HTTPException], args: tuple[Any, ...]) -> HTTPException:
    return kind.__new__(kind, *args)


class _FixedStatus(HTTPException):
    """An HTTPException with a status that its class fixes."""

    default_status: ClassVar[int]

    def __init__(self, reason: str | None = None, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(self.default_status, reason, headers=headers)


class HTTPRedirection(HTTPException):
    """A 3xx response that points to another location (RFC 9110 section 15.4).

    Args:
        location: a URL or an absolute path, a `str` or `yarl.URL`; percent-encoded where it must be.
        reason: the text of the response's body.
        headers: extra header fields of the response.
    """

    default_status: ClassVar[int]

    def __init__(
        self, location: Location, reason: str | None = None, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(self.default_status, reason, headers={**(headers or {}), "Location": quote_location(location)})


class HTTPNotModified(_FixedStatus):
    """304 Not Modified: the client has the representation already (RFC 9110 section 15.4.5).

    Args:
        headers: those of the 200 that guide caches: `ETag`, `Last-Modified`, `Cache-Control`, `Vary`.
    """

    default_status = 304

    def to_response(self) -> Response:
        """Make a response without a media type: a cache would take it for that of its copy."""
        response = super().to_response()
        del response.headers["Content-Type"]
        return response


class HTTPClientError(_FixedStatus):
    """A 4xx response: the request is at fault."""


class HTTPServerError(_FixedStatus):
    """A 5xx response: the server is at fault."""


class HTTPMethodNotAllowed(HTTPClientError):
    """405 Method Not Allowed: the resource exists, but does not support the method.

    Args:
        allowed: the methods that it supports; they become the `Allow` header (RFC 9110 section 15.5.6).
    """

    default_status = 405

    def __init__(
        self, allowed: Iterable[str] = (), reason: str | None = None, *, headers: Mapping[str, str] | None = None
    ) -> None:
        self.allowed = sorted(set(allowed))
        super().__init__(reason, headers={**(headers or {}), "Allow": ", ".join(self.allowed)})


class HTTPMultipleChoices(HTTPRedirection):
    """300 Multiple Choices."""

    default_status = 300


class HTTPMovedPermanently(HTTPRedirection):
    """301 Moved Permanently."""

    default_status = 301


class HTTPFound(HTTPRedirection):
    """302 Found."""

    default_status = 302


class HTTPSeeOther(HTTPRedirection):
    """303 See Other."""

    default_status = 303


class HTTPTemporaryRedirect(HTTPRedirection):
    """307 Temporary Redirect."""

    default_status = 307


class HTTPPermanentRedirect(HTTPRedirection):
    """308 Permanent Redirect."""

    default_status = 308


class HTTPBadRequest(HTTPClientError):
    """400 Bad Request."""

    default_status = 400


class HTTPUnauthorized(HTTPClientError):
    """401 Unauthorized."""

    default_status = 401


class HTTPPaymentRequired(HTTPClientError):
    """402 Payment Required."""

    default_status = 402


class HTTPForbidden(HTTPClientError):
    """403 Forbidden."""

    default_status = 403


class HTTPNotFound(HTTPClientError):
    """404 Not Found."""

    default_status = 404


class HTTPNotAcceptable(HTTPClientError):
    """406 Not Acceptable."""

    default_status = 406


class HTTPProxyAuthenticationRequired(HTTPClientError):
    """407 Proxy Authentication Required."""

    default_status = 407


class HTTPRequestTimeout(HTTPClientError):
    """408 Request Timeout."""

    default_status = 408


class HTTPConflict(HTTPClientError):
    """409 Conflict."""

    default_status = 409


class HTTPGone(HTTPClientError):
    """410 Gone."""

    default_status = 410


class HTTPLengthRequired(HTTPClientError):
    """411 Length Required."""

    default_status = 411


class HTTPPreconditionFailed(HTTPClientError):
    """412 Precondition Failed."""

    default_status = 412


class HTTPContentTooLarge(HTTPClientError):
    """413 Content Too Large."""

    default_status = 413


class HTTPURITooLong(HTTPClientError):
    """414 URI Too Long."""

    default_status = 414


class HTTPUnsupportedMediaType(HTTPClientError):
    """415 Unsupported Media Type."""

    default_status = 415


class HTTPRangeNotSatisfiable(HTTPClientError):
    """416 Range Not Satisfiable."""

    default_status = 416


class HTTPExpectationFailed(HTTPClientError):
    """417 Expectation Failed."""

    default_status = 417


class HTTPMisdirectedRequest(HTTPClientError):
    """421 Misdirected Request."""

    default_status = 421


class HTTPUnprocessableContent(HTTPClientError):
    """422 Unprocessable Content."""

    default_status = 422


class HTTPLocked(HTTPClientError):
    """423 Locked."""

    default_status = 423


class HTTPFailedDependency(HTTPClientError):
    """424 Failed Dependency."""

    default_status = 424


class HTTPTooEarly(HTTPClientError):
    """425 Too Early."""

    default_status = 425


class HTTPUpgradeRequired(HTTPClientError):
    """426 Upgrade Required."""

    default_status = 426


class HTTPPreconditionRequired(HTTPClientError):
    """428 Precondition Required."""

    default_status = 428


class HTTPTooManyRequests(HTTPClientError):
    """429 Too Many Requests."""

    default_status = 429


class HTTPRequestHeaderFieldsTooLarge(HTTPClientError):
    """431 Request Header Fields Too Large."""

    default_status = 431


class HTTPUnavailableForLegalReasons(HTTPClientError):
    """451 Unavailable For Legal Reasons."""

    default_status = 451


class HTTPInternalServerError(HTTPServerError):
    """500 Internal Server Error."""

    default_status = 500


class HTTPNotImplemented(HTTPServerError):
    """501 Not Implemented."""

    default_status = 501


class HTTPBadGateway(HTTPServerError):
    """502 Bad Gateway."""

    default_status = 502


class HTTPServiceUnavailable(HTTPServerError):
    """503 Service Unavailable."""

    default_status = 503


class HTTPGatewayTimeout(HTTPServerError):
    """504 Gateway Timeout."""

    default_status = 504


class HTTPVersionNotSupported(HTTPServerError):
    """505 HTTP Version Not Supported."""

    default_status = 505


class HTTPInsufficientStorage(HTTPServerError):
    """507 Insufficient Storage."""

    default_status = 507


class HTTPNetworkAuthenticationRequired(HTTPServerError):
    """511 Network Authentication Required."""

    default_status = 511


# The names that aiohttp kept from before RFC 9110.
HTTPRequestEntityTooLarge = HTTPContentTooLarge
HTTPRequestURITooLong = HTTPURITooLong
HTTPRequestRangeNotSatisfiable = HTTPRangeNotSatisfiable
HTTPUnprocessableEntity = HTTPUnprocessableContent
