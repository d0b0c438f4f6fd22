"""A connection between its acceptance and its first protocol: its TLS handshake is under way."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, cast

from sketch.serving.endings import prefix
from sketch.serving.tls.handshakes import reason_of
from sketch_native.base_protocol import NEVER
from sketch_native.first_byte import first_byte, is_method
from sketch_native.refusal import PLAIN_HTTP

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable

    from sketch.http.grammar import Address
    from sketch_native.interfaces import Host
    from sketch_native.protocol import HTTPProtocol

logger = logging.getLogger("sketch.native")

_LONGER_THAN_THE_DEADLINE = 24 * 3600.0
"""Seconds that the event loop gives a handshake. The sweep ends it earlier: it knows when the process stood still."""


class Arrival(asyncio.Protocol):
    """An accepted connection. It counts as a connection from here on, so a client that sends nothing is bounded, too.

    Without TLS it is served in the next turn of the event loop. A handshake may take as long as the head of a request.
    It begins with the first byte of the client, so a silent client costs no session. One that speaks HTTP without TLS
    is refused in the clear.

    Args:
        server: the server that has accepted the connection.
        client: the peer's address, None for a unix socket.
        protocol: makes the protocol that serves the connection.
    """

    __slots__ = ("_plain", "_protocol", "_server", "_task", "client", "read_deadline", "write_deadline")

    def __init__(self, server: Host, client: Address | None, protocol: Callable[[], HTTPProtocol]) -> None:
        self._server = server
        self.client = client
        self._protocol = protocol
        self._plain = False  # whether the client speaks HTTP where TLS is expected
        self.read_deadline = server.now + server.limits.header_timeout
        self.write_deadline = NEVER

    def __repr__(self) -> str:
        return f"<Arrival of {self.client}>"

    def begin(self, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Take the connection over from its socket."""
        self._task = self._server.loop.create_task(self._connect(sock, tls))

    async def _connect(self, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        loop = self._server.loop
        try:
            if tls is None:
                await loop.connect_accepted_socket(lambda: self, sock)
            else:
                await self._shake_hands(loop, sock, tls)
        except OSError as exc:  # `ssl.SSLError` is one
            if tls is None:
                logger.info("%sthe connection could not be opened: %s", prefix(self.client), exc)
            else:
                self._server.failed_handshakes.log(reason_of(exc), self.client)
        finally:
            self._server.forget(self)

    async def _shake_hands(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, tls: ssl.SSLContext) -> None:
        byte = await first_byte(loop, sock)
        self._plain = is_method(byte)
        if not byte:
            sock.close()  # the client only wanted to know whether the port is open
        elif self._plain:
            await loop.connect_accepted_socket(lambda: self, sock)
        else:
            options: dict[str, Any] = {"ssl": tls, "ssl_handshake_timeout": _LONGER_THAN_THE_DEADLINE}
            await loop.connect_accepted_socket(lambda: self, sock, **options)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand the connection over to the protocol that serves it."""
        server = self._server
        successor = self._protocol()
        server.connections.discard(self)
        cast("asyncio.Transport", transport).set_protocol(successor)
        successor.connection_made(transport)
        if self._plain:
            server.failed_handshakes.log("the client speaks HTTP without TLS", self.client)
            successor.turn_away(PLAIN_HTTP, expecting=True)
        elif server.stopping:
            successor.shut_down()

    def sweep(self, now: float) -> None:  # noqa: ARG002 - there is one deadline
        """End a handshake that has taken too long."""
        self._server.failed_handshakes.log("it took too long", self.client)
        self.cancel()

    @property
    def under_way(self) -> None:
        """Nothing yet."""

    def shut_down(self) -> None:
        """The server stops: a client that is just arriving has little time left."""
        limits = self._server.limits
        self.read_deadline = min(
            self.read_deadline, self._server.now + max(limits.linger_timeout, limits.keep_alive_timeout)
        )

    def cancel(self) -> None:
        """Cut the connection."""
        self.read_deadline = NEVER
        self._task.cancel()
