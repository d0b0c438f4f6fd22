"""Sets header fields that restrict what browsers do with a page."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_urlsafe

from multidict import CIMultiDict

from sketch.http.fields import FixedFields, encode_given, make_fields
from sketch.keys import RequestKey
from sketch.middleware.content_security_policy import CSP, NONCE
from sketch.request import BaseRequest
from sketch.response import Response
from sketch.results import Endpoint

_FRAMES = {"none": ("DENY", "'none'"), "self": ("SAMEORIGIN", "'self'")}
_ANCESTORS = "frame-ancestors"
_CSP = "Content-Security-Policy"
_REPORT_ONLY = "Content-Security-Policy-Report-Only"
_FRAME_OPTIONS = "X-Frame-Options"


class SecurityHeaders:
    """Middleware that sets header fields for browsers on every response, errors included.

        app = Application(outer_middlewares=[SecurityHeaders()])

    By default: `Strict-Transport-Security` for a year, over https alone; `X-Content-Type-Options: nosniff`; no framing,
    by `Content-Security-Policy: frame-ancestors` and, for old browsers, `X-Frame-Options`; `Referrer-Policy`.

    A response that has set one of the fields itself keeps its own; an empty value removes the field. A response with
    `frame-ancestors` in its own `Content-Security-Policy` gets no `X-Frame-Options`, which could only contradict.

    Behind a proxy, put `ProxyHeaders` before this: it sets `request.scheme` to what the client used.

    Args:
        hsts: seconds for which browsers must use https alone, or the whole value of the field
            (`"max-age=63072000; includeSubDomains; preload"`), or None for no such field.
        frames: which origins may show the pages in a frame: `"none"`, `"self"`, or None to say nothing.
        csp: the rest of a `Content-Security-Policy`, as a `CSP` or as text. None: nothing but `frame-ancestors`. With
            `NONCE` in it, the policy of an answer has the nonce that `csp_nonce(request)` has given to its page; where
            nothing asks for one, none is made.
        referrer: a `Referrer-Policy`, or None for no such field.
        headers: further fields, `{"Permissions-Policy": "camera=()"}`.

    Raises:
        TypeError: for a field that is no text, an `hsts` that is neither a number nor text, and a `csp` that is neither
            text nor a `CSP`.
        ValueError: for `frames` of another value, for a negative number of seconds, for a text with `NONCE` in it, and
            for a field that cannot be sent.
    """

    outer = True

    def __init__(
        self,
        *,
        hsts: int | str | None = 31_536_000,
        frames: str | None = "none",
        csp: CSP | str | None = None,
        referrer: str | None = "strict-origin-when-cross-origin",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if frames is not None and frames not in _FRAMES:
            raise ValueError(f"expected frames as 'none', 'self' or None, got {frames!r:.200}")
        if hsts is not None and (isinstance(hsts, bool) or not isinstance(hsts, int | str)):
            raise TypeError(f"expected hsts as an int of seconds, a str or None, got {hsts!r:.200}")
        if isinstance(hsts, int) and hsts < 0:
            raise ValueError(f"expected hsts as a number of seconds, got {hsts!r:.200}")
        if csp is not None and not isinstance(csp, CSP | str):
            raise TypeError(f"expected csp as a CSP or a str, got {csp!r:.200}")
        if isinstance(csp, str) and NONCE in csp:
            raise ValueError(f"expected csp as a CSP(...), to have a nonce in it, got the text {csp!r:.200}")
        fields = {"X-Content-Type-Options": "nosniff"}
        self._policies = _Policies(csp, frames)
        fields |= self._policies.fields(None)
        if referrer is not None:
            fields["Referrer-Policy"] = referrer
        plain = tuple((fields | dict(headers or {})).items())
        transport = f"max-age={hsts}" if isinstance(hsts, int) else hsts
        secure = plain if transport is None else (*plain, ("Strict-Transport-Security", transport))
        self._plain, self._secure = _Set(plain), _Set(secure)

    async def __call__(self, request: BaseRequest, handler: Endpoint) -> Response:
        """Answer the request, and set the fields that the response does not have."""
        self.begin(request)
        response = await handler(request)
        self.complete(request, response)
        return response

    def begin(self, request: BaseRequest) -> None:
        """Let `csp_nonce` give the request a nonce, if the policy has a place for it."""
        if self._policies.has_nonce:
            request[_NONCES] = _Nonce()

    def complete(self, request: BaseRequest, response: Response) -> None:
        """Set the fields that a response does not have."""
        if self._policies.has_nonce:
            self._set_nonce(request[_NONCES], response)
        fields = self._secure if request.scheme == "https" else self._plain
        if not response.add_fixed(fields.fixed):
            fields.complete(response.headers)

    def _set_nonce(self, nonce: _Nonce, response: Response) -> None:
        nonce.sent = True
        if nonce.value is not None:
            headers = response.headers
            has_own = _CSP in headers
            for name, value in self._policies.fields(nonce.value).items():
                if name == _REPORT_ONLY or not has_own:
                    headers.setdefault(name, value)


class _Nonce:
    """The nonce of a request."""

    __slots__ = ("sent", "value")

    def __init__(self) -> None:
        self.value: str | None = None
        self.sent = False


_NONCES = RequestKey[_Nonce]("csp nonce")


def csp_nonce(request: BaseRequest) -> str:
    """Return the nonce of the page that answers a request, for its scripts and styles: `<script nonce="...">`.

    It is the same for the whole request, and another one for each request, so the page is not for caches.

    Raises:
        RuntimeError: if no `SecurityHeaders(csp=CSP(...))` with `NONCE` is around the handler, and when it is first
            asked for after the head of the answer, which names it, as in a stream.
    """
    nonce = request.get(_NONCES)
    if nonce is None:
        raise RuntimeError(
            "expected SecurityHeaders(csp=CSP(script_src=[NONCE])) among the outer_middlewares, to have a nonce"
        )
    if nonce.value is None:
        if nonce.sent:
            raise RuntimeError(
                "expected csp_nonce() before the head of the answer: call it in the handler, not in a stream"
            )
        nonce.value = token_urlsafe(16)
    return nonce.value


class _Policies:
    """The policy fields of an application's answers.

    Args:
        csp, frames: as given to `SecurityHeaders`.
    """

    __slots__ = ("_ancestors", "_csp", "_frame_options", "_text", "has_nonce")

    def __init__(self, csp: CSP | str | None, frames: str | None) -> None:
        self._csp = csp if isinstance(csp, CSP) else None
        self._text = csp.strip().rstrip(";") if isinstance(csp, str) else ""
        self.has_nonce = self._csp is not None and self._csp.has_nonce
        """Whether the policy has a place for a nonce."""
        own = self._csp.decides_frames if self._csp is not None else _ANCESTORS in self._text.lower()
        options, ancestors = ("", "") if frames is None or own else _FRAMES[frames]
        self._frame_options = options
        self._ancestors = f"{_ANCESTORS} {ancestors}" if ancestors else ""

    def fields(self, nonce: str | None) -> dict[str, str]:
        """The fields of an answer whose page has this nonce, or none."""
        text = self._text if self._csp is None else self._csp.text(nonce)
        report_only = self._csp is not None and self._csp.report_only
        enforced = [self._ancestors] if report_only else [text, self._ancestors]
        fields = {
            _FRAME_OPTIONS: self._frame_options,
            _CSP: "; ".join(filter(None, enforced)),
            _REPORT_ONLY: text if report_only else "",
        }
        return {name: value for name, value in fields.items() if value}


class _Set:
    """The fields that are set over one scheme.

    Args:
        fields: names and values, in their order.
    """

    __slots__ = ("_fields", "fixed")

    def __init__(self, fields: tuple[tuple[str, str], ...]) -> None:
        self._fields = fields
        encode_given(make_fields(fields))  # raises for what cannot be sent
        alone: CIMultiDict[str] = CIMultiDict()
        self.complete(alone)
        self.fixed = FixedFields(alone.items())
        """What a response gets that has none of them."""

    def complete(self, headers: CIMultiDict[str]) -> None:
        """Set the fields that these headers do not have; remove those that are empty there."""
        own_ancestors = _ANCESTORS in headers.get(_CSP, "").lower()
        for name, value in self._fields:
            given = headers.get(name)
            if given is None:
                if not (own_ancestors and name == _FRAME_OPTIONS):
                    headers[name] = value
            elif not given:
                del headers[name]
