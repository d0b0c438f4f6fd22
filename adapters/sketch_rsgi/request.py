"""A request whose header fields are converted when somebody asks for them: most handlers need none."""

from __future__ import annotations

from typing import Protocol

from sketch.http.fields import RawHeaders
from sketch.request import Request
from sketch_rsgi.interfaces import Headers, TextFields


class LazyFields(Protocol):
    """Header fields in the server's form."""

    def items(self) -> TextFields:
        """Return all of them."""
        ...


class WithHost:
    """The header fields of a request of HTTP/2, whose host stands elsewhere.

    Args:
        headers: as the server gave them.
        host: the Host to add.
    """

    __slots__ = ("_headers", "_host")

    def __init__(self, headers: Headers, host: str) -> None:
        self._headers = headers
        self._host = host

    def items(self) -> TextFields:
        """Return all of them."""
        return [("host", self._host), *self._headers.items()]


def converted(fields: LazyFields) -> RawHeaders:
    """Return header fields as a request has them."""
    return [(name.encode(), value.encode()) for name, value in fields.items()]


class LazyRequest(Request):
    """A `Request` that gets its fields in the server's form, and converts them at the first use of `raw_headers`."""

    __slots__ = ("_fields", "_lazy")

    _fields: RawHeaders
    _lazy: LazyFields

    @property
    def raw_headers(self) -> RawHeaders:
        """The header fields, those of one name next to each other, names in lower case."""
        try:
            return self._fields
        except AttributeError:
            self._fields = converted(self._lazy)
            return self._fields

    @raw_headers.setter
    def raw_headers(self, fields: RawHeaders | LazyFields) -> None:
        if isinstance(fields, list):
            self._fields = fields
        else:
            self._lazy = fields
