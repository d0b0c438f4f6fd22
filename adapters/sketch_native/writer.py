"""Serializes responses to bytes (RFC 9112): pure functions, tested without a socket."""

from __future__ import annotations

import time
from email.utils import formatdate

from sketch.http.fields import RawHeaders
from sketch.http.status import PHRASES
from sketch_native.refusal import Refusal

STATUS_LINES = {status: f"HTTP/1.1 {status} {phrase}\r\n".encode() for status, phrase in PHRASES.items()}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"

_USUAL = frozenset((b"content-type", b"content-length"))
# Fields that only the server decides. A handler's `Connection: close` is heeded before they are dropped.
_CONNECTION_FIELDS = frozenset((b"connection", b"keep-alive"))


class Clock:
    """Holds the header fields that are the same in every response of one second: Date and Server."""

    __slots__ = ("_second", "fields")

    def __init__(self) -> None:
        self._second = 0
        self.fields = b""
        self.tick()

    def tick(self) -> None:
        """Update the date; called about once a second."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            self.fields = b"date: %b\r\nserver: sketch\r\n" % formatdate(second, usegmt=True).encode()


def usual(fields: RawHeaders) -> bool:
    """Whether the fields are just a media type and a length, as in most responses."""
    return len(fields) == 2 and fields[0][0] in _USUAL and fields[1][0] in _USUAL


def head(status: int, fields: RawHeaders, common: bytes, connection: bytes) -> bytes:
    """Build a complete head.

    Args:
        status: the status of the response.
        fields: the fields of the wire response.
        common: the fields of the `Clock`; one that the response has itself is left out.
        connection: the server's `Connection` and framing fields as they go out, or nothing.
    """
    if fields and not usual(fields):
        fields, common = _without_doubles(fields, common)
    parts = [STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status]
    for name, value in fields:
        parts += (name, b": ", value, b"\r\n")
    parts += (common, connection, b"\r\n")
    return b"".join(parts)


def plain(fields: RawHeaders, common: bytes, payload: bytes) -> bytes:
    """Build a whole plain answer (`WireResponse.plain`: media type, length) for a connection that stays open."""
    (_, kind), (_, length) = fields
    # A format would take twice the time, and each part has its price.
    return b"".join(
        (b"HTTP/1.1 200 OK\r\ncontent-type: ", kind, b"\r\ncontent-length: ", length, b"\r\n", common, b"\r\n", payload)
    )


def _without_doubles(fields: RawHeaders, common: bytes) -> tuple[RawHeaders, bytes]:
    """Drop the handler's fields that only the server decides, and the common fields that the handler has set."""
    names = {name for name, _ in fields}
    if not names.isdisjoint(_CONNECTION_FIELDS):
        fields = [field for field in fields if field[0] not in _CONNECTION_FIELDS]
    if b"upgrade" in names:  # RFC 9110 section 7.8: Connection has to name it, too
        common += b"connection: upgrade\r\n"
    for name in (b"date", b"server"):
        if name in names:
            common = b"".join(line for line in common.splitlines(keepends=True) if not line.startswith(name))
    return fields, common


def wants_close(fields: RawHeaders) -> bool:
    """Whether the handler has asked for the connection to be closed."""
    return any(name == b"connection" and b"close" in value.lower() for name, value in fields)


def chunk(data: bytes) -> bytes:
    """Frame data as a chunk (RFC 9112 section 7.1). The data must not be empty: that would be the last chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def refusal(refused: Refusal, common: bytes) -> bytes:
    """Build the whole answer, as plain text, by which the server refuses a request."""
    status, text = refused.status, refused.text
    fields = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(text))]
    if status == 503:
        fields.append((b"retry-after", b"1"))
    if status == 426:  # RFC 6455 section 4.4
        fields += [(b"upgrade", b"websocket"), (b"sec-websocket-version", b"13")]
    return head(status, fields, common, b"connection: close\r\n") + text
