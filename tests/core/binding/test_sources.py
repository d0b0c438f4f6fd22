"""The marks of parameters: what they take, and how they are shown in errors."""

from __future__ import annotations

from typing import Any

import pytest

from sketch.binding.sources import Body, Cookie, Depends, Form, Header, Path, Query

MARKS = [Path, Query, Header, Cookie, Form, Body]


def connect() -> None: ...


@pytest.mark.parametrize("mark", MARKS)
def test_marks_are_shown_as_they_are_written(mark: type[Query]) -> None:
    assert repr(mark()) == f"{mark.__name__}()"
    assert repr(mark("page")) == f"{mark.__name__}('page')"
    assert (mark().alias, mark("page").alias, mark.place) == (None, "page", mark.__name__.lower())


@pytest.mark.parametrize("mark", MARKS)
def test_a_default_in_a_mark_is_refused(mark: type[Query]) -> None:
    with pytest.raises(
        TypeError,
        match=r"expected the name that clients send, got 10: a default is written behind the parameter, as"
        rf" `page: Annotated\[int, {mark.__name__}\(\)\] = 1`",
    ):
        mark(10)  # type: ignore[arg-type]


def test_a_body_may_be_embedded() -> None:
    assert (Body().embed, Body(embed=True).embed) == (False, True)


def test_dependencies_are_shown_as_they_are_written() -> None:
    assert (repr(Depends()), repr(Depends(connect))) == ("Depends()", "Depends(connect)")


class Unhashable:
    __hash__ = None  # type: ignore[assignment]

    def __call__(self) -> None: ...

    def __repr__(self) -> str:
        return "Unhashable()"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"function": Unhashable()}, TypeError, r"expected a function with a hash, by which .*, got Unhashable\(\)"),
        ({"function": 5}, TypeError, "expected a function that returns the value, got 5"),
        ({"scope": "app"}, ValueError, "expected the scope 'request' or 'handler', got 'app'"),
        ({"scope": None}, ValueError, "expected the scope 'request' or 'handler', got None"),
    ],
)
def test_dependencies_that_are_refused(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Depends(**arguments)
