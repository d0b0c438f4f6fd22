"""Sets header fields that restrict what browsers do with a page."""

from __future__ import annotations

from collections.abc import Mapping

from multidict import CIMultiDict

from sketch.http.fields import FixedFields, encode_given, make_fields
from sketch.request import BaseRequest
from sketch.response import Response
from sketch.results import Endpoint

_FRAMES = {"none": ("DENY", "'none'"), "self": ("SAMEORIGIN", "'self'")}
_ANCESTORS = "frame-ancestors"
_CSP = "Content-Security-Policy"
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
        csp: the rest of a `Content-Security-Policy`. None: nothing but `frame-ancestors`.
        referrer: a `Referrer-Policy`, or None for no such field.
        headers: further fields, `{"Permissions-Policy": "camera=()"}`.

    Raises:
        TypeError: for a field that is no text.
        ValueError: for `frames` of another value, for a negative number of seconds, and for a field that cannot be
            sent.
    """

    outer = True

    def __init__(
        self,
        *,
        hsts: int | str | None = 31_536_000,
        frames: str | None = "none",
        csp: str | None = None,
        referrer: str | None = "strict-origin-when-cross-origin",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if frames is not None and frames not in _FRAMES:
            raise ValueError(f"expected frames as 'none', 'self' or None, got {frames!r:.200}")
        if isinstance(hsts, int) and hsts < 0:
            raise ValueError(f"expected hsts as a number of seconds, got {hsts!r:.200}")
        fields = {"X-Content-Type-Options": "nosniff"}
        policy = [csp.strip().rstrip(";")] if csp else []
        if frames is not None and _ANCESTORS not in (csp or "").lower():
            options, ancestors = _FRAMES[frames]
            fields[_FRAME_OPTIONS] = options
            policy.append(f"{_ANCESTORS} {ancestors}")
        if policy:
            fields[_CSP] = "; ".join(policy)
        if referrer is not None:
            fields["Referrer-Policy"] = referrer
        plain = tuple((fields | dict(headers or {})).items())
        transport = f"max-age={hsts}" if isinstance(hsts, int) else hsts
        secure = plain if transport is None else (*plain, ("Strict-Transport-Security", transport))
        self._plain, self._secure = _Set(plain), _Set(secure)

    async def __call__(self, request: BaseRequest, handler: Endpoint) -> Response:
        """Answer the request, and set the fields that the response does not have."""
        response = await handler(request)
        fields = self._secure if request.scheme == "https" else self._plain
        if not response.add_fixed(fields.fixed):
            fields.complete(response.headers)
        return response


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
