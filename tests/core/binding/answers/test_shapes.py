"""Shapes of values without fields: what is exactly of one, and what is sent in place of what is not."""

from __future__ import annotations

from collections import deque
from datetime import date, datetime
from enum import Enum
from pathlib import Path, PurePath
from typing import Any

import pytest

from sketch.binding.answers.shapes import (
    Anything,
    Array,
    Choice,
    Instance,
    Member,
    Misfit,
    Scalar,
    Shape,
    Table,
    Union,
    make_test,
    passes,
)


class Colour(Enum):
    RED = "red"


class Text(str):
    __slots__ = ()


class Moment(datetime):
    pass


INT, STR = Scalar(int), Scalar(str)
MOMENT = datetime(2026, 1, 2)


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        (Anything(), object()),
        (INT, 5),
        (Scalar(float), 5),
        (Scalar(float), 5.0),
        (Scalar(type(None)), None),
        (Member(Colour), Colour.RED),
        (Instance(PurePath), Path("/a")),
        (Choice(["a", 1]), "a"),
        (Choice([1, 2]), 1),
        (Array([list], INT), []),
        (Array([list], INT), [1, 2]),
        (Array([list, tuple], Array([list], INT)), ([1],)),
        (Array([list], Choice(["a"])), ["a"]),
        (Table(STR, INT), {"a": 1}),
        (Table(STR, Table(Anything(), Anything())), {"a": {1: 2}}),
        (Union([INT, STR]), "a"),
        (Union([INT, Array([list], INT)]), [1]),
        (Array([list], Union([INT, STR])), [1, "a"]),
    ],
)
def test_what_is_exactly_of_a_shape_stays(shape: Shape, value: Any) -> None:
    assert passes(make_test(shape), value)
    assert shape.fit(value, ()) is value


@pytest.mark.parametrize(
    ("shape", "value", "sent"),
    [
        (STR, Text("a"), "a"),
        (Scalar(datetime), Moment(2026, 1, 2), "2026-01-02T00:00:00"),
        (Scalar(datetime, datetime.fromisoformat), "2026-01-02", MOMENT),
        (Member(Colour), "red", Colour.RED),
        (Choice(["a"]), Text("a"), "a"),
        (Array([list], INT), (1, 2), [1, 2]),
        (Array([list], INT), deque([1]), [1]),
        (Array([list], STR), [Text("a"), "b"], ["a", "b"]),
        (Array([list], INT), (number for number in (1, 2)), [1, 2]),
        (Table(STR, STR), {Text("a"): Text("b")}, {"a": "b"}),
        (Union([INT, STR]), Text("a"), "a"),
        (Union([Array([list], INT), STR]), (1,), [1]),
    ],
)
def test_what_is_sent_instead(shape: Shape, value: Any, sent: Any) -> None:
    assert not passes(make_test(shape), value)
    fitted = shape.fit(value, ())
    assert (type(fitted), fitted) == (type(sent), sent)


@pytest.mark.parametrize(
    ("shape", "value", "message"),
    [
        (INT, "a", "it is no int"),
        (INT, True, "it is no int"),
        (INT, 1.0, "it is no int"),
        (Scalar(date), MOMENT, "it is no date"),
        (Scalar(datetime, datetime.fromisoformat), "x", "it is no datetime"),
        (Scalar(type(None)), 0, "it is no None"),
        (Member(Colour), "blue", "it is no Colour"),
        (Instance(PurePath), "/a", "it is no PurePath"),
        (Choice(["a", 1]), True, "it is no one of 'a', 1"),
        (Choice(["a"]), ["a"], "it is no one of 'a'"),
        (Array([list], INT), "ab", "it is no list"),
        (Array([list], INT), {"a": 1}, "it is no list"),
        (Array([list], INT), 5, "it is no list"),
        (Array([list], Array([list], INT)), [[1], [2, "x"]], r"expected int at \$\[1\]\[1\], got 'x'"),
        (Table(STR, INT), [1], "it is no dict"),
        (Table(STR, INT), {"a": "x"}, r"expected int at \$\.a, got 'x'"),
        (Table(STR, INT), {1: 1}, r"expected str at \$\[1\], got 1"),
        (Union([INT, STR]), [], "it is no int or str"),
    ],
)
def test_what_is_refused(shape: Shape, value: Any, message: str) -> None:
    assert not passes(make_test(shape), value)
    with pytest.raises(Misfit, match=message):
        shape.fit(value, ())


def test_a_value_without_a_hash_is_no_choice() -> None:
    for shape in (Choice(["a"]), Choice(["a", 1])):
        assert not make_test(shape)([])


def test_a_test_that_fails_is_not_passed() -> None:
    def fail(_: object) -> bool:
        raise LookupError

    assert not passes(fail, 1)
