"""Read forms in `application/x-www-form-urlencoded` (WHATWG URL, section 5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from multidict import MultiDict

from sketch.concurrency.threads import file_threads
from sketch.exceptions import HTTPContentTooLarge
from sketch.request.forms.events import decode

if TYPE_CHECKING:
    from sketch.limits import Limits
    from sketch.request import Request

URLENCODED = "application/x-www-form-urlencoded"

INLINE = 32 * 1024
"""Bytes up to which a body is decoded in the event loop, in 10 ms at worst; a larger one is decoded in a thread."""


async def read_urlencoded(request: Request) -> MultiDict[str]:
    """Read the fields of a request's body.

    Raises:
        HTTPBadRequest: for an unknown charset and for bytes that are invalid in it.
        HTTPContentTooLarge: for more, or larger, fields than the limits allow. Else as `Request.read`.
    """
    limits = request.limits
    _check_size(request.content_length or 0, limits)
    body = await request.read()
    _check_size(len(body), limits)
    if len(body) <= INLINE:
        return parse_urlencoded(body, request.charset, limits)
    return await file_threads.run(parse_urlencoded, body, request.charset, limits)


def _check_size(size: int, limits: Limits) -> None:
    most = limits.form_memory
    if most is not None and size > most:
        raise HTTPContentTooLarge(f"expected a form with fields of at most {most} bytes together")


def parse_urlencoded(body: bytes, charset: str | None, limits: Limits) -> MultiDict[str]:
    """Parse the fields, in their order. A malformed percent-encoding stands for itself.

    Args:
        body: the body of the request.
        charset: the parameter of its media type; default: the value of a field `_charset_`, else UTF-8.
        limits: for the number of fields and the size of each.

    Raises:
        HTTPBadRequest: for an unknown charset and for bytes that are invalid in it.
        HTTPContentTooLarge: for more, or larger, fields than the limits allow.
    """
    most = limits.form_fields
    if most is not None and body.count(b"&") >= most:
        raise HTTPContentTooLarge(f"expected at most {most} fields in a form")
    pairs = [pair.partition(b"=") for pair in body.split(b"&") if pair]
    if charset is None and b"_charset_=" in body:
        charset = next(
            (unquote_to_bytes(value).decode("latin-1") for name, _, value in pairs if name == b"_charset_"), None
        )
    charset = charset or "utf-8"
    form: MultiDict[str] = MultiDict()
    for name, _, value in pairs:
        key = decode(_unquote(name), charset, "")
        form.add(key, decode(_content(value, limits), charset, key))
    return form


def _unquote(text: bytes) -> bytes:
    """Decode `+` and percent-encoding; most text has neither."""
    if b"+" in text:
        text = text.replace(b"+", b" ")
    return unquote_to_bytes(text) if b"%" in text else text


def _content(value: bytes, limits: Limits) -> bytes:
    content = _unquote(value)
    if limits.form_field_size is not None and len(content) > limits.form_field_size:
        raise HTTPContentTooLarge(f"expected fields of at most {limits.form_field_size} bytes")
    return content
