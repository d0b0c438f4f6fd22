"""Encodes the arguments of a test as a client sends them: query, header fields, body."""

from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from mimetypes import guess_type
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode

from sketch.http.fields import RawHeaders
from sketch.http.grammar import CONTROL, TOKEN
from sketch.jsoncodec import STDLIB

Fields = Mapping[str, Any] | Iterable[tuple[str, Any]]
"""Form or query fields. A list or tuple as value stands for several fields of that name."""
Params = Fields | str | None
"""Query fields, or a query as it is to be sent."""
Data = Fields | str | bytes | None
"""Form fields, or a text or bytes that are the whole body."""
FileContent = bytes | str | BinaryIO | Path
FileArgument = FileContent | tuple[str, FileContent] | tuple[str, FileContent, str]
"""What to upload: the content, with a file name and a media type if wanted."""
Files = Mapping[str, FileArgument] | Iterable[tuple[str, FileArgument]]
HeaderFields = Mapping[str, Any] | Iterable[tuple[str, Any]] | None
"""Header fields by name; values are text, bytes or numbers."""
BodyArgument = bytes | AsyncIterable[bytes] | None
Auth = tuple[str, str] | None
"""User and password of HTTP Basic authentication."""

BOUNDARY = "sketch-test-client-7f3a9c"
_BINARY = "application/octet-stream"


def encode_params(params: Params) -> bytes:
    """Query fields as they are sent. A text is a query already: only what no target can hold is percent-encoded."""
    if params is None:
        return b""
    if isinstance(params, str):
        return quote(params.removeprefix("?"), safe="/%:@!$&'()*+,;=~-._?").encode()
    return urlencode(list(_pairs("params", params))).encode()


