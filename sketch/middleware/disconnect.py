"""Handlers that end when their client leaves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sketch.transport import ClientDisconnected

if TYPE_CHECKING:
    from sketch.middleware.chain import Endpoint
    from sketch.request import Request
    from sketch.response import Response


def while_connected(endpoint: Endpoint) -> Endpoint:
    """The endpoint, cancelled when the client leaves: nobody waits for its answer any more.

    What the cancellation comes out as is `ClientDisconnected`, as from a body that is cut short, so that whoever serves
    the request writes nothing and no error is logged. It is a task more per request, on the routes that ask for one. A
    `def` handler's thread cannot be stopped: its answer is no longer waited for.
    """

    async def attended(request: Request) -> Response:
        handler = _Attended()
        leaving = asyncio.create_task(request.wait_disconnected())
        leaving.add_done_callback(handler.client_left)
        try:
            return await endpoint(request)
        except asyncio.CancelledError:
            if handler.cancelled_by_client():
                raise ClientDisconnected("the client left, so its handler was cancelled") from None
            raise
        finally:
            leaving.remove_done_callback(handler.client_left)
            leaving.cancel()
            handler.end()

    return attended


class _Attended:
    """The current task, and who has cancelled it."""

    __slots__ = ("_before", "_left", "_task")

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "an exchange runs in a task"
        self._task = task
        self._before = task.cancelling()
        self._left = False

    def client_left(self, leaving: asyncio.Task[None]) -> None:
        """Cancel the handler, unless the wait itself was cancelled or has failed."""
        if not leaving.cancelled() and leaving.exception() is None:
            self._left = True
            self._task.cancel()

    def cancelled_by_client(self) -> bool:
        """Whether the client was the only one to cancel."""
        return self._left and self._task.cancelling() - 1 <= self._before

    def end(self) -> None:
        """Take the cancellation back: it has been dealt with, in whichever way."""
        if self._left:
            self._task.uncancel()
