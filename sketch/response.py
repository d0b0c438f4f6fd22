"""Responses are values: a status, header fields and a body. Whoever serves the request writes them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self

from multidict import CIMultiDict

from sketch.context_vars import find_app
from sketch.http.cookies import SameSite, format_cookie, needs_httponly, needs_secure
from sketch.http.fields import RawHeaders
from sketch.http.locations import quote_location
from sketch.http.status import PHRASES
from sketch.jsoncodec import STDLIB
from sketch.transport import Body

if TYPE_CHECKING:
    from sketch.lifecycle.background import Work
    from sketch.request import Request

HeadersArgument = Mapping[str, str] | Iterable[tuple[str, str]] | None

TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
JSON = "application/json"
BYTES = "application/octet-stream"


class Response:
    """An answer: status, headers, body.

    Args:
        body: `str` is sent as UTF-8 text, `bytes` as they are. None is an empty body.
        status: 200 to 999; 1xx are not final answers (RFC 9110 section 15.2).
        headers: initial fields; names are case-insensitive, a name may occur more than once.
        content_type: the media type. Default: `text/plain; charset=utf-8` for `str`, `application/octet-stream` for
            `bytes`, none for an empty body. Text types given without a charset are sent as they are given.

    Raises:
        TypeError: for a body that is neither `str` nor bytes-like; the message names the class to use instead.

    One object may be returned any number of times: what middleware and hooks change does not show in the next answer.
    """

    # Until somebody looks at `headers`, a response holds its media type alone: most responses have nothing else, and
    # a multidict costs more than all the rest together.
    __slots__ = (
        "_background",
        "_content_type",
        "_headers",
        "body",
        "length",
        "owner",
        "payload",
        "plain",
        "raw_headers",
        "status",
    )

    media_type: ClassVar[str | None] = None
    """The media type where none is given; None: by the type of the body."""

    prepares: ClassVar[bool] = False
    """Whether `prepare` has something to do: to open a file, say."""

    switches: ClassVar[bool] = False
    """Whether it is no answer but the change to another protocol (101)."""

    _headers: CIMultiDict[str] | None
    _content_type: str | None
    _background: tuple[Work, ...]

    status: int
    body: Body
    raw_headers: RawHeaders
    """The final header fields. Set by `finalize`, for adapters."""
    payload: Body
    """What is really sent: the body, or nothing (HEAD, 204, 304). Set by `finalize`, for adapters."""
    length: int | None
    """Bytes of the body where known beforehand, else None. Set by `finalize`, for adapters."""
    plain: bool
    """Whether it is the most usual of answers: 200, media type and length as the only fields, all of its body as bytes.
    Set by `finalize`, for adapters that have a short way to write that."""
    owner: Request | None
    """The request whose copy this is, None for what a handler made. See `sketch.results.own`."""

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
        self.status = status
        self.body = body
        self.owner = None
        self._background = ()
        self._headers = None
        self._content_type = content_type or self.media_type or default
        if headers is not None:
            self._set_headers(headers, content_type)

    def _set_headers(self, headers: HeadersArgument, content_type: str | None) -> None:
        """Initial fields: a media type among them wins over a default, not over one that was asked for."""
        fields = self._headers = CIMultiDict(headers or ())
        if content_type is not None:
            fields["Content-Type"] = content_type
        elif self._content_type is not None:
            fields.setdefault("Content-Type", self._content_type)

    @property
    def headers(self) -> CIMultiDict[str]:
        """The header fields, mutable. Content-Length is added when the response is sent."""
        fields = self._headers
        if fields is None:
            fields = self._headers = CIMultiDict()
            if self._content_type is not None:
                fields["Content-Type"] = self._content_type
        return fields

    @property
    def content_type(self) -> str | None:
        """The media type with its parameters, None where there is none."""
        return self._content_type if self._headers is None else self._headers.get("Content-Type")

    @content_type.setter
    def content_type(self, value: str) -> None:
        if self._headers is None:
            self._content_type = value
        else:
            self._headers["Content-Type"] = value

    @property
    def background(self) -> tuple[Work, ...]:
        """What is to be done once the answer is out, as functions without arguments: `response.background = tidy_up`.

        One function may be given, or several, which begin at the same time. A coroutine function is awaited, any other
        is called in a thread. They belong to this response: where another is sent in its place, they are not called.
        Once it is sent they are, whether or not the client stays to take it. `Application.spawn` says how they end.

        Raises:
            TypeError: for what cannot be called.
        """
        return self._background

    @background.setter
    def background(self, work: Work | Iterable[Work] | None) -> None:
        functions: tuple[Any, ...] = () if work is None else tuple(work) if isinstance(work, Iterable) else (work,)
        for function in functions:
            if not callable(function):
                if inspect.iscoroutine(function):
                    function.close()  # it will not be awaited: no second complaint
                raise TypeError(f"expected a function for the background, got {function!r}: use functools.partial")
        self._background = functions
        _ = self.headers  # responses that have them are looked at more closely when they are sent

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
        """Add a `Set-Cookie` field. `max_age` is in seconds.

        Raises:
            TypeError: for a name, value or attribute of another type.
            ValueError: for what a cookie cannot hold and for what every browser would drop.
        """
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
        """Tell the browser to forget a cookie. Path, domain and partition must be those it was set with."""
        self.set_cookie(
            name,
            max_age=0,
            expires=datetime.fromtimestamp(0, UTC),
            path=path,
            domain=domain,
            secure=secure or partitioned or samesite == "none" or needs_secure(name),
            httponly=httponly or needs_httponly(name),
            samesite=samesite,
            partitioned=partitioned,
        )

    async def prepare(self, request: Request) -> Response:  # noqa: ARG002 - for subclasses
        """The response to send for a request in this one's place; awaited where `prepares` is set."""
        return self

    def copy(self) -> Self:
        """A response of the same class with headers of its own. The body is shared."""
        kind = type(self)
        new = kind.__new__(kind)
        new.status = self.status
        new.body = self.body
        new.owner = None
        new._background = self._background
        new._content_type = self._content_type
        new._headers = None if self._headers is None else self._headers.copy()
        if kind.__dictoffset__:  # a subclass without slots
            new.__dict__.update(self.__dict__)
        return new

    def __repr__(self) -> str:
        return f"<{type(self).__name__} status={self.status} content_type={self.content_type!r}>"