def _items(what: str, fields: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(fields, Mapping):
        return fields.items()
    if isinstance(fields, str | bytes) or not isinstance(fields, Iterable):
        raise TypeError(f"expected {what} to be a mapping or pairs, got {fields!r:.200}")
    pairs = list(fields)
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(f"expected {what} to be pairs of name and value, got {pair!r:.200}")
    return pairs


def _pairs(what: str, fields: Fields) -> Iterable[tuple[str, str]]:
    for name, value in _items(what, fields):
        for one in value if isinstance(value, list | tuple) else [value]:
            if one is None or isinstance(one, Mapping):
                raise TypeError(f"expected a text or a number as value of {name!r:.200} in {what}, got {one!r:.200}")
            yield name, str(one).lower() if isinstance(one, bool) else str(one)


def check_method(method: object) -> str:
    """Return a method that a client can send.

    Raises:
        TypeError: if it is not text.
        ValueError: if it is not a token (RFC 9110 section 9.1).
    """
    if not isinstance(method, str):
        raise TypeError(f"expected a method of str, got {method!r:.200}")
    if not TOKEN.fullmatch(method):
        raise ValueError(f"expected a method like 'GET' (RFC 9110 section 9.1), got {method!r:.200}")
    return method


def check_cookies(cookies: Any) -> Mapping[str, str] | None:
    """Return the cookies of one request.

    Raises:
        TypeError: if they are not a mapping from text to text.
        ValueError: for a name or value that no `Cookie` field can hold.
    """
    if cookies is not None and not isinstance(cookies, Mapping):
        raise TypeError(f"expected cookies to be a mapping from names to values, got {cookies!r:.200}")
    for name, value in (cookies or {}).items():
        check_cookie(name, value)
    return cookies


def check_cookie(name: Any, value: Any) -> None:
    """Raise for a cookie that cannot be sent, as `check_cookies` does."""
    if not isinstance(name, str) or not isinstance(value, str):
        raise TypeError(f"expected name and value of a cookie to be str, got {name!r:.200} and {value!r:.200}")
    if not TOKEN.fullmatch(name) or ";" in value or CONTROL.search(value):
        raise ValueError(f"expected a cookie that can be sent (RFC 6265), got {name!r:.200}: {value!r:.200}")


def encode_headers(headers: HeaderFields) -> RawHeaders:
    """Header fields as bytes, names in lower case.

    Raises:
        ValueError: for a field no client could send.
        TypeError: for a name or a value that is neither text nor bytes nor a number.
    """
    return [_encode_field(name, value) for name, value in _items("headers", headers or {})]


def _encode_field(name: Any, value: Any) -> tuple[bytes, bytes]:
    name = name.decode("latin-1") if isinstance(name, bytes) else name
    if isinstance(value, bytes):
        text = value.decode("latin-1")
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        text = str(value)
    else:
        raise TypeError(f"expected the header field {name!r:.200} to be a text or a number, got {value!r:.200}")
    if not isinstance(name, str) or not TOKEN.fullmatch(name) or CONTROL.search(text):
        raise ValueError(
            f"expected a header field that can be sent (RFC 9110 section 5), got {name!r:.200}: {text!r:.200}"
        )
    try:
        return name.lower().encode(), text.strip(" \t").encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError(
            f"expected the header field {name!r:.200} in Latin-1, got {text!r:.200}: give bytes for another encoding"
        ) from None


def encode_auth(auth: Auth) -> RawHeaders:
    """The field of HTTP Basic authentication (RFC 7617), or none.

    Raises:
        ValueError: for anything but two texts, the first without a colon.
    """
    if auth is None:
        return []
    if not isinstance(auth, tuple) or len(auth) != 2 or not all(isinstance(part, str) for part in auth):
        raise ValueError("expected auth to be a tuple of user and password")
    if ":" in auth[0]:
        raise ValueError("expected a user without a colon (RFC 7617 section 2)")
    return [(b"authorization", b"Basic " + base64.b64encode(":".join(auth).encode()))]


def encode_body(body: BodyArgument, json: Any, data: Data, files: Files | None) -> tuple[BodyArgument, str | None]:
    """Return the body to send, and its media type if it has one.

    Raises:
        TypeError: when more than one kind of body is given, or one of a wrong type.
    """
    given = [name for name, value in (("body", body), ("json", json), ("data", data)) if value is not None]
    if len(given) > 1 or (files is not None and given not in ([], ["data"])):
        raise TypeError(f"expected one of body=, json=, data= (with or without files=), got {', '.join(given)}")
    if json is not None:
        return STDLIB.dumps(json), "application/json"
    if files is not None:
        if isinstance(data, str | bytes):
            raise TypeError(f"expected data beside files to be form fields, got {data!r:.200}")
        return _multipart(data or {}, files), f"multipart/form-data; boundary={BOUNDARY}"
    if data is not None:
        return _data(data)
    if body is None or isinstance(body, bytes | AsyncIterable):
        return body, None
    raise TypeError(f"expected body to be bytes or an async iterable of bytes, got {body!r:.200}: data= takes a str")


def _data(data: Fields | str | bytes) -> tuple[bytes, str]:
    if isinstance(data, str):
        return data.encode(), "text/plain; charset=utf-8"
    if isinstance(data, bytes):
        return data, _BINARY
    return urlencode(list(_pairs("data", data))).encode(), "application/x-www-form-urlencoded"


def _multipart(fields: Fields, files: Files) -> bytes:
    """Make a multipart body (RFC 7578). It is held in memory: tests upload small files."""
    out = bytearray()
    for name, value in _pairs("data", fields):
        out += _part_head(f'name="{_quoted(name)}"') + value.encode() + b"\r\n"
    for name, argument in _items("files", files):
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
    """Return file name, content and media type; what is not given is taken from the path or the open file."""
    if isinstance(argument, tuple):
        if len(argument) not in (2, 3):
            raise TypeError(f"expected the file {name!r:.200} to be (name, content) or (name, content, type)")
        filename, media_type = argument[0], argument[2] if len(argument) == 3 else _BINARY
        for text in (filename, media_type):
            if not isinstance(text, str):
                raise TypeError(f"expected name and type of the file {name!r:.200} to be str, got {text!r:.200}")
        if CONTROL.search(media_type):
            raise ValueError(
                f"expected a media type of the file {name!r:.200} that can be sent, got {media_type!r:.200}"
            )
        return filename, _content(name, argument[1]), media_type
    path = argument if isinstance(argument, Path) else getattr(argument, "name", None)
    if not isinstance(path, str | Path):  # an open descriptor has a number as its name
        return name, _content(name, argument), _BINARY
    filename = os.path.basename(path)  # noqa: PTH119 - a text or a Path
    return filename, _content(name, argument), guess_type(filename)[0] or _BINARY


def _content(name: str, content: FileContent) -> bytes:
    if isinstance(content, Path):
        return content.read_bytes()
    read: Any = getattr(content, "read", None)
    found = content if read is None else read()
    if isinstance(found, str):
        return found.encode()
    if not isinstance(found, bytes | bytearray | memoryview):
        raise TypeError(f"expected the file {name!r:.200} to be bytes, str, a path or an open file, got {found!r:.200}")
    return bytes(found)


async def single_chunk(data: bytes) -> AsyncIterator[bytes]:
    """A body of one chunk."""
    yield data
