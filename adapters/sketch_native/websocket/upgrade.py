"""The exchange that upgrades a connection to a websocket, and the session that follows."""

from __future__ import annotations

import asyncio
import logging
from time import perf_counter

from sketch.concurrency.containment import as_error, ends_task
from sketch.request import WebSocketRequest
from sketch.serving.endings import log_cancelled, log_left
from sketch.transport import ClientDisconnected, Outcome, Switch, WireResponse
from sketch.websocket import ABNORMAL
from sketch_native import writer
from sketch_native.exchange import Exchange
from sketch_native.websocket.connection import WebSocketConnection
from sketch_native.websocket.handshake import accept_fields, negotiate

logger = logging.getLogger("sketch.native")


class UpgradeExchange(Exchange):
    """The exchange of a websocket handshake; if its answer is 101, its task goes on with the websocket's session."""

    __slots__ = ()

    request: WebSocketRequest

    async def run(self) -> None:
        """Handle the handshake; if it opens a websocket, await its session."""
        session = await Exchange.run(self)
        del self  # nothing of HTTP is kept for an open websocket
        if session is not None:
            await session.run()

    def _switch(self, wire: WireResponse, switch: Switch) -> OpenWebSocket:
        """Complete the handshake (RFC 6455 section 4.2.2), and hand the connection over to the websocket."""
        self.keep_alive = False
        key = self.request.header(b"sec-websocket-key")
        assert key is not None
        offer = self.request.combined_header(b"sec-websocket-extensions") if switch.policy.compression else None
        extensions, deflate = negotiate(offer)
        own = accept_fields(key, switch.subprotocol, extensions)
        self._write_bytes(writer.head(101, wire.fields, self._protocol.server.clock.fields, own), b"")
        websocket = WebSocketConnection(self._protocol, self.request, switch.policy, deflate)
        return OpenWebSocket(self, switch, websocket)


class OpenWebSocket:
    """The rest of an exchange after a 101: the session of the websocket.

    Args:
        exchange: the exchange of the handshake.
        switch: runs the session.
        websocket: the open websocket.
    """

    __slots__ = ("_began_at", "_first_byte_at", "_request", "_switch", "_websocket")

    def __init__(self, exchange: UpgradeExchange, switch: Switch, websocket: WebSocketConnection) -> None:
        self._request = exchange.request
        self._began_at: float | None = getattr(exchange, "began_at", None)
        self._first_byte_at = exchange.first_byte_at
        self._switch = switch
        self._websocket = websocket

    async def run(self) -> None:
        """Run the session to its end, and report that the exchange is over."""
        websocket = self._websocket
        fault: BaseException | None = None
        try:
            await self._switch.run(self._request, websocket)
            if websocket.end is not None and websocket.end[0] == ABNORMAL:
                fault = ClientDisconnected("the websocket broke off")
                log_left(self._request.method, self._request.raw_path, fault)
        except BaseException as exc:
            fault = exc if ends_task(exc) else as_error(exc)
            websocket.transport.abort()
            if isinstance(fault, Exception):
                path = self._request.raw_path
                logger.exception("the websocket session of %r could not be ended", path, exc_info=fault)
            else:
                log_cancelled(self._request.method, self._request.raw_path, websocket.server.app.stopping)
                if not isinstance(fault, asyncio.CancelledError):
                    raise
        finally:
            await self._finish(fault)
            fault = None  # its traceback refers to this frame, which would form a cycle

    async def _finish(self, fault: BaseException | None) -> None:
        websocket, server = self._websocket, self._websocket.server
        if not server.watched and self._request.finishing is None:
            websocket.session_ended()
            return
        task, ended_at = asyncio.current_task(), perf_counter()
        assert task is not None
        server.going_on.add(task)
        began_at = self._began_at or ended_at
        outcome = Outcome.of(self._request, 101, websocket.sent, began_at, self._first_byte_at, ended_at, fault)
        try:
            websocket.session_ended()
            await server.app.finished(self._request, outcome)
        finally:
            server.release(task)
