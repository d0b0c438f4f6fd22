"""The head of a request: what the client sent before the body, decoded when it is first used."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiDictProxy

from sketch.exceptions import HTTPBadRequest
from sketch.http.cookies import parse_cookies
from sketch.http.fields import RawHeaders
from sketch.http.grammar import Address
from sketch.http.media_types import parse_media_type
from sketch.limits import Limits
from sketch.tls import TLSInfo
from sketch.transport import Connection

if TYPE_CHECKING:
    from datetime import datetime

    from yarl import URL

_ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")


def read_host(sent: bytes | None, server: Address | None) -> str:
    """Return host and port that a request is for: those in its `Host`, without one the address of the server."""
    if sent and sent[:1] != b":":  # with an empty host, the URL of a path `//evil/x` would have the host `evil`
        return sent.decode("latin-1")
    if server is None:
        return "localhost"
    name = f"[{server[0]}]" if ":" in server[0] else server[0]
    return f"{name}:{server[1]}" if server[1] else name


def _parse_query(text: str, most: int | None) -> list[tuple[str, str]]:
    """Return the fields of a query; raises ValueError for too many. Nothing to decode takes a quarter of the time."""
    if "%" in text or "+" in text:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=most)
    if text and most is not None and text.count("&") >= most:
        raise ValueError("too many fields")
    found = []
    for field in text.split("&"):
        if field:
            name, _, value = field.partition("=")
            found.append((name, value))
    return found


class RequestHead:
    """The views of a request's head: target, header fields, and what the connection says of the client.

    `BaseRequest.begin` sets the slots without an underscore. The slot of a lazy view stays unset until its first use:
    an unset slot costs nothing to make, and a set one is read as fast as a plain attribute.
    """

    __slots__ = (
        "_authority",
        "_content_type",
        "_cookies",
        "_headers",
        "_host",
        "_query",
        "_raw_headers",
        "_url",
        "connection",
        "http_version",
        "method",
        "query_string",
        "raw_path",
        "root_path",
        "target",
    )

    _authority: str | None  # set: to test an unset slot takes as long as ten lines of code
    _content_type: tuple[str, dict[str, str]]
    _cookies: Mapping[str, str]
    _headers: CIMultiDictProxy[str]
    _host: str
    _query: MultiDictProxy[str]
    _raw_headers: RawHeaders | Callable[[], RawHeaders]
    _url: URL

    method: str
    """The method as sent; methods are case-sensitive (RFC 9110 section 9.1)."""
    target: bytes
    """The request target as sent: `/path?query`, an absolute URL, or `*`."""
    http_version: str
    """`"1.0"`, `"1.1"`, `"2"` or `"3"`."""
    connection: Connection
    """The connection to the peer."""
    root_path: str
    """The prefix under which the current application is reachable, percent-encoded."""
    raw_path: str
    """The path below `root_path`, percent-encoded."""
    query_string: str
    """The query as sent, without the question mark; empty if there is none."""

    @property
    def limits(self) -> Limits:
        """What the client may send; the class of the request says it."""
        raise NotImplementedError

    def _origin_form(self, target: bytes) -> bytes:
        """Return path and query of an absolute target (RFC 9112 section 3.2); keep its authority as host. `*` stays."""
        match = _ABSOLUTE.match(target)
        if match is None:
            return target
        if match[1][:1] not in (b"", b":"):
            self._authority = match[1].decode("latin-1")
        rest = target[match.end() :]
        return rest if rest[:1] == b"/" else b"/" + rest

    @property
    def raw_headers(self) -> RawHeaders:
        """The header fields in the order received, names in lower case."""
        fields = self._raw_headers
        if callable(fields):
            fields = self._raw_headers = fields()
        return fields

    @raw_headers.setter
    def raw_headers(self, fields: RawHeaders) -> None:
        self._raw_headers = fields

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """The header fields; names are case-insensitive, bytes are decoded as Latin-1."""
        try:
            return self._headers
        except AttributeError:
            fields = CIMultiDict(
                [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.raw_headers]
            )
            self._headers = CIMultiDictProxy(fields)
            return self._headers

    def header(self, name: bytes) -> bytes | None:
        """Return the first field of that lower-case name as bytes, without building `headers`."""
        for key, value in self.raw_headers:
            if key == name:
                return value
        return None

    def combined_header(self, name: bytes) -> bytes | None:
        """Return all fields of that lower-case name, joined to one list (RFC 9110 section 5.3), or None."""
        values = [value for key, value in self.raw_headers if key == name]
        return b", ".join(values) if values else None

    @property
    def path(self) -> str:
        """The path, percent-decoded once, without `root_path`. Bytes that are not UTF-8 become U+FFFD."""
        return unquote(self.raw_path)

    @property
    def query(self) -> MultiDictProxy[str]:
        """The query parameters, decoded; blank values are kept.

        Raises:
            HTTPBadRequest: for more fields than `limits.query_fields`.
        """
        try:
            return self._query
        except AttributeError:
            most = self.limits.query_fields
            try:
                pairs = _parse_query(self.query_string, most)
            except ValueError:
                raise HTTPBadRequest(f"expected at most {most} query fields") from None
            self._query = MultiDictProxy(MultiDict(pairs))
            return self._query

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies. Several `Cookie` fields, as HTTP/2 may send them, are read as one."""
        try:
            return self._cookies
        except AttributeError:
            sent = [value.decode("latin-1") for name, value in self.raw_headers if name == b"cookie"]
            self._cookies = parse_cookies("; ".join(sent)) if sent else {}
            return self._cookies

    @property
    def scheme(self) -> str:
        """`"http"` or `"https"`."""
        return self.connection.scheme

    @property
    def tls(self) -> TLSInfo | None:
        """What the server knows of the TLS session: version, cipher, the client's certificate. None without TLS.

        It is that of the connection to this server: behind a proxy, the proxy's.
        """
        return self.connection.tls

    @property
    def host(self) -> str:
        """Host and port as sent by the client; if it sent none (HTTP/1.0), the address it connected to."""
        try:
            return self._host
        except AttributeError:
            self._host = self.named_host or read_host(self.header(b"host"), self.connection.server)
            return self._host

    @property
    def named_host(self) -> str | None:
        """The host that replaces the one in `Host`: of an absolute target, or as a trusted proxy says; else None."""
        return self._authority

    @property
    def url(self) -> URL:
        """The full URL, `root_path` included."""
        try:
            return self._url
        except AttributeError:
            from yarl import URL  # imported when the application starts

            # Built from parts: in a string, `evil` of a path `//evil/x` would be parsed as the host.
            path = "" if self.raw_path == "*" else self.root_path + self.raw_path  # RFC 9110 section 7.1
            query = self.query_string
            self._url = URL.build(scheme=self.scheme, authority=self.host, path=path, query_string=query, encoded=True)
            return self._url

    @property
    def client(self) -> Address | None:
        """The peer's address; None on a unix socket."""
        return self.connection.client

    @property
    def trailers(self) -> CIMultiDictProxy[str]:
        """The trailer fields, complete once the body is read. They are never merged into `headers`."""
        fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.connection.trailers]
        return CIMultiDictProxy(CIMultiDict(fields))

    @property
    def content_length(self) -> int | None:
        """The announced size of the body in bytes, None if it is not announced."""
        sent = self.header(b"content-length")
        # int() may refuse more digits than any size has; the bytes are counted as they arrive anyway.
        return int(sent) if sent is not None and sent.isdigit() and len(sent) < 20 else None

    @property
    def content_type(self) -> str:
        """The media type of the body in lower case, without parameters; empty if none is given."""
        return self._media_type()[0]

    @property
    def charset(self) -> str | None:
        """The charset parameter of the media type, None if it has none."""
        return self._media_type()[1].get("charset")

    def _media_type(self) -> tuple[str, dict[str, str]]:
        try:
            return self._content_type
        except AttributeError:
            self._content_type = parse_media_type((self.header(b"content-type") or b"").decode("latin-1"))
            return self._content_type

    def accept(self, *media_types: str) -> str | None:
        """Return the one of these media types that the client accepts best (RFC 9110 section 12.5.1), None for none.

            match request.accept("text/html", "application/json"): ...

        The answer depends on the field then: say so by `Vary: Accept`. A client without the field accepts everything,
        and malformed members of it are skipped.

        Args:
            media_types: what you can send, your preferred one first. Parameters (`; charset=utf-8`) are not compared.

        Raises:
            TypeError: for a media type that is no text.
            ValueError: without any, and for one without a slash, or with a star.
        """
        from sketch.http.negotiation import choose_media_type, offered_types  # seldom needed

        offered = offered_types(media_types)
        chosen = choose_media_type(self.combined_header(b"accept"), offered)
        return None if chosen is None else offered[chosen]

    def check_preconditions(
        self, *, etag: str | None = None, last_modified: datetime | float | None = None, required: bool = False
    ) -> None:
        """Check the request's conditions before it is carried out (RFC 9110 section 13).

        In PUT, PATCH and DELETE they prevent lost updates: `If-Match` names the state that the client has seen, and
        `If-None-Match: *` creates only what is not there yet. In GET and HEAD they spare you to make a response that
        the client has already; those that have an ETag or a Last-Modified become a 304 also without this.

        Args:
            etag: the entity tag of the state that there is now, quoted: `'"v1"'`.
            last_modified: the time of its last change, or seconds since 1970. Without this and an entity tag, there is
                no such resource yet.
            required: whether to refuse a request of another method without `If-Match` and `If-Unmodified-Since`, or
                `If-None-Match`.

        Raises:
            HTTPPreconditionFailed: if a condition is false (412).
            HTTPNotModified: for GET and HEAD, if the client has this state already (304).
            HTTPPreconditionRequired: if one is required and there is none (428, RFC 6585 section 3).
            ValueError: for a malformed entity tag.
            TypeError: for a time of another type.
        """
        from sketch.request.preconditions import check  # seldom needed

        check(self.method, self.raw_headers, etag, last_modified, required)

    def replace_origin(self, connection: Connection, host: str) -> None:
        """Replace the connection and the host, before anything uses them.

        For middleware that knows the client better than the server does, as behind a proxy.
        """
        self.connection = connection
        self._authority = self._host = host
        if hasattr(self, "_url"):
            del self._url
