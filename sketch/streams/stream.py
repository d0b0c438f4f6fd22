"""The stream response, with a body that is produced while it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import TYPE_CHECKING

from sketch.callables import close_coroutine
from sketch.concurrency.threads import iterate_in_thread
from sketch.response import HeadersArgument, Response

if TYPE_CHECKING:
    from sketch.request import BaseRequest


class StreamBody:
    """A body that is an iterable of bytes; an iterator, which can be iterated only once, is sent only once."""

    __slots__ = ("_iterable", "_once", "_taker")

    def __init__(self, iterable: AsyncIterable[bytes] | Iterable[bytes]) -> None:
        self._iterable = iterable
        self._once = hasattr(iterable, "__anext__") or hasattr(iterable, "__next__")
        self._taker: BaseRequest | None = None

    def claim(self, request: BaseRequest) -> None:
        """Record that the body is about to be sent. Raises as `check_unsent` does."""
        self.check_unsent()
        if self._once:
            self._taker = request

    def check_unsent(self) -> None:
        """Check that the body can be sent.

        Raises:
            RuntimeError: if it is an iterator that was sent before: the second response would be silently empty.
        """
        if self._taker is not None:
            raise RuntimeError(
                "this StreamResponse was sent before and its iterator is used up: "
                "make a new response for each request, or give it an object whose __aiter__ starts afresh"
            )

    async def release(self, request: BaseRequest) -> None:
        """Close an iterator that will not be sent, unless another request has claimed it and may be sending it."""
        if self._once and self._taker in (None, request):
            self._taker = request
            await self.aclose()

    def __aiter__(self) -> AsyncIterator[bytes]:
        if isinstance(self._iterable, AsyncIterable):
            return self._iterable.__aiter__()
        return iterate_in_thread(self._iterable)

    async def aclose(self) -> None:
        """Close the iterable."""
        aclose = getattr(self._iterable, "aclose", None)
        if aclose is not None:
            await aclose()
        elif (close := getattr(self._iterable, "close", None)) is not None:
            close()


def no_iterable(expected: str, value: object) -> TypeError:
    """Make the error for a value that is no iterable of what is expected."""
    advice = "did you forget to await it?" if close_coroutine(value) else "was the generator function called?"
    return TypeError(f"expected {expected}, got {value!r:.200}: {advice}")


class StreamResponse(Response):
    """A response with a body that is produced while it is sent.

    Args:
        iterable: yields `bytes`, asynchronously or not; the next chunk is requested when the client has taken the last.
            A synchronous iterable runs in a thread. When the client leaves, an async generator is closed: its `finally`
            runs. An exception after the first chunk aborts the connection, so the body cannot look complete.
        status, headers, content_type: as in `Response`. With a Content-Length header the chunks must add up to it.
    """

    __slots__ = ()

    def __init__(
        self,
        iterable: AsyncIterable[bytes] | Iterable[bytes],
        *,
        status: int = 200,
        headers: HeadersArgument = None,
        content_type: str | None = None,
    ) -> None:
        if isinstance(iterable, str | bytes | bytearray | memoryview):
            raise TypeError(f"expected an iterable of bytes, got {iterable!r:.200}: use Response(body)")
        if not hasattr(iterable, "__aiter__") and not hasattr(iterable, "__iter__"):
            raise no_iterable("an iterable of bytes", iterable)
        super().__init__(b"", status=status, headers=headers, content_type=content_type)
        self.body = StreamBody(iterable)
