"""Expands compressed request bodies while they are read."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from sketch.concurrency.threads import coding_threads
from sketch.exceptions import HTTPBadRequest, HTTPContentTooLarge, HTTPUnsupportedMediaType
from sketch.http.codings import INLINE, NAMES, Coding, Decoder, find_coding, installed_codings
from sketch.http.grammar import list_members
from sketch.request import Request
from sketch.response import Response
from sketch.results import Endpoint
from sketch.transport import BodyReader

STEP = 256 * 1024
"""Bytes that are expanded at once, in a thread: no more are in memory, however few they were compressed."""

_ALIASES = {"x-gzip": "gzip"}  # RFC 9110 section 8.4.1.3
_FRAMED = (b"content-encoding", b"content-length")


class Decompression:
    """Middleware that expands request bodies with a `Content-Encoding` (RFC 9110 section 8.4).

        app = Application(middlewares=[Decompression()])

    A handler reads the body as if it had been sent without the coding; `Content-Encoding` and `Content-Length` are gone
    from the request. The route's `Limits.body` bounds both the bytes that arrive and the expanded ones: more is 413,
    at once or not much later. An unknown coding, or several codings, is 415 with the known codings in
    `Accept-Encoding`; a malformed or incomplete body is 400.

    Without this middleware a handler gets the body as it was sent. Code that checks its signature or stores it needs
    that: so put the middleware only around the groups and routes that want it.

    Args:
        codings: names of the codings to expand. Default: `zstd`, `br`, `gzip` and `deflate`, as far as their libraries
            are installed (`sketch-web[compression]`).

    Raises:
        ValueError, TypeError: for an unknown coding.
        RuntimeError: for a coding without its library installed.
    """

    def __init__(self, *, codings: Iterable[str] | None = None) -> None:
        if isinstance(codings, str):
            raise TypeError(f"expected codings as a list of names, got {codings!r:.200}")
        names = list(NAMES if codings is None else codings)
        self._codings = installed_codings() if codings is None else {name: find_coding(name) for name in names}
        self._accepted = ", ".join(self._codings)

    async def __call__(self, request: Request, handler: Endpoint) -> Response:
        """Answer the request with its body expanded.

        Raises:
            HTTPUnsupportedMediaType: for an unknown coding, or several codings.
            RuntimeError: if the body was read before.
        """
        if request.has_body:
            field = request.combined_header(b"content-encoding")
            if field is not None:
                self._expand(request, field)
        return await handler(request)

    def _expand(self, request: Request, field: bytes) -> None:
        members = list_members(field.decode("latin-1").lower())
        names = [_ALIASES.get(name, name) for name in members if name != "identity"]
        if not names:
            return
        coding = self._codings.get(names[0])
        if coding is None or len(names) > 1:
            raise HTTPUnsupportedMediaType(
                f"expected a body in one coding of {self._accepted}", headers={"Accept-Encoding": self._accepted}
            )
        request.check_announced_length()
        fields = [(name, value) for name, value in request.raw_headers if name not in _FRAMED]
        request.replace_body(partial(ExpandedBody, coding, request.limits.body), fields)


class ExpandedBody:
    """A `BodyReader` that expands the body of another `BodyReader`.

    Args:
        coding: the content coding of the body.
        most: compressed bytes that may arrive, None for any number. The request bounds the expanded bytes.
        reader: reads the body as it was sent.
    """

    length = None
    """None: the expanded length is not known beforehand."""
    complete = False
    """False: the end of the body is known only once `read` has returned it."""

    __slots__ = ("_decoder", "_expanded", "_most", "_name", "_reader", "_received")

    def __init__(self, coding: Coding, most: int | None, reader: BodyReader) -> None:
        self._reader = reader
        self._most = most
        self._name = coding.name
        self._decoder = Decoder(coding)
        self._received = 0
        self._expanded = 0

    async def read(self) -> bytes:
        """Return the next chunk, `b""` at the end of the body.

        Raises:
            ClientDisconnected: if the body is cut short.
            HTTPBadRequest: if it is malformed, or its end is missing.
            HTTPContentTooLarge: if more arrives than the route takes, however little comes out of it.
        """
        while True:
            while self._decoder.pending:
                if expanded := await self._decode(b""):
                    return expanded
            chunk = await self._reader.read()
            if not chunk:
                if not self._decoder.complete:
                    raise HTTPBadRequest(f"expected a body in {self._name}, got one without its end")
                return b""
            self._count(len(chunk))
            if expanded := await self._decode(chunk):
                return expanded

    def _count(self, size: int) -> None:
        self._received += size
        if self._most is not None and self._received > self._most:
            raise HTTPContentTooLarge(f"expected a body of at most {self._most} bytes")

    async def _decode(self, data: bytes) -> bytes:
        """Expand a part of the body: in the event loop as long as the body is small, then in a thread."""
        try:
            if self._expanded < INLINE and len(data) <= STEP:
                expanded = self._decoder.decode(data, INLINE)
            else:
                expanded = await coding_threads.run(self._decoder.decode, data, STEP)
        except ValueError as exc:
            raise HTTPBadRequest(f"expected a body in {self._name}: {exc}") from None
        self._expanded += len(expanded)
        return expanded
