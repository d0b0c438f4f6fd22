"""Keeps a request's resources, such as uploaded files, open until its response ends: a stream may read them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable, AsyncIterator
from typing import TYPE_CHECKING, Self

from sketch.request import Request
from sketch.response import Response
from sketch.results import as_response
from sketch.streams.stream import StreamBody
from sketch.transport import Body, Closable, FileBody, close_body

if TYPE_CHECKING:
    from sketch.request import Request

logger = logging.getLogger("sketch")


def attach(request: Request, response: Response) -> Response:
    """Return the response to send; a streamed body takes over the request's resources, and closes them at its end.

    With any other body, the pipeline closes them once the response is made: nothing reads from them any more.
    """
    body = response.body
    if isinstance(body, bytes | FileBody):
        return response
    resources = tuple(one for one in request.files if one is not body)
    if resources:
        response = as_response(response, request, attach)
        response.body = StreamWithResources(body, resources)
        request.files = ()
    return response


class StreamWithResources(StreamBody):
    """A streamed body with the resources that have to stay open until it ends.

    Args:
        source: the stream.
        resources: closed after the stream.
    """

    __slots__ = ("_iterator", "_resources", "_source")

    def __init__(self, source: AsyncIterable[bytes], resources: tuple[Body | Closable, ...]) -> None:
        super().__init__(())
        self._source = source
        self._resources = resources
        self._iterator: AsyncIterator[bytes] | None = None

    def claim(self, request: Request) -> None:
        """Record that the source is about to be sent. Raises RuntimeError if the source does."""
        if isinstance(self._source, StreamBody):
            self._source.claim(request)

    async def release(self, request: Request) -> None:
        """Close a source that will not be sent, then its resources."""
        try:
            await (self._source.release(request) if isinstance(self._source, StreamBody) else close_body(self._source))
        finally:
            await close_all(self._resources)

    def __aiter__(self) -> Self:
        if self._iterator is None:  # `async for` over an iterator calls `__aiter__` once more
            self._iterator = aiter(self._source)
        return self

    async def __anext__(self) -> bytes:
        assert self._iterator is not None
        return await anext(self._iterator)

    async def aclose(self) -> None:
        """Close the iterator, or the source if the iterator has no `aclose()`, then the resources."""
        try:
            for part in (self._iterator, self._source):
                aclose = getattr(part, "aclose", None)
                if aclose is not None:
                    await aclose()
                    break
        finally:
            await close_all(self._resources)


async def close_all(resources: tuple[Body | Closable, ...]) -> None:
    """Close all resources, also if closing one fails or is cancelled; the last error is raised."""
    first, *rest = resources
    try:
        await close_body(first)
    finally:
        if rest:
            await close_all(tuple(rest))


async def release_unsent(request: Request, response: Response | None, keep: Body | None = None) -> None:
    """Close the request's bodies and files that are not sent: a stream, files that `prepare` or a form has opened."""
    bodies: tuple[Body | Closable, ...] = request.files
    if response is not None and response.body not in bodies:
        bodies += (response.body,)
    request.files = ()
    cancelled: BaseException | None = None
    for body in bodies:
        if body is keep:
            continue
        try:
            await (body.release(request) if isinstance(body, StreamBody) else close_body(body))
        except Exception:
            logger.exception("error while closing an unsent body of %s %r", request.method, request.raw_path)
        except BaseException as exc:  # raised once the others are closed
            cancelled = exc
    if cancelled is not None:
        raise cancelled
