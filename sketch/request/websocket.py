"""The request that asks for a websocket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sketch.http.grammar import list_members
from sketch.request.base import BaseRequest

_OF_A_BODY = frozenset(("form", "json", "multipart", "read", "stream", "text"))


class WebSocketRequest(BaseRequest):
    """The handshake of a websocket: a GET that asks to switch protocols (RFC 6455 section 4.1).

    It has no body, and so none of the body's accessors: `json()` or `read()` of a handshake is an AttributeError.
    """

    __slots__ = ()

    is_websocket = True

    @property
    def subprotocols(self) -> tuple[str, ...]:
        """The subprotocols that the client offers, the preferred one first."""
        offered = (self.combined_header(b"sec-websocket-protocol") or b"").decode("latin-1")
        return tuple(list_members(offered))

    if not TYPE_CHECKING:  # type checkers would allow every name

        def __getattr__(self, name: str) -> object:
            kind = type(self).__name__
            if name in _OF_A_BODY:
                raise AttributeError(
                    f"{kind!r} object has no attribute {name!r}: a websocket's handshake has no body; "
                    "test `request.is_websocket` before reading one"
                )
            raise AttributeError(f"{kind!r} object has no attribute {name!r}")
