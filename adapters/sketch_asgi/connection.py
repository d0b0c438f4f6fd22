"""One http scope as the core sees it: the way to the peer."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from sketch.transport import Address, RawHeaders
from sketch_asgi.body import Inbox, Receive
from sketch_asgi.deadlines import Sweep, WriteWait

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.request import Request

Scope = MutableMapping[str, Any]


class Exchange:
    """The connection of one request. What is seldom asked for stays in the scope until it is.

    Args:
        app: handles the request.
        sweep: counts the time that is spent waiting for the client.
        scope, receive: as the server gave them.
    """

    # A slot that nobody has set yet costs nothing to make; the first use gets to __getattr__, which sets it.
    __slots__ = (
        "_app", "_receive", "_scope", "_sweep", "client", "inbox", "scheme", "server", "size", "small_file", "state",
        "tls", "trailers",
    )  # fmt: skip

    client: Address | None
    server: Address | None
    scheme: str
    tls: dict[str, Any] | None
    state: dict[str, Any]
    trailers: RawHeaders
    size: int
    """Bytes of body handed to the server so far."""
    small_file: int

    def __init__(self, app: Application, sweep: Sweep, scope: Scope, receive: Receive) -> None:
        self._app = app
        self._sweep = sweep
        self._scope = scope
        self._receive = receive
        self.inbox: Inbox | None = None

    def __getattr__(self, name: str) -> Any:
        view = _VIEWS.get(name)
        if view is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        value = view(self)
        setattr(self, name, value)
        return value

    def announce_body(self, length: int | None) -> Inbox:
        """Expect a body of that many bytes, None where its size is not known."""
        self.inbox = Inbox(self._receive, self._sweep, length)
        return self.inbox

    def listen(self) -> Inbox:
        """The messages of this scope, also where no body is announced."""
        if self.inbox is None:
            self.inbox = Inbox(self._receive, self._sweep)
        return self.inbox

    def writing(self, request: Request) -> WriteWait:
        """The waits for the client to take the answer to that request."""
        return WriteWait(self._sweep, request)

    @property
    def disconnected(self) -> bool:
        """Whether the server has told of the client's leaving, or of the end of the exchange."""
        return self.inbox is not None and self.inbox.gone

    async def wait_disconnected(self) -> None:
        """Return once the peer is gone, or the exchange is over."""
        await self.listen().wait_gone()


def _address(value: Any) -> Address | None:
    """A pair of the scope. Some servers give the port as a string, and none for a unix socket."""
    if not value or not value[0]:
        return None
    return (str(value[0]), int(value[1] or 0))


def _scheme(exchange: Exchange) -> str:
    """That of HTTP, also where a websocket's is given."""
    scheme: str = exchange._scope.get("scheme", "http")
    return {"ws": "http", "wss": "https"}.get(scheme, scheme)


def _tls(exchange: Exchange) -> dict[str, Any] | None:
    """What the `tls` extension tells; where a server has none, at least that there is TLS."""
    given = (exchange._scope.get("extensions") or {}).get("tls")
    if given is not None:
        return dict(given)
    return {} if exchange.scheme == "https" else None


def _small_file(exchange: Exchange) -> int:
    """Measured: where a server sends files itself, it wins above 64 KiB; else each piece costs a hop to a thread."""
    extensions = exchange._scope.get("extensions") or {}
    sends = "http.response.pathsend" in extensions or "http.response.zerocopysend" in extensions
    return 64 * 1024 if sends else 256 * 1024


_VIEWS: dict[str, Callable[[Exchange], Any]] = {
    "client": lambda exchange: _address(exchange._scope.get("client")),
    "server": lambda exchange: _address(exchange._scope.get("server")),
    "scheme": _scheme,
    "tls": _tls,
    "state": lambda exchange: {**(exchange._scope.get("state") or {}), **exchange._app.state},
    "trailers": lambda _: [],
    "size": lambda _: 0,
    "small_file": _small_file,
}
