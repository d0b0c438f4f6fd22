"""Websocket answers. The sessions themselves are not built yet: every adapter refuses the handshake."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from sketch.exceptions import HTTPNotImplemented
from sketch.response import HeadersArgument, Response

if TYPE_CHECKING:
    from sketch.request import Request


class WebSocketResponse(Response):
    """Status 101: asks the adapter to shake hands and then to await a session with the open socket.

    Args:
        session: `async (websocket) -> None`, awaited after the handshake.
        subprotocol: the one that was chosen from those the client offers.
        headers: extra fields of the handshake's answer.
    """

    __slots__ = ("session", "subprotocol")

    prepares = True

    def __init__(
        self,
        session: Callable[[Any], Awaitable[None]],
        *,
        subprotocol: str | None = None,
        headers: HeadersArgument = None,
    ) -> None:
        super().__init__(status=101, headers=headers)
        self.session = session
        self.subprotocol = subprotocol

    def copy(self) -> WebSocketResponse:
        """A response for the same session with headers of its own."""
        new = super().copy()
        new.session = self.session
        new.subprotocol = self.subprotocol
        return new

    async def prepare(self, request: Request) -> Response:
        """Refuse: no adapter can shake hands yet.

        Raises:
            HTTPNotImplemented: always.
        """
        raise HTTPNotImplemented(f"websockets are not supported yet: {request.raw_path}")
