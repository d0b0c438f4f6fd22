"""Cancels handlers when their client leaves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sketch.concurrency.cancellation import LinkedTask
from sketch.transport import ClientDisconnected

if TYPE_CHECKING:
    from sketch.request import Request
    from sketch.response import Response
    from sketch.results import Endpoint


def while_connected(endpoint: Endpoint) -> Endpoint:
    """Wrap an endpoint so that it is cancelled when the client leaves: then nothing waits for its response.

    The cancellation is turned into `ClientDisconnected`, as for a body that is cut short, so the adapter writes nothing
    and no error is logged. This costs one more task per request, on the routes that ask for it. A `def` handler's
    thread cannot be stopped: its result is dropped.
    """

    async def attended(request: Request) -> Response:
        handler = LinkedTask()
        leaving = asyncio.create_task(request.wait_disconnected())
        leaving.add_done_callback(handler.watcher_ended)
        try:
            return await endpoint(request)
        except asyncio.CancelledError:
            if handler.cancelled_by_watcher():
                raise ClientDisconnected("the client left, so its handler was cancelled") from None
            raise
        finally:
            leaving.remove_done_callback(handler.watcher_ended)
            leaving.cancel()
            handler.end()

    return attended
