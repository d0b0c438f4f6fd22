"""Schemas of types: each described once, under one section of components."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import msgspec
import pydantic
import pytest
from annotated_types import Gt

from sketch.openapi.schemas import Schemas

T = TypeVar("T")


class Kind(Enum):
    BLACK = "black"


class Tea(msgspec.Struct):
    kind: Kind


class Page(msgspec.Struct, Generic[T]):
    items: list[T]


class Order(pydantic.BaseModel):
    kind: Kind
    at: str = pydantic.Field("now", alias="when")


class Stored(msgspec.Struct):
    order: Order
    where: Path
    what: object


@dataclass
class Cat:
    lives: int


@dataclass
class Dog:
    tricks: int


@dataclass
class Zoo:
    pets: list[Cat | Dog]


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def test_a_schema_is_filled_in_once_all_are_known() -> None:
    schemas = Schemas()
    tea, same, order = schemas.of(Tea), schemas.of(Tea, output=True), schemas.of(Order)
    assert tea is same
    assert (tea, order) == ({}, {})
    components = schemas.components()
    assert (tea, order) == (ref("Tea"), ref("Order"))
    assert list(components) == ["Kind", "Order", "Tea"]
    assert components["Kind"] == {"title": "Kind", "type": "string", "enum": ["black"]}
    assert components["Order"]["properties"]["kind"] == components["Tea"]["properties"]["kind"] == ref("Kind")


def test_generic_models() -> None:
    schemas = Schemas()
    numbers, teas = schemas.of(Page[int]), schemas.of(Page[Tea])
    components = schemas.components()
    assert (numbers, teas) == (ref("Page_int_"), ref("Page_Tea_"))
    assert components["Page_Tea_"]["properties"]["items"]["items"] == ref("Tea")


def test_the_same_name_in_two_modules() -> None:
    first = type("Same", (msgspec.Struct,), {"__module__": "a", "__annotations__": {"x": int}})
    second = type("Same", (msgspec.Struct,), {"__module__": "b", "__annotations__": {"x": str}})
    third = pydantic.create_model("Same", x=(bool, ...))
    schemas = Schemas()
    found: list[Any] = [schemas.of(kind) for kind in (first, second, third)]
    components = schemas.components()
    types = [components[each["$ref"].rpartition("/")[2]]["properties"]["x"]["type"] for each in found]
    assert types == ["integer", "string", "boolean"]


def test_the_same_name_in_two_libraries() -> None:
    schemas = Schemas()
    ours, theirs = schemas.of(Tea), schemas.of(pydantic.create_model("Tea", x=(int, ...)))
    components = schemas.components()
    assert components.keys() == {"Kind", "Tea", "Tea-pydantic"}
    assert (ours, theirs) == (ref("Tea"), ref("Tea-pydantic"))


def test_a_model_as_it_is_sent_by_several_routes() -> None:
    schemas = Schemas()
    made = [
        schemas.of(Order, output=True),
        schemas.of(Order, output=True, by_alias=False),
        schemas.of(Order, output=True, by_alias=False, exclude_none=True),
    ]
    components = schemas.components()
    assert made == [ref("Order"), ref("Order-ByName"), ref("Order-ByNameWithoutNone")]
    assert "when" in components["Order"]["properties"]
    assert "at" in components["Order-ByName"]["properties"]


def test_a_class_of_another_library_inside() -> None:
    schemas = Schemas()
    schemas.of(Stored, output=True)
    properties = schemas.components()["Stored"]["properties"]
    assert properties == {"order": ref("Order"), "where": {"type": "string"}, "what": {}}


def test_unions_that_can_only_be_sent() -> None:
    schemas = Schemas()
    found = schemas.of(Cat | Dog, output=True)
    inside = schemas.of(Zoo, output=True)
    components = schemas.components()
    assert found == {"anyOf": [ref("Cat"), ref("Dog")]}
    assert inside == ref("Zoo")
    assert components["Zoo"]["properties"]["pets"]["items"] == {"anyOf": [ref("Cat-pydantic"), ref("Dog-pydantic")]}


def test_what_no_library_describes_may_be_anything(caplog: pytest.LogCaptureFixture) -> None:
    class Keyed(msgspec.Struct):
        pets: list[Cat | Dog]

    schemas = Schemas()
    found = schemas.of(Keyed, output=True)
    with caplog.at_level(logging.WARNING, "sketch"):
        schemas.components()
    assert found == {}
    assert "Keyed is described as anything" in caplog.text


def test_components_of_ones_own() -> None:
    schemas = Schemas()
    reference = schemas.add("Tea", {"type": "null"})
    schemas.of(Tea)
    assert schemas.add("Tea", {"type": "null"}) is reference
    components = schemas.components()
    assert components[reference["$ref"].rpartition("/")[2]] == {"type": "null"}
    assert components["Tea"]["type"] == "object"


def test_types_without_a_hash() -> None:
    kind = Annotated[int, Gt(0), pydantic.Field(examples=[[1]])]
    schemas = Schemas()
    found = schemas.of(kind)
    assert schemas.of(kind) is found
    schemas.components()
    assert found == {"type": "integer", "exclusiveMinimum": 0, "examples": [[1]]}
