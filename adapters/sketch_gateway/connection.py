"""The core's view of one exchange under a gateway server: the connection to the peer."""

from __future__ import annotations

from abc import abstractmethod
from time import perf_counter
from typing import TYPE_CHECKING, ClassVar

from sketch.http.fields import RawHeaders
from sketch.http.grammar import Address
from sketch.transport import ClientDisconnected, Outcome
from sketch_gateway.body import Receive, ReceivedBody
from sketch_gateway.deadlines import WriteDeadline

if TYPE_CHECKING:
    from sketch.concurrency.idle import DeadlineTimer
    from sketch.request import BaseRequest, WebSocketRequest
    from sketch_gateway.websocket import Socket

_new = object.__new__  # as in sketch_asgi/scope.py


class GatewayConnection:
    """The `Connection` of one exchange. A subclass adds what its server says of the peer.

    Args:
        timer: counts the time spent waiting for the client.
    """

    # What few requests ask for is a property of the subclass, not a slot that `__getattr__` fills: a class with that
    # method reads every attribute, also a slot that is set, in ten times the time.
    __slots__ = (
        "_over", "_receive", "_socket", "_timer", "began_at", "body", "ended_at", "first_byte_at", "request", "size",
        "status",
    )  # fmt: skip

    is_websocket: ClassVar[bool] = False
    """Whether it is that of a websocket."""

    _receive: Receive
    """Gives the body and the disconnect, as messages of ASGI."""

    body: ReceivedBody | None
    """The request body, None if none is announced."""
    began_at: float | None
    """When the request came, by `perf_counter()`; None where nothing asks for the outcome of the exchange."""
    ended_at: float | None
    """When the last byte was handed to the server, by `perf_counter()`; None: now."""
    first_byte_at: float | None
    """When the head was handed to the server, by `perf_counter()`; None before."""
    status: int | None
    """The status of the response, None until there is one."""
    size: int
    """Bytes of payload handed to the server so far."""

    # Set for websockets only, see `HandshakeConnection`; here, as Python allows slots in one line of bases.
    request: WebSocketRequest | None
    _over: bool
    _socket: Socket | None

    def __init__(self, timer: DeadlineTimer) -> None:
        self.begin_exchange(timer)

    def begin_exchange(self, timer: DeadlineTimer) -> None:
        """Initialize what all connections have. A method, as looking `__init__` up in the class takes longer."""
        self._timer = timer
        self.body = None
        self.began_at = self.ended_at = self.first_byte_at = self.status = None
        self.size = 0

    def leave(self) -> None:
        """Stop waiting for the client to answer a close, as only a websocket may do."""

    @property
    @abstractmethod
    def client(self) -> Address | None:
        """The peer's address."""

    @property
    def trailers(self) -> RawHeaders:
        """No trailer fields: servers tell none of requests."""
        return []

    def announce_body(self, length: int | None) -> ReceivedBody:
        """Expect a request body of `length` bytes, None if its size is unknown."""
        body = self.body = _new(ReceivedBody)
        body.begin(self._receive, self._timer, length)
        return body

    def listen(self) -> ReceivedBody:
        """Return the reader of the server's messages, also if no body is announced."""
        if self.body is None:
            self.body = ReceivedBody(self._receive, self._timer)
        return self.body

    def check_there(self) -> None:
        """Raise ClientDisconnected if the server has reported that the client left."""
        if self.disconnected:
            raise ClientDisconnected("the client left before the response")

    def writing(self, request: BaseRequest) -> WriteDeadline:
        """Return the write deadline of the response to `request`."""
        return WriteDeadline(self._timer, request)

    def outcome(self, request: BaseRequest, fault: BaseException | None) -> Outcome:
        """Return how the exchange has ended; `fault` as in `Outcome.of`."""
        status = None if self.first_byte_at is None else self.status
        ended_at = perf_counter() if self.ended_at is None else self.ended_at
        began_at = ended_at if self.began_at is None else self.began_at
        return Outcome.of(request, status, self.size, began_at, self.first_byte_at, ended_at, fault)

    @abstractmethod
    def named(self, request: BaseRequest | None) -> tuple[str, str]:
        """Return method and path for the log: those of the request if there is one, as the native server has them."""

    @abstractmethod
    def target_as_sent(self) -> bytes:
        """Return the request target, as far as the server tells: for the access log's line of what is refused."""

    @property
    def disconnected(self) -> bool:
        """Whether the server has reported that the client left, or that the exchange is over."""
        return self.body is not None and self.body.gone

    async def wait_disconnected(self) -> None:
        """Return once the peer is gone, or the exchange is over."""
        await self.listen().wait_gone()
