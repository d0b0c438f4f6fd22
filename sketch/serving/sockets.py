"""Binds sockets before a server starts, so that addresses, errors and unix sockets are the same on every server."""

from __future__ import annotations

import errno
import logging
import os
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count as numbers
from pathlib import Path
from typing import Any

from sketch.http.hosts import is_loopback
from sketch.serving.options import ServeError, ServeOptions

logger = logging.getLogger("sketch")

ADDRESSES = ("bind", "host", "port", "sock", "uds")
"""The options that say where to listen."""

Address = tuple[socket.AddressFamily, tuple[Any, ...]]

# "localhost" may name an address of a family that this machine does not have.
_SKIPPED = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)

_ATTEMPTS = 5
"""How often a free port is looked for that is free on all addresses."""

_SPREADS = sys.platform == "linux"
"""Whether the kernel spreads connections evenly over the sockets that share an address by `SO_REUSEPORT`."""

_UNIX = getattr(socket, "AF_UNIX", None)
"""The family of unix sockets, None on Windows."""


@contextmanager
def listening(options: ServeOptions) -> Iterator[list[socket.socket]]:
    """Yield the bound sockets of the options; they do not listen yet.

    There is one for each unix socket and descriptor, and one for each address that a host's name stands for.

    Raises:
        ServeError: for a port or a path in use, a missing permission, an unknown host, an unusable descriptor.
    """
    with open_slots(options, 1) as (sockets,):
        yield sockets


@contextmanager
def open_slots(options: ServeOptions, count: int) -> Iterator[list[list[socket.socket]]]:
    """Yield the bound sockets of each of so many worker slots; they do not listen yet.

    On Linux each slot has a TCP socket of its own, and the kernel spreads the connections over them. Unix sockets,
    inherited ones, and all of them on other systems, are one for all slots: the same object in each list.

    At the end of the block the sockets are closed, and the files of unix sockets are removed if they are still theirs.

    Args:
        options: say where to listen.
        count: how many slots, at least 1.

    Raises:
        ServeError: as `listening`.
    """
    with ExitStack() as opened:
        slots: list[list[socket.socket]] = [[] for _ in range(count)]
        for place in places(options):
            if options.bind.count(place) > 1:
                raise ServeError(f"expected each address once, got {place} twice", "bind")
            try:
                found = _open(place, options, count, opened)
                _check_apart(found[0], slots[0])
            except OSError as exc:
                raise cannot_listen(place, exc) from exc
            except ValueError as exc:  # a name or a path that nothing can have
                raise ServeError(f"cannot listen on {place!r:.200}: {exc}", *ADDRESSES) from exc
            for slot, sockets in zip(slots, found, strict=True):
                slot += sockets
        yield slots


def places(options: ServeOptions) -> list[str]:
    """Return where to listen, each place as `ServeOptions.bind` spells it; `sock` for a given socket."""
    if options.bind:
        return list(options.bind)
    if options.sock is not None:
        return ["sock"]
    if options.uds is not None:
        return [f"unix:{options.uds}"]
    return [spell((options.host, options.port))]


def spell(name: object) -> str:
    """Spell what `socket.getsockname()` returns as `ServeOptions.bind` does."""
    if isinstance(name, tuple):
        host, port = name[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if isinstance(name, bytes):  # of Linux's abstract namespace
        return f"unix:@{os.fsdecode(name[1:])}"
    return f"unix:{name}"


def is_public(place: str) -> bool:
    """Whether other machines may reach a place, as `spell` returns it. A socket that is inherited may be anywhere."""
    return not place.startswith("unix:") and not is_loopback(place)


def listen(sockets: list[socket.socket], backlog: int) -> None:
    """Listen on bound sockets.

    Raises:
        ServeError: if another server has begun to listen on the same address meanwhile.
    """
    for sock in sockets:
        try:
            sock.listen(backlog)
        except OSError as exc:
            raise cannot_listen(spell(sock.getsockname()), exc) from exc


def cannot_listen(place: str, exc: OSError) -> ServeError:
    """Make the one-line error for a port in use, a missing permission, an unknown host."""
    return ServeError(f"cannot listen on {place}: {exc.strerror or exc}", *ADDRESSES)


def _open(place: str, options: ServeOptions, count: int, opened: ExitStack) -> list[list[socket.socket]]:
    """Return the sockets of one place for each slot; `opened` closes them."""
    if place == "sock":
        assert options.sock is not None
        return [[opened.enter_context(_usable(options.sock))]] * count
    kind, _, rest = place.partition(":")
    if kind == "unix":
        return [[opened.enter_context(_bound_path(rest, options.uds_mode))]] * count
    if kind == "fd":
        return [[opened.enter_context(_inherited(int(rest)))]] * count
    host, _, port = place.rpartition(":")
    return _bind_host(host.strip("[]"), int(port), count, opened)


# -- TCP --------------------------------------------------------------------------------------------------------------


def _bind_host(host: str, port: int, count: int, opened: ExitStack) -> list[list[socket.socket]]:
    """Bind all addresses of a host, on one port."""
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    addresses: list[Address] = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
    for attempt in numbers(1):
        with ExitStack() as tried:
            try:
                slots = _bind_addresses(addresses, port, count, tried)
            except OSError as exc:  # a port that was free on the first address may be taken on another one
                if port or exc.errno != errno.EADDRINUSE or attempt == _ATTEMPTS:
                    raise
            else:
                opened.push(tried.pop_all())
                return slots
    raise AssertionError


def _bind_addresses(addresses: list[Address], port: int, count: int, opened: ExitStack) -> list[list[socket.socket]]:
    slots: list[list[socket.socket]] = [[] for _ in range(count)]
    skipped: OSError | None = None
    with ExitStack() as probes:
        for family, address in addresses:
            try:
                # Without SO_REUSEPORT it finds a server that has the address already, whatever that one has set.
                probe = _bind_one(family, (address[0], port, *address[2:]))
            except OSError as exc:
                if exc.errno not in _SKIPPED:
                    raise
                skipped = exc
                continue
            shared = count > 1 and _SPREADS
            (probes if shared else opened).enter_context(probe)
            name = probe.getsockname()
            port = name[1]
            for slot in slots:
                slot.append(opened.enter_context(_bind_one(family, name, shared=True)) if shared else probe)
    if skipped is not None and not slots[0]:
        raise skipped
    return slots


def _check_apart(sockets: list[socket.socket], others: list[socket.socket]) -> None:
    """Check that the others do not take the same connections: the kernel would say so only when they listen.

    Raises:
        OSError: EADDRINUSE if they do.
    """
    for sock in sockets:
        for other in others:
            if sock.family == other.family != _UNIX and not _shared(sock):
                (host, port), (other_host, other_port) = sock.getsockname()[:2], other.getsockname()[:2]
                if port == other_port and (host == other_host or {host, other_host} & {"0.0.0.0", "::"}):  # noqa: S104
                    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _shared(sock: socket.socket) -> bool:
    return _SPREADS and bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT))


