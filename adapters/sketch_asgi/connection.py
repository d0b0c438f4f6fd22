"""The core's view of one ASGI scope: the connection to the peer."""

from __future__ import annotations

from collections.abc import MutableMapping
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
    """The `Connection` of one scope, and so of one exchange.

    Args:
        app: handles the request.
        timer: counts the time spent waiting for the client.
        scope, receive: as the server gave them.
    """

    # What few requests ask for is a property that reads the scope, not a slot that `__getattr__` fills: a class with
    # that method reads every attribute, also a slot that is set, in ten times the time.
    __slots__ = (
        "_app",
        "_receive",
        "_timer",
        "began_at",
        "body",
        "ended_at",
        "first_byte_at",
        "scope",
        "size",
        "status",
    )  # fmt: skip

    def __init__(self, app: Application, timer: DeadlineTimer, scope: Scope, receive: Receive) -> None:
        self._app = app
        self._timer = timer
        self.scope = scope
        self._receive = receive
        self.body: ReceivedBody | None = None
        self.began_at: float | None = None
        """When the scope came, by `perf_counter()`; None where nothing asks for the outcome of the exchange."""
        self.ended_at: float | None = None
        """When the last byte was handed to the server, by `perf_counter()`; None: now."""
        self.first_byte_at: float | None = None
        """When the head was handed to the server, by `perf_counter()`; None before."""
        self.status: int | None = None
        """The status of the response, None until there is one."""
        self.size = 0
        """Bytes of payload handed to the server so far."""

    @property
    def client(self) -> Address | None:
        """The peer's address."""
        return read_address(self.scope.get("client"))

    @property
    def server(self) -> Address | None:
        """The address the peer connected to."""
        return read_address(self.scope.get("server"))

    @property
    def scheme(self) -> str:
        """The scheme of HTTP, also for a websocket."""
        return read_scheme(self.scope)

    @property
    def tls(self) -> dict[str, Any] | None:
        """What the `tls` extension tells; without the extension, an empty dict over TLS, else None."""
        given = (self.scope.get("extensions") or {}).get("tls")
        if given is not None:
            return dict(given)
        return {} if self.scheme == "https" else None

    @property
    def state(self) -> dict[str, Any]:
        """The state that the lifespan set up."""
        return {**(self.scope.get("state") or {}), **self._app.state}

    @property
    def trailers(self) -> RawHeaders:
        """No trailer fields: ASGI has none of requests."""
        return []

    @property
    def small_file(self) -> int:
        """The largest file, in bytes, that is sent as a plain body.

        Measured: a server that sends files itself wins above 64 KiB; else each piece costs a hop to a thread.
        """
        extensions = self.scope.get("extensions") or {}
        sends = "http.response.pathsend" in extensions or "http.response.zerocopysend" in extensions
        return 64 * 1024 if sends else 256 * 1024

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
        ended_at = perf_counter() if self.ended_at is None else self.ended_at
        began_at = ended_at if self.began_at is None else self.began_at
        return Outcome.of(request, status, self.size, began_at, self.first_byte_at, ended_at, fault)

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
