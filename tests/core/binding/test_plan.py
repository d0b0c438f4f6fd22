"""The plan of a handler: what each parameter of a signature gets, and which signatures are refused."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial, update_wrapper, wraps
from types import FunctionType
from typing import Annotated, Any, Optional

import pytest
from multidict import MultiDict

from sketch.application import Application
from sketch.concurrency.threads import Threads
from sketch.request import BaseRequest, Request, WebSocketRequest
from sketch.routing import Router
from sketch.websocket import WebSocket


class FakeApp:
    """The part of an application that calls read."""

    def __init__(self, threads: Threads | None) -> None:
        self.threads = threads

    def __repr__(self) -> str:
        return "APP"


class FakeRequest:
    """The part of a request that calls read."""

    def __init__(self, match_info: dict[str, Any], threads: Threads | None, query: dict[str, str]) -> None:
        self.match_info = match_info
        self.query = MultiDict(query)
        self.app = FakeApp(threads)

    def __repr__(self) -> str:
        return "REQUEST"


def as_objects(function: Callable[..., Any], **annotations: Any) -> Callable[..., Any]:
    """A copy of the function with these objects as annotations: without `from __future__ import annotations`."""
    copy = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    copy.__annotations__ = annotations
    return copy


def call(handler: Callable[..., Any], path: str = "/{id:int}/{name}", sent: str = "/7/ann", **query: str) -> Any:
    """What the handler returns for a request, when called as the application would."""

    async def main() -> Any:
        router = Router()
        route = router.add_get(path, handler)
        request = FakeRequest(dict(router.match("GET", sent)[1]), threads, query)
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


async def keyword_left(*, req: Any) -> Any:
    return (req,)


async def first(id: Any) -> Any:
    return (id,)


async def as_the_path_gives_it(id: int, name: str) -> Any:
    return (id, name)


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
        (keyword_left, "(REQUEST,)"),
        (first, "(7,)"),
        (as_the_path_gives_it, "(7, 'ann')"),
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
    async def handler(request: Any, flag: Any = False, **rest: Any) -> Any: ...

    assert Router().add_get("/a", handler).call is handler


async def two_left(a: Any, b: Any) -> Any: ...


async def request_and_another(request: Any, idd: Any) -> None: ...


async def keyword(request: Any, *, db: Any) -> None: ...


async def two_keywords_left(*, req: Any, more: Any) -> None: ...


@pytest.mark.parametrize(
    ("handler", "parameter"),
    [(two_left, "b"), (request_and_another, "idd"), (keyword, "db"), (two_keywords_left, "more")],
)
def test_unknown_parameters_are_refused(handler: Callable[..., Any], parameter: str) -> None:
    with pytest.raises(
        ValueError, match="expected a parameter of 'request', 'id', with a type or with a default"
    ) as caught:
        Router().add_get("/{id}", handler)
    assert f"got {parameter!r}; in the route '/{{id}}' of {handler.__name__} ({__file__}:" in str(caught.value)


async def asynchronous_generator(request: Any) -> Any:
    yield b""


def generator(request: Any) -> Any:
    yield b""


@pytest.mark.parametrize("handler", [generator, asynchronous_generator])
def test_generators_are_refused_as_handlers(handler: Callable[..., Any]) -> None:
    with pytest.raises(
        ValueError, match=r"got a generator: return StreamResponse\(...\), or declare what it yields, as"
    ):
        Router().add_get("/", handler)


def test_callables_without_a_signature() -> None:
    with pytest.raises(ValueError, match="expected a handler with a signature"):
        Router().add_get("/", min)


# -- annotations ------------------------------------------------------------------------------------------------------


class Item:
    """A type that nothing supplies."""


async def class_of_request(r: Request) -> Any:
    return (r,)


async def base_class(r: BaseRequest) -> Any:
    return (r,)


async def optional(r: Optional[Request] = None) -> Any:  # noqa: UP045 - the old spelling
    return (r,)


async def union(id: int, r: Request | None) -> Any:
    return (id, r)


async def one_source(r: Request | WebSocketRequest) -> Any:
    return (r,)


async def with_metadata(r: Annotated[Request, "metadata"]) -> Any:
    return (r,)


async def nothing_said(r: object) -> Any:
    return (r,)


async def only_for_type_checkers(request: MissingRequest, id: MissingRequest) -> Any:  # type: ignore[name-defined] # noqa: F821
    return (request, id)


async def also_the_application(app: Application, r: Request) -> Any:
    return (app, r)


async def default_without_annotation(r: Request, limit=10) -> Any:  # type: ignore[no-untyped-def]
    return (r, limit)


@pytest.mark.parametrize(
    ("handler", "given"),
    [
        (class_of_request, "(REQUEST,)"),
        (base_class, "(REQUEST,)"),
        (optional, "(REQUEST,)"),
        (union, "(7, REQUEST)"),
        (one_source, "(REQUEST,)"),
        (with_metadata, "(REQUEST,)"),
        (nothing_said, "(REQUEST,)"),
        (only_for_type_checkers, "(REQUEST, 7)"),
        (also_the_application, "(APP, REQUEST)"),
        (default_without_annotation, "(REQUEST, 10)"),
        (as_objects(class_of_request, r=Request), "(REQUEST,)"),
        (as_objects(class_of_request, r=Optional["Request"]), "(REQUEST,)"),
    ],
)
def test_annotations_that_are_sources(handler: Callable[..., Any], given: str) -> None:
    assert repr(call(handler)) == given


async def scalar(q: int) -> Any:
    return (q,)


async def scalar_and_default(request: Request, limit: int = 10) -> Any:
    return (request, limit)


async def model(item: Item) -> None: ...


async def model_called_request(request: Item) -> None: ...


async def either(r: Request | Item) -> None: ...


async def keyword_item(request: Request, *, item: Item) -> None: ...


async def socket(ws: WebSocket) -> None: ...


class Holder:
    async def method(self, q: int) -> Any:
        return (q,)

    async def __call__(self, q: int) -> Any:
        return (q,)


def blocking_scalar(q: int) -> Any:
    return (q,)


@pytest.mark.parametrize(
    ("handler", "given"),
    [
        (scalar, "(3,)"),
        (scalar_and_default, "(REQUEST, 10)"),
        (Holder().method, "(3,)"),
        (Holder(), "(3,)"),
        (blocking_scalar, "(3,)"),
        (partial(scalar), "(3,)"),
        (as_objects(scalar, q=int), "(3,)"),
        (as_objects(scalar, q=Annotated[int, "metadata"]), "(3,)"),
    ],
)
def test_annotations_of_values_are_read_from_the_query(handler: Callable[..., Any], given: str) -> None:
    assert repr(call(handler, "/{id}", "/7", q="3")) == given


@pytest.mark.parametrize(
    ("handler", "parameter"),
    [
        (model, "item: tests.core.binding.test_plan.Item"),
        (model_called_request, "request: tests"),
        (either, "r: sketch"),
        (keyword_item, "item: tests"),
        (socket, "ws: sketch"),
        (partial(two_left, 1), None),
        (partial(keyword_item, item=Item()), None),
        (as_objects(scalar, q={"a": 1}), "q: {'a': 1}"),
    ],
)
def test_annotations_that_nothing_supplies_are_refused(handler: Callable[..., Any], parameter: str | None) -> None:
    if parameter is None:
        Router().add_get("/{id}", handler)
        return
    with pytest.raises(ValueError, match="expected a type that a request can supply, got ") as caught:
        Router().add_get("/{id}", handler)
    assert f"got '{parameter}" in str(caught.value).replace('"', "'")
    assert "; in the route '/{id}' of " in str(caught.value)


def test_the_default_of_another_type_is_kept_without_the_annotation() -> None:
    async def handler(request: Any, item: Item = Item()) -> None: ...  # noqa: B008 - the case

    with pytest.raises(ValueError, match="a default of another type stands without an annotation; in the route"):
        Router().add_get("/", handler)


def test_an_annotation_that_does_not_exist_at_run_time() -> None:
    async def handler(request: Any, item: MissingItem) -> None: ...  # type: ignore[name-defined] # noqa: F821

    with pytest.raises(
        ValueError,
        match=r"expected an annotation that exists at run time, got 'item: MissingItem': define or import it at the top"
        r" of its module, not in a function and not under TYPE_CHECKING; in the route",
    ):
        Router().add_get("/", handler)


def test_an_annotation_that_raises_something_else_says_what() -> None:
    class Box:
        def __class_getitem__(cls, kind: object) -> object:
            raise TypeError(f"no box of {kind!r}\nand more")

    def take(item): ...  # type: ignore[no-untyped-def]

    def give(): ...  # type: ignore[no-untyped-def]

    take.__globals__["Box"] = Box
    try:
        take.__annotations__, give.__annotations__ = {"item": "Box[1]"}, {"return": "Box[1]"}
        for handler in (take, give):
            with pytest.raises(ValueError, match=r"Box\[1\]'?: it raises TypeError: no box of 1; in the route"):
                Router().add_post("/", handler)
    finally:
        del take.__globals__["Box"]


def test_annotations_of_a_decorated_function_are_looked_up_where_it_was_written() -> None:
    """`wraps` copies the annotations of another module's function, whose names this module may not have."""
    names: dict[str, Any] = {}
    source = """
from __future__ import annotations
from sketch.request import Request as Sent
async def view(r: Sent, id: int): return (r, id)
"""
    exec(source, names)
    assert repr(call(transparent(names["view"]))) == "('wrapped', REQUEST, 7)"


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


