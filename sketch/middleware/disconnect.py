"""Handlers that end when their client leaves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sketch.concurrency.cancellation import AttendedTask
from sketch.transport import ClientDisconnected

if TYPE_CHECKING:
    from sketch.request import Request
    from sketch.response import Response
    from sketch.results import Endpoint


def while_connected(endpoint: Endpoint) -> Endpoint:
    """The endpoint, cancelled when the client leaves: nobody waits for its answer any more.

    What the cancellation comes out as is `ClientDisconnected`, as from a body that is cut short, so that whoever serves
    the request writes nothing and no error is logged. It is a task more per request, on the routes that ask for one. A
    `def` handler's thread cannot be stopped: its answer is no longer waited for.
    """

    async def attended(request: Request) -> Response:
        handler = AttendedTask()
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
