"""Parse a multipart body (RFC 7578) into the heads and contents of its parts, within the limits of a form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from multidict import CIMultiDict, CIMultiDictProxy

from sketch.exceptions import HTTPBadRequest, HTTPContentTooLarge, HTTPUnsupportedMediaType
from sketch.http.grammar import ATTR_CHARS
from sketch.http.media_types import parse_media_type, python_encoding, repeated_parameter
from sketch.request.forms.padding import PaddingFilter, TooMuchPadding

if TYPE_CHECKING:
    from sketch.request import Request

MULTIPART = "multipart/form-data"

MOST_HEADERS = 16
"""The most header fields of one part. RFC 7578 section 4.8 defines three; some clients add their own."""

# RFC 2046 section 5.1.1, which allows fewer characters than clients use.
_BOUNDARY = re.compile(r"[ -~]{0,69}[!-~]")
# As browsers and most clients write it: then nothing has to be looked for.
_USUAL = re.compile(r'form-data; name="[^"\\]+"(?:; filename="[^"\\]*")?')
# RFC 8187 section 3.2.1
_EXTENDED = re.compile(rf"([!#$%&+\-^_`{{}}~0-9A-Za-z]+)'[A-Za-z0-9-]*'([%{ATTR_CHARS}]*)")
_CODED = re.compile(r"%(?![0-9A-Fa-f]{2})")


class PartHead:
    """The head of a part: its header fields, and the values read from them.

    Raises:
        HTTPBadRequest: if the part has no name, more than one `Content-Disposition` or `Content-Type`, or a parameter
            twice in one of them.
    """

    __slots__ = ("_headers", "_lines", "content_type", "filename", "name")

    _headers: CIMultiDictProxy[str]

    def __init__(self, segment: Any) -> None:
        self._lines: list[tuple[str, str]] = segment.headerlist
        self.name: str = segment.name
        self.filename: str | None = segment.filename
        self.content_type: str = segment.content_type or ""
        disposition = self._lines[0][1]
        if len(self._lines) > 1:  # most heads have only Content-Disposition
            disposition = self._only("Content-Disposition")
            _check_repeated("Content-Type", self._only("Content-Type"))
        if not _USUAL.fullmatch(disposition):
            self._look_closely(disposition)

    def _only(self, name: str) -> str:
        values = [value for key, value in self._lines if key == name]
        if len(values) > 1:  # a filter in front of the server may read the other one
            raise malformed(f"expected one {name} in a part, got {len(values)}")
        return values[0] if values else ""

    def _look_closely(self, disposition: str) -> None:
        """Read RFC 8187 names, which RFC 7578 forbids but older clients send; refuse no name, and several."""
        _check_repeated("Content-Disposition", disposition)
        parameters = parse_media_type(disposition)[1]
        if ("name" in parameters) + ("name*" in parameters) != 1:
            raise malformed("expected a part with a name" + (", got it twice" if "name" in parameters else ""))
        self.name = _decode_extended(parameters.get("name*")) or self.name
        self.filename = _decode_extended(parameters.get("filename*")) or self.filename

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """All header fields."""
        try:
            return self._headers
        except AttributeError:
            self._headers = CIMultiDictProxy(CIMultiDict(self._lines))
            return self._headers

    @property
    def charset(self) -> str | None:
        """The charset of the part's media type, None if it has none."""
        if self.content_type:
            for name, value in self._lines:
                if name == "Content-Type":
                    return parse_media_type(value)[1].get("charset")
        return None

    @property
    def transfer_encoding(self) -> str | None:
        """The transfer encoding of the content, None if it is not encoded (RFC 7578 section 4.7: it should not be)."""
        if len(self._lines) == 1:
            return None
        for name, value in self._lines:
            if name == "Content-Transfer-Encoding" and value.strip(" \t").lower() not in ("7bit", "8bit", "binary"):
                return value
        return None


def _check_repeated(field: str, value: str) -> None:
    """Refuse a parameter that is given twice: which one counts would depend on who reads it."""
    name = repeated_parameter(value)
    if name is not None:
        raise malformed(f"expected the parameter {name:.50} once in {field}, got it again")


def _decode_extended(value: str | None) -> str | None:
    """Decode a parameter like `utf-8''na%C3%AFve` (RFC 8187 section 3.2.3); None if it is malformed."""
    match = _EXTENDED.fullmatch(value) if value is not None else None
    if match is None or _CODED.search(match[2]):
        return None
    encoding = python_encoding(match[1])
    try:
        return None if encoding is None else unquote_to_bytes(match[2]).decode(encoding)
    except UnicodeError:
        return None


Event = PartHead | bytes | None
"""The head of a part, a piece of its content, or None at its end."""


