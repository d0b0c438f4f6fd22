"""Waits that end: the time that a handler may take, and the first of several events."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from sketch.exceptions import HTTPServiceUnavailable

if TYPE_CHECKING:
    from sketch.middleware.chain import Endpoint
    from sketch.request import Request
    from sketch.response import Response


def within(seconds: float, endpoint: Endpoint) -> Endpoint:
    """The endpoint, cancelled when it takes longer than that many seconds. The answer is then 503.

    It is a timer per request, on the routes that ask for one. A `def` handler's thread cannot be stopped: its answer is
    no longer waited for.
    """

    async def timed(request: Request) -> Response:
        timeout = asyncio.timeout(seconds)
        try:
            async with timeout:
                return await endpoint(request)
        except TimeoutError:
            if timeout.expired():  # and not a timeout of the handler's own
                raise HTTPServiceUnavailable(f"no answer within {seconds:g} seconds") from None
            raise

    return timed


async def first_of(*coroutines: Coroutine[Any, Any, Any]) -> None:
    """Wait until one of them has ended; the others are cancelled, and nothing of them is left in the loop."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
