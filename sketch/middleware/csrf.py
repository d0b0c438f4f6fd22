"""Refuses requests that a page of another origin makes in a visitor's name (cross-site request forgery)."""

from __future__ import annotations

from collections.abc import Iterable

from sketch.exceptions import HTTPException, HTTPForbidden
from sketch.http.grammar import TOKEN
from sketch.http.origins import Origins, is_of_host
from sketch.keys import RequestKey
from sketch.middleware.csrf_fields import find_field
from sketch.middleware.csrf_tokens import Tokens
from sketch.middleware.csrf_visitors import Visit
from sketch.request import BaseRequest, Request
from sketch.response import Response
from sketch.results import Endpoint

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110 section 9.2.1
_OWN_SITE = (b"same-origin", b"none")


class CSRF:
    """Middleware that refuses requests which a page of another origin makes in a visitor's name, with 403.

        app = Application(outer_middlewares=[CSRF()])

    GET, HEAD, OPTIONS and TRACE pass: handlers must change nothing for them. Any other method passes

    - with `Sec-Fetch-Site: same-origin` or `none`, which browsers send by https, and no page can change;
    - without that field, if `Origin` has the host and the port of `Host`;
    - without both, as from programs and very old browsers, if the request has no `Cookie`, or a valid token.

    A page of the same site but another origin, and `Origin: null`, are refused. The handshake of a websocket is a GET,
    whose origin is checked by `WebSocketPolicy(origins=)`: by default only the own host may connect, and so it is here
    for those of a mounted foreign application.

    Tokens are for the third kind, and need `secret`: `csrf_token(request)` returns one for the page, which sends it
    back in a field of the form or a header field. It is bound to the id of the session if `Sessions` stands before
    this, else to a cookie of its own, `__Host-csrf` by https and `csrf` by http. In a multipart form the field has to
    stand before the files, within the first 64 KiB. A handler can read the form, or stream it, as if nothing had looked
    into it.

    Args:
        secret: for tokens, of at least 32 bytes; or several, the newest first. None: there are no tokens.
        origins: other origins whose pages may act for a visitor: `"https://app.example.com"`, `"https://*.example.com"`.
        exempt: routes that are not checked, by their templates as they were registered, `"/hooks/{name}"`, or
            `"/hooks/*"` with all below: for webhooks that check a signature.
        bearer: routes that know their clients by tokens alone, written as those of `exempt`: a request with
            `Authorization: Bearer` passes, which no page of another origin can add unless `CORS` lets it.
        field: the name of the form's field with a token.
        header: the name of the header field with a token.

    Raises:
        TypeError: for a `str` in place of a list, and for a secret that is neither text nor bytes.
        ValueError: for a short secret, what is no origin, a route without a leading slash, and a `header` that is no
            name of a field.
    """

    outer = True
    reads_origin = True

    def __init__(
        self,
        *,
        secret: str | bytes | Iterable[str | bytes] | None = None,
        origins: Iterable[str] = (),
        exempt: Iterable[str] = (),
        bearer: Iterable[str] = (),
        field: str = "csrf_token",
        header: str = "X-CSRF-Token",
    ) -> None:
        self._tokens = None if secret is None else Tokens(secret)
        self._origins = Origins(origins)
        if self._origins.any or "null" in self._origins.whole:
            raise ValueError("expected named origins, got one that any page can have: leave the middleware out instead")
        self._exempt, self._bearer = _Templates("exempt", exempt), _Templates("bearer", bearer)
        if not isinstance(field, str) or not field:
            raise ValueError(f"expected field as the name of a form's field, got {field!r:.200}")
        if not isinstance(header, str) or not TOKEN.fullmatch(header):
            raise ValueError(f"expected header as the name of a field, got {header!r:.200}")
        self._field = field
        self._header = header.lower().encode("ascii")

    async def __call__(self, request: BaseRequest, handler: Endpoint) -> Response:
        """Answer a request of the application's own pages, refuse a forged one."""
        self.begin(request)
        is_safe = request.method in _SAFE and not request.is_websocket
        fault = None if is_safe else await self.find_fault(request)
        response = await (handler(request) if fault is None else request.app.pipeline.refuse(request, fault))
        self.complete(request, response)
        return response

    def begin(self, request: BaseRequest) -> None:
        """Let `csrf_token` make tokens for the request, if there is a secret."""
        if self._tokens is not None:
            request[_VISITS] = Visit(request, self._tokens)

    def complete(self, request: BaseRequest, response: Response) -> None:
        """Set the cookie that a token is bound to, if the page has asked for one."""
        if self._tokens is not None:
            request[_VISITS].complete(response)

    async def find_fault(self, request: BaseRequest) -> HTTPException | None:
        """Return the error for a request that may be forged, None for any other."""
        if request.method in _SAFE:
            return self._find_fault_of_handshake(request) if request.is_websocket else None
        site = request.combined_header(b"sec-fetch-site")
        if site in _OWN_SITE:
            return None
        sent = request.combined_header(b"origin")
        if site is None and sent is None:
            return await self._find_fault_without_fields(request)
        origin = "" if sent is None else sent.decode("latin-1").lower()
        if site is None and is_of_host(origin, request.host.lower()):
            return None
        if origin in self._origins or self._is_exempt(request):
            return None
        return _foreign()

    def _find_fault_of_handshake(self, request: BaseRequest) -> HTTPException | None:
        """Check the handshake of a websocket that a mounted foreign application takes: it has no `WebSocketPolicy`."""
        sent = request.combined_header(b"origin")
        if sent is None or request.route is None or request.route.is_websocket:
            return None
        origin = sent.decode("latin-1").lower()
        is_own = is_of_host(origin, request.host.lower()) or origin in self._origins
        return None if is_own or self._is_exempt(request) else _foreign()

    async def _find_fault_without_fields(self, request: BaseRequest) -> HTTPException | None:
        """Check a request that says nothing of where it comes from."""
        if request.header(b"cookie") is None or self._is_exempt(request):
            return None
        if self._tokens is None:
            return HTTPForbidden("expected Sec-Fetch-Site or Origin with a request that has cookies, got neither")
        try:
            token = await self._find_token(request)
            if token is not None and request[_VISITS].accepts(token):
                return None
        except HTTPException as exc:  # a malformed form, or a large one; a store of sessions that is away
            return exc
        what = "no token" if token is None else "one that is not valid, or no more"
        header = self._header.decode()
        return HTTPForbidden(f"expected a CSRF token in the form's field {self._field} or in {header}, got {what}")

    async def _find_token(self, request: BaseRequest) -> str | None:
        sent = request.combined_header(self._header)
        if sent is not None:
            return sent.decode("latin-1")
        return await find_field(request, self._field) if isinstance(request, Request) else None

    def _is_exempt(self, request: BaseRequest) -> bool:
        if request.route is None:
            return False
        template = request.route.template
        if template in self._exempt:
            return True
        return template in self._bearer and (request.header(b"authorization") or b"")[:7].lower() == b"bearer "


