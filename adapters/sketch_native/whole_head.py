"""Reads a segment that is exactly one head of the usual shape, as most requests are, without a call per field.

llhttp checks every byte, as it does for any other request. What the general way learns from callbacks is found here by
a pattern for the request line and a look at the fields that decide on framing, destination and connection. Whatever is
not of the usual shape, or not valid, is left to the general way (`RequestParser`), which alone refuses. A head that is
byte for byte the last one of the connection is known, and not read again.
"""

from __future__ import annotations

import re

import httptools

from sketch.http.fields import RawHeaders
from sketch.http.grammar import valid_authority
from sketch.serving.server_limits import ServerLimits

END = b"\r\n\r\n"
"""The end of a head."""

KEPT = 4 * 1024
"""Bytes that a connection keeps at most of its last head, as received and as fields."""

_PER_FIELD = 160
"""Bytes that a field takes beside its characters: a tuple, and two objects of bytes. A head takes as much."""

_METHODS = {b"GET": "GET", b"HEAD": "HEAD", b"DELETE": "DELETE", b"OPTIONS": "OPTIONS"}
"""Methods whose requests mostly have no body."""

# The target in origin form, of visible ASCII without the mark of a fragment.
_LINE = re.compile(rb'(GET|HEAD|DELETE|OPTIONS) (/[!"$-~]*) HTTP/1\.1(?=\r\n)')


def _any_case(name: str) -> str:
    """Return a pattern of a name in any case: sets of two letters match faster than without regard to case."""
    return "".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in name)


# The value of each Host, and nothing for each line that needs the general way: a field of which llhttp or the general
# way takes notice, a line that continues the one before, an empty line before the last. A line begins behind any LF, so
# that a bare one hides nothing; llhttp refuses it, as it does a bare CR.
_DECIDING = re.compile(
    (
        r"\n(?=[ \t\rCcEeHhPpTtUu])(?:"  # most lines are left here
        rf"{_any_case('host')}(?::([^\r\n]*)|[ \t])|[ \t]|\r\n(?!\Z)"
        rf"|{_any_case('con')}(?!nection: [Kk]eep-[Aa]live\r)"
        rf"(?:{_any_case('nection')}|{_any_case('tent-length')})[ \t]*:"
        rf"|{_any_case('expect')}[ \t]*:|{_any_case('proxy-connection')}[ \t]*:"
        rf"|{_any_case('transfer-encoding')}[ \t]*:|{_any_case('upgrade')}[ \t]*:)"
    ).encode()
)


class FieldBlock:
    """The header fields of a head as received. Immutable: the requests of a connection that send the same share it.

    Args:
        raw: the bytes from the end of the request line to the end of the head.
    """

    __slots__ = ("_fields", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._fields: tuple[tuple[bytes, bytes], ...] | None = None

    def __call__(self) -> RawHeaders:
        """Return the fields, in a list of the caller's own."""
        fields = self._fields
        if fields is None:
            lines = [line.partition(b":") for line in self.raw[2:-4].split(b"\r\n")]
            fields = self._fields = tuple([(name.lower(), value.strip()) for name, _, value in lines])
        return list(fields)


_NONE = FieldBlock(b"")


class WholeHeads:
    """Reads the heads of one connection that come whole, and keeps the fields of the last one for the next.

    Args:
        limits: the limits of the server. A head that may exceed one is left to the general way.
    """

    __slots__ = (
        "_found",
        "_head",
        "_last",
        "_longest_target",
        "_most",
        "_most_fields",
        "_parser",
        "_room",
        "_unended",
        "on_message_complete",
    )

    def __init__(self, limits: ServerLimits) -> None:
        self._longest_target, self._most_fields = limits.target, limits.headers
        # The general way counts two bytes per field for `: `, of which one may be missing.
        self._most = limits.head - limits.headers
        self._last = _NONE
        self._room = 0
        """Bytes that may be kept beside `_last`; fewer than 0 if even that could not be kept."""
        self._head = b""
        """The last head, once its fields have come again."""
        self._found: tuple[str, bytes, FieldBlock] | None = None
        """What `read` has returned for `_head`."""
        self._unended: list[None] = []
        """One entry while llhttp has not seen the end of the head that it was given."""
        self.on_message_complete = self._unended.pop
        """The only callback of llhttp: fails at the second end, with an error of httptools."""
        self._parser: httptools.HttpRequestParser | None = None

    def read(self, data: bytes) -> tuple[str, bytes, FieldBlock] | None:
        """Return method, target and fields of the head that these bytes are; None for what is left to the general way.

        Args:
            data: a segment that begins where a request may begin.
        """
        if data == self._head:  # what llhttp and the checks below say depends on nothing but these bytes
            return self._found
        if data[-4:] != END or len(data) > self._most:
            return None
        line = _LINE.match(data)
        if line is None:
            return None
        raw = data[line.end() :]
        block, count = self._last, 0
        if raw != block.raw:
            count = self._count(raw)
            if not count:
                return None
            block = FieldBlock(raw)
        method, target = line.groups()
        if len(target) > self._longest_target or not self._is_request(data):
            return None
        found = _METHODS[method], target, block
        if count:
            self._keep_fields(block, KEPT - 2 * len(raw) - _PER_FIELD * count)
        elif len(data) + len(target) + _PER_FIELD <= self._room:
            self._head, self._found = data, found
        return found

    def _is_request(self, data: bytes) -> bool:
        """Whether llhttp takes the bytes for exactly one complete request."""
        unended = self._unended
        unended.append(None)
        try:
            (self._parser or self._new_parser()).feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._forget()
            return False
        if unended:
            self._forget()
            return False
        return True

    def _keep_fields(self, block: FieldBlock, room: int) -> None:
        """Keep the fields of a head for the next one, if there is room for them."""
        self._last = block if room >= 0 else _NONE
        self._room = room
        self._head = b""
        self._found = None

    def _count(self, raw: bytes) -> int:
        """Return how many fields these are, within the limits and with one valid Host; 0 if any leaves a question."""
        count = raw.count(b"\n") - 2
        hosts = _DECIDING.findall(raw)
        if count > self._most_fields or len(hosts) != 1 or not hosts[0] or not valid_authority(hosts[0].strip()):
            return 0
        return count

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = self._parser = httptools.HttpRequestParser(self)
        return parser

    def _forget(self) -> None:
        """Drop a parser that may not stand at the start of a request."""
        self._parser = None
        self._unended.clear()
