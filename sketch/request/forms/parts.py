"""Read a multipart form part by part, as it arrives."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

from multidict import CIMultiDictProxy

from sketch.exceptions import HTTPContentTooLarge
from sketch.request.forms.events import Event, Events, PartHead
from sketch.request.forms.saving import save

if TYPE_CHECKING:
    from sketch.request import Request


class Multipart:
    """The parts of a request's body, once, in their order: `async for part in request.multipart()`.

    A part has to be read before the next one is requested; its unread rest is skipped. Iterating raises what
    `Request.stream` raises, and:

    Raises:
        HTTPBadRequest: for a malformed form, such as one that ends before its last boundary.
        HTTPContentTooLarge: for more parts, or larger heads, than the limits allow.
    """

    __slots__ = ("_begun", "_body", "_error", "_events", "_part", "_source", "limits")

    def __init__(self, request: Request) -> None:
        self._source = Events(request)
        self._body = request.take_body()
        self._begun = False
        self._events: Iterator[Event] = iter(())
        self._part: BodyPart | None = None
        self._error: Exception | None = None
        self.limits = request.limits

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> BodyPart:
        if self._part is not None:
            self._part.pass_by()
        while not isinstance(event := await self.event(), PartHead):
            pass  # skips the rest of the last part
        self._part = BodyPart(event, self)
        return self._part

    async def event(self) -> Event:
        """Return the next event. Raises `StopAsyncIteration` at the end of the form."""
        if self._error is not None:
            raise self._error
        try:
            while True:
                for event in self._events:
                    return event
                chunk = await self._body.read()
                if not chunk:
                    if self._begun:  # no body at all is an empty form
                        self._source.end()
                    raise StopAsyncIteration
                self._begun = True
                self._events = self._source.push(chunk)
        except Exception as exc:
            self._error = exc
            raise

    def text(self, head: PartHead, content: bytes) -> str:
        """Decode the content of a part."""
        return self._source.text(head, content)


class BodyPart:
    """A part of a multipart form, read once as it arrives: by `async for chunk in part` or one of the methods.

    Attributes:
        name: the name of the form's field.
        filename: the file's name that the client sent; None for a field that is not a file. Never use it as a path.
        content_type: the media type without parameters; empty if the client sent none.
    """

    __slots__ = ("_ended", "_form", "_head", "_passed", "_size", "content_type", "filename", "name")

    def __init__(self, head: PartHead, form: Multipart) -> None:
        self.name = head.name
        self.filename = head.filename
        self.content_type = head.content_type
        self._head = head
        self._form = form
        self._size = 0
        self._ended = self._passed = False

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """All header fields of the part."""
        return self._head.headers

    @property
    def charset(self) -> str | None:
        """The charset of the media type, None if the client sent none."""
        return self._head.charset

    def pass_by(self) -> None:
        """End the part: the next one is requested."""
        self._passed = True

    def __aiter__(self) -> Self:
        if self._passed or self._ended:
            raise RuntimeError(
                f"the part {self.name!r:.200} was read before: keep what it gives"
                if self._ended
                else f"the part {self.name!r:.200} is over: read it before the next one is asked for"
            )
        return self

    async def __anext__(self) -> bytes:
        if self._ended or self._passed:
            raise StopAsyncIteration
        event = await self._form.event()
        if not isinstance(event, bytes):
            self._ended = True
            raise StopAsyncIteration
        self._size += len(event)
        most = self._form.limits.form_file_size
        if self.filename is not None and most is not None and self._size > most:
            raise HTTPContentTooLarge(f"expected files of at most {most} bytes")
        return event

    async def read(self, max_size: int | None = None) -> bytes:
        """Return the whole content.

        Args:
            max_size: in bytes; default: `limits.form_field_size`.

        Raises:
            HTTPContentTooLarge: for more bytes.
            RuntimeError: if it was read before, or the next part was requested. Else as `Multipart`.
        """
        most = self._form.limits.form_field_size if max_size is None else max_size
        return b"".join([chunk async for chunk in _Bounded(self, most)])

    async def text(self, max_size: int | None = None) -> str:
        """Return the whole content as text.

        The charset is that of its media type, else that of an earlier field `_charset_` of the form, else UTF-8.

        Raises:
            HTTPBadRequest: for an unknown charset and for bytes that are invalid in it. Else as `read`.
        """
        return self._form.text(self._head, await self.read(max_size))

    async def save_to(
        self, path: str | os.PathLike[str], max_size: int | None = None, *, overwrite: bool = False
    ) -> int:
        """Save the content at a path as it arrives.

        The file is written under a temporary name in the same directory, and gets its own once it is complete. After an
        error nothing is left of it. The event loop does not wait for the disk.

        Args:
            path: the path of the file.
            max_size: in bytes; default: only `limits.form_file_size` applies.
            overwrite: whether a file that is there is replaced.

        Returns:
            the number of bytes.

        Raises:
            FileExistsError: if something is at the path, a link for example, without `overwrite`.
            OSError: if it cannot be written.
            HTTPContentTooLarge: for more bytes. Else as `read`.
        """
        return await save(aiter(_Bounded(self, max_size)), path, overwrite)

    def __repr__(self) -> str:
        return f"<BodyPart {self.name!r} {self.filename!r}>"


class _Bounded:
    """Iterates over the chunks of a part, and raises when they exceed a number of bytes."""

    __slots__ = ("_left", "_most", "_part")

    def __init__(self, part: BodyPart, most: int | None) -> None:
        self._part = part
        self._most = most
        self._left = most

    def __aiter__(self) -> Self:
        aiter(self._part)  # refuses a part that was read before
        return self

    async def __anext__(self) -> bytes:
        chunk = await anext(self._part)
        if self._left is not None:
            self._left -= len(chunk)
            if self._left < 0:
                raise HTTPContentTooLarge(f"expected a part {self._part.name!r:.200} of at most {self._most} bytes")
        return chunk
