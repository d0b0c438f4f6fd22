"""From what a handler or middleware returned to the request's own response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sketch.callables import name_of
from sketch.errors.problems import error_response
from sketch.exceptions import HTTPException
from sketch.request import Request
from sketch.response import Response

Endpoint = Callable[[Request], Awaitable[Response]]
"""What answers a request."""


def as_endpoint(call: Callable[[Request], Awaitable[Any]], source: Callable[..., Any]) -> Endpoint:
    """A handler's call whose response belongs to its request alone; for where something may change it later."""

    async def endpoint(request: Request) -> Response:
        return as_response(await call(request), request, source)

    return endpoint


def as_response(result: object, request: Request, source: object) -> Response:
    """What a handler or middleware returned, as a response that belongs to this request alone.

    A response object may be kept by the application and returned a thousand times. So whatever comes out of
    user code is copied before the next middleware or hook may change it; copies are not copied again.

    Raises:
        TypeError: for anything but a Response or an HTTPException; the message names the source.
    """
    if isinstance(result, Response):
        if result.owner is request:
            return result
        result = result.copy()
    elif isinstance(result, HTTPException):
        result = error_response(request, result)
    else:
        raise TypeError(f"expected a Response from {name_of(source)}, got {result!r}: did it forget to return one?")
    result.owner = request
    return result


async def prepare_response(request: Request, response: Response) -> Response:
    """What is sent in the place of a response that has to be prepared. What is to be done afterwards stays the same."""
    ready = await response.prepare(request)
    if response.background and not ready.background:
        ready = as_response(ready, request, response)
        ready.background = response.background
    return ready
