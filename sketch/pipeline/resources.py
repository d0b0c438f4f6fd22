"""What was opened for a request lives as long as its answer: a stream may still read from it."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import TYPE_CHECKING, Protocol, Self

from sketch.middleware.chain import own
from sketch.response import Response, StreamBody
from sketch.transport import Body, FileBody, close_body

if TYPE_CHECKING:
    from sketch.request import Request


class Held(Protocol):
    """Something that a request holds open, and that is no body: an uploaded file."""

    async def aclose(self) -> None:
        """Close it."""


def lend(request: Request, response: Response) -> Response:
    """The response that is sent: if it is a stream, it takes what else the request holds, and closes it at its end.

    Everything else is closed when the response is made: nothing reads from it any more.
    """
    body = response.body
    if isinstance(body, bytes | FileBody):
        return response
    held = tuple(one for one in request.files if one is not body)
    if held:
        response = own(response, request, lend)
        response.body = LentBody(body, held)
        request.files = ()
    return response


class LentBody(StreamBody):
    """A stream, and what has to stay open until it has ended.

    Args:
        source: the stream.
        held: what is closed after it.
    """

    __slots__ = ("_held", "_iterator", "_source")

    def __init__(self, source: AsyncIterable[bytes], held: tuple[Body | Held, ...]) -> None:
        super().__init__(())
        self._source = source
        self._held = held
        self._iterator: AsyncIterator[bytes] | None = None

    def claim(self, request: Request) -> None:
        """Note that the source is about to be sent. Raises RuntimeError as it does."""
        if isinstance(self._source, StreamBody):
            self._source.claim(request)

    async def release(self, request: Request) -> None:
        """Close a source that will not be sent, and what it would have read from."""
        try:
            await (self._source.release(request) if isinstance(self._source, StreamBody) else close_body(self._source))
        finally:
            await close_all(self._held)

    def __aiter__(self) -> Self:
        if self._iterator is None:  # who iterates asks an iterator for itself once more
            self._iterator = aiter(self._source)
        return self

    async def __anext__(self) -> bytes:
        assert self._iterator is not None
        return await anext(self._iterator)

    async def aclose(self) -> None:
        """Close the source as who iterates it would, then what it has read from."""
        try:
            for part in (self._iterator, self._source):
                aclose = getattr(part, "aclose", None)
                if aclose is not None:
                    await aclose()
                    break
        finally:
            await close_all(self._held)


async def close_all(held: tuple[Body | Held, ...]) -> None:
    """Close each, also where closing one fails or is cancelled; the first error is raised."""
    first, *rest = held
    try:
        await close_body(first)
    finally:
        if rest:
            await close_all(tuple(rest))
