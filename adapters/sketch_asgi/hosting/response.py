"""Responses whose header fields are bytes already: what another framework has answered."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from multidict import CIMultiDict

from sketch.response import Response

if TYPE_CHECKING:
    from sketch.transport import Body, RawHeaders

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# Makes a space of each byte that no field value may have (RFC 9110 section 5.5), a letter of any other: one pass in C.
_SORTED = bytes(ord(" ") if (byte < 0x20 and byte != 0x09) or byte == 0x7F else ord("a") for byte in range(256))
_TYPE, _LENGTH, _FRAMING = b"content-type", b"content-length", b"transfer-encoding"
_MOST_KNOWN = 512
_LONGEST_KNOWN = 128
_known: set[tuple[bytes, bytes]] = set()
"""Fields that were looked at before and may go out as they are, none of them framing: most of what an application sends
is the same again and again."""


class RawFields(list[tuple[bytes, bytes]]):
    """Header fields as they came, which nobody has looked at yet."""

    __slots__ = ()

    def copy(self) -> RawFields:
        """The same fields once more."""
        return RawFields(self)

    def encoded(self) -> tuple[RawHeaders, int | None]:
        """The fields as they may go out, and the Content-Length among them, which is left out.

        So is Transfer-Encoding: framing is the server's.

        Raises:
            TypeError: for names and values that are no bytes.
            ValueError: for a field that cannot be sent.
        """
        fields: RawHeaders = []
        declared: int | None = None
        for field in self:
            if type(field) is tuple and field in _known:
                fields.append(field)
                continue
            name, value = field
            key = name if name == _LENGTH else _lower(name)
            if key == _LENGTH:
                if not value.isdigit() or (declared is not None and declared != int(value)):
                    raise ValueError(f"expected one Content-Length of digits, got {value!r}")
                declared = int(value)
            elif key != _FRAMING:
                field = (key, _checked(key, value))
                if len(_known) < _MOST_KNOWN and len(value) < _LONGEST_KNOWN:
                    _known.add(field)
                fields.append(field)
        return fields, declared

    def decoded(self) -> CIMultiDict[str]:
        """The fields as text, without Transfer-Encoding.

        Raises:
            TypeError, ValueError: as `encoded`.
        """
        fields = [(_lower(name), _checked(name, value)) for name, value in self]
        return CIMultiDict([(key.decode(), value.decode("latin-1")) for key, value in fields if key != _FRAMING])


def media_type_alone(fields: Iterable[tuple[bytes, bytes]], size: int) -> tuple[bytes, bytes] | None:
    """The media type, where there is nothing but that and a Content-Length of this size; None for all else.

    Most answers have no other fields; one that was never seen before is not looked at here.
    """
    kind: tuple[bytes, bytes] | None = None
    for field in fields:
        if type(field) is tuple and field[0] == _TYPE and kind is None and field in _known:
            kind = field
        elif field[0] != _LENGTH or field[1] != b"%d" % size:
            return None
    return kind


def _lower(name: bytes) -> bytes:
    if not isinstance(name, bytes):
        raise TypeError(f"expected header names of bytes, got {name!r}")
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"expected a header name of token characters (RFC 9110 section 5.1), got {name!r}")
    return name.lower()


def _checked(name: bytes, value: bytes) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError(f"expected header values of bytes, got {value!r} for {name!r}")
    if b" " in value.translate(_SORTED):  # a space itself is none
        raise ValueError(f"expected no control characters in header {name!r} (RFC 9110 section 5.5), got {value!r}")
    return value


class RawResponse(Response):
    """An answer as another framework gives it. Its fields become a multidict only when somebody looks at them.

    Args:
        status: of the answer.
        fields: names and values; their order is kept, and so are doubles.
        body: as it is sent.
    """

    __slots__ = ()

    def __init__(self, status: int, fields: Iterable[tuple[bytes, bytes]], body: Body) -> None:
        self.status = status
        self.body = body
        self.owner = None
        self._background = ()
        self._content_type = None
        # In the multidict's place: `finalize` knows the two apart, and everybody else asks for `headers`.
        self._headers = RawFields(fields)  # type: ignore[assignment]

    @property
    def headers(self) -> CIMultiDict[str]:
        """The header fields, mutable. Content-Length is added when the response is sent."""
        fields: object = self._headers
        if isinstance(fields, RawFields):
            self._headers = fields.decoded()
        return cast("CIMultiDict[str]", self._headers)

    @property
    def content_type(self) -> str | None:
        """The media type with its parameters, None where there is none."""
        return self.headers.get("Content-Type")

    @content_type.setter
    def content_type(self, value: str) -> None:
        self.headers["Content-Type"] = value
