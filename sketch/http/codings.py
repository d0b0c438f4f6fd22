"""Content codings (RFC 9110 section 8.4.1) by name: what compresses a body, and what expands one within bounds."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Protocol

INLINE = 32 * 1024
"""Bytes that are compressed, or expanded, in the event loop: about 0.3 ms, where a hop to a thread costs 0.06 ms."""

_STREAM_WINDOW = 17
"""Log2 of the bytes that a stream's compressor looks back. Streams are many and stay open: with the libraries' own
windows each would take up to 4.5 MiB, with this one 0.7 MiB (br), 0.3 MiB (zstd), and compress no worse."""

_MOST_WINDOW = 23
"""Log2 of the bytes that a zstd frame may make its reader remember: what RFC 9659 asks every recipient to offer."""

MOST_FRAMES = 1000
"""Frames or members in one body: their number, not their size, is what makes small ones costly."""


class Encoder(Protocol):
    """Compresses one stream."""

    def encode(self, data: bytes) -> bytes:
        """The data compressed, to its last byte: whoever receives it can read it at once."""
        ...

    def finish(self) -> bytes:
        """The end of the stream."""
        ...


class Frame(Protocol):
    """Expands one frame: a gzip member, a zstd frame, a brotli or zlib stream."""

    def expand(self, data: bytes, most: int) -> tuple[bytes, bytes]:
        """Up to about `most` bytes of output, and what is left of the input, to be given again."""
        ...

    more: bool
    """Whether there may be more output without more input."""
    ended: bool
    """Whether this was the frame's end; what is left of the input belongs to no part of it."""


@dataclass(frozen=True, slots=True)
class Coding:
    """One content coding.

    Args:
        name: as registered with IANA.
        levels: that its compressor has.
        level: what is good between the time it takes and the size that comes out.
        compress: `(data, level)` to a whole body.
        encoder: `(level)` to what compresses a stream.
        frame: makes what expands one frame.
        several: whether a body may be made of more than one frame.
        error: what the library raises for malformed data.
    """

    name: str
    levels: range
    level: int
    compress: Callable[[bytes, int], bytes]
    encoder: Callable[[int], Encoder]
    frame: Callable[[], Frame]
    several: bool
    error: type[Exception]


class Decoder:
    """Expands a body a bounded part at a time, however much is in it.

    Args:
        coding: of the body.
    """

    __slots__ = ("_coding", "_frame", "_frames", "_left")

    def __init__(self, coding: Coding) -> None:
        self._coding = coding
        self._frame: Frame | None = None
        self._frames = 0
        self._left = b""

    @property
    def pending(self) -> bool:
        """Whether there may be more output without more input: call `decode(b"", most)` until there is not."""
        return bool(self._left) or (self._frame is not None and self._frame.more)

    @property
    def complete(self) -> bool:
        """Whether what was given so far is a whole body; nothing at all is one, too."""
        return self._frame is None and not self._left

    def decode(self, data: bytes, most: int) -> bytes:
        """The next about `most` bytes of the expanded body; fewer, or none, where that needs more data.

        Raises:
            ValueError: for malformed data.
        """
        data = self._left + data if self._left else data
        frame = self._frame
        if frame is None:
            if not data:
                return b""
            frame = self._frame = self._begin()
        try:
            expanded, self._left = frame.expand(data, most)
        except self._coding.error as exc:
            raise ValueError(f"malformed {self._coding.name}: {exc}") from None
        if frame.ended:
            self._frame = None
        return expanded

    def _begin(self) -> Frame:
        if self._frames >= (MOST_FRAMES if self._coding.several else 1):
            raise ValueError(f"data after the end of the {self._coding.name} body")
        self._frames += 1
        return self._coding.frame()


# -- gzip and deflate ----------------------------------------------------------------------------------------------

_GZIP, _ZLIB = 31, 15  # zlib's `wbits`


class _ZlibEncoder:
    __slots__ = ("_inner",)

    def __init__(self, level: int, wbits: int) -> None:
        self._inner = zlib.compressobj(level, zlib.DEFLATED, wbits)

    def encode(self, data: bytes) -> bytes:
        return self._inner.compress(data) + self._inner.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._inner.flush()


class _ZlibFrame:
    __slots__ = ("_inner", "ended", "more")

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)
        self.more = self.ended = False

    def expand(self, data: bytes, most: int) -> tuple[bytes, bytes]:
        inner = self._inner
        expanded = inner.decompress(data, most)
        self.ended = inner.eof
        # It may have used all input and still be in the middle of a repetition.
        self.more = len(expanded) >= most and not self.ended
        return expanded, inner.unused_data if self.ended else inner.unconsumed_tail


