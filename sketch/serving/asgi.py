"""ASGI 3 applications: their types, and a check that says why an object is not one."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any

from sketch.callables import close_coroutine, is_coroutine_function

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
ASGIApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[Any]]
"""`async (scope, receive, send)`."""


def check_asgi(app: Any) -> None:
    """Check that an object can be called as an ASGI 3 application.

    Raises:
        TypeError: if not; the message says what to do.
    """
    advice = find_mistake(app)
    if advice is not None:
        raise TypeError(f"expected an ASGI 3 application, got {app!r}: {advice}")


def find_mistake(app: Any) -> str | None:
    """Return advice for an object that is no ASGI 3 application; None if it may be one."""
    if isinstance(app, type):
        return "it is a class, call it"
    if close_coroutine(app):
        return "it is a coroutine, of a factory that is `async def`: await it, or write 'module:function()'"
    if not callable(app):
        return _OTHER
    arguments = _positional(app)
    if arguments == 3 or (arguments is None and is_coroutine_function(app)):
        return None
    if arguments and is_coroutine_function(app):
        return f"{_OTHER}; if this is a handler, name its application"
    return _ADVICE.get(arguments, _OTHER)


_OTHER = "one is called as `await app(scope, receive, send)`"
_ADVICE: dict[int | None, str] = {
    0: "it takes no arguments, so it is a factory: call it, or write 'module:function()'",
    1: "it looks like ASGI 2, wrap it in asgiref.compatibility.guarantee_single_callable",
    2: "it looks like WSGI, wrap it in a2wsgi.WSGIMiddleware",
}


def _positional(app: Any) -> int | None:
    """Return how many positional arguments a callable needs, 3 if it can take three; None if that is unknown."""
    try:
        # An instance may have a `__call__` of its own, in a slot: Python calls that, and `signature` does not find it.
        plain = inspect.isroutine(app) or isinstance(app, partial)
        signature = inspect.signature(app if plain else app.__call__)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(None, None, None)
    except TypeError:
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        return sum(each.kind in kinds and each.default is each.empty for each in signature.parameters.values())
    return 3
