"""The HTTP/1.1 protocol of one TCP connection: reads requests, runs their exchanges in order, closes the connection."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, cast

from sketch.exceptions import HTTPException
from sketch.request import Request, WebSocketRequest
from sketch_native import writer
from sketch_native.base_protocol import DISCARDED, NEVER, BaseProtocol
from sketch_native.body import RequestBody
from sketch_native.connection import NativeConnection
from sketch_native.flow_control import FlowControl
from sketch_native.parser import SLICE, Refusal, RequestParser

if TYPE_CHECKING:
    from sketch_native.exchange import Exchange
    from sketch_native.server import Server

# What a connection waits for: a request, the rest of a head, a slot under the concurrency limit, the end of its
# exchange, the rest of an unread body, or the close by the peer.
IDLE, HEAD, TURN, EXCHANGE, REST, CLOSING = "idle", "head", "turn", "exchange", "rest", "closing"

OVERLOAD = Refusal(503, "the server is overloaded")


class HTTPProtocol(BaseProtocol):
    """Serves the requests of one HTTP/1.1 connection strictly in order, each in its own task."""

    __slots__ = (
        "_backlog",
        "_deaf",
        "_exchange",
        "_handshake",
        "_parser",
        "_queue",
        "_receiving",
        "_task",
        "_waits_for",
    )

    def __init__(self, server: Server) -> None:
        super().__init__(server, FlowControl())
        self._parser = RequestParser(server.limits, self)
        self._queue: deque[Exchange | Refusal] = deque()
        self._receiving: Exchange | None = None
        self._exchange: Exchange | None = None
        self._task: asyncio.Task[None] | None = None
        self._backlog = b""
        self._waits_for = IDLE
        self._deaf = False
        self._handshake = False

    def __repr__(self) -> str:
        request = None if self._exchange is None else self._exchange.request
        return f"<HTTPProtocol waiting for {self._waits_for}, request {request!r}>"

    # -- called by the transport ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first head, or turn away a connection over the limit."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self.connection = NativeConnection(self.transport, self.server.app.state)
        self.read_deadline = self.server.now + self.server.limits.header_timeout
        connections, most = self.server.connections, self.server.limits.connections
        connections.add(self)
        if most is not None and len(connections) > most:
            # Without lingering: a connection over the limit must not stay any longer.
            self._waits_for = CLOSING
            self.write_refusal(OVERLOAD)
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Parse the bytes, and begin to answer only after that: a small body is complete by then."""
        if self._waits_for == CLOSING:
            self.discard(len(data))
        elif self._deaf:
            self._keep(data)
        elif self._backlog:
            self._backlog += data
        else:
            self._parse(data)
            if self._task is None and self._waits_for != TURN:
                self._proceed()

    def eof_received(self) -> bool:
        """Note that the peer sends no more: wake what waits for it; complete requests are still answered."""
        self._eof = True
        self._tell_gone()
        if self._waits_for in (EXCHANGE, TURN) and self.connection.scheme == "http":
            return True
        if self._task is None:
            self._wait_for(CLOSING, self.server.limits.linger_timeout)
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - whatever the reason
        """The connection is gone: drop the queue, and wake what waits for the peer."""
        self._waits_for = CLOSING
        self._queue.clear()
        self._backlog = b""
        self.read_deadline = self.write_deadline = NEVER
        self.flow.lose()
        self._tell_gone()
        if self.server.admission is not None:
            self.server.admission.forget(self)
        if self._task is None:
            self.server.forget(self)

    # -- called by the parser ---------------------------------------------------------------------------------------

    def on_head(self) -> None:
        """Queue a request: its head is complete."""
        parser = self._parser
        body = None
        if parser.chunked or parser.content_length:
            send_continue = self._send_continue if parser.expect_continue else None
            body = RequestBody(self, parser.content_length, self.server.limits.body_buffer, send_continue)
        request = Request.__new__(Request)  # see Request.begin
        request.begin(
            parser.method,
            parser.target,
            parser.headers,
            parser.version,
            self.server.root_path,
            body,
            self.connection,
        )
        self._receiving = self.server.exchange(self, request, body, parser.keep_alive, parser.trailers)
        self._queue.append(self._receiving)

    def on_handshake(self) -> None:
        """Queue the handshake of a websocket. Bytes behind it are kept unparsed until it is answered."""
        from sketch_native.websocket.upgrade import UpgradeExchange  # not every server has websockets

        parser = self._parser
        request = WebSocketRequest.__new__(WebSocketRequest)
        request.begin(
            parser.method,
            parser.target,
            parser.headers,
            parser.version,
            self.server.root_path,
            None,
            self.connection,
        )
        self._receiving = UpgradeExchange(self, request, keep_alive=parser.keep_alive, trailers=parser.trailers)
        self._queue.append(self._receiving)
        self._handshake = self._deaf = True

    def on_body(self, data: bytes) -> None:
        """Pass a part of a body to its reader."""
        assert self._receiving is not None
        assert self._receiving.body is not None
        self._receiving.body.feed(data)

    def on_end(self) -> None:
        """Note the end of a request."""
        assert self._receiving is not None
        if self._receiving.body is not None:
            self._receiving.body.end()
        self._receiving = None

    # -- reading ----------------------------------------------------------------------------------------------------

    def _parse(self, data: bytes) -> None:
        """Feed the parser slice by slice. At the pipeline's limit, keep the rest and stop reading the socket."""
        position = 0
        try:
            if len(data) <= SLICE and not self._queue:  # the usual case: one small request
                data = self._parser.feed(data)
            while position < len(data):
                if self._handshake:
                    self._keep(data[position:])
                    return
                if len(self._queue) >= self.server.limits.pipeline:
                    self._backlog = data[position:]
                    self.transport.pause_reading()
                    return
                part = data[position : position + self._parser.slice]
                position += len(part) - len(self._parser.feed(part))
        except Refusal as refusal:
            self._refuse(refusal)

    def _keep(self, data: bytes) -> None:
        """Keep bytes behind an unanswered handshake: they may be the first messages. Drop bytes after a refusal."""
        if self._handshake:
            self._backlog += data
            if len(self._backlog) >= self.server.limits.body_buffer:
                self.transport.pause_reading()

    def handshake_refused(self) -> None:
        """Parse requests again: the handshake gets another answer than 101, and requests may follow it."""
        self._handshake = self._deaf = False

    def hand_over(self, successor: BaseProtocol) -> tuple[bytes, bool]:
        """Hand the connection to another protocol. Returns the bytes behind the last head, and whether EOF has come."""
        self._waits_for = CLOSING
        self.server.connections.discard(self)
        self.server.connections.add(successor)
        self.transport.set_protocol(successor)
        self._parser.close()
        return self._backlog, self._eof

    def _refuse(self, refusal: Refusal) -> None:
        """Stop parsing. An error inside a body is raised to its reader; any other refusal is answered in its turn."""
        self._deaf = True
        self.transport.pause_reading()
        exchange = self._receiving
        if exchange is None:
            self._queue.append(refusal)
        else:
            self._fail_body(exchange, refusal.status, refusal.reason)

    def _fail_body(self, exchange: Exchange, status: int, reason: str) -> None:
        assert exchange.body is not None
        exchange.keep_alive = False
        exchange.body.fail(HTTPException(status, reason))
        if self._waits_for == REST:
            self.close()

    def _proceed(self) -> None:
        """Begin the next exchange, or note what the connection waits for. Called while no exchange is under way."""
        queue = self._queue
        if not queue and self._backlog:
            self._take_backlog()
        if queue:
            self._begin(queue.popleft())
            if not queue and self._backlog:
                self._take_backlog()  # the rest of this request's body may be in it
        elif self._eof or (self.server.stopping and self._waits_for == EXCHANGE):
            self.close()
        elif self._receiving is not None:
            self._wait_for_rest(self._receiving)
        elif self._parser.in_head:
            self._wait_for(HEAD, self.server.limits.header_timeout)
        elif self._waits_for != IDLE:  # the usual end of a request: `_wait_for` inlined
            self._waits_for = IDLE
            self.read_deadline = self.server.now + self.server.limits.keep_alive_timeout

    def _take_backlog(self) -> None:
        """Parse the backlog, unless a handshake is unanswered."""
        if not self._handshake:
            data, self._backlog = self._backlog, b""
            self.want_body()
            self._parse(data)

    def _wait_for(self, what: str, seconds: float) -> None:
        """Note what the connection waits for, and until when. Noting the same again does not move the deadline."""
        if self._waits_for != what:
            self._waits_for = what
            self.read_deadline = self.server.now + seconds

    def _wait_for_rest(self, exchange: Exchange) -> None:
        """Discard the rest of a body that the handler did not read: a bounded amount, for a bounded time."""
        assert exchange.body is not None
        self._wait_for(REST, self.server.limits.linger_timeout)
        if exchange.body.discard() > DISCARDED:
            self.close()

    def enough_body(self) -> None:
        """Pause reading: the handler is slower than the client."""
        self.transport.pause_reading()

    def want_body(self) -> None:
        """Resume reading, unless parsing has stopped, or a backlog or the full body of a later request waits."""
        if self._backlog or self._deaf or self.transport.is_closing():
            return
        receiving = self._receiving
        if receiving is None or receiving.body is None or not receiving.body.full:
            self.transport.resume_reading()

    def body_awaited(self, bonus: float) -> None:
        """Set the read deadline for a waiting handler: the body timeout plus `bonus` seconds (may be negative)."""
        timeout = self._exchange.request.limits.body_timeout if self._exchange is not None else None
        if timeout is not None:
            self.read_deadline = self.server.now + timeout + bonus

    def body_arrived(self) -> None:
        """Drop the read deadline: the handler no longer waits."""
        self.read_deadline = NEVER

    def _send_continue(self) -> None:
        if self._exchange is not None and not self._exchange.head_sent and not self.transport.is_closing():
            self.transport.write(writer.CONTINUE)

    # -- answering --------------------------------------------------------------------------------------------------

    def _begin(self, turn: Exchange | Refusal) -> None:
        self._waits_for = EXCHANGE
        self.read_deadline = NEVER
        admission = self.server.admission
        if isinstance(turn, Refusal):
            self._turn_away(turn)
        elif admission is not None and not admission.enter():
            if admission.waits:
                self._queue.appendleft(turn)
                self._wait_for(TURN, self.server.limits.header_timeout)
                self.transport.pause_reading()
                admission.queue(self)
            else:
                self._turn_away(OVERLOAD)
        else:
            self._exchange = turn
            self.connection.trailers = turn.trailers
            # Its own context: the next request on the connection must not see the variables that this one sets.
            self._task = self.loop.create_task(turn.run(), context=self.server.context.copy())

    def _turn_away(self, refusal: Refusal) -> None:
        self.write_refusal(refusal)
        self.server.log_refusal(self.connection.client, refusal)
        self.close()

    def admitted(self) -> None:
        """Begin the waiting request. Called by the concurrency limit when a slot is free for it."""
        if self._waits_for == TURN:
            self.want_body()
            self._proceed()

    def exchange_ended(self, exchange: Exchange) -> None:
        """Go on after an exchange. Called as the last step of its task."""
        self._task = self._exchange = None
        if self.server.admission is not None:
            self.server.admission.leave()
        if exchange.body is not None:
            exchange.body.discard()
        if self.flow.lost:
            self.server.forget(self)
        elif not self.transport.is_closing():
            if exchange.keep_alive:
                self._proceed()
            else:
                self.close()

    def write_refusal(self, refusal: Refusal) -> None:
        """Write a refusal, in place of an answer of the application."""
        self.transport.write(writer.refusal(refusal.status, refusal.reason, self.server.clock.fields))

    @property
    def ending(self) -> bool:
        """Whether the answer that is written now is the connection's last."""
        return self.server.stopping or (self._eof and not self._queue and not self._backlog)

    async def write(self, data: bytes) -> None:
        """Write a part of a streamed answer and wait until more may be written.

        Raises:
            ClientDisconnected: if the connection is lost.
        """
        if not self.flow.lost:
            self.transport.write(data)
        if self.flow.blocked:
            await self.flow.drain()

    @property
    def write_timeout(self) -> float | None:
        """The write timeout of the request that is being answered, in seconds."""
        return self._exchange.request.limits.write_timeout if self._exchange is not None else None

    # -- teardown ---------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close after the last answer, lingering so that it arrives."""
        if self._waits_for != CLOSING:
            self._waits_for = CLOSING
            self._queue.clear()
            self._backlog = b""
            self.linger()

    def shut_down(self) -> None:
        """The server stops: close the connection now if nothing is being answered, else after the answer."""
        if self._task is None and self._waits_for != CLOSING:
            self._hang_up()

    def cancel(self) -> None:
        """Cancel the running exchange; without one, abort the connection."""
        if self._task is not None:
            self._task.cancel()
        else:
            self.transport.abort()

    def _tell_gone(self) -> None:
        self.connection.lost()
        for exchange in (self._receiving, self._exchange):
            if exchange is not None and exchange.body is not None:
                exchange.body.cut()
        if self._task is not None and self._exchange is not None and self._exchange.left():
            self._task.cancel()

    def break_off(self, *, reset: bool) -> None:
        """End the connection in the middle of an answer; by a reset if nothing else shows that it is incomplete."""
        if reset:
            self.reset()
        else:
            self._hang_up()

    def _hang_up(self) -> None:
        """Close without lingering. Unsent data still goes out, for as long as the peer takes it."""
        self._wait_for(CLOSING, self.server.limits.linger_timeout)
        self.transport.close()

    def read_expired(self) -> None:
        """Act on the read deadline, by what the connection has waited for."""
        self.read_deadline = NEVER
        if self._waits_for == HEAD:
            self._begin(Refusal(408, "the request head took too long"))
        elif self._waits_for == TURN:
            assert self.server.admission is not None
            self.server.admission.forget(self)
            self._turn_away(OVERLOAD)
        elif self._waits_for == EXCHANGE and self._exchange is not None:
            self._fail_body(self._exchange, 408, "the request body took too long")
        elif self._waits_for == CLOSING:
            self.linger_expired()
        else:
            self._hang_up()
