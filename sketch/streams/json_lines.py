"""The JSON lines response: a stream of objects, one JSON text per line."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any

from sketch.context_vars import find_app
from sketch.jsoncodec import STDLIB
from sketch.response import HeadersArgument
from sketch.streams.stream import StreamResponse, no_iterable

JSON_LINES = "application/jsonl"


class JSONLinesResponse(StreamResponse):
    """A response that streams objects, one line of JSON each: `application/jsonl`.

    Args:
        items: an iterable of what JSON can hold, asynchronous or not; written by the codec of the current application
            (`Application(json=)`). The next object is requested when the client has taken the last. A synchronous
            iterable runs in a thread.
        status, headers, content_type: as in `Response`.

    An object that JSON cannot hold aborts the connection, so that the part sent before it does not look complete.
    A response can be sent for one request only.
    """

    __slots__ = ()

    media_type = JSON_LINES

    def __init__(
        self,
        items: AsyncIterable[Any] | Iterable[Any],
        *,
        status: int = 200,
        headers: HeadersArgument = None,
        content_type: str | None = None,
    ) -> None:
        app = find_app()
        dumps = (STDLIB if app is None else app.json).dumps
        super().__init__(_lines(items, dumps), status=status, headers=headers, content_type=content_type)


def _lines(items: AsyncIterable[Any] | Iterable[Any], dumps: Callable[[Any], bytes]) -> AsyncChunks | _Chunks:
    if isinstance(items, str | bytes | dict):
        raise TypeError(f"expected an iterable of objects, got {items!r:.200}: use JSONResponse(data)")

    def encode(item: Any) -> bytes:
        return dumps(item) + b"\n"

    if isinstance(items, AsyncIterable):
        return AsyncChunks(aiter(items), encode)
    if isinstance(items, Iterable):
        return _Chunks(iter(items), encode)
    raise no_iterable("an iterable of objects", items)


# Classes, not generators: closing a generator that was never started does not close the iterable inside it.
class AsyncChunks:
    """An async iterator over the chunks of a body, each made of one item of another.

    Args:
        items: closed when this is closed.
        encode: makes the chunk.
    """

    __slots__ = ("_encode", "_items")

    def __init__(self, items: AsyncIterator[Any], encode: Callable[[Any], bytes]) -> None:
        self._items = items
        self._encode = encode

    def __aiter__(self) -> AsyncChunks:
        return self

    async def __anext__(self) -> bytes:
        return self._encode(await anext(self._items))

    async def aclose(self) -> None:
        """Close the items."""
        aclose = getattr(self._items, "aclose", None)
        if aclose is not None:
            await aclose()


class _Chunks:
    __slots__ = ("_encode", "_items")

    def __init__(self, items: Iterator[Any], encode: Callable[[Any], bytes]) -> None:
        self._items = items
        self._encode = encode

    def __iter__(self) -> _Chunks:
        return self

    def __next__(self) -> bytes:
        return self._encode(next(self._items))

    def close(self) -> None:
        close = getattr(self._items, "close", None)
        if close is not None:
            close()
