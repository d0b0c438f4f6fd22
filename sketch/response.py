"""Response classes: values with a status, header fields and a body, which adapters write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from multidict import CIMultiDict

from sketch.callables import close_coroutine, is_generator_function, name_of
from sketch.checks import check_flags
from sketch.context_vars import find_app, get_request
from sketch.http.cookies import SameSite, format_cookie, must_be_secure, needs_httponly
from sketch.http.fields import (
    Encoded,
    FixedFields,
    RawFields,
    check_value,
    copy_fields,
    encode_given,
    make_fields,
    set_alone,
)
from sketch.http.locations import Location, quote_location
from sketch.http.status import PHRASES, check_status
from sketch.jsoncodec import STDLIB
from sketch.transport import Body

if TYPE_CHECKING:
    from datetime import datetime

    from sketch.callables import Work

HeadersArgument = Mapping[str, str] | Iterable[tuple[str, str]] | None

TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
JSON = "application/json"
BYTES = "application/octet-stream"

_TYPE_ALONE = FixedFields()

_OK = 200
"""The default status, which needs no check. Compared by identity: that is faster, and 200.0 does not pass as it."""


class SetsCookies:
    """Base class of what has header fields for a response: sets cookies among them."""

    __slots__ = ()

    @property
    def headers(self) -> CIMultiDict[str]:
        """The header fields, mutable."""
        raise NotImplementedError

    def set_cookie(
        self,
        name: str,
        value: str = "",
        *,
        max_age: int | None = None,
        expires: datetime | None = None,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: SameSite | None = "lax",
        partitioned: bool = False,
    ) -> None:
        """Add a `Set-Cookie` field. `max_age` is in seconds; `expires` without a time zone is local time.

        Raises:
            TypeError: for a name, value or attribute of another type.
            ValueError: for a value that a cookie cannot hold, for an attribute that browsers would ignore, and for a
                cookie that they would drop.
        """
        check_flags(secure=secure, httponly=httponly, partitioned=partitioned)
        self.headers.add(
            "Set-Cookie",
            format_cookie(
                name,
                value,
                max_age=max_age,
                expires=expires,
                path=path,
                domain=domain,
                secure=secure,
                httponly=httponly,
                samesite=samesite,
                partitioned=partitioned,
            ),
        )

    def delete_cookie(
        self,
        name: str,
        *,
        path: str = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: SameSite | None = "lax",
        partitioned: bool = False,
    ) -> None:
        """Tell the browser to forget a cookie. Path, domain and partition must be those it was set with.

        Raises:
            TypeError, ValueError: as `set_cookie` does.
        """
        from datetime import UTC, datetime  # slow to import, and seldom needed

        check_flags(secure=secure, httponly=httponly, partitioned=partitioned)
        self.set_cookie(
            name,
            max_age=0,
            expires=datetime.fromtimestamp(0, UTC),
            path=path,
            domain=domain,
            secure=secure or must_be_secure(name, samesite, partitioned),
            httponly=httponly or needs_httponly(name),
            samesite=samesite,
            partitioned=partitioned,
        )


class Response(SetsCookies):
    """A response: status, header fields and body.

    Args:
        body: `str` is sent as UTF-8 text, `bytes` as they are. None is an empty body.
        status: 200 to 599; 1xx are not final responses (RFC 9110 section 15.2), and there are no others.
        headers: initial fields; names are case-insensitive, a name may occur more than once.
        content_type: the media type. Default: `text/plain; charset=utf-8` for `str`, `application/octet-stream` for
            `bytes`, none for an empty body. A text type given without a charset is sent as it is.

    Raises:
        TypeError: for a body that is neither `str` nor bytes-like (the message names the class to use instead), a
            status that is no int, and header fields and media types that are no text.
        ValueError: for another status, and header fields that cannot be sent: names that are no tokens, values with
            line breaks or other control characters, or beyond Latin-1.

    One object may be returned any number of times: changes by middleware and hooks do not show in the next response.
    """

    # Until `headers` is read, a response holds its media type alone: most responses have nothing else, and a multidict
    # costs more than all the rest together.
    __slots__ = (
        "_background",
        "_content_type",
        "_encoded",
        "_headers",
        "_ready",
        "body",
        "owner",
        "status",
    )

    media_type: ClassVar[str | None] = None
    """The media type if none is given; None: chosen by the type of the body."""

    prepares: ClassVar[bool] = False
    """Whether another response has to be made of this one before it is sent; see `sketch.results.PreparedResponse`."""

    switches: ClassVar[bool] = False
    """Whether the response is a switch to another protocol (101)."""

    _headers: CIMultiDict[str] | RawFields | None  # raw: those of a foreign application, until `headers` is read
    _encoded: Encoded | None  # `_headers` when they were given, None if they were not; set with `_headers`
    _content_type: str | None
    _background: tuple[Work, ...]
    _ready: bool  # set once `prepare` has returned this response for its owner, which is then not asked again

    status: int
    body: Body
    owner: object | None
    """The request that this copy belongs to, None for a handler's own object. See `sketch.results.as_response`."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Check the media type of a class once, not of each of its responses. Raises as for a header field."""
        super().__init_subclass__(**options)
        if cls.media_type is not None:
            check_value("Content-Type", cls.media_type)

    def __init__(
        self,
        body: str | bytes | bytearray | memoryview | None = None,
        *,
        status: int = 200,
        headers: HeadersArgument = None,
        content_type: str | None = None,
    ) -> None:
        default: str | None = TEXT
        if isinstance(body, str):
            body = body.encode()
        elif body is None:
            body, default = b"", None
        else:
            body, default = body if isinstance(body, bytes) else _bytes_like(body), BYTES
        self.status = status if status is _OK else check_status(status)
        self.body = body
        self.owner = None
        self._background = ()
        self._headers = None
        self._content_type = content_type or self.media_type or default
        if content_type is not None:
            check_value("Content-Type", content_type)
        if headers is not None:
            self._set_headers(headers, content_type)

    def _set_headers(self, headers: Mapping[str, str] | Iterable[tuple[str, str]], content_type: str | None) -> None:
        """Set the initial fields. A media type among them overrides the default, but not an explicit `content_type`."""
        fields = self._headers = make_fields(headers)
        if content_type is not None:
            fields["Content-Type"] = content_type
        elif self._content_type is not None:
            fields.setdefault("Content-Type", self._content_type)
        self._encoded = encode_given(fields)

    @property
    def headers(self) -> CIMultiDict[str]:
        """The header fields, mutable. Content-Length is added when the response is sent."""
        fields = self._headers
        if fields is None:
            fields, self._encoded = _TYPE_ALONE.after_type(self._content_type)
            self._headers = fields
        elif isinstance(fields, RawFields):
            fields = self._headers = fields.decoded()
            self._encoded = None
        return fields

    def add_fixed(self, fixed: FixedFields) -> bool:
        """Add fields that many responses have, in one step. Returns False, and adds none, if it has one of them."""
        fields = self._headers
        if fields is None and not fixed.has_type:
            self._headers, self._encoded = fixed.after_type(self._content_type)
            return True
        headers = self.headers
        if not fixed.is_beside(headers):
            return False
        self._encoded = fixed.added_to(headers, self._encoded)
        return True

    def set_alone(self, name: str, value: str) -> None:
        """Set a header field, as `headers[name] = value` does; the others stay encoded, if they are."""
        headers = self.headers
        self._encoded = set_alone(headers, self._encoded, name, value)

    @property
    def content_type(self) -> str | None:
        """The media type with its parameters, None if there is none."""
        return self._content_type if self._headers is None else self.headers.get("Content-Type")

    @content_type.setter
    def content_type(self, value: str) -> None:
        check_value("Content-Type", value)
        if self._headers is None:
            self._content_type = value
        else:
            self.headers["Content-Type"] = value

    @property
    def background(self) -> tuple[Work, ...]:
        """Functions without arguments that are called once the response is sent: `response.background = tidy_up`.

        Set one function or several, which start at the same time. A coroutine function is awaited, any other is called
        in a thread. They belong to this response: if another is sent in its place, they are not called. Once it is sent
        they are called, even if the client has left meanwhile. `Application.spawn` says how they end.

        Raises:
            TypeError: for anything that cannot be called.
        """
        return self._background

    @background.setter
    def background(self, work: Work | Iterable[Work] | None) -> None:
        functions: tuple[Any, ...] = () if work is None else tuple(work) if isinstance(work, Iterable) else (work,)
        for function in functions:
            if not callable(function):
                close_coroutine(function)
                raise TypeError(f"expected a function for the background, got {function!r:.200}: use functools.partial")
            if is_generator_function(function):
                raise TypeError(f"expected a function for the background, got the generator {name_of(function)}")
        self._background = functions
        _ = self.headers  # `finalize` has a fast path for responses without headers, which takes no background

    def copy(self) -> Self:
        """Return a response of the same class with its own headers. The body is shared."""
        kind = type(self)
        new = kind.__new__(kind)
        new.status = self.status
        new.body = self.body
        new.owner = None
        new._background = self._background
        new._content_type = self._content_type
        new._headers = None
        if self._headers is not None:
            new._headers, new._encoded = copy_fields(self._headers, self._encoded)
        if kind.__dictoffset__:  # a subclass without slots
            new.__dict__.update(self.__dict__)
        return new

    def __repr__(self) -> str:
        return f"<{type(self).__name__} status={self.status} content_type={self.content_type!r}>"


