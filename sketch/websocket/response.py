"""The response that opens a websocket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from sketch.exceptions import HTTPForbidden, HTTPUpgradeRequired
from sketch.request import WebSocketRequest
from sketch.response import HeadersArgument, Response
from sketch.results import PreparedResponse
from sketch.websocket.policy import WebSocketPolicy, check_policy
from sketch.websocket.session import SocketSession, run_session

if TYPE_CHECKING:
    from sketch.request import BaseRequest
    from sketch.transport import WebSocketTransport


class WebSocketResponse(PreparedResponse):
    """A response (101) with which the adapter completes the handshake and then awaits a session with the websocket.

    Args:
        session: `async (websocket)`, awaited after the handshake; the websocket is closed when it ends.
        subprotocol: one of those that the client offers (`request.subprotocols`); any other is not sent.
        headers: extra header fields of the handshake's response.
        policy: what the websocket may do.

    Raises:
        TypeError: for a session that cannot be called, a policy that is no WebSocketPolicy, and as `Response` does.
        ValueError: for header fields that cannot be sent.
    """

    __slots__ = ("policy", "session", "subprotocol")

    switches = True

    def __init__(
        self,
        session: SocketSession,
        *,
        subprotocol: str | None = None,
        headers: HeadersArgument = None,
        policy: WebSocketPolicy | None = None,
    ) -> None:
        if not callable(session):
            raise TypeError(f"expected a session `async (websocket)`, got {session!r:.200}")
        super().__init__(headers=headers)
        self.status = 101  # not final, so no other class takes it
        self.session = session
        self.subprotocol = subprotocol
        self.policy = check_policy(policy)

    def copy(self) -> Self:
        """A response for the same session with headers of its own."""
        new = super().copy()
        new.session = self.session
        new.subprotocol = self.subprotocol
        new.policy = self.policy
        return new

    async def prepare(self, request: BaseRequest) -> Response:
        """Check the handshake.

        Raises:
            HTTPUpgradeRequired: for a request that is no handshake.
            HTTPForbidden: for a page that may not connect.
        """
        if not isinstance(request, WebSocketRequest):
            raise HTTPUpgradeRequired("expected a websocket handshake", headers={"Upgrade": "websocket"})
        if not self.policy.allows(request):
            raise HTTPForbidden("this origin may not open a websocket here: see WebSocketPolicy.origins")
        if self.subprotocol is None or self.subprotocol in request.subprotocols:
            return self
        plain = self.copy()
        plain.subprotocol = None
        return plain

    async def run(self, request: WebSocketRequest, transport: WebSocketTransport) -> None:
        """Await the session with the open websocket, then close it. Adapters call this after the handshake."""
        await run_session(self.session, request, transport, subprotocol=self.subprotocol, policy=self.policy)
