"""The connection between the parent and a worker."""

from __future__ import annotations

import json
import select
import socket
from typing import Any

Message = dict[str, Any]


class Pipe:
    """One end of the connection: messages are objects of JSON, one a line. It never waits, except in `first`.

    Args:
        sock: a connected stream socket; the pipe closes it.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.closed = False
        """Whether the other end is closed, which its process is when it has ended."""
        self._sock = sock
        self._received = b""
        self._unsent = b""

    @classmethod
    def pair(cls) -> tuple[Pipe, socket.socket]:
        """Return one end, and the socket of the other one."""
        here, there = socket.socketpair()
        return cls(here), there

    def fileno(self) -> int:
        """Return the descriptor, for event loops."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close this end."""
        self._sock.close()

    @property
    def full(self) -> bool:
        """Whether something waits for the other end to read."""
        return bool(self._unsent)

    def send(self, **message: Any) -> None:
        """Send a message, or as much of it as there is room for: `flush` sends the rest."""
        self._unsent += json.dumps(message).encode() + b"\n"
        self.flush()

    def flush(self) -> None:
        """Send what there is room for."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self._sock.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:  # the other end is closed: `receive` notices
            self._unsent = b""

    def drain(self, timeout: float) -> None:
        """Send everything, if the other end reads it within so many seconds at a time."""
        self.flush()
        while self._unsent and select.select([], [self._sock], [], timeout)[1]:
            self.flush()

    def receive(self) -> list[Message]:
        """Return the messages that have arrived."""
        self._read()
        *lines, self._received = self._received.split(b"\n")
        return [json.loads(line) for line in lines]

    def first(self) -> Message:
        """Wait for the first message, and leave those behind it.

        Raises:
            EOFError: if the other end is closed before.
        """
        while b"\n" not in self._received:
            if self.closed:
                raise EOFError("the other end of the pipe is closed")
            select.select([self._sock], [], [])
            self._read()
        line, _, self._received = self._received.partition(b"\n")
        message: Message = json.loads(line)
        return message

    def _read(self) -> None:
        try:
            while data := self._sock.recv(65536):
                self._received += data
        except BlockingIOError:
            return
        except OSError:  # a reset: the other end was closed with something unread
            pass
        self.closed = True
