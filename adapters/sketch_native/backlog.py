"""Bytes of a connection that have arrived and are not parsed."""

from __future__ import annotations

from enum import Enum


class Stop(Enum):
    """Why the requests of a connection are not parsed."""

    PIPELINE = "as many requests wait as may wait"
    HANDSHAKE = "a websocket handshake is not answered: the bytes behind it may be frames"
    REFUSAL = "a request was refused: the bytes behind it mean nothing"


PIPELINE, HANDSHAKE, REFUSAL = Stop.PIPELINE, Stop.HANDSHAKE, Stop.REFUSAL


class Backlog:
    """What a connection has received since parsing has stopped.

    Args:
        reason: why parsing has stopped.
        data: bytes that have already arrived.
    """

    __slots__ = ("data", "reason")

    def __init__(self, reason: Stop, data: bytes = b"") -> None:
        self.reason = reason
        self.data = data

    def __bool__(self) -> bool:
        return bool(self.data)

    def add(self, data: bytes) -> None:
        """Keep more bytes; drop them after a refusal."""
        if self.reason is not REFUSAL:
            self.data += data
