"""Runs a foreign application: any ASGI 3 application as a sketch handler."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sketch.lifecycle.background import Background
from sketch.lifecycle.hook_deadline import call_in_time
from sketch.request import WebSocketRequest
from sketch.serving.asgi import ASGIApp, check_asgi
from sketch_asgi.hosting.answers import Returned
from sketch_asgi.hosting.lifespan import HostedLife
from sketch_asgi.hosting.scope import http_scope, websocket_scope
from sketch_asgi.hosting.websocket import SocketConversation

if TYPE_CHECKING:
    from sketch.lifecycle.stopping import Stopping
    from sketch.request import Request
    from sketch.response import Response


class ASGIHost:
    """Runs an ASGI 3 application: `await host(request)` returns its response, also to the handshake of a websocket.

    Args:
        app: `async (scope, receive, send)`.

    Raises:
        TypeError: for anything else; the message says what it may be instead.
    """

    def __init__(self, app: ASGIApp) -> None:
        check_asgi(app)
        self.app = app
        self._life = HostedLife(app)
        self._background = Background()

    @property
    def state(self) -> dict[str, Any]:
        """What the application's lifespan has put into its scope. Each request gets a copy."""
        return self._life.state

    async def __call__(self, request: Request | WebSocketRequest) -> Response:
        """Return the application's response. The application may go on in its own task, which `cleanup` ends.

        Raises:
            ClientDisconnected: if the client left before there was a response.
            Exception: what the application failed with.
        """
        conversation: Returned | SocketConversation
        if isinstance(request, WebSocketRequest):
            conversation, scope = SocketConversation(request), websocket_scope(request, self.state)
        else:
            conversation, scope = Returned(request), http_scope(request, self.state)
        name = f"{self!r} for {request!r}"
        task = self._background.spawn(conversation.converse(self.app, scope), name, endless=False)
        try:
            return await conversation.response
        except asyncio.CancelledError:
            task.cancel()
            raise

    # -- life ---------------------------------------------------------------------------------------------------------

    async def startup(self) -> None:
        """Start the application.

        Raises:
            Exception: why the application says it could not be started.
        """
        self._background.open()
        await self._life.startup()

    async def shutdown(self) -> None:
        """Do nothing: the protocol has no message for an end that is near."""

    async def cleanup(self, stopping: Stopping) -> None:
        """Wait within the grace period for what the application does after its responses; then end its lifespan.

        Raises:
            Exception: why the application says it could not be stopped in order.
        """
        try:
            await self._background.drain(stopping)
        finally:
            await call_in_time(self._life.cleanup, f"the lifespan of {self.app!r:.200}", stopping)

    def __repr__(self) -> str:
        return f"<ASGIHost of {self.app!r}>"


def make_host(app: Any) -> ASGIHost:
    """Return the host of an ASGI application. A host is returned as it is."""
    return app if isinstance(app, ASGIHost) else ASGIHost(app)
