"""The cookie of sessions: its name on each scheme, and how it is found, set and deleted."""

from __future__ import annotations

import re
from typing import Literal, get_args

from sketch.http.cookies import find_cookies
from sketch.request import BaseRequest
from sketch.response import Response

SessionSameSite = Literal["lax", "strict"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MOST = 4096


class SessionCookie:
    """The cookie of sessions. On https its name has the prefix `__Host-`, and no other cookie is read there.

    Browsers take a cookie of such a name only from the host itself, and only over https: no other host of the domain,
    and no forged answer on http can set it (RFC 6265bis section 4.1.3.2).

    Args:
        name: the name without the prefix.
        samesite: `"lax"` or `"strict"`.
        persistent: whether browsers keep it when they are closed.

    Raises:
        ValueError: for another name or samesite.
    """

    __slots__ = ("_persistent", "_samesite", "name", "names")

    def __init__(self, name: str, samesite: SessionSameSite, persistent: bool) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(
                f"expected the name of a cookie of letters, digits, '-' and '_', got {name!r:.200}: the prefix __Host-"
                " is added on https"
            )
        if samesite not in get_args(SessionSameSite):
            raise ValueError(
                f"expected samesite to be 'lax' or 'strict', got {samesite!r:.200}: with any other, pages of other"
                " sites would act for the visitor"
            )
        self.name = name
        self.names = (name, f"__Host-{name}")
        """The names on http and on https."""
        self._samesite: SessionSameSite = samesite
        self._persistent = persistent

    def name_for(self, request: BaseRequest) -> str:
        """Return the name on the scheme of a request."""
        return self.names[request.scheme == "https"]

    def find(self, request: BaseRequest) -> str | None:
        """Return the value that a request brings, None for none.

        Two cookies of the name count as none: one of them was planted, from another host of the domain, say, and
        nothing tells which.
        """
        values = self._sent(request)
        return values[0] if len(values) == 1 else None

    def was_sent(self, request: BaseRequest) -> bool:
        """Whether a request brings a cookie of this name, valid or not."""
        return bool(self._sent(request))

    def _sent(self, request: BaseRequest) -> list[str]:
        fields = [value.decode("latin-1") for name, value in request.raw_headers if name == b"cookie"]
        return find_cookies("; ".join(fields), self.name_for(request)) if fields else []

    def set(self, request: BaseRequest, response: Response, value: str, seconds: float) -> None:
        """Set the cookie.

        Args:
            request, response: of the exchange.
            value: of the cookie.
            seconds: how long browsers keep it.

        Raises:
            ValueError: for a value that is too large for a cookie.
        """
        name = self.name_for(request)
        if (size := len(name) + len(value)) > _MOST:
            raise ValueError(
                f"expected a session that fits in a cookie of {_MOST} bytes, got one of {size}: put less into it, or"
                " keep it in a store, Sessions(secret, store=...)"
            )
        response.set_cookie(
            name,
            value,
            max_age=int(seconds) if self._persistent else None,
            secure=request.scheme == "https",
            httponly=True,
            samesite=self._samesite,
        )

    def delete(self, request: BaseRequest, response: Response) -> None:
        """Tell the browser to forget the cookie."""
        secure = request.scheme == "https"
        response.delete_cookie(self.name_for(request), secure=secure, httponly=True, samesite=self._samesite)
