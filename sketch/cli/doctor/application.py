"""What can be told of an application without starting it: its middlewares, the proxies it trusts, its URLs."""

from __future__ import annotations

import dis
import gc
import sys
from collections.abc import Callable, Iterable, Iterator
from types import CodeType
from typing import Any

from sketch.callables import find_place, innermost
from sketch.routing import Mount
from sketch.routing.route import WEBSOCKET
from sketch.serving.loading import is_sketch_application

IN_MEMORY = {"MemoryBackend": "Channels", "MemoryStore": "a MemoryStore", "MemoryCounters": "a RateLimit"}
"""Classes of sketch whose objects are one process's own, and what users call them."""

_REQUESTS = ("request", "req", "current_request")
"""Names that stand for a request in handlers."""


def middlewares_of(app: Any) -> list[Any]:
    """Return the middlewares of the application itself, the outer ones first; none of a foreign application."""
    return [*getattr(app, "outer_middlewares", ()), *getattr(app, "middlewares", ())] if is_sketch(app) else []


def has_middleware(app: Any, *names: str) -> bool:
    """Whether one of the application's middlewares is of a class with one of these names."""
    return any(kind.__name__ in names for each in middlewares_of(app) for kind in type(each).__mro__)


def is_sketch(app: Any) -> bool:
    """Whether it is a sketch application, and no foreign one."""
    return app is not None and is_sketch_application(app)


def shows_details(app: Any) -> bool:
    """Whether the application shows the details of errors: sketch's, Starlette's and FastAPI's `debug`, Django's."""
    if getattr(app, "debug", False) is True:
        return True
    django = sys.modules.get("django.conf")
    settings = getattr(django, "settings", None)
    return type(app).__module__.startswith("django.") and getattr(settings, "DEBUG", False) is True


def trusted_by(app: Any) -> list[str]:
    """Return the networks that the application's own `ProxyHeaders` trust; `unix` is among them."""
    return [name for each in middlewares_of(app) for name in getattr(each, "trusted", ())]


def routes_of(app: Any) -> Iterator[Any]:
    """Yield the routes of a sketch application and of those that are mounted in it."""
    if not is_sketch(app):
        return
    yield from (route for route in app.router.routes() if not isinstance(route, Mount))
    for mount in app.router.mounts():
        yield from routes_of(mount.app)


def has_websockets(app: Any) -> bool:
    """Whether a route is for websockets."""
    return any(WEBSOCKET in route.methods for route in routes_of(app))


def makers_of_absolute_urls(app: Any) -> Iterator[str]:
    """Yield the places of handlers that call `request.url_for`: the host of such a URL is what the client has sent."""
    for route in routes_of(app):
        if any(_calls_url_for(code) for code in _codes_of(route.handler)):
            yield find_place(route.handler) or route.template


def _codes_of(handler: Callable[..., Any]) -> Iterator[CodeType]:
    """Yield the code of a handler, of a view all its methods, and of the functions inside."""
    function: Any = innermost(handler)
    members: Iterable[Any] = vars(function).values() if isinstance(function, type) else [function]
    waiting = [code for each in members if isinstance(code := getattr(each, "__code__", None), CodeType)]
    while waiting:
        code = waiting.pop()
        yield code
        waiting += [each for each in code.co_consts if isinstance(each, CodeType)]


def _calls_url_for(code: CodeType) -> bool:
    before = None
    for each in dis.get_instructions(code):
        if each.argval == "url_for" and before in _REQUESTS:
            return True
        before = each.argval
    return False


def in_memory(objects: Iterable[object] | None = None) -> list[str]:
    """Return what lives in the memory of this process alone, of all objects that are alive: `Channels`."""
    alive = gc.get_objects() if objects is None else objects
    kinds = {type(each) for each in alive}
    return sorted(IN_MEMORY[kind.__name__] for kind in kinds if _is_in_memory(kind))


def _is_in_memory(kind: type) -> bool:
    return kind.__name__ in IN_MEMORY and kind.__module__.startswith("sketch.")
