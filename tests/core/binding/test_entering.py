"""One dependency: which callables supply values, how each is called and left.

Annotations are objects here: functions that are local to a test exist at run time.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial, wraps
from typing import Annotated, Any, Self

import pytest

from sketch.binding.entering import exits
from sketch.binding.sources import Depends
from sketch.request import Request
from sketch.response import Response
from sketch.routing import Router
from tests.core.binding.support import faults, heard, told

log: list[Any] = []


@pytest.fixture(autouse=True)
def _empty_log() -> Iterator[None]:
    log.clear()
    yield
    log.clear()


def in_thread() -> bool:
    return threading.current_thread() is not threading.main_thread()


async def coroutine(q: int) -> Any:
    return (q, in_thread())


def function(q: int) -> Any:
    return (q, in_thread())


class Plain:
    def __init__(self, q: int) -> None:
        self.q = q
        self.in_thread = in_thread()

    def __iter__(self) -> Iterator[Any]:
        return iter((self.q, self.in_thread))


class Callable_:
    async def __call__(self, q: int) -> Any:
        return (q, in_thread())

    def method(self, q: int) -> Any:
        return (q, in_thread())

    async def coroutine(self, q: int) -> Any:
        return (q, in_thread())

    @classmethod
    async def of_class(cls, q: int) -> Any:
        return (q, in_thread())


class BlockingCallable:
    def __call__(self, q: int) -> Any:
        return (q, in_thread())


async def generator(q: int) -> AsyncIterator[Any]:
    log.append(("enter", in_thread()))
    yield (q, in_thread())
    log.append(("exit", in_thread()))


def blocking_generator(q: int) -> Iterator[Any]:
    log.append(("enter", in_thread()))
    yield (q, in_thread())
    log.append(("exit", in_thread()))


class Manager:
    """A class that is a context manager: the value is what entering it returns."""

    def __init__(self, q: int) -> None:
        self.q = q

    def __enter__(self) -> Any:
        log.append(("enter", in_thread()))
        return (self.q, in_thread())

    def __exit__(self, *details: Any) -> None:
        log.append(("exit", in_thread()))


class AsyncManager:
    def __init__(self, q: int) -> None:
        self.q = q

    async def __aenter__(self) -> Any:
        log.append(("enter", in_thread()))
        return (self.q, in_thread())

    async def __aexit__(self, *details: Any) -> None:
        log.append(("exit", in_thread()))


class Both(Manager, AsyncManager):
    """Entered in the event loop, as it can be."""


class Session:
    """What merely can be entered is left to the handler: a function returns it as it is."""

    def __enter__(self) -> Self:
        raise AssertionError

    def __exit__(self, *details: Any) -> None:
        raise AssertionError


def fixed(q: int, more: int) -> Any:
    return (q, in_thread())


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await function(*args, **kwargs)

    return wrapper


def passed_on(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate by a plain function, which returns what the function returns, a coroutine or a generator, too."""

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


@pytest.mark.parametrize(
    ("function", "thread"),
    [
        (coroutine, False),
        (passed_on(coroutine), False),
        (passed_on(function), True),
        (partial(Plain), False),
        (function, True),
        (Plain, False),
        (Callable_(), False),
        (Callable_().method, True),
        (Callable_().coroutine, False),
        (Callable_.of_class, False),
        (BlockingCallable(), True),
        (partial(fixed, more=1), True),
        (partial(coroutine), False),
        (decorated(coroutine), False),
    ],
)
def test_functions(function: Callable[..., Any], thread: bool) -> None:
    async def handler(value: Annotated[Any, Depends(function)]) -> Response:
        return told(tuple(value))

    assert heard(handler, "/?q=3") == f"(3, {thread})"
    assert faults(handler, "/?q=x") == ["query q: expected an integer"]
    assert not exits(function)