def _bytes_like(body: object) -> bytes:
    if isinstance(body, bytearray | memoryview):
        return bytes(body)
    if isinstance(body, dict | list | int | float | bool):
        advice = "JSONResponse(data)"
    elif hasattr(body, "__aiter__") or hasattr(body, "__iter__"):
        advice = "StreamResponse(iterable)"
    else:
        advice = "str() of it"
    raise TypeError(f"expected a body of type str, bytes or None, got {body!r}: use {advice}")


class TextResponse(Response):
    """A plain text answer: `text/plain; charset=utf-8` unless another media type is given."""

    __slots__ = ()

    media_type = TEXT


class HTMLResponse(Response):
    """An HTML answer. What is put into the page must be escaped by whoever builds it."""

    __slots__ = ()

    media_type = HTML


class JSONResponse(Response):
    """An answer in JSON, written by the codec of the current application (`Application(json=)`).

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
        app = find_app()
        codec = STDLIB if app is None else app.json
        # Not by super(), which takes longer than all that follows.
        Response.__init__(self, codec.dumps(data), status=status, headers=headers, content_type=content_type)


def json_response(
    data: Any, *, status: int = 200, headers: HeadersArgument = None, content_type: str | None = None
) -> JSONResponse:
    """The same as `JSONResponse(data, ...)`, under its older name."""
    return JSONResponse(data, status=status, headers=headers, content_type=content_type)


class RedirectResponse(Response):
    """A redirect.

    Args:
        location: a URL or path, also a relative one. Unsafe characters are percent-encoded, what is encoded stays so;
            a path is never sent with two leading slashes, which browsers would take for another host.
        status: 300, 301, 302, 303, 307 or 308. 307, the default, keeps the method.

    Raises:
        TypeError: for None and bytes as the location, whose text is no URL.
        ValueError: for another status.
    """

    __slots__ = ()

    def __init__(self, location: object, *, status: int = 307, headers: HeadersArgument = None) -> None:
        if status not in _REDIRECTS:
            raise ValueError(f"expected a status of {', '.join(map(str, _REDIRECTS))} for a redirect, got {status!r}")
        super().__init__(status=status, headers=headers)
        self.headers["Location"] = quote_location(location)


_REDIRECTS = (300, 301, 302, 303, 307, 308)


class ErrorResponse(Response):
    """A plain text answer for an error status: the given detail, else the status and its phrase."""

    __slots__ = ()

    def __init__(self, status: int, detail: str | None = None, *, headers: HeadersArgument = None) -> None:
        text = detail if detail is not None else f"{status} {PHRASES.get(status, 'Unknown Status')}"
        super().__init__(text, status=status, headers=headers)