def by_keywords(handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    async def wrapper(**kwargs: Any) -> Any:
        return ("keywords", *(await handler(**kwargs)))

    return wrapper


def request_and_keywords(handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    async def wrapper(request: Any, **kwargs: Any) -> Any:
        return ("request", *(await handler(request, **kwargs)))

    return wrapper


def blocking_by_keywords(handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    def wrapper(**kwargs: Any) -> Any:
        return handler(**kwargs)

    return wrapper


def by_position(handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    async def wrapper(*args: Any) -> Any:
        return ("position", *(await handler(*args)))

    return wrapper


def request_and_positions(handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    async def wrapper(request: Any, *args: Any) -> Any:
        return ("request", *(await handler(request, *args)))

    return wrapper


def adds_a_value(handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    async def wrapper(request: Any, *args: Any, **kwargs: Any) -> Any:
        return ("added", *(await handler(request, "user", *args, **kwargs)))

    return wrapper


def async_around_def(handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    async def wrapper(**kwargs: Any) -> Any:
        return handler(**kwargs)

    return wrapper


class ClassDecorator:
    def __init__(self, handler: Callable[..., Any]) -> None:
        update_wrapper(self, handler)
        self.handler = handler

    async def __call__(self, **kwargs: Any) -> Any:
        return ("class", *(await self.handler(**kwargs)))


class DecoratedCall:
    @by_position
    async def __call__(self, id: Any, req: Any) -> Any:
        return (id, req)


async def with_user(request: Any, user: Any, id: Any) -> Any:
    return (request, user, id)


async def with_application(r: Request, id: Any, app: Application) -> Any:
    return (r, id, app)


def blocking_view(id: Any, *, req: Any) -> Any:
    return (id, req)


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
        (by_keywords(nothing), "('keywords',)"),
        (by_keywords(first), "('keywords', 7)"),
        (by_keywords(left_over), "('keywords', REQUEST)"),
        (by_keywords(in_the_middle), "('keywords', 'ann', REQUEST, 7)"),
        (by_keywords(rest), "('keywords', ('id', 7), ('name', 'ann'))"),
        (by_keywords(with_application), "('keywords', REQUEST, 7, APP)"),
        (by_keywords(defaults), "('keywords', REQUEST, 'F', 7, 'M', 'K', 'ann')"),
        (blocking_by_keywords(first), "(7,)"),
        (blocking_by_keywords(blocking_view), "(7, REQUEST)"),
        (async_around_def(blocking_view), "(7, REQUEST)"),
        (request_and_keywords(both), "('request', REQUEST, 7)"),
        (request_and_keywords(by_name), "('request', REQUEST)"),
        (asks_for_request(with_application), "('checked', REQUEST, 7, APP)"),
        (adds_a_value(with_user), "('added', REQUEST, 'user', 7)"),
        (by_position(only_positional), "('position', 7, REQUEST)"),
        (by_position(defaults), "('position', REQUEST, 'F', 7, 'M', 'K', '')"),
        (request_and_positions(both), "('request', REQUEST, 7)"),
        (by_keywords(by_keywords(first)), "('keywords', 'keywords', 7)"),
        (transparent(by_keywords(both)), "('wrapped', 'keywords', REQUEST, 7)"),
        (by_keywords(transparent(both)), "('keywords', 'wrapped', REQUEST, 7)"),
        (request_and_keywords(asks_for_request(both)), "('request', 'checked', REQUEST, 7)"),
        (ClassDecorator(both), "('class', REQUEST, 7)"),
        (DecoratedCall(), "('position', 7, REQUEST)"),
        (partial(by_keywords(both)), "('keywords', REQUEST, 7)"),
        (partial(transparent(both), id="unused"), "('wrapped', REQUEST, 7)"),
        (by_keywords(scalar), "('keywords', 3)"),
        (transparent(scalar), "('wrapped', 3)"),
        (transparent(scalar_and_default), "('wrapped', REQUEST, 10)"),
        (request_and_keywords(scalar_and_default), "('request', REQUEST, 10)"),
        (ClassDecorator(scalar), "('class', 3)"),
    ],
)
def test_decorated_handlers(handler: Callable[..., Any], given: str) -> None:
    assert repr(call(handler, q="3")) == given


@pytest.mark.parametrize(
    ("handler", "fault"),
    [
        (by_keywords(only_positional), r"a decorator with \*args, which 'id'"),
        (by_position(keyword), r"a decorator with \*\*kwargs, which 'db'"),
        (by_keywords(two_left), "a parameter of 'request', 'id', with a type or with a default, got 'b'"),
        (asks_for_request(model), "got 'item: "),
        (by_keywords(model), "got 'item: "),
        (transparent(model), "got 'item: "),
        (ClassDecorator(model), "got 'item: "),
    ],
)
def test_decorated_handlers_that_are_refused(handler: Callable[..., Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Router().add_get("/{id}", handler)


def test_decorated_methods_keep_their_self() -> None:
    class Holder:
        decorated = transparent(Methods.method)

    assert repr(call(Holder().decorated)) == "('wrapped', REQUEST, 7)"


def test_errors_name_the_wrapped_function() -> None:
    with pytest.raises(
        ValueError, match=f"got 'b'; in the route '/' of two_left .*:{two_left.__code__.co_firstlineno}"
    ):
        Router().add_get("/", transparent(two_left))
