"""Class-based views: which methods they answer, with which arguments, in which instance."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import wraps
from types import SimpleNamespace
from typing import Any

import pytest

from sketch.concurrency.threads import Threads
from sketch.exceptions import HTTPMethodNotAllowed
from sketch.routing import Router
from sketch.routing.views import View


class FakeRequest:
    """The part of a request that views read."""

    def __init__(self, method: str, match_info: dict[str, Any], threads: Threads) -> None:
        self.method = method
        self.match_info = match_info
        self.app = SimpleNamespace(threads=threads)


def ask(view: Any, method: str = "GET", path: str = "/{id:int}", sent: str = "/7", add: str = "*") -> Any:
    """What a view answers to a request."""

    async def main() -> Any:
        router = Router()
        router.add_route(add, path, view)
        route, match_info = router.match(method, sent)
        return await route.call(FakeRequest(method, dict(match_info), threads))  # type: ignore[arg-type]

    threads = Threads(1, "test")
    try:
        return asyncio.run(main())
    finally:
        threads.close()


class Item(View):
    greeting = "hello"
    verb = "none"

    async def get(self, id: int) -> Any:
        return ("get", id, self.request.method, self.greeting)

    async def post(self, request: Any, **rest: Any) -> Any:
        return ("post", request is self.request, rest)

    def put(self, id: int) -> Any:
        return ("put", id, threading.current_thread() is threading.main_thread())

    @staticmethod
    async def patch(id: int) -> Any:
        return ("patch", id)

    @classmethod
    async def delete(cls, id: int) -> Any:
        return ("delete", cls, id)


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("GET", ("get", 7, "GET", "hello")),
        ("HEAD", ("get", 7, "HEAD", "hello")),
        ("POST", ("post", True, {"id": 7})),
        ("PUT", ("put", 7, False)),
        ("PATCH", ("patch", 7)),
        ("DELETE", ("delete", Item, 7)),
    ],
)
@pytest.mark.parametrize("view", [Item, Item.as_view()])
def test_methods(view: Any, method: str, answer: Any) -> None:
    assert ask(view, method) == answer


def test_missing_method_is_405_of_the_router() -> None:
    with pytest.raises(HTTPMethodNotAllowed) as caught:
        ask(Item, "QUERY")
    assert caught.value.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"


def test_missing_method_is_405_of_the_view() -> None:
    """If a function around the view takes every method, the router lets every method through."""
    view = Item.as_view()

    async def wrapper(request: Any) -> Any:
        return await view(request)

    with pytest.raises(HTTPMethodNotAllowed) as caught:
        ask(wrapper, "QUERY")
    assert caught.value.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"


def test_an_explicit_head_method_comes_first() -> None:
    class Headed(View):
        async def get(self) -> Any:
            return "get"

        async def head(self) -> Any:
            return "head"

    assert ask(Headed, "HEAD") == "head"


def test_each_request_has_its_instance() -> None:
    seen: list[View] = []

    class Remembering(View):
        async def get(self) -> Any:
            seen.append(self)
            self.count = getattr(self, "count", 0) + 1
            return self.count

    view = Remembering.as_view()
    assert [ask(view), ask(view)] == [1, 1]
    assert seen[0] is not seen[1]


def test_the_class_is_left_as_it_was() -> None:
    before = dict(vars(Item))
    ask(Item.as_view(greeting="hi"))
    ask(Item, "HEAD")
    assert dict(vars(Item)) == before


def test_no_get_no_head() -> None:
    class Posted(View):
        async def post(self) -> Any:
            return "post"

    assert ask(Posted, "POST") == "post"
    with pytest.raises(HTTPMethodNotAllowed) as caught:
        ask(Posted, "HEAD")
    assert caught.value.headers["Allow"] == "OPTIONS, POST"


def test_initkwargs() -> None:
    assert ask(Item.as_view(greeting="hi")) == ("get", 7, "GET", "hi")
    with pytest.raises(ValueError, match="expected an attribute of Item, got 'nope'"):
        Item.as_view(nope=1)


def test_arguments_of_an_init_of_its_own() -> None:
    class WithDatabase(View):
        def __init__(self, db: str) -> None:
            self.db = db

        async def get(self) -> Any:
            return self.db

    assert ask(WithDatabase.as_view(db="sqlite")) == "sqlite"
    with pytest.raises(
        ValueError, match=r"expected the arguments of .*WithDatabase: missing a required argument: 'db'"
    ):
        Router().add_view("/", WithDatabase)


class Prepared(Item):
    def setup(self) -> None:
        self.verb = f"set up for {self.request.method}"

    async def get(self) -> Any:
        return self.verb


class PreparedLater(Prepared):
    async def setup(self) -> None:
        await asyncio.sleep(0)
        super().setup()


class Aliasing(View):
    """As razor's views alias methods."""

    def setup(self) -> None:
        self.head = self.get

    async def get(self) -> Any:
        return "get"


