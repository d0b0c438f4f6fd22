"""Folds middleware and handler into one coroutine function, once, when the application freezes."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NoReturn

from sketch.callables import is_coroutine_function, is_generator_function, name_of
from sketch.request import BaseRequest
from sketch.response import Response
from sketch.results import Endpoint, as_response

Middleware = Callable[..., Awaitable[Response]]
"""`async (request, handler) -> Response`; it may await `handler(request)` or answer by itself.

It gets the handler by keyword if it has a parameter `handler`, else by position. An object whose class says
`outer = True` is refused anywhere but among `outer_middlewares`. There, one that says `sets_origin = True`, as it
replaces the client, scheme or host of the request, is refused behind one that says `reads_origin = True`.
"""


class Frozen(list[Middleware]):
    """The middleware list of a started application. It refuses changes: an added middleware would never be called."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise RuntimeError("expected middlewares to be added before the application starts")

    append = extend = insert = remove = pop = clear = reverse = _refuse
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    sort = _refuse  # pyright: ignore[reportAssignmentType]


def check(middlewares: Iterable[Middleware] | None, *, outer: bool = False) -> list[Middleware]:
    """Check middlewares where they are given, and again when the application starts: until then lists may change.

    Args:
        middlewares: in their order; None for none.
        outer: whether they stand around the error handling: only there may one be that says `outer = True`.

    Raises:
        TypeError: for a middleware that cannot be called with `(request, handler)`, for one in the wrong list or
            order, and for one middleware in place of several.
    """
    if middlewares is not None and not isinstance(middlewares, Iterable):
        raise TypeError(f"expected several middlewares, got {middlewares!r:.200}: write [it]")
    checked = list(middlewares or ())
    for middleware in {id(middleware): middleware for middleware in checked}.values():
        if isinstance(middleware, type):
            raise TypeError(
                f"expected a middleware `async (request, handler)`, got the class {middleware!r:.200}: call it"
            )
        if is_generator_function(middleware):
            raise TypeError(f"expected a middleware that returns a response, got the generator {name_of(middleware)}")
        _takes_keyword(middleware)
        if not outer and getattr(middleware, "outer", False) is True:
            raise TypeError(
                f"expected middlewares that may stand around a handler, got {middleware!r:.200}: it has to see every"
                " response, also those to errors; write Application(outer_middlewares=[...])"
            )
    if outer:
        _check_order(checked)
    return checked


def _check_order(middlewares: list[Middleware]) -> None:
    """Refuse one that says where requests come from behind one that has already relied on it: a host that was checked
    would be replaced, and a session be looked for by the scheme of the proxy."""
    reader: Middleware | None = None
    for middleware in middlewares:
        if reader is not None and getattr(middleware, "sets_origin", False) is True:
            raise TypeError(
                f"expected {type(middleware).__name__} before {type(reader).__name__} among the outer middlewares, got"
                " it behind: that reads the client, the scheme or the host of the request, which this one replaces"
            )
        if reader is None and getattr(middleware, "reads_origin", False) is True:
            reader = middleware


def _takes_keyword(middleware: Middleware) -> bool:
    """Whether a middleware is called as `(request, handler=handler)`; else it is called by position.

    Raises:
        TypeError: for one that can be called neither way, and for one that takes the request second.
    """
    try:
        signature = inspect.signature(middleware)
        names = list(signature.parameters)
        if names[:1] == ["handler"] or names[1:2] == ["request"]:
            raise TypeError("the request comes first")
        try:
            signature.bind(None, handler=None)
        except TypeError:
            signature.bind(None, None)
            return False
    except (TypeError, ValueError) as exc:
        name = name_of(middleware)
        raise TypeError(f"expected a middleware `async (request, handler)`, got {name}: {exc}") from None
    return True


def fold(middlewares: Sequence[Middleware], endpoint: Endpoint) -> Endpoint:
    """Wrap an endpoint in middlewares; the first in the list is the outermost."""
    return Folder().fold(middlewares, endpoint)


class Folder:
    """Folds the chains of one application. It looks at each middleware once, however many routes have it."""

    def __init__(self) -> None:
        # By id, as a middleware need not be hashable; the middleware stands beside it, so that its id stays its own.
        self._known: dict[int, tuple[Middleware, Middleware]] = {}

    def fold(self, middlewares: Sequence[Middleware], endpoint: Endpoint) -> Endpoint:
        """Wrap an endpoint, as the function `fold` does."""
        for middleware in reversed(middlewares):
            endpoint = _wrap(middleware, self._coroutine_function(middleware), endpoint)
        return endpoint

    def _coroutine_function(self, middleware: Middleware) -> Middleware:
        """How a middleware is called: by `(request, handler=handler)`, for an awaitable."""
        known = self._known.get(id(middleware))
        if known is None:
            by_keyword = _takes_keyword(middleware)
            direct = by_keyword and is_coroutine_function(middleware)
            known = (middleware, middleware if direct else _awaitable(middleware, by_keyword))
            self._known[id(middleware)] = known
        return known[1]


def _wrap(middleware: Middleware, invoke: Middleware, handler: Endpoint) -> Endpoint:
    async def call(request: BaseRequest) -> Response:
        response = await invoke(request, handler=handler)
        # The first case of as_response() is inlined, as it is the usual one: the response that came from inside.
        if isinstance(response, Response) and response.owner is request:
            return response
        return as_response(response, request, middleware)

    return call


def _awaitable(middleware: Middleware, by_keyword: bool) -> Middleware:
    """Wrap a middleware that takes the handler by position, or is no coroutine function: it returns an awaitable."""

    def call(request: BaseRequest, handler: Endpoint) -> Awaitable[Response]:
        result = middleware(request, handler=handler) if by_keyword else middleware(request, handler)
        if not inspect.isawaitable(result):
            raise TypeError(
                f"expected a middleware `async def`, got {name_of(middleware)}, which returned {result!r:.200}"
            )
        return result

    return call
