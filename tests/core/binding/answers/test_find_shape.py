"""The shape of an annotation."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypedDict, TypeVar

import pytest

from sketch.binding.answers.find_shape import ShapeFinder
from sketch.binding.answers.pydantic_guard import find_guard
from sketch.binding.answers.records import Members, Record, Row
from sketch.binding.answers.shapes import Anything, Array, Choice, Instance, Misfit, Scalar, Table, Union, make_test

T = TypeVar("T")
B = TypeVar("B", bound=int)


@dataclass
class Data(Generic[T]):
    one: T
    many: list[T] = field(default_factory=list)
    name: str = "tea"


class IntData(Data[int]):
    pass


@dataclass
class Node:
    nodes: list[Node]


class Row_(NamedTuple):
    one: int
    two: str = "tea"


class Chain(NamedTuple):
    one: int
    more: list[Chain]


class TypeAliasType:
    """Stands for `type Json = ...` of Python 3.12, whose value is evaluated when it is asked for."""

    @property
    def __value__(self) -> Any:
        return dict[str, JSON] | list[JSON] | str | None

    def __call__(self) -> None:
        """Be taken for a type in `list[JSON]`."""


JSON: Any = TypeAliasType()


class Dict(TypedDict, total=False):
    one: int


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        (Any, Anything), (object, Anything), (T, Anything), (B, Scalar), (int, Scalar), (None, Scalar),
        (NewType("Number", int), Scalar), (Annotated[int, "doc"], Scalar), (Literal["a"], Choice), (Path, Instance),
        (IPv4Address, Instance), (int | str, Union), (list, Array), (list[int], Array), (set[int], Array),
        (frozenset[int], Array), (deque[int], Array), (Sequence[int], Array), (AbstractSet[int], Array),
        (tuple, Array), (tuple[int, ...], Array), (tuple[int, str], Row), (dict, Table), (dict[str, int], Table),
        (Mapping[str, int], Table), (Data[int], Record), (Row_, Row), (Dict, Members),
    ],
)  # fmt: skip
def test_shapes(kind: Any, shape: type) -> None:
    assert type(ShapeFinder().find(kind)) is shape


def test_type_variables_have_the_types_of_the_class() -> None:
    for kind in (Data[int], IntData):
        record = ShapeFinder().find(kind)
        assert isinstance(record, Record)
        one, many, name = record.fields
        assert (one.shape.noun, many.shape.item.noun, name.shape.noun) == ("int", "int", "str")  # type: ignore[attr-defined]
        assert (one.default, many.default and many.default(), name.default and name.default()) == (None, [], "tea")


def test_a_class_that_refers_to_itself_has_one_shape() -> None:
    record = ShapeFinder().find(Node)
    assert isinstance(record, Record)
    assert record.fields[0].shape.item is record  # type: ignore[attr-defined]


def test_a_named_tuple_that_refers_to_itself_has_one_shape() -> None:
    row = ShapeFinder().find(Chain)
    assert isinstance(row, Row)
    assert row.fields[1].shape.item is row  # type: ignore[attr-defined]
    test = make_test(row)
    assert test(Chain(1, [Chain(2, [])]))
    assert not test(Chain(1, [Chain("2", [])]))  # type: ignore[arg-type]
    assert row.fit(Chain(1, [(2, [])]), ()) == [1, [[2, []]]]  # type: ignore[list-item]


@pytest.mark.parametrize("find", [ShapeFinder().find, find_guard])
def test_an_alias_that_refers_to_itself(find: Any) -> None:
    shape = find(JSON)
    test = make_test(shape)
    for value in ({"a": ["b", None, {"c": []}]}, "a", None, []):
        assert test(value)
        assert shape.fit(value, ()) == value


def test_a_value_that_an_alias_does_not_have() -> None:
    shape = ShapeFinder().find(JSON)
    for value in (1, {"a": [1]}, [["a", {"b": 1.0}]]):
        assert not make_test(shape)(value)
        with pytest.raises(Misfit):
            shape.fit(value, ())


def test_fields_that_need_not_be_there() -> None:
    table, row = ShapeFinder().find(Dict), ShapeFinder().find(Row_)
    assert isinstance(table, Members)
    assert isinstance(row, Row)
    assert table.fields[0].default is not None
    assert [each.default is None for each in row.fields] == [True, False]


def test_what_has_no_shape() -> None:
    class Plain: ...

    for kind in (Plain, list[Plain], "text", 5, type[int], complex):
        with pytest.raises(TypeError, match="expected a type that JSON can hold, got "):
            ShapeFinder().find(kind)
