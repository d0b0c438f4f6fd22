"""What a bound handler tells of its declarations."""

from __future__ import annotations

from inspect import Parameter
from typing import Annotated, Any

from sketch.binding.calls import bind
from sketch.binding.sources import Depends, Header
from sketch.binding.surroundings import Surroundings
from sketch.request import Request
from sketch.response import Response


def page(page: int = 1, size: int = 10, token: Annotated[str, Header()] = "") -> int:
    return page * size


async def typed(
    request: Request,
    id: int,
    q: str,
    tags: Annotated[list[str] | None, Header()] = None,
    page: Annotated[int, Depends(page)] = 0,
) -> Response:
    raise AssertionError


def test_what_a_handler_declares() -> None:
    async def untyped(request: Any) -> Any: ...

    assert bind(untyped, Surroundings(())).arguments == ()
    (arguments,) = bind(typed, Surroundings(("id",), written={})).arguments
    assert [each.name for each in arguments.inputs] == ["id", "q", "tags"]
    assert [each.name for each in arguments.all_inputs()] == ["id", "q", "tags", "page", "size", "token"]


def test_the_declared_result() -> None:
    async def number(q: int) -> int: ...

    async def maybe(q: int) -> int | Response: ...

    async def response(q: int) -> Response: ...

    async def anything(q: int) -> Any: ...

    returns = [bind(each, Surroundings(())).returns for each in (number, maybe, response, anything)]
    assert returns == [int, int | Response, Parameter.empty, Parameter.empty]
