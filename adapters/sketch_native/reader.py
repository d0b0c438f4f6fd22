"""Reads the requests of one connection: bytes go in, exchanges and refusals come out, in order."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sketch.exceptions import HTTPException
from sketch.request import Request, WebSocketRequest
from sketch_native.backlog import HANDSHAKE, PIPELINE, REFUSAL, Backlog
from sketch_native.body import RequestBody
from sketch_native.exchange import Exchange
from sketch_native.parser import SLICE, RequestParser
from sketch_native.refusal import Refusal
from sketch_native.responder import ResponderExchange

if TYPE_CHECKING:
    from sketch_native.interfaces import Line
    from sketch_native.whole_head import FieldBlock

_new = object.__new__  # `kind.__new__(kind)` would look it up in the class first


class RequestReader:
    """Parses requests, and queues an exchange for each; a refused request is queued as its refusal.

    It bounds what waits: at the limit of queued requests, and behind a handshake, it stops parsing and keeps a backlog.

    Args:
        line: the connection.
    """

    __slots__ = ("_exchange_class", "_line", "backlog", "parser", "queue", "receiving")

    def __init__(self, line: Line) -> None:
        self._line = line
        self._exchange_class = Exchange if line.server.respond is None else ResponderExchange
        self.parser = RequestParser(line.server.limits, self)
        self.queue: deque[Exchange | Refusal] = deque()
        """What is to be answered, in order."""
        self.receiving: Exchange | None = None
        """The exchange of the request whose end has not arrived."""
        self.backlog: Backlog | None = None
        """What has arrived since parsing has stopped; None while bytes are parsed as they arrive."""

    @property
    def full(self) -> bool:
        """Whether no more bytes are wanted: parsing has stopped, or the body that arrives waits for its handler."""
        if self.backlog is not None:
            return True
        return self.receiving is not None and self.receiving.body is not None and self.receiving.body.full

    def feed(self, data: bytes) -> None:
        """Parse bytes slice by slice. At the limit of queued requests, keep the rest and stop reading the socket."""
        position = 0
        try:
            if len(data) <= SLICE and not self.queue:  # the usual case: one small request
                data = self.parser.feed(data)
            while position < len(data):
                if self.backlog is not None:
                    self.keep(data[position:])
                    return
                if len(self.queue) >= self._line.server.limits.pipeline:
                    self.backlog = Backlog(PIPELINE, data[position:])
                    self._line.transport.pause_reading()
                    return
                part = data[position : position + self.parser.slice]
                position += len(part) - len(self.parser.feed(part))
        except Refusal as refusal:
            self._refuse(refusal)

    def keep(self, data: bytes) -> None:
        """Add bytes to the backlog. Behind a handshake the socket is read until the backlog is large."""
        backlog = self.backlog
        assert backlog is not None
        backlog.add(data)
        if backlog.reason is HANDSHAKE and len(backlog.data) >= self._line.server.limits.body_buffer:
            self._line.transport.pause_reading()

    def feed_backlog(self) -> None:
        """Parse the backlog, unless the handshake before it is still being answered."""
        backlog = self.backlog
        if backlog is None or backlog.reason is REFUSAL:
            return
        if backlog.reason is PIPELINE or self._line.task is None:
            self.backlog = None
            self._line.want_body()
            if backlog.data:
                self.feed(backlog.data)

    def clear(self) -> None:
        """Drop all that is not answered yet."""
        self.queue.clear()
        self.backlog = None

    def close(self) -> bytes:
        """Stop for good, and drop the references that form cycles. Returns the bytes behind the last head."""
        self.parser.close()
        del self._line
        return b"" if self.backlog is None else self.backlog.data

    # -- called by the parser ---------------------------------------------------------------------------------------

    def on_whole_head(self, method: str, target: bytes, fields: FieldBlock) -> None:
        """Queue a request that is complete with its head. Its fields are read when something asks for them."""
        line = self._line
        request = _new(Request)  # see Request.begin
        request.begin(method, target, fields, "1.1", line.server.root_path, None, line.connection)
        exchange = _new(self._exchange_class)
        exchange.prepare(line, request, None, True, [])
        self.queue.append(exchange)

    def on_head(self) -> None:
        """Queue a request: its head is complete."""
        parser, line = self.parser, self._line
        server = line.server
        body = None
        if parser.chunked or parser.content_length:
            send_continue = line.send_continue if parser.expect_continue else None
            body = RequestBody(line, parser.content_length, server.limits.body_buffer, send_continue)
        request = _new(Request)  # see Request.begin
        request.begin(
            parser.method,
            parser.target,
            parser.headers,
            parser.version,
            server.root_path,
            body,
            line.connection,
        )
        exchange = self.receiving = _new(self._exchange_class)
        exchange.prepare(line, request, body, parser.keep_alive, parser.trailers)
        self.queue.append(exchange)

    def on_handshake(self) -> None:
        """Queue the handshake of a websocket. Bytes behind it are kept unparsed until it is answered."""
        from sketch_native.websocket.upgrade import UpgradeExchange  # not every server has websockets

        parser, line = self.parser, self._line
        request = _new(WebSocketRequest)
        request.begin(
            parser.method,
            parser.target,
            parser.headers,
            parser.version,
            line.server.root_path,
            None,
            line.connection,
        )
        exchange = self.receiving = UpgradeExchange(line, request, None, parser.keep_alive, parser.trailers)
        self.queue.append(exchange)
        self.backlog = Backlog(HANDSHAKE)

    def on_body(self, data: bytes) -> None:
        """Pass a part of a body to its reader."""
        assert self.receiving is not None
        assert self.receiving.body is not None
        self.receiving.body.feed(data)

    def on_end(self) -> None:
        """Note the end of a request."""
        assert self.receiving is not None
        if self.receiving.body is not None:
            self.receiving.body.end()
        self.receiving = None

    def _refuse(self, refusal: Refusal) -> None:
        """Stop parsing. An error inside a body is raised to its reader; any other refusal is answered in its turn."""
        self.backlog = Backlog(REFUSAL)
        self._line.transport.pause_reading()
        if self.receiving is None:
            self.queue.append(refusal)
        else:
            fail_body(self.receiving, refusal)


def fail_body(exchange: Exchange, refusal: Refusal) -> None:
    """Raise a refusal to the reader of a body. The answer to its request is the last of the connection."""
    assert exchange.body is not None
    exchange.keep_alive = False
    exchange.body.fail(HTTPException(refusal.status, refusal.reason))
