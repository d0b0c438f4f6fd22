"""Names and kinds of callables."""

from __future__ import annotations

from functools import partial, wraps
from typing import Any

import pytest

from sketch.callables import (
    describe,
    is_async_generator_function,
    is_coroutine_function,
    is_generator_function,
    name_of,
)


async def waits(number: int) -> None: ...


def plain(number: int) -> None: ...


@wraps(waits)
def decorated(*args: Any) -> Any:
    return waits(*args)


class Waits:
    async def __call__(self) -> None: ...


class Plain:
    def __call__(self) -> None: ...

    def __repr__(self) -> str:
        return "<a plain one>"


def test_names() -> None:
    assert name_of(waits) == "waits"
    assert name_of(Waits.__call__) == "Waits.__call__"
    assert name_of(Plain()) == "<a plain one>"


def test_places() -> None:
    here = f"waits ({__file__}:{waits.__code__.co_firstlineno})"
    assert describe(waits) == describe(partial(partial(waits), 2)) == describe(decorated) == here
    assert describe(Waits()).endswith(f"({__file__}:{Waits.__call__.__code__.co_firstlineno})")
    assert describe(Waits).startswith(f"Waits ({__file__}:")
    assert describe(type("Made", (), {"__module__": "nowhere"})) == "Made"
    assert describe(min) == "min"


@pytest.mark.parametrize("function", [waits, partial(waits, 1), partial(partial(waits), 1), Waits(), partial(Waits())])
def test_coroutine_functions(function: object) -> None:
    assert is_coroutine_function(function)


@pytest.mark.parametrize("function", [plain, decorated, partial(plain, 1), Plain(), Plain, Waits, min, 7])
def test_other_callables(function: object) -> None:
    assert not is_coroutine_function(function)


async def generates_later() -> Any:
    yield 1


def generates() -> Any:
    yield 1


class Generates:
    def __call__(self) -> Any:
        yield 1


@pytest.mark.parametrize(
    "function", [generates, generates_later, partial(generates), Generates(), Generates().__call__]
)
def test_generator_functions(function: object) -> None:
    assert is_generator_function(function)
    assert is_async_generator_function(function) == (function is generates_later)


@pytest.mark.parametrize("function", [plain, waits, Generates, Waits(), partial(plain), 5, generates()])
def test_what_is_no_generator_function(function: object) -> None:
    assert not is_generator_function(function)
    assert not is_async_generator_function(function)
