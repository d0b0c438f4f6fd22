"""What a bound handler tells of its declarations."""

from __future__ import annotations

from inspect import Parameter
from typing import Any

from sketch.binding.calls import bind
from sketch.binding.surroundings import Surroundings
from sketch.response import Response
from tests.core.binding.test_calls import typed


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