def _foreign() -> HTTPForbidden:
    return HTTPForbidden("expected a request of this site's own pages, got one of another origin")


class _Templates:
    """A set of routes, by their templates.

    Args:
        what: the argument's name, for errors.
        given: templates; one that ends in `/*` stands for the one before the slash, and all below it.
    """

    __slots__ = ("_prefixes", "_whole")

    def __init__(self, what: str, given: Iterable[str]) -> None:
        if isinstance(given, str):
            raise TypeError(f"expected {what} as a list of routes, got {given!r:.200}")
        templates = [*given]
        for template in templates:
            if not isinstance(template, str) or not template.startswith("/"):
                raise ValueError(f"expected {what} routes with a leading slash, got {template!r:.200}")
        self._prefixes = tuple(template[:-1] for template in templates if template.endswith("/*"))
        self._whole = frozenset(templates) | {prefix[:-1] for prefix in self._prefixes}

    def __contains__(self, template: str) -> bool:
        return template in self._whole or template.startswith(self._prefixes)


_VISITS = RequestKey[Visit]("csrf visit")


def csrf_token(request: BaseRequest) -> str:
    """Return a token for the forms of the page that answers a request: `<input type="hidden" name="csrf_token" ...>`.

    Raises:
        RuntimeError: if no `CSRF(secret=...)` is around the handler, and when it is first asked for after the head of
            the answer, in which a cookie has to be set.
        StoreUnavailable: if the session cannot be read.
    """
    visit = request.get(_VISITS)
    if visit is None:
        raise RuntimeError("expected CSRF(secret=...) among the outer_middlewares, to make a token")
    return visit.token()