def _bytes_like(body: object) -> bytes:
    if isinstance(body, bytearray | memoryview):
        return bytes(body)
    raise TypeError(f"expected a body of type str, bytes or None, got {body!r:.200}: {advice_for(body)}")


def advice_for(value: object) -> str:
    """Say what to do with a value that is no body and no response. A coroutine is closed, as it is not awaited."""
    if close_coroutine(value):
        return "did you forget to await it?"
    if isinstance(value, dict | list | tuple | int | float):
        return "use JSONResponse(data)"
    if isinstance(value, str | bytes | bytearray | memoryview):
        return "use Response(body)"
    if hasattr(value, "__aiter__") or hasattr(value, "__iter__"):
        return "use StreamResponse(iterable)"
    return "use JSONResponse(data), or Response(str(value))"


def check_reason(text: object) -> None:
    """Check the text of an error's response. Raises TypeError for anything but a str."""
    if not isinstance(text, str):
        advice = "did you forget to await it?" if close_coroutine(text) else "return JSONResponse(data, status=...)"
        raise TypeError(f"expected the text of an error as a str or None, got {text!r:.200}: {advice}")


class TextResponse(Response):
    """A plain text response: `text/plain; charset=utf-8` unless another media type is given."""

    __slots__ = ()

    media_type = TEXT


