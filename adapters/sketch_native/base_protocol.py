"""What every protocol on a native connection shares: nobody is waited for for ever, and ends that can be told apart."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from abc import abstractmethod
from typing import TYPE_CHECKING

from sketch_native.connection import NativeConnection
from sketch_native.flow_control import FlowControl

if TYPE_CHECKING:
    from sketch_native.server import Server

logger = logging.getLogger("sketch.native")

NEVER = float("inf")

DISCARDED = 256 * 1024
"""Bytes that are read and forgotten after an answer, so that the peer gets to read it."""


class BaseProtocol(asyncio.Protocol):
    """It arms no timer: it notes until when it waits, and the server's one sweep looks at the notes.

    Args:
        server: whose connection it is.
        flow: whether the peer reads.
    """

    __slots__ = (
        "_discarded",
        "_eof",
        "_unsent",
        "connection",
        "flow",
        "loop",
        "read_deadline",
        "server",
        "transport",
        "write_deadline",
    )

    transport: asyncio.Transport
    connection: NativeConnection

    def __init__(self, server: Server, flow: FlowControl) -> None:
        self.server = server
        self.loop = server.loop
        self.flow = flow
        self.read_deadline = self.write_deadline = NEVER
        self._eof = False
        self._unsent = 0
        self._discarded = 0

    @property
    @abstractmethod
    def write_timeout(self) -> float | None:
        """Seconds that are waited for a peer that reads nothing."""

    @abstractmethod
    def shut_down(self) -> None:
        """The server stops: end the connection now if nothing is under way."""

    @abstractmethod
    def cancel(self) -> None:
        """End at once what is still running."""

    @abstractmethod
    def read_expired(self) -> None:
        """Act on `read_deadline`."""

    def pause_writing(self) -> None:
        """The peer reads more slowly than we write."""
        self.flow.pause()
        self.watch_writing()

    def resume_writing(self) -> None:
        """The peer has caught up."""
        self.writing_done()
        self.flow.resume()

    def watch_writing(self) -> None:
        """We wait for the peer to read from now on."""
        timeout = self.write_timeout
        if timeout is not None:
            self.write_deadline = self.server.now + timeout
            self._unsent = self.transport.get_write_buffer_size()

    def writing_done(self) -> None:
        """We wait no more."""
        self.write_deadline = NEVER

    def sweep(self, now: float) -> None:
        """Act on a deadline that has passed."""
        if now > self.write_deadline:
            self._write_expired()
        if now > self.read_deadline:
            self.read_expired()

    def _write_expired(self) -> None:
        """A peer that takes something now and then is slow, one that takes nothing is gone."""
        if self.transport.get_write_buffer_size() < self._unsent:
            self.watch_writing()
        else:
            logger.info("%s: the client reads nothing, the connection is cut", self.connection.client)
            self.transport.abort()

    # -- ends -------------------------------------------------------------------------------------------------------

    def linger(self) -> None:
        """Close so that what was written last arrives: say that it was the last, and read on for a while.

        Closing a socket with unread input makes the kernel send a reset, which destroys what the peer has not read
        yet (RFC 9112 section 9.6).
        """
        self.read_deadline = self.server.now + self.server.limits.linger_timeout
        if self._eof or not self.transport.can_write_eof():
            self.transport.close()
        else:
            try:
                self.transport.write_eof()
            except OSError:  # asyncio's transport; the peer has left, and its reset has overtaken our answer
                self.transport.abort()
                return
            self.transport.resume_reading()

    def discard(self, size: int) -> None:
        """Something has come that nobody reads any more."""
        self._discarded += size
        if self._discarded > DISCARDED:
            self.transport.abort()

    def linger_expired(self) -> None:
        """Enough lingered; but where the last answer is not out yet, wait as long as it is being taken."""
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent == self._unsent:
            self.transport.abort()
        else:
            self._unsent = unsent
            self.read_deadline = self.server.now + self.server.limits.linger_timeout

    def reset(self) -> None:
        """End the connection so that nobody takes what was sent for complete."""
        linger = struct.pack("ii", 1, 0)
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()
