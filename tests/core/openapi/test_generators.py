"""The generators of msgspec and pydantic."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Network
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pydantic
import pytest
from annotated_types import Gt

from sketch.openapi import generators
from sketch.openapi.generators import Wanted, by_msgspec, by_pydantic, is_for_pydantic, is_split, of_class


class Tea(msgspec.Struct):
    name: str


class Order(pydantic.BaseModel):
    tea: str
    note: str | None
    grams: int = pydantic.Field(1, serialization_alias="weight")


@dataclass
class Cat:
    lives: int


@dataclass
class Dog:
    tricks: int


@dataclass
class Zoo:
    pets: list[Cat | Dog]


class Both(msgspec.Struct):
    order: Order
    tea: Tea


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(Tea, False), (Cat, False), (dict[str, int], False), (Order, True), (list[Order], True), (Both, False),
     (Annotated[int, Gt(0)], True)],
)  # fmt: skip
def test_the_library_that_reads_a_type_describes_it(kind: Any, expected: bool) -> None:
    assert is_for_pydantic(kind) is expected


def missing(*names: str) -> Callable[[str], bool]:
    return lambda name: name not in names


def test_without_msgspec_pydantic_describes_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generators, "installed", missing("msgspec"))
    assert is_for_pydantic(Cat)
    with pytest.raises(RuntimeError, match=r"describing Tea needs the package msgspec.*\[msgspec\]"):
        is_for_pydantic(Tea)


def test_without_both_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generators, "installed", missing("msgspec", "pydantic"))
    with pytest.raises(RuntimeError, match=r"describing Cat needs the package msgspec, or pydantic"):
        is_for_pydantic(Cat)


def test_msgspec_describes_many_at_once() -> None:
    found = by_msgspec([Tea, list[Cat]], of_class)
    assert found.schemas == [
        {"$ref": "#/components/schemas/Tea"},
        {"type": "array", "items": {"$ref": "#/components/schemas/Cat"}},
    ]
    assert found.components["Tea"]["required"] == ["name"]


def test_what_msgspec_does_not_know_is_left_open() -> None:
    found = by_msgspec([Tea, Zoo, Cat], of_class)
    assert found.schemas[1] is None
    assert found.schemas[2] == {"$ref": "#/components/schemas/Cat"}
    assert "Zoo" not in found.components


def test_classes_that_are_only_sent() -> None:
    assert of_class(deque) == {"type": "array"}
    assert of_class(Path) == of_class(IPv6Network) == {"type": "string"}
    assert of_class(IPv4Address) == {"type": "string", "format": "ipv4"}
    assert of_class(object) == of_class(list[int]) == {}


@pytest.mark.parametrize(
    ("kind", "expected"), [(Cat | Dog, True), (Cat | None, False), (int | str, False), (Cat, False)]
)
def test_a_union_that_cannot_be_read(kind: Any, expected: bool) -> None:
    assert is_split(kind) is expected


def test_pydantic_describes_inputs_and_outputs() -> None:
    found = by_pydantic([Wanted(Order), Wanted(Order, output=True)], by_alias=True, exclude_none=False)
    assert found.schemas == [
        {"$ref": "#/components/schemas/Order-Input"},
        {"$ref": "#/components/schemas/Order-Output"},
    ]
    assert "grams" in found.components["Order-Input"]["properties"]
    assert "weight" in found.components["Order-Output"]["properties"]


def test_pydantic_describes_how_a_route_sends_models() -> None:
    found = by_pydantic([Wanted(Order, output=True)], by_alias=False, exclude_none=True)
    assert found.components["Order"]["properties"].keys() == {"tea", "note", "grams"}
    assert found.components["Order"]["required"] == ["tea"]


def test_what_pydantic_can_validate_but_not_describe_may_be_anything() -> None:
    kind = Annotated[Any, pydantic.PlainValidator(lambda value: value)]
    assert by_pydantic([Wanted(kind)], by_alias=True, exclude_none=False).schemas == [{}]


def test_what_pydantic_does_not_know_is_left_open() -> None:
    found = by_pydantic([Wanted(Tea), Wanted(Order)], by_alias=True, exclude_none=False)
    assert found.schemas == [None, {"$ref": "#/components/schemas/Order"}]


def test_nothing_to_describe_loads_nothing() -> None:
    assert by_msgspec([], of_class) == by_pydantic([], by_alias=True, exclude_none=False) == ([], {})
