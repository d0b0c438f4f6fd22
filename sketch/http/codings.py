"""Content codings (RFC 9110 section 8.4.1) by name: encoders compress a body, decoders expand it within bounds."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Protocol

INLINE = 32 * 1024
"""Bytes up to which a body is coded in the event loop: it takes about 0.3 ms, and a hop to a thread costs 0.06 ms."""

_STREAM_WINDOW = 17
"""Log2 of the window, in bytes, of a stream's compressor. Many streams stay open at once: each takes up to 4.5 MiB with
the default windows, but 0.7 MiB (br) or 0.3 MiB (zstd) with this one, and compresses no worse."""

_MOST_WINDOW = 23
"""Log2 of the largest window, in bytes, of a zstd frame: the size that RFC 9659 asks every recipient to support."""

MOST_FRAMES = 1000
"""The most frames (gzip members) in one body: each costs time, however small it is."""


class Encoder(Protocol):
    """An encoder: compresses one stream."""

    def encode(self, data: bytes) -> bytes:
        """Compress the data and flush it: the client can decode all of it at once."""
        ...

    def finish(self) -> bytes:
        """Return the end of the stream."""
        ...


class Frame(Protocol):
    """A decoder of one frame: a gzip member, a zstd frame, a brotli or zlib stream."""

    def expand(self, data: bytes, most: int) -> tuple[bytes, bytes]:
        """Return up to about `most` bytes of output, and the input that is left, to be passed in again."""
        ...

    more: bool
    """Whether there may be more output without more input."""
    ended: bool
    """Whether the frame has ended; the input that is left is not part of it."""


@dataclass(frozen=True, slots=True)
class Coding:
    """One content coding: its name, its levels, and how to compress and expand with it.

    Args:
        name: as registered with IANA.
        levels: the levels of its compressor.
        level: the default, a compromise between time and size.
        compress: `(data, level)` to the compressed body.
        encoder: `(level)` to an encoder of a stream.
        frame: makes a decoder of one frame.
        several: whether a body may have more than one frame.
        error: the exception that the library raises for malformed data.
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
    """Expands a body in parts of bounded size, however large the whole is.

    Args:
        coding: the coding of the body.
    """

    __slots__ = ("_coding", "_frame", "_frames", "_left")

    def __init__(self, coding: Coding) -> None:
        self._coding = coding
        self._frame: Frame | None = None
        self._frames = 0
        self._left = b""

    @property
    def pending(self) -> bool:
        """Whether there may be more output without more input: call `decode(b"", most)` until this is False."""
        return bool(self._left) or (self._frame is not None and self._frame.more)

    @property
    def complete(self) -> bool:
        """Whether the data so far is a whole body. So is no data at all."""
        return self._frame is None and not self._left

    def decode(self, data: bytes, most: int) -> bytes:
        """Return about `most` more bytes of the expanded body; fewer, or none, if more data is needed.

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
        # zlib may have used all input and still be in the middle of a repetition.
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
        # brotli claims to accept more data even when it has used all input but not yet returned all output.
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
        levels=range(1, 20),  # from 20 on, windows exceed what every recipient must support (RFC 9659)
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
    "deflate": lambda: _by_zlib("deflate", _ZLIB, several=False),  # in the zlib format (RFC 9110 section 8.4.1.2)
}
NAMES = tuple(_CODINGS)
"""All supported codings, the preferred one first."""


@cache
def find_coding(name: str) -> Coding:
    """Return the coding of that name.

    Raises:
        ValueError: for an unknown name.
        RuntimeError: if its library is not installed.
    """
    if name not in _CODINGS:
        raise ValueError(f"expected a content coding of {', '.join(NAMES)}, got {name!r:.200}")
    try:
        return _CODINGS[name]()
    except ImportError as exc:
        raise RuntimeError(f"the coding {name} needs a package: pip install 'sketch-web[compression]'") from exc


def installed_codings(names: Iterable[str] = NAMES) -> dict[str, Coding]:
    """Return the codings, by name, that have their library installed."""
    found = {}
    for name in names:
        try:
            found[name] = find_coding(name)
        except RuntimeError:
            continue  # an optional dependency
    return found
