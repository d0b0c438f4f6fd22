"""One http scope as the core sees it: the way to the peer."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from sketch.http.fields import RawHeaders
from sketch.http.grammar import Address
from sketch_asgi.body import Receive, ReceivedBody
from sketch_asgi.deadlines import DeadlineTimer, WriteDeadline

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.request import Request

Scope = MutableMapping[str, Any]


class ScopeConnection:
    """The connection of one request. What is seldom asked for stays in the scope until it is.

    Args:
        app: handles the request.
        timer: counts the time that is spent waiting for the client.
        scope, receive: as the server gave them.
    """

    # A slot that nobody has set yet costs nothing to make; the first use gets to __getattr__, which sets it.
    __slots__ = (
        "_app",
        "_receive",
        "_scope",
        "_timer",
        "body",
        "client",
        "scheme",
        "server",
        "size",
        "small_file",
        "state",
        "tls",
        "trailers",
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

    def __init__(self, app: Application, timer: DeadlineTimer, scope: Scope, receive: Receive) -> None:
        self._app = app
        self._timer = timer
        self._scope = scope
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
        """Expect a body of that many bytes, None where its size is not known."""
        self.body = ReceivedBody(self._receive, self._timer, length)
        return self.body

    def listen(self) -> ReceivedBody:
        """The messages of this scope, also where no body is announced."""
        if self.body is None:
            self.body = ReceivedBody(self._receive, self._timer)
        return self.body

    def writing(self, request: Request) -> WriteDeadline:
        """The waits for the client to take the answer to that request."""
        return WriteDeadline(self._timer, request)

    @property
    def disconnected(self) -> bool:
        """Whether the server has told of the client's leaving, or of the end of the exchange."""
        return self.body is not None and self.body.gone

    async def wait_disconnected(self) -> None:
        """Return once the peer is gone, or the exchange is over."""
        await self.listen().wait_gone()


def _address(value: Any) -> Address | None:
    """A pair of the scope. Some servers give the port as a string, and none for a unix socket."""
    if not value or not value[0]:
        return None
    return (str(value[0]), int(value[1] or 0))


def _scheme(connection: ScopeConnection) -> str:
    """That of HTTP, also where a websocket's is given."""
    scheme: str = connection._scope.get("scheme", "http")
    return {"ws": "http", "wss": "https"}.get(scheme, scheme)


def _tls(connection: ScopeConnection) -> dict[str, Any] | None:
    """What the `tls` extension tells; where a server has none, at least that there is TLS."""
    given = (connection._scope.get("extensions") or {}).get("tls")
    if given is not None:
        return dict(given)
    return {} if connection.scheme == "https" else None


def _small_file(connection: ScopeConnection) -> int:
    """Measured: where a server sends files itself, it wins above 64 KiB; else each piece costs a hop to a thread."""
    extensions = connection._scope.get("extensions") or {}
    sends = "http.response.pathsend" in extensions or "http.response.zerocopysend" in extensions
    return 64 * 1024 if sends else 256 * 1024


_VIEWS: dict[str, Callable[[ScopeConnection], Any]] = {
    "client": lambda connection: _address(connection._scope.get("client")),
    "server": lambda connection: _address(connection._scope.get("server")),
    "scheme": _scheme,
    "tls": _tls,
    "state": lambda connection: {**(connection._scope.get("state") or {}), **connection._app.state},
    "trailers": lambda _: [],
    "size": lambda _: 0,
    "small_file": _small_file,
}
