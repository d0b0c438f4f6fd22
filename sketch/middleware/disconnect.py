"""Cancels handlers when their client leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sketch.concurrency.cancellation import InterruptedBy
from sketch.transport import ClientDisconnected

if TYPE_CHECKING:
    from sketch.request import Request
    from sketch.response import Response
    from sketch.results import Endpoint


def while_connected(endpoint: Endpoint) -> Endpoint:
    """Wrap an endpoint so that it is cancelled when the client leaves: then nothing waits for its response.

    The cancellation is turned into `ClientDisconnected`, as for a body that is cut short, so the adapter writes nothing
    and no error is logged. A handler that catches the cancellation and returns a response is answered with it. This
    costs one more task per request, on the routes that ask for it. A `def` handler's thread cannot be stopped: its
    result is dropped.
    """

    async def attended(request: Request) -> Response:
        with InterruptedBy(request.wait_disconnected, _left):
            return await endpoint(request)

    return attended


def _left() -> ClientDisconnected:
    return ClientDisconnected("the client left, so its handler was cancelled")
