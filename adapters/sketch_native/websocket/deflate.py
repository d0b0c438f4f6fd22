"""The permessage-deflate extension (RFC 7692) for one websocket. The module does no I/O."""

from __future__ import annotations

import zlib

_TAIL = b"\x00\x00\xff\xff"
"""The bytes that end a flushed block; they are left out of the last frame of a message (section 7.2.1)."""

_PADDING = b"\x00"
"""The octet behind a final block; together with the tail it is an empty block (section 7.2.3.4)."""

_MEMORY_LEVEL = 5


class TooMuch(Exception):
    """The decompressed data exceeds its limit."""


class Deflate:
    """Compresses and decompresses messages; the zlib objects, and their memory, exist only from the first use on.

    Args:
        client_bits, server_bits: the compression window of that side, as the base-2 logarithm of its bytes.
        client_no_context_takeover, server_no_context_takeover: whether that side begins each message with an empty
            window (RFC 7692 section 7.1.1).
    """

    __slots__ = ("_client_bits", "_client_forgets", "_compress", "_expand", "_server_bits", "_server_forgets")

    def __init__(
        self,
        *,
        client_bits: int,
        server_bits: int,
        client_no_context_takeover: bool = False,
        server_no_context_takeover: bool = False,
    ) -> None:
        self._client_bits = client_bits
        self._server_bits = server_bits
        self._client_forgets = client_no_context_takeover
        self._server_forgets = server_no_context_takeover
        self._compress: zlib._Compress | None = None
        self._expand: zlib._Decompress | None = None

    def compress(self, message: bytes) -> bytes:
        """Return the payload of the only frame of a message."""
        compress = self._compress
        if compress is None:
            compress = zlib.compressobj(wbits=-self._server_bits, memLevel=_MEMORY_LEVEL)
            self._compress = None if self._server_forgets else compress
        return (compress.compress(message) + compress.flush(zlib.Z_SYNC_FLUSH)).removesuffix(_TAIL)

    def expand(self, payload: bytes, most: int, *, last: bool) -> bytes:
        """Decompress the payload of a frame.

        Args:
            payload: the whole payload of one frame.
            most: bytes that may come out at most.
            last: whether it is the message's last frame.

        Raises:
            TooMuch: if more than `most` bytes come out.
            zlib.error: if the payload is no compressed data.
        """
        expand = self._expand
        if expand is None:
            expand = self._expand = zlib.decompressobj(wbits=-self._client_bits)
        found = expand.decompress(payload, most + 1)
        if expand.eof:  # only the octet of section 7.2.3.4 may follow a final block; zlib would keep any bytes
            if expand.unused_data not in (b"", _PADDING):
                raise zlib.error("expected nothing behind the final block")
        elif last and len(found) <= most:
            found += expand.decompress(_TAIL, most + 1 - len(found))
        if len(found) > most:
            raise TooMuch
        if last and (self._client_forgets or expand.eof):  # a final block ends the object's stream, too
            self._expand = None
        return found
