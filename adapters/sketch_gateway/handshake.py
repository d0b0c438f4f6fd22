"""The connection of a websocket under a gateway server."""

from __future__ import annotations

from abc import abstractmethod
from time import perf_counter
from typing import TYPE_CHECKING, ClassVar

from sketch.transport import ClientDisconnected, Switch, WireResponse
from sketch.websocket import ABNORMAL
from sketch_gateway.connection import GatewayConnection

if TYPE_CHECKING:
    from sketch.request import WebSocketRequest
    from sketch_gateway.refusal import Refused
    from sketch_gateway.websocket import Socket


class HandshakeConnection(GatewayConnection):
    """The connection of a websocket, from its handshake to the end of its session."""

    __slots__ = ()

    is_websocket: ClassVar[bool] = True

    @abstractmethod
    async def read(self) -> WebSocketRequest:
        """Read the handshake as a request, and keep it in `request`.

        Raises:
            Refused: for what the native server would refuse, too.
            ClientDisconnected: if the client has left.
        """

    @abstractmethod
    async def answer(self, request: WebSocketRequest, wire: WireResponse) -> None:
        """Accept the handshake and run the session, or deny it with another response.

        Raises:
            ClientDisconnected: if the client leaves before it has the response, or breaks the websocket off.
            Exception: whatever the body of a denial raises.
        """

    @abstractmethod
    async def refuse(self, refusal: Refused) -> None:
        """Answer a handshake that the application does not see."""

    async def hold(self, socket: Socket, switch: Switch) -> None:
        """Run the session of an accepted handshake to its end.

        Raises:
            ClientDisconnected: if the websocket breaks off.
        """
        assert self.request is not None
        socket.start()
        try:
            await switch.run(self.request, socket)
            await socket.await_close()
        finally:
            self.size = socket.sent
            await socket.stop()
        if socket.end is not None and socket.end[0] == ABNORMAL:
            raise ClientDisconnected("the websocket broke off")

    def note(self, status: int) -> None:
        """Note that the response has begun."""
        self.status = status
        self.first_byte_at = perf_counter()

    def leave(self) -> None:
        """End the wait for the client to answer the close of an ended session."""
        if self._socket is not None:
            self._socket.leave()

    def over(self) -> None:
        """End the waits for the client to leave, and drop the references to the request."""
        self._over = True
        if self._socket is not None:
            self._socket.over()
        self._socket = self.request = None
