"""Schemas on the reference page."""

from __future__ import annotations

from typing import Any

import pytest

from sketch.openapi.page.schemas import limits_of, type_of
from tests.core.openapi.page.reading import Reader, page


def test_a_schema_inside_itself() -> None:
    node: dict[str, Any] = {"type": "object", "properties": {}}
    node["properties"]["next"] = {"$ref": "#/components/schemas/Node"}
    assert Reader(page(components={"schemas": {"Node": node}})).text.count("next") == 1


def test_unnamed_objects_inside_objects_end() -> None:
    inner: dict[str, Any] = {"type": "string"}
    for _ in range(100):
        inner = {"type": "object", "properties": {"deeper": inner}}
    assert 5 <= Reader(page(components={"schemas": {"Deep": inner}})).text.count("deeper") <= 10


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (True, "any value"),
        (False, "no value"),
        ({}, "any value"),
        ({"type": "string"}, "string"),
        ({"type": "string", "format": "date"}, "string (date)"),
        ({"type": "string", "format": "binary"}, "file"),
        ({"type": "string", "contentMediaType": "image/png"}, "file (image/png)"),
        ({"type": ["integer", "null"]}, "integer or null"),
        ({"const": "<"}, "<code>&quot;&lt;&quot;</code>"),
        ({"enum": ["a", None]}, "<code>&quot;a&quot;</code> or <code>null</code>"),
        ({"anyOf": [{"type": "integer"}, {"type": "integer"}, {"type": "null"}]}, "integer or null"),
        ({"allOf": [{"type": "object"}, {"type": "string"}]}, "object and string"),
        ({"type": "array"}, "array"),
        ({"type": "array", "items": {"type": "number"}}, "array of number"),
        ({"type": "array", "prefixItems": [{"type": "number"}, {"type": "string"}]}, "array of number, string"),
        ({"properties": {}}, "object"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "object of integer"),
        ({"$ref": "#/components/schemas/A~1B"}, '<a href="#schema-A%2FB">A/B</a>'),
    ],
)
def test_types_in_a_line(schema: Any, expected: str) -> None:
    assert type_of(schema) == expected


def test_limits() -> None:
    limits = {"exclusiveMinimum": 0, "maxLength": 3, "pattern": "<", "uniqueItems": True, "additionalProperties": False}
    assert limits_of(limits) == ["&gt; 0", "length ≤ 3", "matches &lt;", "no item twice", "no other members"]
