"""Limits the time that a handler may take."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sketch.exceptions import HTTPServiceUnavailable

if TYPE_CHECKING:
    from sketch.request import BaseRequest
    from sketch.response import Response
    from sketch.results import Endpoint


def within(seconds: float, endpoint: Endpoint) -> Endpoint:
    """Wrap an endpoint so that it is cancelled after that many seconds. The response is then a 503.

    This costs one timer per request, on the routes that ask for it. A `def` handler's thread cannot be stopped: its
    result is dropped.
    """

    async def timed(request: BaseRequest) -> Response:
        timeout = asyncio.timeout(seconds)
        try:
            async with timeout:
                return await endpoint(request)
        except TimeoutError:
            if timeout.expired():  # and not a timeout of the handler's own
                raise HTTPServiceUnavailable(f"no answer within {seconds:g} seconds") from None
            raise

    return timed