class HTMLResponse(Response):
    """An HTML response. The code that builds the page must escape what it puts in."""

    __slots__ = ()

    media_type = HTML


class JSONResponse(Response):
    """A JSON response, written by the codec of the current application (`Application(json=)`).

    Raises:
        TypeError, ValueError: for data that JSON cannot hold.
    """

    __slots__ = ()

    media_type = JSON

    def __init__(
        self,
        data: Any,
        *,
        status: int = 200,
        headers: HeadersArgument = None,
        content_type: str | None = None,
    ) -> None:
        request = get_request()
        app = find_app() if request is None else request.app
        try:
            dumps = STDLIB.dumps if app is None else app.json.dumps
            body = dumps(data)
        except TypeError:
            if close_coroutine(data):
                raise TypeError(f"expected data for JSON, got {data!r:.200}: did you forget to await it?") from None
            raise
        if type(body) is bytes and status is _OK and headers is None and content_type is None:
            # Most responses: as `Response` does it, in half the time.
            self.status = 200
            self.body = body
            self.owner = None
            self._background = ()
            self._headers = None
            self._content_type = JSON if type(self) is JSONResponse else self.media_type or BYTES
            return
        # Not super(), which takes longer than everything after it.
        Response.__init__(self, body, status=status, headers=headers, content_type=content_type)


READY = frozenset((Response, TextResponse, HTMLResponse, JSONResponse))
"""Classes whose objects certainly need no `prepare`: to look one up here is faster than to read `prepares`."""


def json_response(
    data: Any, *, status: int = 200, headers: HeadersArgument = None, content_type: str | None = None
) -> JSONResponse:
    """Make a `JSONResponse(data, ...)`: the older name for it."""
    return JSONResponse(data, status=status, headers=headers, content_type=content_type)


class RedirectResponse(Response):
    """A redirect to another location.

    Args:
        location: a URL or path, also a relative one. Unsafe characters are percent-encoded, encoded ones stay so; a
            path is never sent with two leading slashes, which browsers would take for another host.
        status: 300, 301, 302, 303, 307 or 308. 307, the default, keeps the method.

    Raises:
        TypeError: for a location that is neither `str` nor a `yarl.URL`.
        ValueError: for another status.

    `redirect()` makes one with 303, which is right after a form: the browser asks for the location by GET.
    """

    __slots__ = ()

    def __init__(self, location: Location, *, status: int = 307, headers: HeadersArgument = None) -> None:
        if status not in _REDIRECTS:
            known = ", ".join(map(str, _REDIRECTS))
            raise ValueError(f"expected a status of {known} for a redirect, got {status!r:.200}")
        super().__init__(status=status, headers=headers)
        self.headers["Location"] = quote_location(location)


_REDIRECTS = (300, 301, 302, 303, 307, 308)


class ErrorResponse(Response):
    """A plain text response for an error status: the given detail, else the status and its phrase.

    Raises:
        TypeError: for a detail that is no text, and as `Response` does.
        ValueError: as `Response` does.
    """

    __slots__ = ()

    def __init__(self, status: int, detail: str | None = None, *, headers: HeadersArgument = None) -> None:
        if detail is None:
            detail = f"{status} {PHRASES.get(check_status(status), 'Unknown Status')}"
        else:
            check_reason(detail)
        super().__init__(detail, status=status, headers=headers)
