"""The core's view of one ASGI scope: the connection to the peer."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from sketch.http.grammar import Address
from sketch.tls import TLSInfo
from sketch_asgi.tls import read_tls
from sketch_gateway.body import Receive
from sketch_gateway.connection import GatewayConnection

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.concurrency.idle import DeadlineTimer
    from sketch.request import BaseRequest

Scope = MutableMapping[str, Any]


class ScopeConnection(GatewayConnection):
    """The `Connection` of one scope, and so of one exchange.

    Args:
        app: handles the request.
        timer: counts the time spent waiting for the client.
        scope, receive: as the server gave them.
    """

    __slots__ = ("_app", "scope")

    def __init__(self, app: Application, timer: DeadlineTimer, scope: Scope, receive: Receive) -> None:
        self.begin(app, timer, scope, receive)

    def begin(self, app: Application, timer: DeadlineTimer, scope: Scope, receive: Receive) -> None:
        """Initialize the connection, after `__new__`: in less time than the constructor, see `BaseRequest.begin`."""
        self.begin_exchange(timer)
        self._app = app
        self.scope = scope
        self._receive = receive

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
    def tls(self) -> TLSInfo | None:
        """What the `tls` extension tells; without the extension, nothing is known over TLS. None without TLS."""
        given = (self.scope.get("extensions") or {}).get("tls")
        if given is not None:
            return read_tls(given)
        return TLSInfo() if self.scheme == "https" else None

    @property
    def state(self) -> dict[str, Any]:
        """The state that the lifespan set up."""
        return {**(self.scope.get("state") or {}), **self._app.state}

    @property
    def small_file(self) -> int:
        """The largest file, in bytes, that is sent as a plain body.

        Measured: a server that sends files itself wins above 64 KiB; else each piece costs a hop to a thread.
        """
        extensions = self.scope.get("extensions") or {}
        sends = "http.response.pathsend" in extensions or "http.response.zerocopysend" in extensions
        return 64 * 1024 if sends else 256 * 1024

    def named(self, request: BaseRequest | None) -> tuple[str, str]:
        """Return method and path for the log, those of the request if there is one: as the native server has them."""
        if request is None:
            return self.scope.get("method", "GET"), self.scope["path"]
        return request.method, request.raw_path

    def target_as_sent(self) -> bytes:
        """Return the request target, as far as the server tells: for the access log's line of what is refused."""
        path: bytes = self.scope.get("raw_path") or self.scope["path"].encode("utf-8", "replace")
        query: bytes = self.scope.get("query_string") or b""
        return b"%b?%b" % (path, query) if query else path


def read_address(value: Any) -> Address | None:
    """Convert an address of the scope. Some servers give the port as a string, or none for a unix socket."""
    if not value or not value[0]:
        return None
    return (str(value[0]), int(value[1] or 0))


def read_scheme(scope: Scope) -> str:
    """Return the scheme of HTTP, also for a websocket."""
    scheme: str = scope.get("scheme", "http")
    return {"ws": "http", "wss": "https"}.get(scheme, scheme)
