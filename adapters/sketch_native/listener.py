"""Accepts connections: a few at a time, up to the cap, and none while the process has no descriptor for them."""

from __future__ import annotations

import errno
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from sketch.concurrency.seldom import Seldom
from sketch.observability.access_log import log_refused
from sketch.serving.sockets import listen
from sketch_native import writer
from sketch_native.arrival import Arrival
from sketch_native.connection import address_of
from sketch_native.refusal import OVERLOAD

if TYPE_CHECKING:
    import asyncio
    import socket
    import ssl
    from collections.abc import Callable, Sequence

    from sketch.http.grammar import Address
    from sketch_native.interfaces import Host
    from sketch_native.protocol import HTTPProtocol

logger = logging.getLogger("sketch.native")

BATCH = 64
"""Connections accepted in one turn of the event loop: those that are being served must get their turn, too."""

PAUSE = 1.0
"""Seconds until accepting is tried again without a descriptor, and between two lines about it in the log."""

CAP_INTERVAL = 10.0
"""Seconds between two lines of the log about clients over the cap."""

_OF_ONE_CLIENT = frozenset({
    errno.ECONNABORTED, errno.EPROTO, errno.ENOPROTOOPT, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN,
    errno.EHOSTUNREACH, errno.EOPNOTSUPP,
})  # fmt: skip
"""Errors of a connection that has broken before it was accepted: Linux reports them here (accept(2))."""


class Listener:
    """Accepts the connections of a server on its listening sockets.

    It does so itself, instead of by `loop.create_server`: there asyncio logs a traceback for each client that finds no
    descriptor, uvloop drops these clients without a word, and under TLS both set up a session before the server can
    count the connection.

    A connection over the cap is answered 503, or closed if it would need TLS first. One for which there is no
    descriptor waits in the kernel's queue until another has closed.

    Args:
        server: the server that the connections belong to.
        sockets: the bound sockets; the listener does not close them.
        tls: the context of the server, None without TLS.
        protocol: makes the protocol of a connection.
    """

    def __init__(
        self,
        server: Host,
        sockets: list[socket.socket],
        tls: ssl.SSLContext | None,
        protocol: Callable[[], HTTPProtocol],
    ) -> None:
        self.sockets = sockets
        self._also: list[socket.socket] = []
        self._server = server
        self._tls = tls
        self._protocol = protocol
        self._backlog = BATCH
        self._retry: asyncio.TimerHandle | None = None
        self._without_descriptor = Seldom(logger, logging.WARNING, PAUSE, server.loop.time)
        self._over_the_cap = Seldom(logger, logging.WARNING, CAP_INTERVAL, server.loop.time)

    def open(self, backlog: int) -> None:
        """Listen, and accept from now on.

        Args:
            backlog: how many connections may wait in the kernel's queue.

        Raises:
            ServeError: if another server has begun to listen on the same address meanwhile.
        """
        self._backlog = backlog
        listen(self.sockets, backlog)
        self._watch()

    def accept_also(self, sockets: Sequence[socket.socket]) -> None:
        """Accept on these sockets as well, which listen, and on no others beside the own ones."""
        for sock in self._also:
            self._server.loop.remove_reader(sock.fileno())
        self._also = list(sockets)
        if not self.paused:
            self._watch()

    def close(self) -> None:
        """Accept what waits in the kernel's queue, where closing the socket would reset it, and then no more."""
        if not self.paused:
            self._ignore()
            for sock in self.sockets:
                self._accept(sock, self._backlog)
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    @property
    def paused(self) -> bool:
        """Whether it waits for a descriptor."""
        return self._retry is not None

    def resume(self) -> None:
        """Try again after a pause: a descriptor may be free."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
            self._watch()

    def _watch(self) -> None:
        for sock in (*self.sockets, *self._also):
            self._server.loop.add_reader(sock.fileno(), self._accept, sock)

    def _ignore(self) -> None:
        for sock in (*self.sockets, *self._also):
            self._server.loop.remove_reader(sock.fileno())

    def _accept(self, listening: socket.socket, most: int = BATCH) -> None:
        for _ in range(most):
            try:
                sock, name = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as exc:
                if exc.errno in _OF_ONE_CLIENT:
                    continue
                self._pause(exc)  # mostly EMFILE: without a pause the loop would come back at once, for ever
                return
            self._take(sock, address_of(name))

    def _pause(self, exc: OSError) -> None:
        self._ignore()
        loop = self._server.loop
        self._retry = loop.call_later(PAUSE, self.resume)
        self._without_descriptor.log(
            "cannot accept (%s): new clients wait until one of the %d connections closes; allow the process more "
            "open files, or lower ServerLimits.connections",
            exc.strerror,
            len(self._server.connections),
        )

    def _take(self, sock: socket.socket, client: Address | None) -> None:
        server = self._server
        most = server.limits.connections
        if most is not None and len(server.connections) >= most:
            self._refuse(sock, client)
            return
        sock.setblocking(False)
        arrival = Arrival(server, client, self._protocol)
        server.connections.add(arrival)
        arrival.begin(sock, self._tls)

    def _refuse(self, sock: socket.socket, client: Address | None) -> None:
        """Turn away a connection over the cap. It must not stay any longer, so nothing waits for the client."""
        self._over_the_cap.log(
            "turned away a client: all %s connections of ServerLimits.connections are open",
            self._server.limits.connections,
        )
        with sock:
            sock.setblocking(False)
            if self._tls is not None:
                if self._server.app.access_log is not None:
                    log_refused(client, None)
                return
            with suppress(OSError):  # the client may have sent nothing, or be gone
                sock.send(writer.refusal(OVERLOAD, self._server.clock.fields))
                sock.recv(64 * 1024)  # what stays unread makes the kernel send a reset, which destroys the answer
            self._server.log_refusal(client, OVERLOAD)
