"""Decides which pages of other origins may read the responses (CORS, in the Fetch standard)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from sketch.checks import check_flags
from sketch.http.grammar import TOKEN, list_members, tokens
from sketch.http.negotiation import add_vary
from sketch.http.origins import Origins
from sketch.request import BaseRequest
from sketch.response import ErrorResponse, Response
from sketch.results import Endpoint

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

# What a page may send to other origins without a preflight.
_FREE_METHODS = frozenset({"GET", "HEAD", "POST"})
_FREE_HEADERS = frozenset({"accept", "accept-language", "content-language", "content-type", "range"})

_ALLOW_ORIGIN = "Access-Control-Allow-Origin"
_ASKED_METHOD = "Access-Control-Request-Method"
_ASKED_HEADERS = "Access-Control-Request-Headers"


class CORS:
    """Middleware that lets pages of other origins use the application (https://fetch.spec.whatwg.org, "CORS protocol").

        app = Application(outer_middlewares=[CORS(["https://example.com"])])

    Preflights are answered before routing, so no route needs to know of `OPTIONS`: 204, or a 403 that says what is not
    allowed. All other requests are handled whatever their origin, but a browser does not show the response, even an
    error, to a page that is not allowed. This is no protection against forged requests: a form needs no permission.

    A response that has `Access-Control-Allow-Origin` already is left as it is.

    Args:
        origins: `"*"` for every page; or a list of origins as browsers send them, `"https://example.com"`, with
            `*.` before a host for all its subdomains, and of compiled regular expressions for whole origins.
        methods: methods that such pages may use.
        headers: request fields that they may send; without credentials also `"*"` or `["*"]`, for any.
        expose: response fields that they may read, besides a few that they always may; without credentials also `"*"`.
        credentials: whether browsers may send cookies along and show the response; not with `"*"` origins.
        max_age: seconds for which a browser may cache the response to a preflight.

    Raises:
        ValueError, TypeError: for values that no browser would understand, and for settings that would let any page
            act for a user.
    """

    outer = True

    def __init__(
        self,
        origins: Iterable[str | re.Pattern[str]] | Literal["*"],
        *,
        methods: Iterable[str] = METHODS,
        headers: Iterable[str] | Literal["*"] = (),
        expose: Iterable[str] | Literal["*"] = (),
        credentials: bool = False,
        max_age: int = 600,
    ) -> None:
        check_flags(credentials=credentials)
        self._origins = Origins(origins)
        if credentials and (self._origins.any or "null" in self._origins.whole):
            raise ValueError("expected named origins with credentials: with any origin, any page could act for a user")
        self._methods = tuple(method.upper() for method in tokens("methods", methods))
        self._headers = None if _is_any("headers", headers, credentials) else tokens("headers", headers)
        self._names = frozenset(name.lower() for name in self._headers or ()) | _FREE_HEADERS
        self._expose = "*" if _is_any("expose", expose, credentials) else ", ".join(tokens("expose", expose))
        self._credentials = credentials
        if not isinstance(max_age, int) or max_age < 0:
            raise ValueError(f"expected max_age as a number of seconds, got {max_age!r:.200}")
        self._max_age = str(max_age)

    async def __call__(self, request: BaseRequest, handler: Endpoint) -> Response:
        """Answer a preflight, or mark the response with the origin that may read it."""
        sent = request.header(b"origin")
        origin = None if sent is None else sent.decode("latin-1")
        if request.method == "OPTIONS" and origin is not None and _ASKED_METHOD in request.headers:
            return self._preflight(request, origin)
        response = await handler(request)
        if not request.is_websocket and _ALLOW_ORIGIN not in response.headers:
            self._allow(response, origin)
        return response

    def _allow(self, response: Response, origin: str | None) -> bool:
        """Allow the origin to read the response, if it may; else say only that this depends on the origin."""
        headers = response.headers
        if self._origins.any:
            headers[_ALLOW_ORIGIN] = "*"  # the same for all origins, so that caches may keep one response
        else:
            add_vary(headers, "Origin")
            if origin is None or origin not in self._origins:
                return False
            headers[_ALLOW_ORIGIN] = origin
        if self._credentials:
            headers["Access-Control-Allow-Credentials"] = "true"
        if self._expose:
            headers["Access-Control-Expose-Headers"] = self._expose
        return True

    def _preflight(self, request: BaseRequest, origin: str) -> Response:
        method = request.headers[_ASKED_METHOD]
        asked = list_members(request.headers.get(_ASKED_HEADERS, ""))
        fault = self._fault(origin, method, asked)
        response = Response(status=204) if fault is None else ErrorResponse(403, f"{fault} is not allowed here")
        headers = response.headers
        headers["Vary"] = f"Origin, {_ASKED_METHOD}, {_ASKED_HEADERS}"
        if fault is None:
            self._allow(response, origin)
            headers["Access-Control-Allow-Methods"] = ", ".join(self._methods)
            allowed = asked if self._headers is None else self._headers
            if allowed:
                headers["Access-Control-Allow-Headers"] = ", ".join(allowed)
            headers["Access-Control-Max-Age"] = self._max_age
        return response

    def _fault(self, origin: str, method: str, asked: list[str]) -> str | None:
        """The part of a preflight that is not allowed, None if all is. Nothing that a client chose is in the text."""
        if origin not in self._origins:
            return "the origin"
        if method not in self._methods and method not in _FREE_METHODS:
            return "the method"
        for name in asked:
            if not TOKEN.fullmatch(name) or (self._headers is not None and name.lower() not in self._names):
                return "a header field"
        return None


def _is_any(what: str, names: object, credentials: bool) -> bool:
    """Whether the names stand for all; a browser that sends cookies along takes a star for a name."""
    if names not in ("*", ["*"], ("*",)):
        return False
    if credentials:
        raise ValueError(f"expected named fields as {what} with credentials, got {names!r:.200}")
    return True
