"""A request whose header fields are converted when somebody asks for them: most handlers need none."""

from __future__ import annotations

from sketch.http.fields import RawHeaders
from sketch.request import Request
from sketch_rsgi.interfaces import Headers


class LazyFields:
    """The header fields of a request, still in the server's form.

    Args:
        headers: as the server gave them.
        host: the Host to add, None if there is one or none was sent: HTTP/2 has it elsewhere.
    """

    __slots__ = ("headers", "host")

    def __init__(self, headers: Headers, host: str | None) -> None:
        self.headers = headers
        self.host = host

    def convert(self) -> RawHeaders:
        """Return them as a request has them."""
        fields = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        return fields if self.host is None else [(b"host", self.host.encode()), *fields]


class LazyRequest(Request):
    """A `Request` that gets its fields as `LazyFields`, and converts them at the first use of `raw_headers`."""

    __slots__ = ("_fields", "_lazy")

    _fields: RawHeaders
    _lazy: LazyFields

    @property
    def raw_headers(self) -> RawHeaders:
        """The header fields, those of one name next to each other, names in lower case."""
        try:
            return self._fields
        except AttributeError:
            self._fields = self._lazy.convert()
            return self._fields

    @raw_headers.setter
    def raw_headers(self, fields: RawHeaders | LazyFields) -> None:
        if isinstance(fields, LazyFields):
            self._lazy = fields
        else:
            self._fields = fields
