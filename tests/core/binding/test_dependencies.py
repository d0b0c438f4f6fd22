"""What handlers depend on: nested functions, values that are kept, scopes, and mistakes.

Annotations are objects here: functions that are local to a test exist at run time.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest

from sketch.binding.sources import Body, Depends, Form, Query
from sketch.request import Request
from sketch.response import Response
from sketch.routing.views import View
from tests.core.binding.support import JSON, faults, heard, refusal, told


class Counter:
    """Counts its calls."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self) -> int:
        self.count += 1
        return self.count


def test_nested_dependencies() -> None:
    async def page(page: int = 1) -> int:
        return page

    def paging(page: Annotated[int, Depends(page)], size: int = 10) -> Any:
        return (page, size)

    async def handler(paging: Annotated[Any, Depends(paging)], page: Annotated[int, Depends(page)]) -> Response:
        return told(paging, page)

    assert heard(handler, "/?page=2&size=5") == "((2, 5), 2)"


def test_a_value_is_kept_for_one_request() -> None:
    counter = Counter()

    async def nested(count: Annotated[int, Depends(counter)]) -> int:
        return count

    async def handler(
        a: Annotated[int, Depends(counter)], b: Annotated[int, Depends(nested)], c: Annotated[int, Depends(counter)]
    ) -> Response:
        return told(a, b, c)

    assert heard(handler) == "(1, 1, 1)"
    assert heard(handler) == "(2, 2, 2)"


def test_a_value_that_is_not_kept() -> None:
    counter = Counter()
    fresh = Depends(counter, use_cache=False)

    async def handler(
        a: Annotated[int, Depends(counter)],
        b: Annotated[int, fresh],
        c: Annotated[int, fresh],
        d: Annotated[int, Depends(counter)],
    ) -> Response:
        return told(a, b, c, d)

    assert heard(handler) == "(1, 2, 3, 1)"


def test_a_function_in_both_scopes_is_two_dependencies() -> None:
    """Each has an end of its own."""
    counter = Counter()

    async def handler(
        a: Annotated[int, Depends(counter)], b: Annotated[int, Depends(counter, scope="handler")]
    ) -> Response:
        return told(a, b)

    assert heard(handler) == "(1, 2)"


def test_none_is_kept_too() -> None:
    calls: list[int] = []

    async def nothing() -> None:
        calls.append(1)

    async def handler(a: Annotated[None, Depends(nothing)], b: Annotated[None, Depends(nothing)]) -> Response:
        return told(a, b)

    assert heard(handler) == "(None, None)"
    assert calls == [1]


def test_dependencies_run_in_the_order_of_the_parameters() -> None:
    calls: list[str] = []

    async def first() -> None:
        calls.append("first")

    async def second() -> None:
        calls.append("second")

    async def handler(b: Annotated[None, Depends(second)], a: Annotated[None, Depends(first)]) -> Response:
        return told(1)

    heard(handler)
    assert calls == ["second", "first"]


def test_every_fault_is_told() -> None:
    """Those of dependencies first; what needs no faulty input is called."""
    counter = Counter()

    async def inner(a: int, count: Annotated[int, Depends(counter)]) -> Any:
        raise AssertionError

    async def outer(inner: Annotated[Any, Depends(inner)], b: int) -> Any:
        raise AssertionError

    async def handler(outer: Annotated[Any, Depends(outer)], c: int) -> Response:
        raise AssertionError

    assert faults(handler) == ["query a: is required", "query b: is required", "query c: is required"]
    assert counter.count == 1


def test_a_faulty_dependency_of_two_is_told_once() -> None:
    async def shared(a: int) -> int:
        return a

    async def one(a: Annotated[int, Depends(shared)]) -> int:
        return a

    async def handler(one: Annotated[int, Depends(one)], two: Annotated[int, Depends(shared)]) -> Response:
        raise AssertionError

    assert faults(handler) == ["query a: is required"]


def test_an_input_of_a_dependency_and_of_the_handler() -> None:
    async def dependency(q: int) -> int:
        return q

    async def handler(value: Annotated[int, Depends(dependency)], q: str) -> Response:
        return told(value, q)

    assert heard(handler, "/?q=3") == "(3, '3')"


def test_a_body_of_a_dependency() -> None:
    async def order(item: dict[str, int]) -> Any:
        return item

    async def handler(order: Annotated[Any, Depends(order)]) -> Response:
        return told(order)

    assert heard(handler, "/", JSON, content=b'{"a": 1}') == "{'a': 1}"
    assert refusal(handler).startswith("expected no body on GET")


# -- mistakes ---------------------------------------------------------------------------------------------------------


def ping(value: Annotated[int, "later"]) -> int:
    return value


def pong(value: Annotated[int, Depends(ping)]) -> int:
    return value


def alone(value: Annotated[int, "later"]) -> int:
    return value


ping.__annotations__["value"] = Annotated[int, Depends(pong)]
alone.__annotations__["value"] = Annotated[int, Depends(alone)]