def _by_zlib(name: str, wbits: int, *, several: bool) -> Coding:
    return Coding(
        name=name,
        levels=range(10),
        level=5,
        compress=lambda data, level: zlib.compress(data, level, wbits),
        encoder=lambda level: _ZlibEncoder(level, wbits),
        frame=lambda: _ZlibFrame(wbits),
        several=several,
        error=zlib.error,
    )


# -- brotli --------------------------------------------------------------------------------------------------------


class _BrotliEncoder:
    __slots__ = ("_inner",)

    def __init__(self, brotli: Any, level: int) -> None:
        self._inner = brotli.Compressor(quality=level, lgwin=_STREAM_WINDOW)

    def encode(self, data: bytes) -> bytes:
        compressed: bytes = self._inner.process(data) + self._inner.flush()
        return compressed

    def finish(self) -> bytes:
        end: bytes = self._inner.finish()
        return end


class _BrotliFrame:
    __slots__ = ("_inner", "ended", "more")

    def __init__(self, brotli: Any) -> None:
        self._inner = brotli.Decompressor()
        self.more = self.ended = False

    def expand(self, data: bytes, most: int) -> tuple[bytes, bytes]:
        expanded = self._inner.process(data, output_buffer_limit=most)
        self.ended = self._inner.is_finished()
        # It says that it takes more data also when it has used all input and not yet given all output.
        self.more = not self.ended and (len(expanded) >= most or not self._inner.can_accept_more_data())
        return expanded, b""


def _brotli() -> Coding:
    brotli: Any = import_module("brotli")
    return Coding(
        name="br",
        levels=range(12),
        level=4,
        compress=lambda data, level: brotli.compress(data, quality=level),
        encoder=lambda level: _BrotliEncoder(brotli, level),
        frame=lambda: _BrotliFrame(brotli),
        several=False,
        error=brotli.error,
    )


# -- zstd ----------------------------------------------------------------------------------------------------------


class _ZstdEncoder:
    __slots__ = ("_flush", "_inner")

    def __init__(self, zstd: Any, level: int) -> None:
        which = zstd.CompressionParameter
        options = {which.compression_level: level, which.window_log: _STREAM_WINDOW}
        options |= {which.hash_log: _STREAM_WINDOW - 2, which.chain_log: _STREAM_WINDOW - 2}
        self._inner = zstd.ZstdCompressor(options=options)
        self._flush = zstd.ZstdCompressor.FLUSH_BLOCK

    def encode(self, data: bytes) -> bytes:
        compressed: bytes = self._inner.compress(data, self._flush)
        return compressed

    def finish(self) -> bytes:
        end: bytes = self._inner.flush()
        return end


class _ZstdFrame:
    __slots__ = ("_inner", "ended", "more")

    def __init__(self, zstd: Any) -> None:
        self._inner = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _MOST_WINDOW})
        self.more = self.ended = False

    def expand(self, data: bytes, most: int) -> tuple[bytes, bytes]:
        inner = self._inner
        expanded = inner.decompress(data, most)
        self.ended = inner.eof
        self.more = not self.ended and not inner.needs_input
        return expanded, inner.unused_data if self.ended else b""


def _zstd() -> Coding:
    zstd: Any = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
    return Coding(
        name="zstd",
        levels=range(1, 20),  # from 20 on its windows are larger than every recipient has to offer (RFC 9659)
        level=3,
        compress=lambda data, level: zstd.compress(data, level=level),
        encoder=lambda level: _ZstdEncoder(zstd, level),
        frame=lambda: _ZstdFrame(zstd),
        several=True,
        error=zstd.ZstdError,
    )


# -- by name -------------------------------------------------------------------------------------------------------

_CODINGS: dict[str, Callable[[], Coding]] = {
    "zstd": _zstd,
    "br": _brotli,
    "gzip": lambda: _by_zlib("gzip", _GZIP, several=True),
    "deflate": lambda: _by_zlib("deflate", _ZLIB, several=False),  # as RFC 9110 section 8.4.1.2 has it
}
NAMES = tuple(_CODINGS)
"""Every coding that there may be, the preferred one first."""


@cache
def find_coding(name: str) -> Coding:
    """The coding of that name.

    Raises:
        ValueError: for an unknown name.
        RuntimeError: where its library is not installed.
    """
    if name not in _CODINGS:
        raise ValueError(f"expected a content coding of {', '.join(NAMES)}, got {name!r}")
    try:
        return _CODINGS[name]()
    except ImportError as exc:
        raise RuntimeError(f"the coding {name} needs a package: pip install 'sketch-web[compression]'") from exc


def installed_codings(names: Iterable[str] = NAMES) -> dict[str, Coding]:
    """Those of the names whose library is there."""
    found = {}
    for name in names:
        try:
            found[name] = find_coding(name)
        except RuntimeError:
            continue  # an extra that was not asked for
    return found
