"""Binds sockets before a server starts, so that errors and the choice of a free port are the same on every server."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sketch.serving.options import ServeOptions
from sketch.serving.run import cannot_listen

# "localhost" may name an address of a family that this machine does not have.
_SKIPPED = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


@contextmanager
def listening(options: ServeOptions) -> Iterator[list[socket.socket]]:
    """Yield a bound socket for each address of the host, all on one port; a unix socket; or the socket that was given.

    Raises:
        ServeError: for a port in use, a missing permission, an unknown host.
    """
    sockets: list[socket.socket] = []
    bound_path: str | None = None
    try:
        try:
            if options.sock is not None:
                options.sock.setblocking(False)
                sockets.append(options.sock)
            elif options.uds is not None:
                sockets.append(_bind_path(options.uds))
                bound_path = options.uds
            else:
                _bind_all(options, sockets)
        except OSError as exc:
            raise cannot_listen(options, exc) from exc
        yield sockets
    finally:
        for sock in sockets:
            sock.close()
        if bound_path is not None:
            Path(bound_path).unlink(missing_ok=True)


def _bind_path(path: str) -> socket.socket:
    clear_path(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(path)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def clear_path(path: str) -> None:
    """Remove the socket that a killed server has left.

    Raises:
        OSError: EADDRINUSE if a server still answers on it.
    """
    if not Path(path).is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()
        else:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


_ATTEMPTS = 5
"""How often a free port is looked for that is free on all addresses."""


def _bind_all(options: ServeOptions, sockets: list[socket.socket]) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _bind_host(options, sockets)
        except OSError as exc:
            if options.port or exc.errno != errno.EADDRINUSE or attempt == _ATTEMPTS:
                raise
            while sockets:  # the port that was free on the first address is taken on another one
                sockets.pop().close()
        else:
            return


def _bind_host(options: ServeOptions, sockets: list[socket.socket]) -> None:
    port = options.port
    addresses = socket.getaddrinfo(options.host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    skipped: OSError | None = None
    for family, kind, protocol, _, address in dict.fromkeys(addresses):
        sock = socket.socket(family, kind, protocol)
        try:
            _bind_one(sock, (address[0], port, *address[2:]))
        except OSError as exc:
            sock.close()
            if exc.errno not in _SKIPPED:
                raise
            skipped = exc
        else:
            sockets.append(sock)
            port = sock.getsockname()[1]
    if skipped is not None and not sockets:
        raise skipped


def _bind_one(sock: socket.socket, address: tuple[Any, ...]) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind(address)
    sock.setblocking(False)


@contextmanager
def reserved(options: ServeOptions) -> Iterator[tuple[str, int]]:
    """Yield an address and a port, held by `SO_REUSEPORT` for a server that insists on binding its own socket.

    The holding socket never listens, so it gets no connections. Without it a free port could be lost again; without
    the plain `bind` before it, two servers would share a port and not notice.

    Raises:
        ServeError: for the same reasons as `listening`.
    """
    with listening(options) as sockets:
        family, address = sockets[0].family, sockets[0].getsockname()
    with socket.socket(family, socket.SOCK_STREAM) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            _bind_one(holder, address)
        except OSError as exc:
            raise cannot_listen(options, exc) from exc
        yield address[0], address[1]