@pytest.mark.parametrize(
    ("function", "thread"),
    [
        (generator, False),
        (blocking_generator, True),
        (asynccontextmanager(generator), False),
        (contextmanager(blocking_generator), True),
        (Manager, True),
        (AsyncManager, False),
        (Both, False),
        (partial(generator), False),
        (partial(blocking_generator), True),
        (passed_on(generator), False),
        (passed_on(blocking_generator), True),
        (passed_on(asynccontextmanager(generator)), False),
        (partial(contextmanager(blocking_generator)), True),
        (partial(AsyncManager), False),
    ],
)
def test_functions_with_an_exit(function: Callable[..., Any], thread: bool) -> None:
    async def handler(value: Annotated[Any, Depends(function)]) -> Response:
        log.append("handler")
        return told(value)

    assert heard(handler, "/?q=3") == f"(3, {thread})"
    assert log == [("enter", thread), "handler", ("exit", thread)]
    assert exits(function)


@pytest.mark.parametrize("function", [generator, contextmanager(blocking_generator), Manager])
def test_what_has_faulty_inputs_is_not_called(function: Callable[..., Any]) -> None:
    async def handler(value: Annotated[Any, Depends(function)]) -> Response:
        raise AssertionError

    assert faults(handler, "/?q=x") == ["query q: expected an integer"]
    assert log == []


def test_what_can_be_entered_is_left_to_the_handler() -> None:
    async def open_session() -> Session:
        return Session()

    async def handler(session: Annotated[Session, Depends(open_session)]) -> Response:
        return told(type(session).__name__)

    assert heard(handler) == "'Session'"


def test_the_annotated_type_itself() -> None:
    async def handler(
        plain: Annotated[Plain, Depends()], other: Annotated[Plain, Depends], managed: Annotated[Manager, Depends()]
    ) -> Response:
        return told(plain.q, other.q, managed)

    assert heard(handler, "/?q=3") == "(3, 3, (3, True))"


def test_a_dependency_gets_what_handlers_get() -> None:
    async def dependency(request: Request, id: int, q: int = 1) -> Any:
        return (type(request).__name__, id, q)

    async def handler(value: Annotated[Any, Depends(dependency)], id: int) -> Response:
        return told(value, id)

    assert heard(handler, "/7", path="/{id}") == "(('Request', 7, 1), 7)"


def test_context_variables_of_dependencies_reach_the_handler() -> None:
    """Async ones run in the task of the exchange: an `async with` in a generator is left where it was entered."""
    tasks: list[Any] = []

    async def dependency() -> AsyncIterator[Any]:
        tasks.append(asyncio.current_task())
        yield 1
        tasks.append(asyncio.current_task())

    async def handler(value: Annotated[int, Depends(dependency)]) -> Response:
        tasks.append(asyncio.current_task())
        return told(value)

    assert heard(handler) == "1"
    assert len({*map(id, tasks)}) == 1
    assert len(tasks) == 3


def test_a_generator_that_yields_nothing_or_twice(caplog: pytest.LogCaptureFixture) -> None:
    async def nothing(q: int = 0) -> AsyncIterator[Any]:
        if q:
            yield

    async def twice() -> AsyncIterator[Any]:
        yield 1
        yield 2

    async def with_nothing(value: Annotated[Any, Depends(nothing)]) -> Response:
        raise AssertionError

    async def with_twice(value: Annotated[Any, Depends(twice)]) -> Response:
        return told(value)

    from tests.core.binding.support import ask

    assert ask(with_nothing).status == 500
    assert "generator didn't yield" in caplog.text
    assert heard(with_twice) == "1"
    assert "generator didn't stop" in caplog.text


def test_a_dependency_is_shown() -> None:
    async def handler(value: Annotated[Any, Depends(coroutine)]) -> None: ...

    (dependency,) = Router().add_get("/", handler).bound.arguments[0].dependencies
    assert repr(dependency).startswith("<Dependency coroutine (")
