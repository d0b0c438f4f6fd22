"""The JSON lines response: a stream of objects, one JSON text per line."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any

from sketch.context_vars import find_app
from sketch.jsoncodec import STDLIB
from sketch.response import HeadersArgument
from sketch.streams.stream import StreamResponse, no_iterable


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

    media_type = "application/jsonl"

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


def _lines(items: AsyncIterable[Any] | Iterable[Any], dumps: Callable[[Any], bytes]) -> _AsyncLines | _Lines:
    if isinstance(items, str | bytes | dict):
        raise TypeError(f"expected an iterable of objects, got {items!r:.200}: use JSONResponse(data)")
    if isinstance(items, AsyncIterable):
        return _AsyncLines(aiter(items), dumps)
    if isinstance(items, Iterable):
        return _Lines(iter(items), dumps)
    raise no_iterable("an iterable of objects", items)


# Classes, not generators: closing a generator that was never started does not close the iterable inside it.
class _AsyncLines:
    __slots__ = ("_dumps", "_items")

    def __init__(self, items: AsyncIterator[Any], dumps: Callable[[Any], bytes]) -> None:
        self._items = items
        self._dumps = dumps

    def __aiter__(self) -> _AsyncLines:
        return self

    async def __anext__(self) -> bytes:
        return self._dumps(await anext(self._items)) + b"\n"

    async def aclose(self) -> None:
        aclose = getattr(self._items, "aclose", None)
        if aclose is not None:
            await aclose()


class _Lines:
    __slots__ = ("_dumps", "_items")

    def __init__(self, items: Iterator[Any], dumps: Callable[[Any], bytes]) -> None:
        self._items = items
        self._dumps = dumps

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> bytes:
        return self._dumps(next(self._items)) + b"\n"

    def close(self) -> None:
        close = getattr(self._items, "close", None)
        if close is not None:
            close()
