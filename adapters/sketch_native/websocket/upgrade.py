"""The exchange that upgrades a connection to a websocket, and the session that follows."""

from __future__ import annotations

import asyncio
import logging
from time import perf_counter
from typing import TYPE_CHECKING

from sketch.http.fields import RawHeaders
from sketch.request import WebSocketRequest
from sketch.response import Response
from sketch.websocket import WebSocketResponse, run_session
from sketch_native import writer
from sketch_native.exchange import Exchange
from sketch_native.websocket.connection import WebSocketConnection
from sketch_native.websocket.handshake import accept_fields, negotiate

if TYPE_CHECKING:
    from sketch_native.protocol import HTTPProtocol
    from sketch_native.websocket.deflate import Deflate

logger = logging.getLogger("sketch.native")


class UpgradeExchange(Exchange):
    """The exchange of a websocket handshake; if its answer is 101, it runs the websocket's session in the same task.

    Args:
        protocol: the HTTP protocol of the connection.
        request: the handshake.
        keep_alive: whether the connection stays open after any other answer.
        trailers: an empty list; a handshake has no body.
    """

    __slots__ = ("_deflate", "_response", "_websocket")

    request: WebSocketRequest

    def __init__(
        self, protocol: HTTPProtocol, request: WebSocketRequest, *, keep_alive: bool, trailers: RawHeaders
    ) -> None:
        super().__init__(protocol, request, None, keep_alive, trailers)
        self._response: WebSocketResponse | None = None
        self._deflate: Deflate | None = None
        self._websocket: WebSocketConnection | None = None

    async def run(self) -> None:
        """Handle the handshake; if it opens a websocket, await its session."""
        await super().run()
        if self._websocket is not None and self._response is not None:
            del self._protocol  # nothing of HTTP is kept for an open websocket
            await self._run_session(self._websocket, self._response)

    async def _run_session(self, websocket: WebSocketConnection, response: WebSocketResponse) -> None:
        try:
            await run_session(self.request, response, websocket)
        except asyncio.CancelledError:
            logger.info("the websocket session of %r was cancelled", self.request.raw_path)
            websocket.transport.abort()
        except Exception:
            logger.exception("the websocket session of %r could not be ended", self.request.raw_path)
            websocket.transport.abort()
        finally:
            if websocket.server.access_log:
                client, seconds = self.request.connection.client, perf_counter() - self._started
                websocket.server.log(client, self.request, self.status, websocket.sent, seconds)
            websocket.session_ended()

    def _log(self) -> None:
        """Write the access log's line, except for an open websocket: that is logged at its end."""
        if self._websocket is None:
            super()._log()

    def _head(self, response: Response) -> bytes:
        if not isinstance(response, WebSocketResponse) or response.status != 101:
            self._protocol.handshake_refused()
            return super()._head(response)
        self._response = response
        self.keep_alive = False
        key = self.request.header(b"sec-websocket-key")
        assert key is not None
        offer = self.request.combined_header(b"sec-websocket-extensions") if response.policy.compression else None
        extensions, self._deflate = negotiate(offer)
        own = accept_fields(key, response.subprotocol, extensions)
        return writer.head(101, response.raw_headers, self._protocol.server.clock.fields, own)

    def _write_bytes(self, head: bytes, payload: bytes) -> None:
        super()._write_bytes(head, payload)
        if self._response is not None:
            self._websocket = WebSocketConnection(self._protocol, self.request, self._response.policy, self._deflate)
