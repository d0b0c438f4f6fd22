"""Handler arguments: what each signature gets, and which signatures are refused."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from functools import partial, wraps
from types import SimpleNamespace
from typing import Any

import pytest

from sketch.concurrency.threads import Threads
from sketch.routing import Router


class FakeRequest:
    """The part of a request that calls read."""

    def __init__(self, match_info: dict[str, Any], threads: Threads | None = None) -> None:
        self.match_info = match_info
        self.app = SimpleNamespace(threads=threads)

    def __repr__(self) -> str:
        return "REQUEST"


def call(handler: Callable[..., Any], path: str = "/{id:int}/{name}", sent: str = "/7/ann") -> Any:
    """What the handler returns for a request, when called as the application would."""

    async def main() -> Any:
        router = Router()
        route = router.add_get(path, handler)
        request = FakeRequest(dict(router.match("GET", sent)[1]), threads)
        return await route.call(request)  # type: ignore[arg-type]

    threads = Threads(1, "test")
    try:
        return asyncio.run(main())
    finally:
        threads.close()


# Each returns what it was given; the request is compared by its text.
async def nothing() -> Any:
    return ()


async def by_name(request: Any) -> Any:
    return (request,)


async def left_over(anything: Any) -> Any:
    return (anything,)


async def annotated(r: int) -> Any:
    return (r,)


async def first(id: Any) -> Any:
    return (id,)


async def converted_by_no_annotation(id: str) -> Any:
    return (id,)


async def both(request: Any, id: Any) -> Any:
    return (request, id)


async def request_last(name: Any, id: Any, request: Any) -> Any:
    return (name, id, request)


async def in_the_middle(name: Any, req: Any, id: Any) -> Any:
    return (name, req, id)


async def only_positional(id: Any, req: Any, /) -> Any:
    return (id, req)


async def only_keywords(*, name: Any, request: Any) -> Any:
    return (name, request)


async def defaults(req: Any, flag: Any = "F", id: Any = 0, more: Any = "M", *, key: Any = "K", name: Any = "") -> Any:
    return (req, flag, id, more, key, name)


async def request_with_default(request: Any = None) -> Any:
    return (request,)


async def rest(**rest: Any) -> Any:
    return sorted(rest.items())


async def rest_besides(request: Any, id: Any, **rest: Any) -> Any:
    return (request, id, *rest.items())


async def star(*args: Any) -> Any:
    return args


async def star_besides(id: Any, *args: Any, **kwargs: Any) -> Any:
    return (id, *args, *kwargs.items())


@pytest.mark.parametrize(
    ("handler", "given"),
    [
        (nothing, "()"),
        (by_name, "(REQUEST,)"),
        (left_over, "(REQUEST,)"),
        (annotated, "(REQUEST,)"),
        (first, "(7,)"),
        (converted_by_no_annotation, "(7,)"),
        (both, "(REQUEST, 7)"),
        (request_last, "('ann', 7, REQUEST)"),
        (in_the_middle, "('ann', REQUEST, 7)"),
        (only_positional, "(7, REQUEST)"),
        (only_keywords, "('ann', REQUEST)"),
        (defaults, "(REQUEST, 'F', 7, 'M', 'K', 'ann')"),
        (request_with_default, "(REQUEST,)"),
        (rest, "[('id', 7), ('name', 'ann')]"),
        (rest_besides, "(REQUEST, 7, ('name', 'ann'))"),
        (star, "(REQUEST,)"),
        (star_besides, "(7, REQUEST, ('name', 'ann'))"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_arguments(handler: Callable[..., Any], given: str) -> None:
    assert repr(call(handler)) == given


def test_a_path_parameter_called_request() -> None:
    async def handler(request: Any, req: Any) -> Any:
        return (request, req)

    assert repr(call(handler, "/{request}", "/x")) == "('x', REQUEST)"


@pytest.mark.parametrize("handler", [by_name, left_over])
def test_a_plain_handler_is_its_own_call(handler: Callable[..., Any]) -> None:
    assert Router().add_get("/a", handler).call is handler


def test_trailing_defaults_need_no_wrapper() -> None:
    async def handler(request: Any, flag: bool = False, **rest: Any) -> None: ...

    assert Router().add_get("/a", handler).call is handler


async def two_left(a: Any, b: Any) -> None: ...


async def request_and_another(request: Any, idd: Any) -> None: ...


async def keyword(request: Any, *, db: Any) -> None: ...


async def keyword_left(*, req: Any) -> None: ...


@pytest.mark.parametrize(
    ("handler", "parameter"), [(two_left, "b"), (request_and_another, "idd"), (keyword, "db"), (keyword_left, "req")]
)
def test_unknown_parameters_are_refused(handler: Callable[..., Any], parameter: str) -> None:
    with pytest.raises(ValueError, match="expected a parameter of 'request', 'id' or with a default") as caught:
        Router().add_get("/{id}", handler)
    assert f"got {parameter!r}; in the route '/{{id}}' of {handler.__name__} ({__file__}:" in str(caught.value)


async def asynchronous_generator(request: Any) -> Any:
    yield b""


def generator(request: Any) -> Iterator[bytes]:
    yield b""


@pytest.mark.parametrize("handler", [generator, asynchronous_generator])
def test_generators_are_refused_as_handlers(handler: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="got a generator: return StreamResponse"):
        Router().add_get("/", handler)


def test_callables_without_a_signature() -> None:
    with pytest.raises(ValueError, match="expected a handler with a signature"):
        Router().add_get("/", min)


# -- kinds of callables -----------------------------------------------------------------------------------------------


class Methods:
    async def method(self, request: Any, id: Any) -> Any:
        return (request, id)

    @classmethod
    async def of_class(cls, id: Any) -> Any:
        return (id,)

    @staticmethod
    async def static(id: Any) -> Any:
        return (id,)

    def blocking(self, id: Any) -> Any:
        return (id, threading.current_thread() is threading.main_thread())


class Callable_:
    async def __call__(self, request: Any, id: Any) -> Any:
        return (request, id)


class BlockingCallable:
    def __call__(self, id: Any) -> Any:
        return (id, threading.current_thread() is threading.main_thread())


def blocking(request: Any, name: Any, *, id: Any, **rest: Any) -> Any:
    return (request, name, id, rest, threading.current_thread() is threading.main_thread())


@pytest.mark.parametrize(
    ("handler", "given"),
    [
        (Methods().method, "(REQUEST, 7)"),
        (Methods.of_class, "(7,)"),
        (Methods.static, "(7,)"),
        (Methods().blocking, "(7, False)"),
        (Callable_(), "(REQUEST, 7)"),
        (BlockingCallable(), "(7, False)"),
        (blocking, "(REQUEST, 'ann', 7, {}, False)"),
        (partial(both, id="fixed"), "(REQUEST, 7)"),
        (partial(two_left, "a"), "None"),
        (partial(Callable_()), "(REQUEST, 7)"),
        (partial(blocking, extra=1), "(REQUEST, 'ann', 7, {'extra': 1}, False)"),
        (lambda name: both("sync", name), "('sync', 'ann')"),
    ],
)
def test_kinds_of_callables(handler: Callable[..., Any], given: str) -> None:
    assert repr(call(handler)) == given


def test_parameters_named_like_those_of_the_thread_pool() -> None:
    def handler(**rest: Any) -> Any:
        return sorted(rest.items())

    assert call(handler, "/{self}/{function}", "/a/b") == [("function", "b"), ("self", "a")]


# -- decorated handlers -----------------------------------------------------------------------------------------------


def transparent(handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return ("wrapped", *(await handler(*args, **kwargs)))

    return wrapper


def asks_for_request(handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    async def wrapper(request: Any, *args: Any, **kwargs: Any) -> Any:
        return ("checked", *(await handler(request, *args, **kwargs)))

    return wrapper


def asks_for_id(handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    async def wrapper(id: Any, **kwargs: Any) -> Any:
        return (id + 1, *(await handler(id=id, **kwargs)))

    return wrapper


def opaque(handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    async def wrapper(request: Any) -> Any:
        return ("opaque", *(await handler(request, request.match_info["id"])))

    return wrapper


def without_wraps(handler: Callable[..., Any]) -> Callable[..., Any]:
    async def wrapper(*args: Any) -> Any:
        return ("bare", *(await handler(*args)))

    return wrapper


@pytest.mark.parametrize(
    ("handler", "given"),
    [
        (transparent(nothing), "('wrapped',)"),
        (transparent(first), "('wrapped', 7)"),
        (transparent(both), "('wrapped', REQUEST, 7)"),
        (transparent(transparent(in_the_middle)), "('wrapped', 'wrapped', 'ann', REQUEST, 7)"),
        (transparent(rest_besides), "('wrapped', REQUEST, 7, ('name', 'ann'))"),
        (transparent(Methods().method), "('wrapped', REQUEST, 7)"),
        (asks_for_request(by_name), "('checked', REQUEST)"),
        (asks_for_request(left_over), "('checked', REQUEST)"),
        (asks_for_request(both), "('checked', REQUEST, 7)"),
        (asks_for_request(rest_besides), "('checked', REQUEST, 7, ('name', 'ann'))"),
        (asks_for_id(first), "(8, 7)"),
        (asks_for_id(both), "(8, REQUEST, 7)"),
        (opaque(both), "('opaque', REQUEST, 7)"),
        (without_wraps(by_name), "('bare', REQUEST)"),
    ],
)
def test_decorated_handlers(handler: Callable[..., Any], given: str) -> None:
    assert repr(call(handler)) == given


def test_decorated_methods_keep_their_self() -> None:
    class Holder:
        decorated = transparent(Methods.method)

    assert repr(call(Holder().decorated)) == "('wrapped', REQUEST, 7)"


def test_errors_name_the_wrapped_function() -> None:
    with pytest.raises(
        ValueError, match=f"got 'b'; in the route '/' of two_left .*:{two_left.__code__.co_firstlineno}"
    ):
        Router().add_get("/", transparent(two_left))
