"""Applies the HTTP rules that all adapters share: turns a response into what goes on the wire."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, cast

from sketch.http.fields import (
    content_type_field,
    encode_fields,
    has_validators,
    is_checked,
    is_conditional,
    known_content_type,
    known_fields,
    known_length,
    length_field,
    validated_fields,
)
from sketch.http.status import check_status
from sketch.pipeline.resources import keep_unsent, release_to_adapter
from sketch.response import Response
from sketch.streams.stream import StreamBody
from sketch.transport import FileBody, RawHeaders, WireResponse

if TYPE_CHECKING:
    from sketch.request import BaseRequest
    from sketch.websocket.response import WebSocketResponse


_new = object.__new__  # calling the class, with its arguments, takes three times as long


def finalize(request: BaseRequest, response: Response) -> WireResponse:
    """Apply the HTTP rules that all adapters share, and return what goes on the wire.

    Content-Length (RFC 9110 section 8.6), no content for HEAD, 204, 205 and 304 (sections 9.3.2 and 15), 304 and 412 by
    the conditions of a GET or HEAD, if the response has an ETag or a Last-Modified (section 13). The response
    is only read: another request may be sending it. What the exchange has to close or begin at its end is added to
    `request.at_end`.

    Raises:
        TypeError, ValueError, RuntimeError: as `check_response` does.
    """
    body = response.body
    # Short ways out: CPython 3.11 cannot specialise a comparison before a jump that is a longer one.
    if response.status != 200 or not isinstance(body, bytes) or request.method == "HEAD":
        return _finalize_any(request, response)
    # Most responses, to which few of the rules apply: does what `_finalize_any` does in half the time.
    headers, kind = response._headers, response._content_type
    length = len(body)
    size = known_length(length) or length_field(length)
    fields: RawHeaders | None
    if headers is None:
        fields = [size] if kind is None else [known_content_type(kind) or content_type_field(kind), size]
    else:
        fields = known_fields(headers, response._encoded)
        if fields is None:
            fields = validated_fields(headers, response._encoded)
            if fields is None or is_conditional(request.raw_headers):
                return _finalize_any(request, response)
        fields.append(size)
    if response._background:
        return _finalize_any(request, response)
    wire = _new(WireResponse)
    wire.status = 200
    wire.payload = body
    wire.length = length
    wire.switch = None
    wire.plain = headers is None and kind is not None
    wire.fields = fields
    return wire


def _finalize_any(request: BaseRequest, response: Response) -> WireResponse:
    """Finalize any response: see `finalize`."""
    status, body = response.status, response.body
    if status == 101 and response.switches and request.is_websocket:
        wire = _finalize_switch(response)
    else:
        headers = response._headers
        if status == 200 and headers is not None and has_validators(headers) and is_conditional(request.raw_headers):
            from sketch.pipeline.conditions import by_conditions  # few requests are conditional

            response = by_conditions(request, response)
        wire = _finalize_content(request, response)
        if response.body is not body:
            keep_unsent(request, body)
    if response._background:
        request.at_end.background = response._background
    return wire


def is_sendable(response: Response) -> bool:
    """Whether a response certainly passes `check_response`, as most do: a 200 of bytes, its fields as given."""
    fields = response._headers
    return (
        response.status == 200
        and isinstance(response.body, bytes)
        and (fields is None or is_checked(fields, response._encoded))
    )


def check_response(request: BaseRequest, response: Response) -> None:
    """Check that a response can be sent, without taking its body: what passes, `finalize` takes.

    Raises:
        ValueError: for a status that is not final, a header that cannot be sent (CR, LF, NUL, a name that is no token:
            response splitting), or a Content-Length that is not the body's.
        TypeError: for a status that is no int, a body that is neither bytes nor an async iterable, and a header value
            that is not text.
        RuntimeError: for an iterator that was already sent.
    """
    if response.status == 101 and response.switches and request.is_websocket:
        _finalize_switch(response)
        return
    check_status(response.status)
    body = response.body
    length = len(body) if isinstance(body, bytes) else _length_of(body)
    if response._headers is not None:
        _, declared = encode_fields(response._headers, response._encoded)
        if declared is not None:
            _agreed_length(request, length, declared)


def _finalize_content(request: BaseRequest, response: Response) -> WireResponse:
    status, body = check_status(response.status), response.body
    length = len(body) if isinstance(body, bytes) else _take(request, body)
    if response._headers is None:
        fields = [] if response._content_type is None else [content_type_field(response._content_type)]
    else:
        fields, declared = encode_fields(response._headers, response._encoded)
        if declared is not None:
            length = _agreed_length(request, length, declared)
    payload = body
    if status in (204, 205, 304) or request.method == "HEAD":
        payload = b""
    if status in (204, 304):
        length = None
    elif status == 205:
        length = 0
    if length is not None:
        fields.append(length_field(length))
    if payload is body:
        release_to_adapter(request, body)
    else:
        keep_unsent(request, body)
    return WireResponse(status, fields, payload, length, False, None)


def _agreed_length(request: BaseRequest, length: int | None, declared: int) -> int:
    """Return the declared Content-Length, where the size of the body allows it."""
    if length is None or (length == 0 and request.method == "HEAD") or declared == length:
        return declared
    raise ValueError(f"expected Content-Length {length}, the size of the body, got {declared}")


def _finalize_switch(response: Response) -> WireResponse:
    """Finalize a 101 (RFC 9110 section 15.2.2); the handshake's own fields and framing are left to the adapter."""
    fields, _ = ([], None) if response._headers is None else encode_fields(response._headers, response._encoded)
    for name, _ in fields:
        if name.startswith(b"sec-websocket-") or name in (b"connection", b"upgrade"):
            raise ValueError(
                f"expected no {name.decode()} from the application: the handshake is the server's, remove it"
            )
    return WireResponse(101, fields, b"", None, False, cast("WebSocketResponse", response))


def _take(request: BaseRequest, body: FileBody | AsyncIterable[bytes]) -> int | None:
    """Claim a body for the request, and return its length, None if it is unknown."""
    length = _length_of(body)
    if isinstance(body, StreamBody):
        body.claim(request)
        request.reenter()
    return length


def _length_of(body: FileBody | AsyncIterable[bytes]) -> int | None:
    """Return the length of a body, None if it is unknown."""
    if isinstance(body, FileBody):
        return body.count
    if isinstance(body, StreamBody):
        body.check_unsent()
    elif not hasattr(body, "__aiter__"):
        raise TypeError(f"expected response.body to be bytes or an async iterable of bytes, got {body!r:.200}")
    return None
