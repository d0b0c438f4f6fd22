"""The core's view of one RSGI scope: the connection to the peer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sketch.http.grammar import Address
from sketch.tls import TLSInfo
from sketch_gateway.body import ReceivedBody
from sketch_gateway.connection import GatewayConnection
from sketch_rsgi.incoming import Incoming
from sketch_rsgi.interfaces import Headers, HTTPProtocol, Scope

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.concurrency.idle import DeadlineTimer
    from sketch.request import BaseRequest


class RSGIConnection(GatewayConnection):
    """The `Connection` of one scope, and so of one exchange.

    Args:
        app: handles the request.
        timer: counts the time spent waiting for the client.
        scope, protocol: as the server gave them.
    """

    # Not `scope`: that is the name of an ASGI scope, see `Request.scope`.
    __slots__ = ("_app", "head", "headers", "protocol")

    def __init__(self, app: Application, timer: DeadlineTimer, scope: Scope, protocol: Any) -> None:
        self.begin_exchange(timer)
        self._app = app
        self.head = scope
        """The scope."""
        self.headers: Headers = scope.headers
        self.protocol: HTTPProtocol = protocol

    @property
    def client(self) -> Address | None:
        """The peer's address."""
        return read_address(self.head.client)

    @property
    def server(self) -> Address | None:
        """The address the peer connected to."""
        return read_address(self.head.server)

    @property
    def scheme(self) -> str:
        """The scheme of HTTP, also for a websocket."""
        return self.head.scheme

    @property
    def tls(self) -> TLSInfo | None:
        """RSGI tells nothing of TLS but that it is there. None without TLS."""
        return TLSInfo() if self.head.scheme == "https" else None

    @property
    def state(self) -> dict[str, Any]:
        """The state that the lifespan set up."""
        return self._app.state

    def announce_body(self, length: int | None, *, ends_twice: bool = False) -> ReceivedBody:
        """Expect a request body of `length` bytes, None if its size is unknown; `ends_twice` as for `Incoming`."""
        self._receive = Incoming(self.protocol, has_body=True, ends_twice=ends_twice).receive
        return super().announce_body(length)

    def listen(self) -> ReceivedBody:
        """Return the reader of what the client sends, also if no body is announced."""
        if self.body is None:
            self._receive = Incoming(self.protocol, has_body=False, ends_twice=False).receive
        return super().listen()

    def named(self, request: BaseRequest | None) -> tuple[str, str]:
        """Return method and path for the log, those of the request if there is one: as the native server has them."""
        if request is None:
            return self.head.method, self.head.path
        return request.method, request.raw_path

    def target_as_sent(self) -> bytes:
        """Return the request target, as far as the server tells: for the access log's line of what is refused."""
        path, query = self.head.path, self.head.query_string
        return (f"{path}?{query}" if query else path).encode("utf-8", "replace")


def read_address(value: str) -> Address | None:
    """Convert an address of the scope, `host:port`; None for what is none, as that of a unix socket."""
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit():
        return None
    return host.removeprefix("[").removesuffix("]"), int(port)