def _bind_one(family: socket.AddressFamily, address: tuple[Any, ...], *, shared: bool = False) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
    except BaseException:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


# -- unix sockets -----------------------------------------------------------------------------------------------------


@contextmanager
def _bound_path(path: str, mode: int) -> Iterator[socket.socket]:
    """Yield a unix socket that is bound to a path, and remove the path at the end if it is still this socket."""
    _clear(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind(path)
        with _removed(os.path.abspath(path)):  # noqa: PTH100 - the application may change the working directory
            Path(path).chmod(mode)  # until the socket listens, it lets nobody in
            sock.setblocking(False)
            yield sock


def _clear(path: str) -> None:
    """Remove the socket that a killed server has left, and nothing else.

    Raises:
        OSError: if something else is there.
    """
    try:
        found = Path(path).lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise FileExistsError(errno.EEXIST, "something else than a socket is there; remove it, or take another path")
    if _is_live(path):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    Path(path).unlink()


def _is_live(path: str) -> bool:
    """Whether a program holds the unix socket, even if it does not listen on it yet.

    A datagram socket cannot connect to a stream socket; the kernel says so only if the stream socket exists. The
    server at the other end does not notice.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return False
        except OSError as exc:
            if exc.errno != errno.EPROTOTYPE:
                raise
    return True


@contextmanager
def _removed(path: str) -> Iterator[None]:
    """At the end of the block, remove a path if it still names the same file."""
    # The open descriptor keeps the file's number from being given to another file.
    pin = os.open(path, os.O_PATH | os.O_NOFOLLOW) if hasattr(os, "O_PATH") else None
    own = Path(path).lstat()
    try:
        yield
    finally:
        try:
            if os.path.samestat(Path(path).lstat(), own):
                Path(path).unlink()
        except FileNotFoundError:
            pass
        except OSError as exc:
            logger.warning("cannot remove %s: %s", path, exc.strerror)
        if pin is not None:
            os.close(pin)


# -- sockets that others have bound -----------------------------------------------------------------------------------


def _inherited(number: int) -> socket.socket:
    """Take over the socket of an open descriptor; child processes do not inherit it any further."""
    try:
        sock = socket.socket(fileno=number)
    except OSError as exc:
        if exc.errno == errno.EBADF:
            raise OSError(exc.errno, "it is not open; the program that starts the server has to pass it on") from None
        raise
    try:
        _usable(sock)
    except BaseException:
        sock.detach()
        raise
    sock.set_inheritable(False)
    return sock


def _usable(sock: socket.socket) -> socket.socket:
    """Check that a socket can accept connections, and make it non-blocking.

    Raises:
        OSError: if not.
    """
    if not isinstance(sock, socket.socket):
        raise ServeError(f"expected sock to be a socket, got {sock!r:.200}")
    if sock.type != socket.SOCK_STREAM or sock.family not in (socket.AF_INET, socket.AF_INET6, _UNIX):
        raise OSError(errno.EINVAL, f"expected a TCP or unix stream socket, got {_kind(sock)}")
    if _is_connected(sock):
        raise OSError(errno.EISCONN, "expected a socket that can listen, got a connection")
    name = sock.getsockname()
    if not (name[1] if isinstance(name, tuple) else name):
        raise OSError(errno.EINVAL, "expected a bound socket, got one without an address")
    sock.setblocking(False)
    return sock


def _is_connected(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def _kind(sock: socket.socket) -> str:
    """Name the type of a socket: `SOCK_DGRAM of AF_INET`; numbers where Python knows no name."""
    return f"{getattr(sock.type, 'name', sock.type)} of {getattr(sock.family, 'name', sock.family)}"