def test_setup() -> None:
    assert ask(Prepared) == "set up for GET"
    assert ask(PreparedLater) == "set up for GET"
    assert ask(Aliasing, "HEAD") == "get"


class Dispatching(Item):
    async def dispatch(self) -> Any:
        return ("dispatched", *(await super().dispatch()))


class DispatchingAll(View):
    async def dispatch(self, request: Any, id: int) -> Any:
        return (request.method, id)


class DispatchingInThread(View):
    def dispatch(self, id: int) -> Any:
        return (id, threading.current_thread() is threading.main_thread())


def test_dispatch() -> None:
    assert ask(Dispatching) == ("dispatched", "get", 7, "GET", "hello")
    assert ask(DispatchingAll, "PROPFIND") == ("PROPFIND", 7)
    assert ask(DispatchingInThread, "POST") == (7, False)
    with pytest.raises(HTTPMethodNotAllowed):
        ask(Dispatching, "QUERY")


def test_a_view_without_methods() -> None:
    class Empty(View):
        pass

    with pytest.raises(ValueError, match=r"expected .*Empty to define one of get, post, .*, or dispatch"):
        Router().add_view("/", Empty)


def test_unknown_arguments_are_refused() -> None:
    class Wanting(View):
        async def get(self, request: Any, db: Any) -> None: ...

    with pytest.raises(
        ValueError, match=r"got 'db', in .*Wanting.get; in the route '/{id}' of .*Wanting \(.*test_views.py:"
    ):
        Router().add_view("/{id}", Wanting)


def checked(handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return ("checked", *(await handler(*args, **kwargs)))

    return wrapper


def test_decorated_view() -> None:
    assert ask(checked(Item.as_view())) == ("checked", "get", 7, "GET", "hello")


def test_decorated_method() -> None:
    class Decorated(View):
        @checked
        async def get(self, id: int) -> Any:
            return (id, self.request.method)

    assert ask(Decorated) == ("checked", 7, "GET")


def test_a_method_behind_a_decorator_that_passes_keywords() -> None:
    def by_keywords(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        async def wrapper(self: View, **kwargs: Any) -> Any:
            return ("keywords", *(await method(self, **kwargs)))

        return wrapper

    class Decorated(View):
        @by_keywords
        async def get(self, anything: Any, id: int) -> Any:
            return (anything is self.request, id)

    assert ask(Decorated) == ("keywords", True, 7)


def test_an_annotation_that_nothing_supplies_names_the_method() -> None:
    class Asking(View):
        async def get(self, q: View) -> Any: ...

    with pytest.raises(ValueError, match=r"got 'q: sketch.routing.views.View'.*, in .*Asking\.get; in the route '/'"):
        Router().add_view("/", Asking)


def test_generators_are_refused() -> None:
    class Yielding(View):
        async def get(self) -> Any:
            yield b""

    class SettingUp(Yielding):
        def setup(self) -> Any:
            yield

    with pytest.raises(ValueError, match=r"got a generator: return StreamResponse\(...\), or .*, in .*Yielding.get"):
        Router().add_view("/", Yielding)
    with pytest.raises(ValueError, match=r"SettingUp.setup without `yield`, got a generator"):
        Router().add_view("/", SettingUp)


def test_inherited_methods() -> None:
    class Child(Item):
        async def query(self) -> Any:
            return "query"

    assert ask(Child, "QUERY") == "query"
    assert ask(Child) == ("get", 7, "GET", "hello")
