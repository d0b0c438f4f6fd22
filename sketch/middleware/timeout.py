"""Waits that end: the time that a handler may take, and the first of several events."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sketch.exceptions import HTTPServiceUnavailable

if TYPE_CHECKING:
    from sketch.request import Request
    from sketch.response import Response
    from sketch.results import Endpoint


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
