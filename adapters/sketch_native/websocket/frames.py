"""Parses websocket frames (RFC 6455 section 5) into messages, and builds frame heads. The module does no I/O.

`FrameReader` is fed bytes and calls a sink. The `websockets` package removes the masks. Its protocol object is not
used, because it handles only complete frames: invalid UTF-8 would be found too late. Each idle connection would also
have to keep one.
"""

from __future__ import annotations

import struct
import zlib
from codecs import getincrementaldecoder
from io import StringIO
from typing import Protocol

from sketch.websocket import INVALID, NO_CODE, TOO_BIG, is_close_code
from sketch_native.websocket.deflate import Deflate, TooMuch

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without a compiled wheel
    from websockets.utils import apply_mask

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
"""Opcodes."""
_FIN, _RSV1, _RSV23, _MASKED = 0x80, 0x40, 0x30, 0x80
_WHOLE_TEXT, _WHOLE_BINARY = _FIN | TEXT, _FIN | BINARY
_LONGEST_CONTROL = 125

PROTOCOL_ERROR = 1002

_NOTHING = bytearray()

_decoder = getincrementaldecoder("utf-8")


def frame_head(opcode: int, size: int, *, compressed: bool = False) -> bytes:
    """Build the head of a frame that holds a whole message, unmasked as a server sends it."""
    first = _FIN | opcode | (_RSV1 if compressed else 0)
    if size <= _LONGEST_CONTROL:
        return bytes((first, size))
    return struct.pack("!BBH", first, 126, size) if size < 0x10000 else struct.pack("!BBQ", first, 127, size)


class FrameError(Exception):
    """The peer has broken the websocket protocol or exceeded a limit.

    Args:
        code: the code to close with.
        reason: the reason to close with, for people.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Sink(Protocol):
    """The receiver of a frame reader's events."""

    def on_message(self, message: str | bytes) -> None:
        """Called with a complete message. The sink may call `hold()`."""

    def on_ping(self, payload: bytes) -> None:
        """Called with the payload of a ping, which the peer wants back."""

    def on_close(self, code: int, reason: str) -> None:
        """Called when the peer closes; nothing more is read. The code is 1005 where the frame has none."""


class _Text:
    """Assembles a text message from its parts; invalid UTF-8 is found at once."""

    __slots__ = ("_decoder", "_out")

    def __init__(self) -> None:
        self._decoder = _decoder()
        self._out = StringIO()

    def add(self, data: bytes) -> None:
        self._out.write(self._decoder.decode(data))

    def end(self) -> str:
        self._decoder.decode(b"", final=True)
        return self._out.getvalue()


class _Binary(bytearray):
    """Assembles a binary message from its parts."""

    __slots__ = ()

    def add(self, data: bytes) -> None:
        self.extend(data)

    def end(self) -> bytes:
        return bytes(self)


