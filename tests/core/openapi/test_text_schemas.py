"""The schemas of values that are text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pydantic
import pytest
from annotated_types import Ge, Gt, Interval, Len, Lt, MaxLen, MultipleOf

from sketch.binding.text.reader import find_text_reader
from sketch.openapi.schemas import Schemas
from sketch.openapi.text_schemas import text_schema


class Kind(Enum):
    BLACK = "black"
    GREEN = "green"


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class Mixed(Enum):
    TEXT = "a"
    NUMBER = 2


CASES: list[tuple[Any, dict[str, Any]]] = [
    (str, {"type": "string"}),
    (int, {"type": "integer"}),
    (int | None, {"type": "integer"}),
    (float, {"type": "number"}),
    (bool, {"type": "boolean"}),
    (bytes, {"type": "string", "contentEncoding": "base64"}),
    (date, {"type": "string", "format": "date"}),
    (datetime, {"type": "string", "format": "date-time"}),
    (time, {"type": "string", "format": "time"}),
    (timedelta, {"type": "string", "format": "duration"}),
    (UUID, {"type": "string", "format": "uuid"}),
    (Kind, {"title": "Kind", "type": "string", "enum": ["black", "green"]}),
    (Size, {"title": "Size", "type": "integer", "enum": [1, 2]}),
    (Mixed, {"title": "Mixed", "enum": ["a", 2]}),
    (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
    (Literal[1, Kind.BLACK], {"enum": [1, "black"]}),
    (int | date, {"anyOf": [{"type": "integer"}, {"type": "string", "format": "date"}]}),
    (
        Annotated[int, Gt(0), Lt(9), MultipleOf(2)],
        {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 9, "multipleOf": 2},
    ),
    (Annotated[float, Interval(ge=1, le=2)], {"type": "number", "minimum": 1, "maximum": 2}),
    (Annotated[str, Len(1, 4)], {"type": "string", "minLength": 1, "maxLength": 4}),
    (Annotated[str, msgspec.Meta(pattern="^a", max_length=3)], {"type": "string", "pattern": "^a", "maxLength": 3}),
    (
        Annotated[int, pydantic.Field(ge=0, description="How many.")],
        {"type": "integer", "minimum": 0, "description": "How many."},
    ),
    (Annotated[date, Gt(date(2020, 1, 1))], {"type": "string", "format": "date"}),
    (
        Annotated[int | str, Ge(3), MaxLen(2)],
        {"anyOf": [{"type": "integer", "minimum": 3}, {"type": "string", "maxLength": 2}]},
    ),
    (list[int], {"type": "array", "items": {"type": "integer"}}),
    (
        Sequence[Kind] | None,
        {"type": "array", "items": {"title": "Kind", "type": "string", "enum": ["black", "green"]}},
    ),
    (list, {"type": "array", "items": {"type": "string"}}),
    (
        Annotated[set[Annotated[int, Ge(0)]], Len(1, 2)],
        {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1, "maxItems": 2},
    ),
    (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
    (tuple[float, float], {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}),
    (
        tuple[int, str],
        {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
    ),
]


@pytest.mark.parametrize(("kind", "schema"), CASES, ids=[str(kind) for kind, _ in CASES])
def test_a_type(kind: Any, schema: dict[str, Any]) -> None:
    assert text_schema(kind, Schemas()) == schema


def test_a_decimal_by_a_pattern_that_is_read() -> None:
    pattern = text_schema(Decimal, Schemas())["pattern"]
    read = find_text_reader(Decimal)
    for text in ("1", "-1.50", "+0.1"):
        assert re.search(pattern, text)
        read(text)
    assert not re.search(pattern, "one")


@pytest.mark.parametrize("place", ["header", "cookie"])
def test_several_values_where_one_can_be_described(place: str) -> None:
    assert text_schema(list[int], Schemas(), place=place)["maxItems"] == 1


def test_a_type_that_only_pydantic_reads_is_described_with_the_others() -> None:
    schemas = Schemas()
    schema = text_schema(Annotated[str, pydantic.BeforeValidator(str.strip)], schemas)
    urls = text_schema(list[pydantic.HttpUrl], schemas)
    assert (schema, urls["items"]) == ({}, {})
    schemas.components()
    assert schema == {"type": "string"}
    assert urls["items"]["format"] == "uri"


def test_constraints_without_a_hash() -> None:
    kind = Annotated[str, msgspec.Meta(examples=["a"], extra_json_schema={"deprecated": True})]
    assert text_schema(kind, Schemas()) == {"type": "string", "examples": ["a"], "deprecated": True}
