"""The HTTP/1.1 protocol of one TCP connection: runs the exchanges of its requests in order, closes the connection."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, cast

from sketch.limits import SLOWEST
from sketch.serving.endings import REQUEST, STREAM
from sketch_native import writer
from sketch_native.base_protocol import DISCARDED, NEVER, BaseProtocol
from sketch_native.connection import NativeConnection
from sketch_native.flow_control import FlowControl
from sketch_native.reader import RequestReader, fail_body
from sketch_native.refusal import OVERLOAD, STOPPING, Refusal
from sketch_native.states import CLOSING, EXCHANGE, HEAD, IDLE, QUEUED, REST, State, check_transitions
from sketch_native.tasks import start_task

if TYPE_CHECKING:
    from sketch_native.exchange import Exchange
    from sketch_native.interfaces import Host, ServedConnection


class HTTPProtocol(BaseProtocol):
    """Serves the requests of one HTTP/1.1 connection strictly in order, each in its own task."""

    __slots__ = ("_exchange", "_reader", "state", "task")

    def __init__(self, server: Host) -> None:
        super().__init__(server, FlowControl())
        self.state: State = IDLE
        """What the connection waits for; see `states.FOLLOWS`."""
        self.task: asyncio.Task[Any] | None = None
        """The task of the exchange that runs, None between two of them."""
        self._exchange: Exchange | None = None
        self._reader = RequestReader(self)

    def __repr__(self) -> str:
        request = None if self._exchange is None else self._exchange.request
        return f"<HTTPProtocol waiting for {self.state.value}, request {request!r}>"

    # -- called by the transport ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first head."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self.connection = NativeConnection(self.transport, self.server.app.state)
        self.read_deadline = self.server.now + self.server.limits.header_timeout
        self.server.connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Parse the bytes, and begin to answer only after that: a small body is complete by then."""
        reader = self._reader
        if self.state is CLOSING:
            self.discard(len(data))
        elif reader.backlog is not None:
            reader.keep(data)
        else:
            reader.feed(data)
            if self.task is None and self.state is not QUEUED:
                self._proceed()

    def eof_received(self) -> bool:
        """Note that the peer sends no more: wake what waits for it; complete requests are still answered."""
        self._eof = True
        self._tell_gone()
        if self.state in (EXCHANGE, QUEUED) and self.connection.scheme == "http":
            return True
        if self._resets:
            self.transport.abort()  # else TLS would be ended in order, and so the answer
        if self.task is None:
            self._wait_for(CLOSING, self.server.limits.linger_timeout)
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - whatever the reason
        """The connection is gone: drop the queue, and wake what waits for the peer."""
        if self.state is not CLOSING:
            self.state = CLOSING
        self._reader.clear()
        self.read_deadline = self.write_deadline = NEVER
        self.flow.lose()
        self._tell_gone()
        if self.server.admission is not None:
            self.server.admission.forget(self)
        if self.task is None:
            self.server.forget(self)

    # -- reading ----------------------------------------------------------------------------------------------------

    def want_body(self) -> None:
        """Resume reading, unless parsing has stopped, or a backlog or the full body of a later request waits."""
        if not self._reader.full and not self.transport.is_closing():
            self.transport.resume_reading()

    def body_awaited(self, bonus: float) -> None:
        """Set the read deadline for a waiting handler: the body timeout plus `bonus` seconds (may be negative)."""
        timeout = self._exchange.request.limits.body_timeout if self._exchange is not None else None
        if timeout is not None:
            self.read_deadline = self.server.now + timeout + bonus

    def body_arrived(self) -> None:
        """Drop the read deadline: the handler no longer waits."""
        self.read_deadline = NEVER

    def body_skipped(self, size: int) -> None:
        """Give a client that goes on to send an unread body more time, as much as it would get from a reader."""
        if self.state is REST:
            self.read_deadline += size / SLOWEST

    def send_continue(self) -> None:
        """Write `100 Continue`, unless the answer has begun or its request has to wait for others."""
        if self._exchange is not None and self._exchange.first_byte_at is None and not self.transport.is_closing():
            self.transport.write(writer.CONTINUE)

    # -- answering --------------------------------------------------------------------------------------------------

    def _proceed(self) -> None:
        """Begin the next exchange, or note what the connection waits for. Called while no exchange is under way."""
        reader = self._reader
        queue = reader.queue
        if not queue and reader.backlog is not None:
            reader.feed_backlog()
        if queue:
            self._begin(queue.popleft())
            if not queue and reader.backlog is not None:
                reader.feed_backlog()  # the rest of this request's body may be in it
        elif self._eof:
            self.close(expecting=reader.receiving is not None)
        elif reader.parser.begun:
            self._wait_for_more()
        elif self.state is not IDLE:  # the usual end of a request: `_wait_for` inlined
            self.state = IDLE
            self.read_deadline = self.server.now + self.server.limits.keep_alive_timeout

    def _wait_for(self, state: State, seconds: float) -> None:
        """Note what the connection waits for, and until when. Noting the same again does not move the deadline."""
        if self.state is not state:
            self.state = state
            self.read_deadline = self.server.now + seconds

    def _wait_for_more(self) -> None:
        """Wait for a head, or drop the rest of a short body that nothing reads, in the time a reader would give it."""
        exchange = self._reader.receiving
        if exchange is None:
            self._wait_for(HEAD, self.server.limits.header_timeout)
        else:
            timeout = exchange.request.limits.body_timeout
            assert timeout is not None, "expected a limit that has a default"
            self._wait_for(REST, timeout)

    def _begin(self, turn: Exchange | Refusal) -> None:
        """Begin an exchange, or queue it for a slot under the concurrency limit, or write a refusal."""
        admission = self.server.admission
        if isinstance(turn, Refusal):
            self.turn_away(turn)
        elif admission is None or admission.enter():
            self.state = EXCHANGE
            self.read_deadline = NEVER
            self._exchange = turn
            self.connection.trailers = turn.trailers
            # Its own context: the next request on the connection must not see the variables that this one sets.
            self.task = start_task(self.loop, self.server.plain_tasks, turn.run(), self.server.context.copy())
        elif admission.waits:
            self._reader.queue.appendleft(turn)
            self._wait_for(QUEUED, self.server.limits.header_timeout)
            self.transport.pause_reading()
            admission.queue(self)
        else:
            self.turn_away(OVERLOAD, expecting=turn.body is not None and not turn.body.ended)

    def turn_away(self, refusal: Refusal, *, expecting: bool = False) -> None:
        """Write a refusal, and close the connection; `expecting` is as for `linger`."""
        self.write_refusal(refusal)
        self.server.log_refusal(self.connection.client, refusal)
        self.close(expecting=expecting)

    def admitted(self) -> None:
        """Begin the waiting request. Called by the concurrency limit when a slot is free for it."""
        if self.state is QUEUED:
            self.want_body()
            self._proceed()

    def exchange_ended(self, exchange: Exchange) -> None:
        """Go on after an exchange. Called at its end, from its own task."""
        if self.task is None:  # an eager one, which `_begin` does not have yet
            self.loop.call_soon(self.exchange_ended, exchange)
            return
        self.task = self._exchange = None
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
                self._close_after(exchange)

    def hand_over(self, successor: ServedConnection) -> tuple[bytes, bool]:
        """Leave the connection to another protocol. Returns the bytes behind the last head, and whether EOF came."""
        self.state = CLOSING
        self.server.connections.discard(self)
        self.server.connections.add(successor)
        return self._reader.close(), self._eof

    def write_refusal(self, refusal: Refusal) -> None:
        """Write a refusal, in place of an answer of the application."""
        self.transport.write(writer.refusal(refusal, self.server.clock.fields))

    @property
    def ending(self) -> bool:
        """Whether the answer that is written now is the connection's last: not while further requests wait."""
        return (self.server.stopping or self._eof) and not self._reader.queue and not self._reader.backlog

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

    def close(self, *, expecting: bool = False) -> None:
        """Close after the last answer, lingering so that it arrives; `expecting` is as for `linger`."""
        if self.state is not CLOSING:
            self.state = CLOSING
            self._reader.clear()
            self.linger(expecting=expecting)

    def _close_after(self, exchange: Exchange) -> None:
        """Close after the answer of an exchange. The body of its request may still come."""
        body = exchange.body
        if body is None or body.ended:
            self.close()
        else:
            self._discardable = max(DISCARDED, exchange.request.limits.body or 0)
            self.close(expecting=not exchange.unframed)

    @property
    def under_way(self) -> str | None:
        """What is being answered: see `BaseProtocol`."""
        if self._exchange is not None:
            return REQUEST if self._exchange.first_byte_at is None else STREAM
        return REQUEST if self.state is QUEUED else None

    def shut_down(self) -> None:
        """The server stops: wait a little for the last request, or for the rest of what has begun to arrive.

        To hang up at once would lose the request that a client is just sending.
        """
        if self.state in (IDLE, HEAD, REST):
            self.read_deadline = min(self.read_deadline, self.server.now + self.server.limits.keep_alive_timeout)

    def cancel(self) -> None:
        """Cancel the running exchange; without one, abort the connection."""
        if self.task is not None:
            self.loop.call_soon(self.task.cancel)  # not before its first step: then nothing would end the exchange
        else:
            self.abort()

    def _tell_gone(self) -> None:
        self.connection.lost()
        for exchange in (self._reader.receiving, self._exchange):
            if exchange is not None and exchange.body is not None:
                exchange.body.cut()
        if self._exchange is not None:
            self._exchange.left()

    def break_off(self) -> None:
        """End the connection in the middle of an answer; what is unsent goes out if the framing shows the break."""
        if self._resets:
            self.transport.abort()
        else:
            self._hang_up()

    def _hang_up(self) -> None:
        """Close without lingering. Unsent data still goes out, for as long as the peer takes it."""
        self._wait_for(CLOSING, self.server.limits.linger_timeout)
        self.transport.close()

    def read_expired(self) -> None:
        """Act on the read deadline, by what the connection has waited for."""
        self.read_deadline = NEVER
        if self.state is HEAD:
            self.turn_away(STOPPING if self.server.stopping else Refusal(408, "the request head took too long"))
        elif self.state is QUEUED:
            assert self.server.admission is not None
            self.server.admission.forget(self)
            self.turn_away(OVERLOAD)
        elif self.state is EXCHANGE and self._exchange is not None:
            fail_body(self._exchange, Refusal(408, "the request body took too long"))
        elif self.state is CLOSING:
            self.linger_expired()
        else:
            self.close(expecting=self.state is REST)  # a request that crosses the end must not meet a reset


if sys.flags.dev_mode:
    check_transitions(HTTPProtocol)
