"""The request of an exchange: what the client sent, decoded when it is first used."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload
from urllib.parse import parse_qsl, unquote

from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiDictProxy
from yarl import URL

from sketch.concurrency import threads
from sketch.exceptions import HTTPBadRequest, HTTPException, HTTPUnprocessableContent
from sketch.http.cookies import parse_cookies
from sketch.http.fields import RawHeaders
from sketch.http.grammar import Address
from sketch.http.media_types import parse_media_type, python_encoding
from sketch.jsoncodec import ValidationError, loads_as
from sketch.keys import RequestKey, Values
from sketch.limits import Limits
from sketch.request.body import BrokenBody, KeptBody, LimitedBody, too_large
from sketch.transport import Body, BodyReader, ClientDisconnected, Connection

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.lifecycle.background import Work
    from sketch.request.forms import Form, Multipart
    from sketch.results import Endpoint
    from sketch.routing import Mount, Route
    from sketch.transport import Closable

    Place = tuple[Application, str, str, "Place | None"]

T = TypeVar("T")
D = TypeVar("D")

_ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")


class Request:
    """The request that a client sent. An adapter makes one per exchange.

    Args:
        method: as sent; methods are case-sensitive (RFC 9110 section 9.1).
        target: the request target as sent: `/path?query`, an absolute URL, or `*`.
        raw_headers: fields in the order received, names in lower case.
        version: `"1.0"`, `"1.1"`, `"2"` or `"3"`.
        root_path: the prefix under which the application is reachable. It is removed once from a target that has it.
        body: the body as it arrives, None if none is announced.
        connection: the connection to the peer.

    Middleware may set further attributes for handlers: `request.user = user`, or, typed by a `RequestKey`,
    `request[USER] = user`.
    """

    # The slot of a lazy view stays unset until its first use: an unset slot costs nothing to make, and a set one is
    # read as fast as a plain attribute.
    __slots__ = (
        "__dict__",
        "_authority",
        "_body",
        "_content_type",
        "_cookies",
        "_form",
        "_headers",
        "_innermost",
        "_outer",
        "_query",
        "_reader",
        "_state",
        "_url",
        "_values",
        "app",
        "background",
        "connection",
        "endpoint",
        "error",
        "files",
        "has_body",
        "http_version",
        "id",
        "match_info",
        "method",
        "miss",
        "query_string",
        "raw_headers",
        "raw_path",
        "root_path",
        "route",
        "sends_whole",
        "target",
    )

    is_websocket: ClassVar[bool] = False
    """Whether this is the handshake of a websocket; see `WebSocketRequest`."""

    _authority: str
    _body: bytes | None  # None: not read yet, or streamed and not kept
    _content_type: tuple[str, dict[str, str]]
    _cookies: Mapping[str, str]
    _form: Form
    _headers: CIMultiDictProxy[str]
    _innermost: Place
    _outer: Place | None
    _query: MultiDictProxy[str]
    _state: dict[str, Any]
    _url: URL
    _values: Values

    app: Application
    """The application that handles the request."""
    route: Route | None
    """The matched route, None if none matched."""
    match_info: Mapping[str, Any]
    """The path parameters, converted."""
    sends_whole: Callable[[Request, CIMultiDict[str], int], bool]
    """Returns whether a file with these fields and of this size is sent as a whole, whatever ranges are asked for.
    Set by middleware that transforms the content; called in a thread."""
    id: str
    """The request's name in the logs. Set by the middleware `RequestID`, unset without it."""
    has_body: bool
    """Whether a body was announced; it may still be empty."""
    endpoint: Endpoint
    """The endpoint that answers the request: the matched route's chain, or one that ends in 404 or 405."""
    error: Exception | None
    """The exception that became a 500, for logs and tests."""
    miss: HTTPException
    """The error that says why no route matched; unset if one did."""
    background: tuple[Work, ...]
    """The response's background work. The adapter calls `begin_background` once the response is sent."""
    files: tuple[Body | Closable, ...]
    """Bodies and files opened for the response or for a form. Each is sent or closed when the request is finished."""

    def __init__(
        self,
        method: str,
        target: bytes,
        raw_headers: RawHeaders,
        *,
        version: str = "1.1",
        root_path: str = "",
        body: BodyReader | None = None,
        connection: Connection,
    ) -> None:
        self.begin(method, target, raw_headers, version, root_path, body, connection)

    def begin(
        self,
        method: str,
        target: bytes,
        raw_headers: RawHeaders,
        version: str,
        root_path: str,
        body: BodyReader | None,
        connection: Connection,
    ) -> None:
        """Initialize the request. Adapters call it after `Request.__new__`, in two thirds of the constructor's time.

        Calling a class packs keyword arguments into a dict and unpacks them again; calling a method does not.
        """
        self.method = method
        self.target = target
        self.raw_headers = raw_headers
        self.http_version = version
        self.root_path = root_path
        self.connection = connection
        self._reader = body
        self.has_body = body is not None
        self._body = None if body is not None else b""
        if target[:1] != b"/":
            target = self._origin_form(target)
        path = target.decode("latin-1")
        if "?" in path:
            path, _, self.query_string = path.partition("?")
        else:  # most targets have no query: no split for them
            self.query_string = ""
        if root_path and (path == root_path or path.startswith(root_path + "/")):
            path = path[len(root_path) :] or "/"
        self.raw_path = path
        self.route = None
        self.error = None
        self.files = ()
        self.background = ()

    def _origin_form(self, target: bytes) -> bytes:
        """Return path and query of an absolute target (RFC 9112 section 3.2); keep its authority as host. `*` stays."""
        match = _ABSOLUTE.match(target)
        if match is None:
            return target
        if match[1][:1] not in (b"", b":"):
            self._authority = match[1].decode("latin-1")
        rest = target[match.end() :]
        return rest if rest[:1] == b"/" else b"/" + rest

    # -- the head ---------------------------------------------------------------------------------------------------

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
                pairs = parse_qsl(self.query_string, keep_blank_values=True, max_num_fields=most)
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
    def host(self) -> str:
        """Host and port as sent by the client; if it sent none (HTTP/1.0), the address it connected to."""
        try:
            return self._authority
        except AttributeError:
            sent = self.header(b"host")
            server = self.connection.server
            if sent and sent[:1] != b":":  # with an empty host, the URL of a path `//evil/x` would have the host `evil`
                self._authority = sent.decode("latin-1")
            elif server is None:
                self._authority = "localhost"
            else:
                name = f"[{server[0]}]" if ":" in server[0] else server[0]
                self._authority = f"{name}:{server[1]}" if server[1] else name
            return self._authority

    @property
    def url(self) -> URL:
        """The full URL, `root_path` included."""
        try:
            return self._url
        except AttributeError:
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
    def state(self) -> dict[str, Any]:
        """The state of the application's lifespan: this request's own shallow copy."""
        try:
            return self._state
        except AttributeError:
            self._state = dict(self.connection.state)
            return self._state

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

    @property
    def limits(self) -> Limits:
        """The limits of the matched route, by default those of the application."""
        if self.route is not None and self.route.limits is not None:
            return self.route.limits
        return self.app.limits

    def replace_origin(self, connection: Connection, host: str) -> None:
        """Replace the connection and the host, before anything uses them.

        For middleware that knows the client better than the server does, as behind a proxy.
        """
        self.connection = connection
        self._authority = host
        if hasattr(self, "_url"):
            del self._url

    # -- values by key ----------------------------------------------------------------------------------------------

    @property
    def _keyed(self) -> Values:
        try:
            return self._values
        except AttributeError:
            self._values = Values(RequestKey)
            return self._values

    def __getitem__(self, key: RequestKey[T]) -> T:
        return self._keyed[key]

    def __setitem__(self, key: RequestKey[T], value: T) -> None:
        self._keyed[key] = value

    def __delitem__(self, key: RequestKey[Any]) -> None:
        del self._keyed[key]

    def __contains__(self, key: RequestKey[Any]) -> bool:
        return key in self._keyed

    @overload
    def get(self, key: RequestKey[T]) -> T | None: ...
    @overload
    def get(self, key: RequestKey[T], default: D) -> T | D: ...
    def get(self, key: RequestKey[Any], default: Any = None) -> Any:
        """Return the value of a key, or the default if none was set."""
        return self._keyed.get(key, default)

    # -- applications -----------------------------------------------------------------------------------------------

    def enter(self, app: Application, mount: Mount) -> Place:
        """Enter a mounted application: move its prefix from the path to `root_path`, add its state to `state`.

        Returns the place before, for `leave`.
        """
        outer = self.place
        prefix, rest = mount.split(self.raw_path)
        self._innermost = app, self.root_path + prefix, rest or "/", outer
        self.leave(self._innermost)
        if app is not outer[0] and app.state:
            self.state.update(app.state)
        return outer

    def leave(self, place: Place) -> None:
        """Move to a place: after `enter`, back to the enclosing application, for its middleware."""
        self.app, self.root_path, self.raw_path, self._outer = place

    def reenter(self) -> None:
        """Return to the application that answered, for its stream and background work after the handler."""
        if hasattr(self, "_innermost"):
            self.leave(self._innermost)

    @property
    def place(self) -> Place:
        """The current application, its `root_path` and `raw_path`, and the enclosing place (None for the outermost)."""
        return self.app, self.root_path, self.raw_path, getattr(self, "_outer", None)

    @property
    def outermost(self) -> Place:
        """The place in the application that got the request first."""
        place = self.place
        while place[3] is not None:
            place = place[3]
        return place

    def place_in(self, app: Application) -> Place:
        """Return the place that is in `app`: the current or an enclosing one."""
        place = self.place
        while place[0] is not app and place[3] is not None:
            place = place[3]
        return place

    def begin_background(self) -> None:
        """Start the response's background work in the application that answered. Never fails.

        Called if there is any, after the last byte of the response is sent, or once it is clear that none will be.
        """
        self.reenter()
        for work in self.background:
            self.app.begin_background(work, self)

    @property
    def base_path(self) -> str:
        """The prefix under which the outermost application is reachable."""
        return self.outermost[1]

    def url_for(self, name: str, /, **parameters: Any) -> URL:
        """Return the full URL of a route by its name, as the client can reach it; a websocket's has `ws` or `wss`.

        See `Application.url_for`.
        """
        url = self.url.origin().join(self.app.url_for(name, **parameters))
        if self.app.router.named(name).is_websocket:
            return url.with_scheme("wss" if self.scheme == "https" else "ws")
        return url

    # -- the body ---------------------------------------------------------------------------------------------------

    def check_announced_length(self) -> None:
        """Refuse a body by its announced length, before any of it is read.

        Raises:
            HTTPContentTooLarge: if it exceeds `limits.body`.
        """
        length = None if self._reader is None else self._reader.length
        if length is not None:
            most = self.limits.body
            if most is not None and length > most:
                raise too_large(most)

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the body in chunks as they arrive, each byte once. After `read()`, yield the whole body in one chunk.

        Raises:
            RuntimeError: if the body was streamed before.
            ClientDisconnected: if the client leaves, or ends the body short of its announced end.
            HTTPContentTooLarge: once the body exceeds `limits.body`.
        """
        body = self.take_body()
        while chunk := await body.read():
            yield chunk

    def take_body(self) -> BodyReader:
        """Return the body reader that `stream()` reads, to read it another way. Raises as `stream()` does."""
        reader = self._take_reader()
        if reader is None:
            assert self._body is not None
            return KeptBody(self._body)
        return LimitedBody(reader, self.limits.body)

    async def read(self) -> bytes:
        """Return the whole body. May be called again, even after it failed. Raises as `stream()` does."""
        reader = self._take_reader()
        if reader is not None:
            most = self.limits.body
            chunks = []
            received = 0
            try:
                while chunk := await reader.read():
                    received += len(chunk)
                    if most is not None and received > most:
                        raise too_large(most)
                    chunks.append(chunk)
                    if reader.complete:
                        break
            except (ClientDisconnected, HTTPException) as exc:
                # The client's fault, so it is kept: an error handler may read the body again and gets the same error.
                self._reader = BrokenBody(exc)
                raise
            self._body = b"".join(chunks)
        assert self._body is not None
        return self._body

    def _take_reader(self) -> BodyReader | None:
        """Return the reader, once; None if the whole body is in `_body`.

        Raises:
            RuntimeError: if the reader was taken before and the body was not kept.
        """
        reader = self._reader
        if reader is not None:
            self._reader = None
            return reader
        if self._body is None:
            raise RuntimeError(
                "the body was streamed before (by stream(), multipart() or form()), or reading it was cancelled: "
                "use `await request.read()` first to have it more than once"
            )
        return None

    def replace_body(self, wrap: Callable[[BodyReader], BodyReader], raw_headers: RawHeaders) -> None:
        """Wrap the body reader and replace the header fields; for middleware that decodes the body.

        Raises:
            RuntimeError: if the body was read before.
        """
        reader = self._take_reader()
        if reader is None:
            raise RuntimeError("expected a body that was not read before: decode it before anything reads it")
        self._reader = wrap(reader)
        self.raw_headers = raw_headers
        if hasattr(self, "_headers"):
            del self._headers

    async def text(self) -> str:
        """Return the body, decoded by the charset of its media type, UTF-8 by default.

        Raises:
            HTTPBadRequest: for an unknown charset and for bytes that are invalid in it. Else as `read()`.
        """
        body = await self.read()
        charset = self.charset or "utf-8"
        encoding = python_encoding(charset)
        if encoding is None:
            raise HTTPBadRequest(f"expected a known charset, got {charset!r}")
        try:
            return body.decode(encoding)
        except UnicodeError as exc:
            raise HTTPBadRequest(f"expected a body in {charset}: {exc}") from None

    @overload
    async def json(self) -> Any: ...
    @overload
    async def json(self, type: type[T]) -> T: ...
    async def json(self, type: Any = None) -> Any:
        """Return the body parsed as JSON. May be called again: each call parses anew, so no mutable result is shared.

        Args:
            type: the type to convert to, by msgspec: a `msgspec.Struct`, a dataclass, a `TypedDict`, `list[int]`.

        Raises:
            HTTPBadRequest: for malformed JSON. Else as `read()`.
            HTTPUnprocessableContent: for JSON that does not have the type; the reason names the place.
            RuntimeError: for a type if msgspec is not installed.
        """
        body = await self.read()
        try:
            return self.app.json.loads(body) if type is None else loads_as(body, type)
        except ValidationError as exc:
            raise HTTPUnprocessableContent(f"the body is not as it should be: {exc}") from None
        except (ValueError, RecursionError) as exc:
            raise HTTPBadRequest(f"expected a body in JSON: {exc}") from None

    async def form(self) -> Form:
        """Return the body as a form: `application/x-www-form-urlencoded`, or `multipart/form-data` with files.

        May be called again. Fields are `str`, files `UploadedFile`; a name may occur more than once. Small files stay
        in memory; others are in temporary files, which are removed when the request is answered.

        Raises:
            HTTPUnsupportedMediaType: for a body of another media type.
            HTTPBadRequest: for a malformed form, an unknown charset, and bytes that are invalid in it.
            HTTPContentTooLarge: for a form that exceeds one of the limits `form_...`.
            RuntimeError: if the body was streamed before, or the extra `sketch-web[forms]` is missing for a multipart
                form. Else as `read()`.
        """
        form: Form | None = getattr(self, "_form", None)
        if form is None:
            from sketch.request.forms import read_form  # not imported by applications without forms

            form = self._form = await read_form(self)
        return form

    def multipart(self) -> Multipart:
        """Read a `multipart/form-data` body part by part as it arrives: `async for part in request.multipart()`.

        Raises:
            HTTPUnsupportedMediaType: for a body of another media type.
            HTTPBadRequest: if its media type has no boundary.
            RuntimeError: if the body was streamed before, or the extra `sketch-web[forms]` is missing.
        """
        from sketch.request.forms import Multipart

        return Multipart(self)

    async def wait_disconnected(self) -> None:
        """Return once the client is gone."""
        await self.connection.wait_disconnected()

    def wait(self, awaitable: Awaitable[T]) -> T:
        """Run an awaitable from a `def` handler and return its result: `data = request.wait(request.json())`.

        Raises:
            RuntimeError: when called in a coroutine: use `await` there.
        """
        return threads.wait(awaitable)

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.raw_path}>"


class WebSocketRequest(Request):
    """The handshake request of a websocket: a GET that asks to switch protocols (RFC 6455 section 4.1)."""

    __slots__ = ()

    is_websocket = True

    @property
    def subprotocols(self) -> tuple[str, ...]:
        """The subprotocols that the client offers, the preferred one first."""
        offered = (self.combined_header(b"sec-websocket-protocol") or b"").decode("latin-1")
        return tuple([name.strip() for name in offered.split(",") if name.strip()])
