"""Shapes of classes with fields, and of tuples of certain values."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import pytest

from sketch.binding.answers.records import ABSENT, Field, Members, Record, Row, read_fields
from sketch.binding.answers.shapes import Misfit, Scalar, make_test, passes

INT, STR = Scalar(int), Scalar(str)


class Item:
    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


class More(Item):
    pass


class Pair(NamedTuple):
    id: int
    name: str = "tea"


def item(*, closed: bool = False, tag: tuple[str, object] | None = None) -> Record:
    record = Record(Item, lambda values: ("made", values), closed=closed, tag=tag)
    record.fields = [Field("id", ("theId", "id"), INT), Field("class", ("class",), STR, lambda: "tea")]
    return record


def members() -> Members:
    shape = Members("Item")
    shape.fields = [Field("id", ("id",), INT), Field("name", ("name",), STR, lambda: ABSENT)]
    return shape


def test_an_object_of_the_class() -> None:
    value = Item(id=1, **{"class": "tea"})  # a name that is no identifier of Python's
    assert passes(make_test(item()), value)
    assert item().fit(value, ()) is value


@pytest.mark.parametrize(
    "value",
    [
        More(id=1, password="x"), {"theId": 1}, {"id": 1, "password": "x"}, MappingProxyType({"id": 1}),
        SimpleNamespace(id=1, password="x"), Item(id=1),
    ],
)  # fmt: skip
def test_what_is_made_of_others(value: Any) -> None:
    assert not passes(make_test(item()), value)
    assert item().fit(value, ()) == ("made", {"id": 1, "class": "tea"})


def test_attributes_that_are_no_fields() -> None:
    value = Item(id=1, password="x", **{"class": "tea"})
    assert passes(make_test(item()), value)
    assert item().fit(value, ()) is value
    assert not passes(make_test(item(closed=True)), value)
    assert item(closed=True).fit(value, ()) == ("made", {"id": 1, "class": "tea"})


def test_the_tag_of_a_dict() -> None:
    shape = item(tag=("type", "item"))
    for value in ({"id": 1}, {"id": 1, "type": "item"}):
        assert shape.fit(value, ()) == ("made", {"id": 1, "class": "tea"})
    with pytest.raises(Misfit):
        shape.fit({"id": 1, "type": "other"}, ())


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "it is no Item with 'id'"),
        (5, "it is no Item"),
        (None, "it is no Item"),
        (SimpleNamespace(other=1), "it is no Item"),
        ({"id": "x"}, r"expected int at \$\.id, got 'x'"),
        (Item(id="x"), r"expected int at \$\.id, got 'x'"),
    ],
)
def test_what_is_refused(value: Any, message: str) -> None:
    with pytest.raises(Misfit, match=message):
        item().fit(value, ())


def test_an_object_of_something_else_does_not_become_defaults() -> None:
    fields = [Field("name", ("name",), STR, lambda: "tea")]
    assert read_fields({}, fields, "Item", ()) == {"name": "tea"}
    with pytest.raises(Misfit, match="it is no Item"):
        read_fields(5, fields, "Item", ())


def test_a_typed_dict() -> None:
    shape, test = members(), make_test(members())
    for value in ({"id": 1}, {"id": 1, "name": "a"}):
        assert test(value)
        assert shape.fit(value, ()) is value
    for other in ({"id": 1, "password": "x"}, MappingProxyType({"id": 1}), SimpleNamespace(id=1, password="x")):
        assert not passes(test, other)
        assert shape.fit(other, ()) == {"id": 1}
    for wrong in ({}, {"name": "a"}, {"id": "x"}, 5):
        assert not passes(test, wrong)
        with pytest.raises(Misfit):
            shape.fit(wrong, ())


def rows(kind: type, default: Callable[[], Any] | None = None) -> Row:
    return Row(kind, [Field("id", ("id",), INT), Field("name", ("name",), STR, default)])


def test_tuples() -> None:
    for shape, value in ((rows(tuple), (1, "a")), (rows(Pair), Pair(1, "a"))):
        assert make_test(shape)(value)
        assert shape.fit(value, ()) is value
    assert rows(tuple).fit([1, "a"], ()) == [1, "a"]
    assert rows(Pair, lambda: "tea").fit({"id": 1, "password": "x"}, ()) == [1, "tea"]
    for shape, value in ((rows(tuple), (1,)), (rows(tuple), {"id": 1}), (rows(Pair), {"id": 1}), (rows(tuple), (1, 2))):
        assert not passes(make_test(shape), value)
        with pytest.raises(Misfit):
            shape.fit(value, ())
