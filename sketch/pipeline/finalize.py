"""Applies the HTTP rules that all adapters share: turns a response into what is sent."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import TYPE_CHECKING

from sketch.http.fields import content_type_field, encode_fields, known_content_type, known_length, length_field
from sketch.response import Response
from sketch.streams.stream import StreamBody
from sketch.transport import FileBody

if TYPE_CHECKING:
    from sketch.request import Request


def finalize(request: Request, response: Response) -> None:
    """Apply the HTTP rules that all adapters share, and put the result into slots that only adapters read.

    Sets `raw_headers`, `length`, `payload` and `plain`: Content-Length (RFC 9110 section 8.6), no content for HEAD,
    204, 205 and 304 (sections 9.3.2 and 15); and the request's `background`. It changes nothing that a handler can
    see, so a response may be finalized again.

    Raises:
        ValueError: for a status that is not final, a header that cannot be sent (CR, LF, NUL, a name that is no token:
            response splitting), or a Content-Length that is not the body's.
        TypeError: for a body that is neither bytes nor an async iterable, and for a header value that is not text.
        RuntimeError: for an iterator that was already sent.
    """
    status = response.status
    body = response.body
    if status == 200 and response._headers is None and isinstance(body, bytes) and request.method != "HEAD":
        # Most responses, to which few of the rules apply: does what follows below in two thirds of the time.
        kind = response._content_type
        response.payload = body
        response.length = len(body)
        size = known_length(response.length) or length_field(response.length)
        response.plain = kind is not None
        response.raw_headers = [size] if kind is None else [known_content_type(kind) or content_type_field(kind), size]
        return
    response.plain = False
    if status == 101 and response.switches and request.is_websocket:
        _finalize_switch(request, response)
        return
    if not 200 <= status <= 999:
        raise ValueError(f"expected a final status from 200 to 999, got {status!r}")
    length = len(body) if isinstance(body, bytes) else _take(request, body)
    if response._headers is None:
        fields = [] if response._content_type is None else [content_type_field(response._content_type)]
    else:
        fields, declared = encode_fields(response._headers)
        if declared is not None:
            if length is None or (length == 0 and request.method == "HEAD"):
                length = declared
            elif declared != length:
                raise ValueError(f"expected Content-Length {length}, the size of the body, got {declared}")
    if status in (204, 304):
        length = None
        response.payload = b""
    elif status == 205:
        length = 0
        response.payload = b""
    else:
        response.payload = b"" if request.method == "HEAD" else body
    if length is not None:
        fields.append(length_field(length))
    response.raw_headers = fields
    response.length = length
    request.background = response._background


def _finalize_switch(request: Request, response: Response) -> None:
    """Finalize a 101 (RFC 9110 section 15.2.2); the handshake's own fields and framing are left to the adapter."""
    fields, _ = ([], None) if response._headers is None else encode_fields(response._headers)
    for name, _ in fields:
        if name.startswith(b"sec-websocket-") or name in (b"connection", b"upgrade"):
            raise ValueError(
                f"expected no {name.decode()} from the application: the handshake is the server's, remove it"
            )
    response.raw_headers = fields
    response.payload = b""
    response.length = None
    request.background = response._background


def _take(request: Request, body: FileBody | AsyncIterable[bytes]) -> int | None:
    """Claim a body for the request, and return its length, None if it is unknown."""
    if isinstance(body, FileBody):
        return body.count
    if isinstance(body, StreamBody):
        body.claim(request)
        request.reenter()
    elif not hasattr(body, "__aiter__"):
        raise TypeError(f"expected response.body to be bytes or an async iterable of bytes, got {body!r}")
    return None
