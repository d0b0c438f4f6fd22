"""permessage-deflate (RFC 7692) of one websocket. No input or output happens here."""

from __future__ import annotations

import zlib

_TAIL = b"\x00\x00\xff\xff"
"""What ends a flushed block, and is left out of the last frame of a message (section 7.2.1)."""

_PADDING = b"\x00"
"""What follows a final block, so that with the tail it is an empty one (section 7.2.3.4)."""

_MEMORY_LEVEL = 5


class TooMuch(Exception):
    """More comes out than is allowed."""


class Deflate:
    """Compresses and expands messages; takes memory only once it has done so.

    Args:
        client_bits, server_bits: of the windows that either side looks back on.
        client_forgets, server_forgets: whether that side begins each message with an empty window.
    """

    __slots__ = ("_client_bits", "_client_forgets", "_compress", "_expand", "_server_bits", "_server_forgets")

    def __init__(
        self, *, client_bits: int, server_bits: int, client_forgets: bool = False, server_forgets: bool = False
    ) -> None:
        self._client_bits = client_bits
        self._server_bits = server_bits
        self._client_forgets = client_forgets
        self._server_forgets = server_forgets
        self._compress: zlib._Compress | None = None
        self._expand: zlib._Decompress | None = None

    def compress(self, message: bytes) -> bytes:
        """The payload of a message's only frame."""
        compress = self._compress
        if compress is None:
            compress = zlib.compressobj(wbits=-self._server_bits, memLevel=_MEMORY_LEVEL)
            self._compress = None if self._server_forgets else compress
        return (compress.compress(message) + compress.flush(zlib.Z_SYNC_FLUSH)).removesuffix(_TAIL)

    def expand(self, payload: bytes, most: int, *, last: bool) -> bytes:
        """What the payload of a frame holds.

        Args:
            payload: of one frame, whole.
            most: bytes that may come out.
            last: whether it is the message's last frame.

        Raises:
            TooMuch: if more comes out.
            zlib.error: for what is no compressed data.
        """
        expand = self._expand
        if expand is None:
            expand = self._expand = zlib.decompressobj(wbits=-self._client_bits)
        found = expand.decompress(payload, most + 1)
        if expand.eof:  # behind a final block there is at most the octet of section 7.2.3.4; zlib would keep all of it
            if expand.unused_data not in (b"", _PADDING):
                raise zlib.error("expected nothing behind the final block")
        elif last and len(found) <= most:
            found += expand.decompress(_TAIL, most + 1 - len(found))
        if len(found) > most:
            raise TooMuch
        if last and (self._client_forgets or expand.eof):  # a final block ends more than the message
            self._expand = None
        return found