def test_a_circle() -> None:
    async def handler(value: Annotated[int, Depends(ping)]) -> None: ...

    async def other(value: Annotated[int, Depends(alone)]) -> None: ...

    line = {each: f"{each.__name__} ({__file__}:{each.__code__.co_firstlineno})" for each in (ping, pong, alone)}
    assert refusal(handler) == (
        f"expected dependencies without a circle, got {line[ping]} needs {line[pong]} needs {line[ping]}, in the"
        f" dependency {line[pong]}, in the dependency {line[ping]}"
    )
    assert refusal(other) == (
        f"expected dependencies without a circle, got {line[alone]} needs {line[alone]}, in the dependency"
        f" {line[alone]}"
    )


def test_mistakes_name_the_dependency() -> None:
    def wanting(a: Request, b) -> None: ...  # type: ignore[no-untyped-def]

    def unknown(view: View) -> None: ...

    async def with_wanting(value: Annotated[None, Depends(wanting)]) -> None: ...

    async def with_unknown(value: Annotated[None, Depends(unknown)]) -> None: ...

    place = f"({__file__}:{wanting.__code__.co_firstlineno})"
    assert refusal(with_wanting, "/{id}") == (
        "expected a parameter of 'request', 'id', with a type or with a default, got 'b', in the dependency"
        f" test_mistakes_name_the_dependency.<locals>.wanting {place}"
    )
    assert refusal(with_unknown).startswith("expected a type that a request can supply, got 'view: ")
    assert "in the dependency test_mistakes_name_the_dependency.<locals>.unknown (" in refusal(with_unknown)


def test_a_type_that_cannot_be_called() -> None:
    async def handler(value: Annotated[int | None, Depends()]) -> None: ...

    assert refusal(handler) == "expected what `Depends()` calls for 'value': write `Depends(function)`"


async def session() -> AsyncIterator[int]:
    yield 1


async def number() -> int:
    return 1


def test_what_lasts_longer_needs_no_shorter_one() -> None:
    async def outer(session: Annotated[int, Depends(session, scope="handler")]) -> AsyncIterator[int]:
        yield session

    async def handler(value: Annotated[int, Depends(outer)]) -> None: ...

    names = [
        f"{name} ({__file__}:{each.__code__.co_firstlineno})"
        for name, each in [
            ("session", session),
            ("test_what_lasts_longer_needs_no_shorter_one.<locals>.outer", outer),
        ]
    ]
    assert refusal(handler) == (
        f"expected {names[0]} to last until the exit of {names[1]}, which needs it, got the scope 'handler' of the"
        " first and 'request' of the second: write"
        ' `Depends(test_what_lasts_longer_needs_no_shorter_one.<locals>.outer, scope="handler")`'
    )


@pytest.mark.parametrize(
    ("inner", "scope"),
    [
        (Depends(session, scope="handler"), "handler"),
        (Depends(session), "handler"),
        (Depends(session), "request"),
        (Depends(number, scope="handler"), "request"),
    ],
)
def test_scopes_that_go_together(inner: Any, scope: Any) -> None:
    async def outer(value: Annotated[int, inner]) -> AsyncIterator[int]:
        yield value

    async def handler(value: Annotated[int, Depends(outer, scope=scope)]) -> Response:
        return told(value)

    assert heard(handler) == "1"


def form_of_dependency(name: Annotated[str, Form()]) -> Any:
    return name


def test_a_form_in_a_dependency_and_a_body_in_the_handler() -> None:
    async def handler(name: Annotated[str, Depends(form_of_dependency)], item: dict[str, int]) -> None: ...

    assert refusal(handler, method="POST") == "expected a form or a body in JSON, got both: 'name' and 'item'"


@pytest.mark.parametrize("count", [1, 3])
def test_one_function_is_planned_once(count: int) -> None:
    from sketch.routing import Router

    async def outer(value: Annotated[int, Depends(number)]) -> int:
        return value

    async def handler(a: Annotated[int, Depends(outer)], b: Annotated[int, Depends(number)]) -> None: ...

    a, b = Router().add_get("/", handler).bound.arguments[0].dependencies
    assert a.arguments.dependencies == [b]


def test_a_mark_of_the_path_in_a_dependency_must_be_there() -> None:
    async def dependency(id: Annotated[int, Query()]) -> int:
        return id

    async def handler(value: Annotated[int, Depends(dependency)]) -> Response:
        return told(value)

    assert heard(handler, "/?id=3") == "3"
    assert refusal(handler, "/{id}").startswith("expected one source for 'id'")


def test_an_embedded_body_in_dependency_and_handler_is_one_object() -> None:
    """Both read the same body."""

    async def dependency(a: Annotated[int, Body(embed=True)]) -> int:
        return a

    async def handler(a: Annotated[int, Depends(dependency)], b: Annotated[int, Body(embed=True)]) -> Response:
        return told(a, b)

    assert heard(handler, "/", JSON, content=b'{"a": 1, "b": 2}') == "(1, 2)"
