"""Folds middleware and handler into one coroutine function, once, when the application freezes."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NoReturn

from sketch.callables import is_coroutine_function, name_of
from sketch.request import BaseRequest
from sketch.response import Response
from sketch.results import Endpoint, as_response

Middleware = Callable[..., Awaitable[Response]]
"""`async (request, handler) -> Response`; it may await `handler(request)` or answer by itself."""


class Frozen(list[Middleware]):
    """The middleware list of a started application. It refuses changes: an added middleware would never be called."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise RuntimeError("expected middlewares to be added before the application starts")

    append = extend = insert = remove = pop = clear = reverse = _refuse
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    sort = _refuse  # pyright: ignore[reportAssignmentType]


def check(middlewares: Iterable[Middleware]) -> None:
    """Check the signatures of middlewares when an application starts, so that a mistake shows before a request comes.

    Raises:
        TypeError: for a middleware that cannot be called as `middleware(request, handler=handler)`.
    """
    for middleware in {id(middleware): middleware for middleware in middlewares}.values():
        try:
            inspect.signature(middleware).bind(None, handler=None)
        except TypeError as exc:
            name = name_of(middleware)
            raise TypeError(f"expected a middleware `async (request, handler)`, got {name}: {exc}") from None


def fold(middlewares: Sequence[Middleware], endpoint: Endpoint) -> Endpoint:
    """Wrap an endpoint in middlewares; the first in the list is the outermost."""
    for middleware in reversed(middlewares):
        endpoint = _wrap(middleware, endpoint)
    return endpoint


def _wrap(middleware: Middleware, handler: Endpoint) -> Endpoint:
    if not is_coroutine_function(middleware):
        middleware = _awaitable(middleware)

    async def call(request: BaseRequest) -> Response:
        response = await middleware(request, handler=handler)
        # The first case of as_response() is inlined, as it is the usual one: the response that came from inside.
        if isinstance(response, Response) and response.owner is request:
            return response
        return as_response(response, request, middleware)

    return call


def _awaitable(middleware: Middleware) -> Middleware:
    """Wrap a middleware that is no coroutine function: it has to return an awaitable."""

    def call(request: BaseRequest, handler: Endpoint) -> Awaitable[Response]:
        result = middleware(request, handler=handler)
        if not inspect.isawaitable(result):
            raise TypeError(f"expected a middleware `async def`, got {name_of(middleware)}, which returned {result!r}")
        return result

    return call