class Events:
    """Parses a request's multipart body, chunk by chunk, into events.

    Raises:
        HTTPUnsupportedMediaType: if the body is not `multipart/form-data`.
        HTTPBadRequest: if there is no boundary, an invalid one, or several.
        RuntimeError: if the parser is not installed.
    """

    __slots__ = ("_fields", "_files", "_limits", "_open", "_padding", "_parser", "_refused", "charset")

    def __init__(self, request: Request) -> None:
        if request.content_type != MULTIPART:
            raise unsupported(request, MULTIPART)
        boundary = request._media_type()[1].get("boundary")
        if boundary is None or not _BOUNDARY.fullmatch(boundary):
            raise malformed(f"expected a boundary of 1 to 70 characters, got {boundary!r:.200}")
        _check_repeated("Content-Type", (request.header(b"content-type") or b"").decode("latin-1"))
        self._padding = PaddingFilter(boundary.encode("ascii"))
        self._open = False  # whether a part has begun, of which the parser counts no bytes
        self.charset: str | None = None
        """The charset of texts if their parts do not name one; see `note_charset`."""
        self._limits = limits = request.limits
        self._fields = self._files = 0
        self._refused = parser().ParserLimitReached, parser().ParserError
        self._parser = parser().PushMultipartParser(
            boundary.encode("ascii"), max_header_size=limits.form_header_size, max_header_count=MOST_HEADERS
        )

    def push(self, chunk: bytes) -> Iterator[Event]:
        """Parse a non-empty chunk and yield the events in it. Exhaust the iterator before the next chunk.

        Raises:
            HTTPBadRequest: for a malformed body.
            HTTPContentTooLarge: for more parts, or larger heads, than the limits allow.
        """
        try:
            data = self._padding.feed(chunk)
        except TooMuchPadding as exc:
            raise malformed(str(exc)) from None
        if self._open and self._padding.content_only:
            return iter((data,) if data else ())  # the parser would look for a boundary once more
        return self._parse(data)

    def _parse(self, data: bytes) -> Iterator[Event]:
        limit_reached, error = self._refused
        try:
            for event in self._parser.parse(data) if data else ():
                if event is None:
                    self._open = False
                yield event if event is None or isinstance(event, bytes) else self._begin(event)
        except limit_reached:
            raise self._too_large_a_head() from None
        except error as exc:
            raise self._undecodable() if isinstance(exc.args[-1], UnicodeError) else malformed(exc.args[0]) from None

    def _begin(self, segment: Any) -> PartHead:
        limits = self._limits
        most = limits.form_header_size
        if most is not None and sum(len(name) + len(value) for name, value in segment.headerlist) > most:
            raise self._too_large_a_head()
        head = PartHead(segment)
        if head.filename is None:
            self._fields += 1
            if limits.form_fields is not None and self._fields > limits.form_fields:
                raise HTTPContentTooLarge(f"expected at most {limits.form_fields} fields in a form")
        else:
            self._files += 1
            if limits.form_files is not None and self._files > limits.form_files:
                raise HTTPContentTooLarge(f"expected at most {limits.form_files} files in a form")
        self._open = not any(name == "Content-Length" for name, _ in segment.headerlist)
        return head

    def _too_large_a_head(self) -> HTTPContentTooLarge:
        most = self._limits.form_header_size
        return HTTPContentTooLarge(f"expected parts with at most {MOST_HEADERS} header fields of {most} bytes together")

    def _undecodable(self) -> HTTPBadRequest:
        """The error for a name in another charset: browsers write them in that of the form, without saying which."""
        advice = "a form in another charset names it in a field _charset_ before the others"
        return malformed(f"the head of a part failed to decode as {self.charset or 'utf-8':.200}: {advice}")

    def end(self) -> None:
        """Note the end of the body.

        Raises:
            HTTPBadRequest: if the last boundary is missing.
        """
        for _ in self._parse(self._padding.rest()):
            pass  # no part ends in it, so the form is incomplete
        try:
            self._parser.close()
        except self._refused[1]:
            raise malformed("expected a boundary after the last part, got the end") from None

    def note_charset(self, charset: str) -> None:
        """Set the charset of the parts that follow, from the form's field `_charset_` (RFC 7578 section 4.6).

        Raises:
            HTTPBadRequest: for an unknown charset.
        """
        self._parser.header_charset = known_encoding(charset)
        self.charset = charset

    def text(self, head: PartHead, content: bytes) -> str:
        """Decode the content of a part. The field `_charset_` sets the charset of those after it.

        Raises:
            HTTPBadRequest: for an unknown charset and for bytes that are invalid in it.
        """
        charset = head.charset or self.charset or "utf-8"
        text = decode(content, charset, head.name)
        if head.name == "_charset_" and head.filename is None:
            self.note_charset(text)
        return text


def malformed(reason: str) -> HTTPBadRequest:
    """Return the error for a malformed form."""
    return HTTPBadRequest(f"expected a form in {MULTIPART}: {reason}")


def unsupported(request: Request, *accepted: str) -> HTTPUnsupportedMediaType:
    """Return the error for a body of another media type, with the accepted ones (RFC 9110 section 15.5.16)."""
    return HTTPUnsupportedMediaType(
        f"expected a form in {' or '.join(accepted)}, got {request.content_type!r:.200}",
        headers={"Accept": ", ".join(accepted)},
    )


def known_encoding(charset: str) -> str:
    """Return Python's name of a charset.

    Raises:
        HTTPBadRequest: for an unknown charset.
    """
    encoding = python_encoding(charset)
    if encoding is None:
        raise HTTPBadRequest(f"expected a known charset, got {charset!r:.200}")
    return encoding


def decode(content: bytes, charset: str, name: str) -> str:
    """Decode the name or value of a field; `name` is the field's, for the error.

    Raises:
        HTTPBadRequest: for an unknown charset and for bytes that are invalid in it.
    """
    try:
        return content.decode(known_encoding(charset))
    except UnicodeError as exc:
        raise HTTPBadRequest(f"expected the field {name!r:.200} in {charset:.200}: {exc}") from None


@lru_cache
def parser() -> Any:
    """Import the module with the parser.

    Raises:
        RuntimeError: if it is not installed, or another module has its name.
    """
    advice = "reading multipart forms needs the package multipart: pip install 'sketch-web[forms]'"
    try:
        module: Any = import_module("multipart")
    except ModuleNotFoundError as exc:
        raise RuntimeError(advice) from exc
    if not hasattr(module, "PushMultipartParser"):
        raise RuntimeError(f"{advice}; the one at {module.__file__} is another, perhaps of an old python-multipart")
    return module
