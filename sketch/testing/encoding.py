"""Encodes the arguments of a test as a client sends them: target, header fields, body."""

from __future__ import annotations

import json as stdlib_json
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode

from sketch.http.fields import RawHeaders
from sketch.http.grammar import CONTROL, TOKEN

Fields = Mapping[str, Any] | Iterable[tuple[str, Any]]
"""Form or query fields. A list or tuple as value stands for several fields of that name."""
FileContent = bytes | str | BinaryIO
FileArgument = FileContent | tuple[str, FileContent] | tuple[str, FileContent, str]
"""What to upload: the content, with a file name and a media type if wanted."""
Files = Mapping[str, FileArgument] | Iterable[tuple[str, FileArgument]]
HeaderFields = Mapping[str, str] | Iterable[tuple[str, str]] | None
BodyArgument = bytes | AsyncIterable[bytes] | None

BOUNDARY = "sketch-test-client-7f3a9c"

_UNSAFE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"
_QUERY_SAFE = _PATH_SAFE + "?"


def encode_target(path: str | bytes, params: Fields | None = None) -> bytes:
    """A request target: unsafe characters percent-encoded, percent-encoded ones kept, the fragment dropped.

    `bytes` are sent as they are, to test what no well-behaved client sends.
    """
    if isinstance(path, bytes):
        return path + _query(b"?" in path, params)
    if not path.startswith("/") and path != "*":
        raise ValueError(f"expected a path that starts with '/', got {path!r}")
    text = _UNSAFE_PERCENT.sub("%25", path.partition("#")[0])
    path_part, mark, query = text.partition("?")
    target = quote(path_part, safe=_PATH_SAFE) + mark + quote(query, safe=_QUERY_SAFE)
    return target.encode() + _query(bool(mark), params)


def _query(has_query: bool, params: Fields | None) -> bytes:
    encoded = urlencode(list(_pairs(params)) if params is not None else [])
    return (("&" if has_query else "?") + encoded).encode() if encoded else b""


def _items(fields: Any) -> Iterable[tuple[str, Any]]:
    return fields.items() if isinstance(fields, Mapping) else fields


def _pairs(fields: Fields) -> Iterable[tuple[str, Any]]:
    for name, value in _items(fields):
        for one in value if isinstance(value, list | tuple) else [value]:
            yield name, one


def encode_headers(headers: HeaderFields) -> RawHeaders:
    """Header fields as bytes, names in lower case.

    Raises:
        ValueError: for a field no client could send.
    """
    return [_encode_field(name, value) for name, value in _items(headers or {})]


def _encode_field(name: str, value: str) -> tuple[bytes, bytes]:
    if not TOKEN.fullmatch(name) or CONTROL.search(value):
        raise ValueError(f"expected a header field that can be sent (RFC 9110 section 5), got {name!r}: {value!r}")
    return name.lower().encode(), value.strip(" \t").encode("latin-1")


def encode_body(
    body: BodyArgument, json: Any, data: Fields | None, files: Files | None
) -> tuple[BodyArgument, str | None]:
    """Return the body to send, and its media type if it has one.

    Raises:
        TypeError: when more than one kind of body is given, or one of a wrong type.
    """
    given = [name for name, value in (("body", body), ("json", json), ("data", data)) if value is not None]
    if len(given) > 1 or (files is not None and given not in ([], ["data"])):
        raise TypeError(f"expected one of body=, json=, data= (with or without files=), got {', '.join(given)}")
    if json is not None:
        return stdlib_json.dumps(json).encode(), "application/json"
    if files is not None:
        return _multipart(data or {}, files), f"multipart/form-data; boundary={BOUNDARY}"
    if data is not None:
        return urlencode(list(_pairs(data))).encode(), "application/x-www-form-urlencoded"
    if body is None or isinstance(body, bytes | AsyncIterable):
        return body, None
    raise TypeError(f"expected body to be bytes or an async iterable of bytes, got {body!r}")


def _multipart(fields: Fields, files: Files) -> bytes:
    """Make a multipart body (RFC 7578). It is held in memory: tests upload small files."""
    out = bytearray()
    for name, value in _pairs(fields):
        out += _part_head(f'name="{_quoted(name)}"') + str(value).encode() + b"\r\n"
    for name, argument in _items(files):
        filename, content, media_type = _file(name, argument)
        disposition = f'name="{_quoted(name)}"; filename="{_quoted(filename)}"'
        out += _part_head(disposition, media_type) + content + b"\r\n"
    return bytes(out + f"--{BOUNDARY}--\r\n".encode())


def _part_head(disposition: str, media_type: str | None = None) -> bytes:
    lines = [f"--{BOUNDARY}", f"Content-Disposition: form-data; {disposition}"]
    if media_type is not None:
        lines.append(f"Content-Type: {media_type}")
    return "\r\n".join([*lines, "", ""]).encode()


def _quoted(text: str) -> str:
    """Escape a quoted value as browsers do (RFC 7578 section 2 leaves it open)."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _file(name: str, argument: FileArgument) -> tuple[str, bytes, str]:
    media_type = "application/octet-stream"
    if not isinstance(argument, tuple):
        return name, _content(argument), media_type
    return argument[0], _content(argument[1]), argument[2] if len(argument) == 3 else media_type


def _content(content: FileContent) -> bytes:
    if isinstance(content, str):
        return content.encode()
    return content if isinstance(content, bytes) else content.read()


async def single_chunk(data: bytes) -> AsyncIterator[bytes]:
    """A body of one chunk."""
    yield data
