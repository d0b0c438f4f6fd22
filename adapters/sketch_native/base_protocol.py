"""Deadlines and connection teardown shared by the native protocols."""

from __future__ import annotations

import asyncio
import socket
import struct
from abc import abstractmethod
from typing import TYPE_CHECKING

from sketch.serving.endings import log_stalled
from sketch_native.connection import NativeConnection
from sketch_native.flow_control import FlowControl

if TYPE_CHECKING:
    from sketch_native.interfaces import Host

NEVER = float("inf")

DISCARDED = 1024 * 1024
"""Bytes that a closing connection reads and discards at least, so that the peer comes to read the last answer."""


class BaseProtocol(asyncio.Protocol):
    """The base of the native protocols (HTTP and websocket): deadlines, backpressure and teardown of one connection.

    It arms no timer: it notes its read and write deadlines, and one periodic sweep of the server checks them.

    Args:
        server: the server that the connection belongs to.
        flow: the connection's flow control, which makes writers wait while the peer reads slowly.
    """

    __slots__ = (
        "_discardable",
        "_eof",
        "_resets",
        "_unsent",
        "connection",
        "flow",
        "loop",
        "read_deadline",
        "server",
        "transport",
        "write_deadline",
    )

    server: Host
    transport: asyncio.Transport
    connection: NativeConnection

    def __init__(self, server: Host, flow: FlowControl) -> None:
        self.server = server
        self.loop = server.loop
        self.flow = flow
        self.read_deadline = self.write_deadline = NEVER
        self._eof = False
        self._unsent = 0
        self._discardable: float = DISCARDED
        self._resets = False

    @property
    @abstractmethod
    def write_timeout(self) -> float | None:
        """Seconds to wait for a peer that reads nothing, None for no bound."""

    @property
    @abstractmethod
    def under_way(self) -> str | None:
        """What the connection is busy with, as in `sketch.serving.endings`; None if it is idle."""

    @abstractmethod
    def shut_down(self) -> None:
        """The server stops: limit how long the connection may stay idle."""

    @abstractmethod
    def cancel(self) -> None:
        """Cancel the task that still runs on the connection; without one, abort the connection."""

    @abstractmethod
    def read_expired(self) -> None:
        """Act on a `read_deadline` that has passed."""

    def pause_writing(self) -> None:
        """Make writers wait, and set the write deadline: the peer reads too slowly."""
        self.flow.pause()
        self.watch_writing()

    def resume_writing(self) -> None:
        """Drop the write deadline, and let writers go on: the peer has caught up."""
        self.writing_done()
        self.flow.resume()

    def watch_writing(self) -> None:
        """Set the write deadline: from now on the peer has to read."""
        timeout = self.write_timeout
        if timeout is not None:
            self.write_deadline = self.server.now + timeout
            self._unsent = self.transport.get_write_buffer_size()

    def writing_done(self) -> None:
        """Drop the write deadline."""
        self.write_deadline = NEVER

    def sweep(self, now: float) -> None:
        """Act on each deadline that has passed."""
        if now > self.write_deadline:
            self._write_expired()
        if now > self.read_deadline:
            self.read_expired()

    def _write_expired(self) -> None:
        """Abort if the peer has taken nothing since the deadline was set; else it is only slow, and gets a new one."""
        if self.transport.get_write_buffer_size() < self._unsent:
            self.watch_writing()
        else:
            log_stalled(self.connection.client)
            self.abort()

    # -- teardown ---------------------------------------------------------------------------------------------------

    def linger(self, *, expecting: bool = False) -> None:
        """Half-close the connection and read on for a while, so that the last answer arrives.

        Closing a socket with unread input makes the kernel send a reset, which destroys what the peer has not read
        yet (RFC 9112 section 9.6). TLS cannot half-close a connection.

        Args:
            expecting: whether the peer still sends, and knows the end of the answer without an end of the connection:
                then it is read on for a while under TLS, too.
        """
        self.read_deadline = self.server.now + self.server.limits.linger_timeout
        half_closes = self.transport.can_write_eof()
        if self._eof or not (half_closes or expecting):
            self.transport.close()
            return
        try:
            if half_closes:
                self.transport.write_eof()
        except OSError:  # raised by asyncio's transport: the peer has left, and its reset came before our end
            self.transport.abort()
        else:
            self.transport.resume_reading()

    def discard(self, size: int) -> None:
        """Drop bytes that a closing connection receives. After too many it is read no more: its end is near, anyway."""
        self._discardable -= size
        if self._discardable < 0:
            self.transport.pause_reading()

    def linger_expired(self) -> None:
        """Abort a lingering connection, unless the peer still takes parts of the last answer: then wait on."""
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent == self._unsent:
            self.abort()
        else:
            self._unsent = unsent
            self.read_deadline = self.server.now + self.server.limits.linger_timeout

    def abort(self) -> None:
        """Close at once; by a reset if bytes are unsent, so that the peer does not take those it has for everything."""
        if self.transport.get_write_buffer_size():
            self.reset_on_close(True)
        self.transport.abort()

    def reset_on_close(self, on: bool) -> None:
        """Choose whether the end of the connection is a TCP reset, also if this process is killed."""
        self._resets = on
        if not self.flow.lost:  # else its descriptor may belong to another connection by now
            linger = struct.pack("ii", on, 0)
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
