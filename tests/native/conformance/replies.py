"""A strict parser for answers: everything that is not exactly HTTP/1.1 is noted as a fault."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9]\d\d) ([^\r\n\0]*)")
FIELD_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n\0]*?)[ \t]*")
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]+)\r\n")


@dataclass
class Reply:
    """One final answer."""

    status: int = 0
    fields: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    framing: str = "none"
    complete: bool = False
    interim: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name]

    def __str__(self) -> str:
        parts = [f"{self.status} [{self.framing}, {len(self.body)} B{'' if self.complete else ', INCOMPLETE'}]"]
        parts += [f"after {self.interim}"] if self.interim else []
        return " ".join([*parts, *self.faults])


def parse(data: bytes, methods: Sequence[str], *, ended: bool) -> tuple[list[Reply], bytes]:
    """All answers in the data, to requests of these methods (the last stands for all further ones), and the rest."""
    found: list[Reply] = []
    interim: list[int] = []
    while b"\r\n\r\n" in data:
        reply = Reply(interim=interim)
        data = _head(data, reply)
        if 100 <= reply.status < 200 and not reply.faults:
            interim = [*interim, reply.status]
            if reply.status != 101:
                continue
        found.append(reply)
        if reply.faults or reply.status == 101:
            return found, data
        interim = []
        data = _body(data, reply, methods[min(len(found), len(methods)) - 1], ended)
        if not reply.complete or reply.faults:
            break
    return found, data


def _head(data: bytes, reply: Reply) -> bytes:
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    if match := STATUS_LINE.fullmatch(first):
        reply.status = int(match[1])
    else:
        reply.faults.append(f"bad status line {first[:60]!r}")
    for line in lines:
        if match := FIELD_LINE.fullmatch(line):
            reply.fields.append((match[1].decode().lower(), match[2].decode("latin-1")))
        else:
            reply.faults.append(f"bad field line {line[:60]!r}")
    lengths, codings = reply.all("content-length"), reply.all("transfer-encoding")
    if len(lengths) + len(codings) > 1:
        reply.faults.append(f"more than one framing: {lengths} {codings}")
    if any(not length.isascii() or not length.isdigit() for length in lengths) or codings not in ([], ["chunked"]):
        reply.faults.append(f"bad framing: {lengths} {codings}")
    if (lengths or codings) and (reply.status < 200 or reply.status == 204):
        reply.faults.append(f"framing with {reply.status}")
    return rest


def _body(data: bytes, reply: Reply, method: str, ended: bool) -> bytes:
    if method == "HEAD" or reply.status in (204, 304):
        reply.complete = True
        return data
    if reply.all("transfer-encoding"):
        reply.framing = "chunked"
        return _chunked(data, reply)
    if lengths := reply.all("content-length"):
        reply.framing = "cl"
        size = int(lengths[0])
        reply.body = data[:size]
        reply.complete = len(reply.body) == size
        return data[size:]
    reply.framing = "close"
    reply.body, reply.complete = data, ended
    return b""


def _chunked(data: bytes, reply: Reply) -> bytes:
    """Decode by RFC 9112 section 7.1. No chunk extension and no trailer is expected of a server."""
    position, parts = 0, []
    while match := CHUNK_LINE.match(data, position):
        size = int(match[1], 16)
        start, position = match.end(), match.end() + size + 2
        if len(data) < position:
            parts.append(data[start : start + size])
            break
        if data[position - 2 : position] != b"\r\n":
            reply.faults.append(f"bad end of a chunk: {data[position - 2 : position]!r}")
            break
        if not size:
            reply.complete = True
            break
        parts.append(data[start : start + size])
    else:
        if b"\r\n" in data[position:]:
            reply.faults.append(f"bad chunk size {data[position : position + 40]!r}")
    reply.body = b"".join(parts)
    return data[position:] if reply.complete else b""
