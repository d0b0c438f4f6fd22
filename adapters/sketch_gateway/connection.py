"""The core's view of one exchange under a gateway server: the connection to the peer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar

from sketch.http.fields import RawHeaders
from sketch.http.grammar import Address
from sketch.transport import ClientDisconnected, Outcome
from sketch_gateway.body import Receive, ReceivedBody
from sketch_gateway.deadlines import WriteDeadline

if TYPE_CHECKING:
    from sketch.concurrency.idle import DeadlineTimer
    from sketch.request import BaseRequest, WebSocketRequest
    from sketch_gateway.websocket import Socket


class GatewayConnection:
    """The `Connection` of one exchange. It reads most attributes from what the server gave at their first use."""

    # An unset slot costs nothing at construction; its first use calls __getattr__, which sets it.
    __slots__ = (
        "_over",
        "_receive",
        "_socket",
        "_timer",
        "began_at",
        "body",
        "client",
        "ended_at",
        "first_byte_at",
        "request",
        "scheme",
        "server",
        "size",
        "small_file",
        "state",
        "status",
        "tls",
        "trailers",
    )

    is_websocket: ClassVar[bool] = False
    """Whether it is that of a websocket."""
    views: ClassVar[Mapping[str, Callable[[Any], Any]]]
    """For each attribute that is set at its first use, what makes it of the connection. Begin with `VIEWS`."""

    _receive: Receive
    """Gives the body and the disconnect, as messages of ASGI."""
    _timer: DeadlineTimer
    body: ReceivedBody | None
    client: Address | None
    server: Address | None
    scheme: str
    tls: dict[str, Any] | None
    state: dict[str, Any]
    trailers: RawHeaders
    began_at: float
    """When the request came, by `perf_counter()`; if it is not set, now."""
    ended_at: float
    """When the last byte was handed to the server, by `perf_counter()`; if it is not set, now."""
    first_byte_at: float | None
    """When the head was handed to the server, by `perf_counter()`; None before."""
    status: int | None
    """The status of the response, None until there is one."""
    size: int
    """Bytes of payload handed to the server so far."""
    small_file: int

    # Set for websockets only, see `HandshakeConnection`; here, as Python allows slots in one line of bases.
    request: WebSocketRequest | None
    _over: bool
    _socket: Socket | None

    def __getattr__(self, name: str) -> Any:
        view = self.views.get(name)
        if view is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        value = view(self)
        setattr(self, name, value)
        return value

    def announce_body(self, length: int | None) -> ReceivedBody:
        """Expect a request body of `length` bytes, None if its size is unknown."""
        self.body = ReceivedBody(self._receive, self._timer, length)
        return self.body

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
        return Outcome.of(request, status, self.size, self.began_at, self.first_byte_at, self.ended_at, fault)

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


VIEWS: dict[str, Callable[[Any], Any]] = {
    "trailers": lambda _: [],
    "began_at": lambda _: perf_counter(),
    "ended_at": lambda _: perf_counter(),
    "first_byte_at": lambda _: None,
    "size": lambda _: 0,
    "status": lambda _: None,
}
"""The views that need nothing of the server."""