class FrameReader:
    """Parses the frames of a client: strictly, in any segmentation, and never more of a message than its limit.

    Args:
        sink: receives messages and control frames.
        max_message: bytes of a message at most, after decompression.
        deflate: the compression that was agreed on, None without.
    """

    __slots__ = (
        "_closed",
        "_compressed",
        "_data",
        "_first",
        "_held",
        "_left",
        "_mask",
        "_max",
        "_message",
        "_rest",
        "_sink",
        "_size",
        "deflate",
    )

    def __init__(self, sink: Sink, max_message: int, deflate: Deflate | None = None) -> None:
        self.deflate = deflate
        self._sink = sink
        self._max = max_message
        self._rest = b""
        self._held = self._closed = False
        # The current frame, where it did not come in one piece, or is only a part of a message.
        self._left = -1
        self._first = 0
        self._mask = b""
        self._data = _NOTHING
        # The current message, of which the current frame is a part.
        self._message: _Text | _Binary | None = None
        self._compressed = False
        self._size = 0

    def hold(self) -> None:
        """Pause: bytes that come are kept unparsed."""
        self._held = True

    def go_on(self) -> None:
        """Resume, beginning with the bytes that were kept.

        Raises:
            FrameError: as in `feed`.
        """
        self._held = self._closed
        self.feed(b"")

    def feed(self, data: bytes) -> None:
        """Parse the next bytes.

        Raises:
            FrameError: if they break the protocol or a limit. What was complete before that has reached the sink.
        """
        if self._rest:
            data = self._rest + data
            self._rest = b""
        position, size = 0, len(data)
        while position < size and not self._held:
            if self._left >= 0:
                position = self._go_on(data, position)
                continue
            if size - position < 2:
                break
            first, second = data[position], data[position + 1]
            length = second & 0x7F
            start = position + 6
            if length > _LONGEST_CONTROL:
                start += 2 if length == 126 else 8
                if second >= _MASKED and size < start:
                    break
                length, short = int.from_bytes(data[position + 2 : start - 4]), length == 126
                if length <= (_LONGEST_CONTROL if short else 0xFFFF):
                    raise FrameError(PROTOCOL_ERROR, "expected a length in as few bytes as possible")
            end = start + length
            if (
                end <= size
                and first in (_WHOLE_TEXT, _WHOLE_BINARY)
                and second >= _MASKED
                and length <= self._max
                and self._message is None
            ):
                # Most messages are one frame that came in one piece: as below, in a third of the time.
                payload: bytes = apply_mask(data[start:end], data[start - 4 : start])
                position = end
                self._sink.on_message(payload if first == _WHOLE_BINARY else _decoded(payload))
                continue
            self._begin(first, second, length)
            if size < start:
                break
            self._first, self._left, self._mask = first, length, data[start - 4 : start]
            self._data = bytearray()
            position = self._go_on(data, start)
        if position < size and not self._closed:
            self._rest = data[position:]

    def _begin(self, first: int, second: int, length: int) -> None:
        """Check the head of a frame before anything of its payload is read."""
        opcode = first & 0x0F
        if second < _MASKED:
            raise FrameError(PROTOCOL_ERROR, "expected a masked frame")
        if first & _RSV23 or (first & _RSV1 and (self.deflate is None or opcode not in (TEXT, BINARY))):
            raise FrameError(PROTOCOL_ERROR, "reserved bits are set")
        if opcode in (CLOSE, PING, PONG):
            if length > _LONGEST_CONTROL or first < _FIN:
                raise FrameError(PROTOCOL_ERROR, "control frame too long or fragmented")
            return
        if opcode not in (CONT, TEXT, BINARY):
            raise FrameError(PROTOCOL_ERROR, f"unknown opcode {opcode}")
        if (opcode == CONT) != (self._message is not None):
            raise FrameError(PROTOCOL_ERROR, "a message goes on that has not begun, or begins in another one")
        if self._size + length > self._max:
            raise FrameError(TOO_BIG, f"message over {self._max} bytes")

    def _go_on(self, data: bytes, position: int) -> int:
        """Parse more of the current frame. Returns the position behind the bytes that were taken."""
        part = data[position : position + self._left]
        if part:
            self._left -= len(part)
            mask, turn = self._mask, len(part) % 4
            self._mask = mask[turn:] + mask[:turn]
            part = apply_mask(part, mask)
        opcode = self._first & 0x0F
        if opcode in (TEXT, BINARY) and self._message is None:
            self._message = _Text() if opcode == TEXT else _Binary()
            self._compressed = bool(self._first & _RSV1)
        if opcode > BINARY or self._compressed:
            self._data += part
        else:
            self._add(part)
        if not self._left:
            self._left = -1
            self._end(opcode)
        return position + len(part)

    def _end(self, opcode: int) -> None:
        """Act on the current frame, which is complete."""
        data, self._data = bytes(self._data), _NOTHING
        if opcode > BINARY:
            self._control(opcode, data)
            return
        if self._compressed:
            self._add(self._expanded(data))
        if self._first >= _FIN:
            assert self._message is not None
            message, self._message = self._message, None
            self._size = 0
            self._compressed = False
            try:
                whole = message.end()
            except UnicodeDecodeError as exc:
                raise _invalid(exc) from None
            self._sink.on_message(whole)

    def _add(self, part: bytes) -> None:
        assert self._message is not None
        self._size += len(part)
        try:
            self._message.add(part)
        except UnicodeDecodeError as exc:
            raise _invalid(exc) from None

    def _expanded(self, data: bytes) -> bytes:
        assert self.deflate is not None
        try:
            return self.deflate.expand(data, self._max - self._size, last=self._first >= _FIN)
        except TooMuch:
            raise FrameError(TOO_BIG, f"message over {self._max} bytes") from None
        except zlib.error:
            raise FrameError(PROTOCOL_ERROR, "expected compressed data") from None

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self._sink.on_ping(payload)
        elif opcode == CLOSE:
            code, reason = _parse_close(payload)
            self._held = self._closed = True
            self._rest = b""
            self._sink.on_close(code, reason)


def _decoded(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError as exc:
        raise _invalid(exc) from None


def _invalid(exc: UnicodeDecodeError) -> FrameError:
    return FrameError(INVALID, f"expected UTF-8: {exc.reason}")


def _parse_close(payload: bytes) -> tuple[int, str]:
    """Return code and reason of a close frame."""
    if not payload:
        return NO_CODE, ""
    code, reason = int.from_bytes(payload[:2]), _decoded(payload[2:])
    if len(payload) < 2 or not is_close_code(code):
        raise FrameError(PROTOCOL_ERROR, "invalid close code")
    return code, reason
