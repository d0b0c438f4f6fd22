"""The core's view of one ASGI scope: the connection to the peer."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sketch.http.fields import RawHeaders
from sketch.http.grammar import Address
from sketch.transport import ClientDisconnected, Outcome
from sketch_asgi.body import Receive, ReceivedBody
from sketch_asgi.deadlines import WriteDeadline

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.concurrency.idle import DeadlineTimer
    from sketch.request import BaseRequest

Scope = MutableMapping[str, Any]


class ScopeConnection:
    """The `Connection` of one scope, and so of one exchange. It reads most attributes from the scope at first use.

    Args:
        app: handles the request.
        timer: counts the time spent waiting for the client.
        scope, receive: as the server gave them.
    """

    # An unset slot costs nothing at construction; its first use calls __getattr__, which sets it.
    __slots__ = (
        "_app",
        "_receive",
        "_timer",
        "began_at",
        "body",
        "client",
        "ended_at",
        "first_byte_at",
        "scheme",
        "scope",
        "server",
        "size",
        "small_file",
        "state",
        "status",
        "tls",
        "trailers",
    )  # fmt: skip

    client: Address | None
    server: Address | None
    scheme: str
    tls: dict[str, Any] | None
    state: dict[str, Any]
    trailers: RawHeaders
    began_at: float
    """When the scope came, by `perf_counter()`; if it is not set, now."""
    ended_at: float
    """When the last byte was handed to the server, by `perf_counter()`; if it is not set, now."""
    first_byte_at: float | None
    """When the head was handed to the server, by `perf_counter()`; None before."""
    status: int | None
    """The status of the response, None until there is one."""
    size: int
    """Bytes of payload handed to the server so far."""
    small_file: int

    def __init__(self, app: Application, timer: DeadlineTimer, scope: Scope, receive: Receive) -> None:
        self._app = app
        self._timer = timer
        self.scope = scope
        self._receive = receive
        self.body: ReceivedBody | None = None

    def __getattr__(self, name: str) -> Any:
        view = _VIEWS.get(name)
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
        """Return the reader of the scope's messages, also if no body is announced."""
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

    @property
    def disconnected(self) -> bool:
        """Whether the server has reported that the client left, or that the exchange is over."""
        return self.body is not None and self.body.gone

    async def wait_disconnected(self) -> None:
        """Return once the peer is gone, or the exchange is over."""
        await self.listen().wait_gone()


def read_address(value: Any) -> Address | None:
    """Convert an address of the scope. Some servers give the port as a string, or none for a unix socket."""
    if not value or not value[0]:
        return None
    return (str(value[0]), int(value[1] or 0))


def read_scheme(scope: Scope) -> str:
    """Return the scheme of HTTP, also for a websocket."""
    scheme: str = scope.get("scheme", "http")
    return {"ws": "http", "wss": "https"}.get(scheme, scheme)


def _tls(connection: ScopeConnection) -> dict[str, Any] | None:
    """Return what the `tls` extension tells; without the extension, an empty dict over TLS, else None."""
    given = (connection.scope.get("extensions") or {}).get("tls")
    if given is not None:
        return dict(given)
    return {} if connection.scheme == "https" else None


def _small_file(connection: ScopeConnection) -> int:
    """Return the largest file, in bytes, that is sent as a plain body.

    Measured: a server that sends files itself wins above 64 KiB; else each piece costs a hop to a thread.
    """
    extensions = connection.scope.get("extensions") or {}
    sends = "http.response.pathsend" in extensions or "http.response.zerocopysend" in extensions
    return 64 * 1024 if sends else 256 * 1024


_VIEWS: dict[str, Callable[[ScopeConnection], Any]] = {
    "client": lambda connection: read_address(connection.scope.get("client")),
    "server": lambda connection: read_address(connection.scope.get("server")),
    "scheme": lambda connection: read_scheme(connection.scope),
    "tls": _tls,
    "state": lambda connection: {**(connection.scope.get("state") or {}), **connection._app.state},
    "trailers": lambda _: [],
    "began_at": lambda _: perf_counter(),
    "ended_at": lambda _: perf_counter(),
    "first_byte_at": lambda _: None,
    "size": lambda _: 0,
    "status": lambda _: None,
    "small_file": _small_file,
}
