"""The socket of a connection, which RSGI does not lend: to measure what a client has not taken yet, and to break off.

Without it, granian would hold an endless response in memory for a client that does not read, and would end one that
fails halfway as if it were complete. It is found among the descriptors of this process by its two addresses.
"""

from __future__ import annotations

import socket
import struct
from fcntl import ioctl
from termios import TIOCOUTQ

from sketch.http.grammar import Address
from sketch_gateway.descriptors import open_sockets

_BYTES_ACKED = 120
"""The place of `tcpi_bytes_acked` in Linux's `struct tcp_info`."""
_INFO = 192
"""Bytes of that structure to ask for."""


class Peer:
    """A duplicate of the socket of a connection. To be closed: while it is open, the connection does not end.

    Args:
        sock: the duplicate.
    """

    __slots__ = ("_sock",)

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def taken(self) -> int | None:
        """Return how many bytes the system has taken for the client so far; None where it does not tell."""
        try:
            info = self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO)
            if len(info) < _BYTES_ACKED + 8:
                return None
            (acknowledged,) = struct.unpack_from("=Q", info, _BYTES_ACKED)
            (waiting,) = struct.unpack("=i", ioctl(self._sock.fileno(), TIOCOUTQ, bytes(4)))
        except OSError:
            return None
        return int(acknowledged + waiting)

    def reset(self) -> None:
        """Let the server see the end of the connection, and the client a reset once the server closes it."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        """Close the duplicate. The connection is not changed."""
        self._sock.close()


def find_peer(client: Address | None, server: Address | None) -> Peer | None:
    """Find the socket between two addresses. None without addresses (a unix socket), or if there is none.

    It looks at every descriptor of the process: some microseconds for each connection.
    """
    if client is None or server is None:
        return None
    try:
        for sock in open_sockets():
            if _connects(sock, client, server):
                return Peer(socket.socket(fileno=sock.detach()))
    except OSError:  # this system does not tell
        return None
    return None


def _connects(sock: socket.socket, client: Address, server: Address) -> bool:
    try:
        return (sock.getpeername()[:2], sock.getsockname()[:2]) == (client, server)
    except OSError:  # it listens, or its peer is gone
        return False
