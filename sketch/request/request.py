"""The request of an exchange: its head, and the body as it arrives or as a whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from sketch.exceptions import HTTPBadRequest, HTTPException, HTTPUnprocessableContent
from sketch.http.fields import RawHeaders
from sketch.http.media_types import python_encoding
from sketch.jsoncodec import ValidationError, loads_as
from sketch.request.base import BaseRequest
from sketch.request.body import BrokenBody, KeptBody, LimitedBody, PeekedBody, too_large
from sketch.transport import BodyReader, ClientDisconnected

if TYPE_CHECKING:
    from sketch.request.forms import Form, Multipart

T = TypeVar("T")


class Request(BaseRequest):
    """The request that a client sent. An adapter makes one per exchange; see `BaseRequest` for the arguments."""

    __slots__ = ("_form",)

    _form: Form

    def check_announced_length(self) -> None:
        """Refuse a body by its announced length, before any of it is read.

        Raises:
            HTTPContentTooLarge: if it exceeds `limits.body`.
        """
        length = None if self._reader is None else self._reader.length
        if length is not None:
            most = self._find_limits().body
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
        reader = self._reader
        if reader is None:
            self._take_reader()  # raises if the body was streamed
            assert self._body is not None
            return self._body
        self._reader = None
        try:
            body = await reader.read()
            return self._keep(body) if reader.complete else await self._read_on(reader, body)
        except (ClientDisconnected, HTTPException) as exc:
            # The client's fault, so it is kept: an error handler may read the body again and gets the same error.
            self._reader = BrokenBody(exc)
            raise

    def _keep(self, body: bytes) -> bytes:
        """Keep the whole body. A server may send it as a bytearray.

        Raises:
            HTTPContentTooLarge: if it exceeds `limits.body`.
        """
        most = self._find_limits().body
        if most is not None and len(body) > most:
            raise too_large(most)
        self._body = body = body if type(body) is bytes else bytes(body)
        return body

    async def _read_on(self, reader: BodyReader, begun: bytes) -> bytes:
        """Read the rest of a body, and keep the whole. Raises as `read` does."""
        most = self.limits.body
        chunks, received, chunk = [], 0, begun
        while chunk:
            received += len(chunk)
            if most is not None and received > most:
                raise too_large(most)
            chunks.append(chunk)
            if reader.complete:
                break
            chunk = await reader.read()
        return self._keep(b"".join(chunks))

    async def peek(self, size: int) -> bytes:
        """Return the beginning of the body, at least `size` bytes unless it is shorter. All of it stays to be read.

        For middleware that has to look into a body which a handler may stream. Keep `size` small: it stays in memory.

        Raises:
            RuntimeError: if the body was streamed before.
            ClientDisconnected: if the client leaves, or ends the body short of its announced end.
        """
        reader = self._take_reader()
        if reader is None:
            assert self._body is not None
            return self._body
        peeked = self._reader = reader if isinstance(reader, PeekedBody) else PeekedBody(reader)
        try:
            return await peeked.peek(size)
        except (ClientDisconnected, HTTPException) as exc:
            self._reader = BrokenBody(exc)
            raise

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
            raise HTTPBadRequest(f"expected a known charset, got {charset!r:.200}")
        try:
            return body.decode(encoding)
        except UnicodeError as exc:
            raise HTTPBadRequest(f"expected a body in {charset}: {exc}") from None

    @overload
    async def json(self) -> Any: ...
    @overload
    async def json(self, type: type[T]) -> T: ...
    @overload
    async def json(self, type: Any) -> Any: ...  # a union, an annotated type, a TypeAdapter
    async def json(self, type: Any = None) -> Any:
        """Return the body parsed as JSON. May be called again: each call parses anew, so no mutable result is shared.

        Args:
            type: the type to convert to. By msgspec: a `msgspec.Struct`, a dataclass, a `TypedDict`, `list[int]`. By
                pydantic: a model, any type with a model in it, a `TypeAdapter`.

        Raises:
            HTTPBadRequest: for malformed JSON. Else as `read()`.
            HTTPUnprocessableContent: for JSON that does not have the type; the reason names the place, never the value.
            TypeError: for a type that neither library supports.
            RuntimeError: if the library that reads the type is not installed.
        """
        reader = self._reader
        if reader is None:
            body = await self.read()
        else:  # as `read()` does, without its coroutine: most bodies in JSON are read here
            self._reader = None
            try:
                body = await reader.read()
                body = self._keep(body) if reader.complete else await self._read_on(reader, body)
            except (ClientDisconnected, HTTPException) as exc:
                self._reader = BrokenBody(exc)
                raise
        try:
            if type is not None:
                return loads_as(body, type)
            loads = self.app.json.loads
            return loads(body)
        except ValidationError as exc:
            raise HTTPUnprocessableContent(f"the body is not as it should be: {exc}") from None
        except (ValueError, RecursionError) as exc:
            raise HTTPBadRequest(f"expected a body in JSON: {exc}") from None

    async def form(self) -> Form:
        """Return the body as a form: `application/x-www-form-urlencoded`, or `multipart/form-data` with files.

        May be called again. Fields are `str`, files `UploadedFile`; a name may occur more than once. Small files stay
        in memory; others are in temporary files, which are removed at the end of the exchange.

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
