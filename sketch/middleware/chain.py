"""The chain: middleware and handler folded into one coroutine function, once, when the application freezes."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NoReturn

from sketch.callables import is_coroutine_function, name_of
from sketch.errors.problems import error_response
from sketch.exceptions import HTTPException
from sketch.request import Request
from sketch.response import Response

Endpoint = Callable[[Request], Awaitable[Response]]
"""What answers a request."""

Middleware = Callable[..., Awaitable[Response]]
"""`async (request, handler) -> Response`; it awaits `handler(request)`, or does not."""


class Frozen(list[Middleware]):
    """The middlewares of what has started: they are folded, so what is added now would never be called."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise RuntimeError("expected middlewares to be added before the application starts")

    append = extend = insert = remove = pop = clear = reverse = _refuse
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    sort = _refuse  # pyright: ignore[reportAssignmentType]


def check(middlewares: Iterable[Middleware]) -> None:
    """Look at signatures when an application starts, so that a mistake is no surprise of the first request.

    Raises:
        TypeError: for what cannot be called as `middleware(request, handler=handler)`.
    """
    for middleware in {id(middleware): middleware for middleware in middlewares}.values():
        try:
            inspect.signature(middleware).bind(None, handler=None)
        except TypeError as exc:
            name = name_of(middleware)
            raise TypeError(f"expected a middleware `async (request, handler)`, got {name}: {exc}") from None


def fold(middlewares: Sequence[Middleware], endpoint: Endpoint) -> Endpoint:
    """The endpoint inside its middlewares; the first in the list is the outermost."""
    for middleware in reversed(middlewares):
        endpoint = _wrap(middleware, endpoint)
    return endpoint


def _wrap(middleware: Middleware, handler: Endpoint) -> Endpoint:
    if not is_coroutine_function(middleware):
        middleware = _awaitable(middleware)

    async def call(request: Request) -> Response:
        response = await middleware(request, handler=handler)
        # The same as own(), without a call for the usual case: the response that came from inside.
        if isinstance(response, Response) and response.owner is request:
            return response
        return own(response, request, middleware)

    return call


def _awaitable(middleware: Middleware) -> Middleware:
    """What is no coroutine function may return an awaitable, but has to."""

    def call(request: Request, handler: Endpoint) -> Awaitable[Response]:
        result = middleware(request, handler=handler)
        if not inspect.isawaitable(result):
            raise TypeError(f"expected a middleware `async def`, got {name_of(middleware)}, which returned {result!r}")
        return result

    return call


def owning(call: Callable[[Request], Awaitable[Any]], source: Callable[..., Any]) -> Endpoint:
    """A handler's call whose response belongs to its request alone; for where something may change it later."""

    async def endpoint(request: Request) -> Response:
        return own(await call(request), request, source)

    return endpoint


def own(result: object, request: Request, source: object) -> Response:
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


async def prepared(request: Request, response: Response) -> Response:
    """What is sent in the place of a response that has to be prepared. What is to be done afterwards stays the same."""
    ready = await response.prepare(request)
    if response.background and not ready.background:
        ready = own(ready, request, response)
        ready.background = response.background
    return ready
