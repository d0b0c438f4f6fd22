"""Turns the result of a handler or middleware into a response that belongs to its request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeGuard

from sketch.callables import name_of
from sketch.errors.problems import error_response
from sketch.exceptions import HTTPException
from sketch.request import BaseRequest
from sketch.response import Response, advice_for

Endpoint = Callable[[Any], Awaitable[Response]]
"""A coroutine function that answers a `Request`, or the `WebSocketRequest` of a handshake."""


class PreparedResponse(Response):
    """A response of which another one is made before it is sent, once the request is known: by opening a file, say."""

    __slots__ = ()

    prepares = True

    async def prepare(self, request: BaseRequest) -> Response:
        """Return the response to send in place of this one, or this one."""
        raise NotImplementedError


def as_endpoint(call: Callable[[Any], Awaitable[Any]], source: Callable[..., Any]) -> Endpoint:
    """Wrap a handler's call so that its response belongs to this request alone and middleware may change it."""

    async def endpoint(request: BaseRequest) -> Response:
        return as_response(await call(request), request, source)

    return endpoint


def as_response(result: object, request: BaseRequest, source: object) -> Response:
    """Turn the result of a handler or middleware into a response that belongs to this request alone.

    The application may keep a response object and return it a thousand times. So a response from user code is copied
    before the next middleware or hook may change it; copies are not copied again.

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
        advice = "did it forget to return one?" if result is None else advice_for(result)
        raise TypeError(f"expected a Response from {name_of(source)}, got {result!r:.200}: {advice}")
    result.owner = request
    return result


def must_prepare(response: Response, request: BaseRequest) -> TypeGuard[PreparedResponse]:
    """Whether `prepare` of a response has something to do, and was not asked before for this request."""
    return response.prepares and not (response.owner is request and hasattr(response, "_ready"))


async def prepare_response(request: BaseRequest, response: PreparedResponse) -> Response:
    """Return the response that `prepare` makes; it takes over the background work, unless it has its own."""
    ready = await response.prepare(request)
    if response.background and not ready.background:
        ready = as_response(ready, request, response)
        ready.background = response.background
    if ready.prepares:
        ready = as_response(ready, request, response)
        ready._ready = True
    return ready
