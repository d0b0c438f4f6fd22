"""The request that asks for a websocket."""

from __future__ import annotations

from sketch.http.grammar import list_members
from sketch.request.base import BaseRequest


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
