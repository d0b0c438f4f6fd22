"""What differs between two schemas, and whom that breaks."""

from copy import deepcopy
from typing import Any

import pytest

from sketch.openapi.schema_changes import Change, SchemaComparison


def compare(before: Any, after: Any, *, sent: bool) -> list[Change]:
    comparison = SchemaComparison(lambda value: value, lambda value: value, sent=sent)
    return [*comparison.compare("it", before, after)]


def obj(required: Any = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*required]}


INT, TEXT = {"type": "integer"}, {"type": "string"}

CASES: list[tuple[Any, Any, str, bool, bool]] = [
    # before, after, the text, whether it breaks what clients send, and what they get
    (INT, TEXT, "it: is string, was integer", True, True),
    (INT, {"type": "number"}, "it: is number, was integer", False, True),
    ({"type": "number"}, INT, "it: is integer, was number", True, False),
    (INT, {}, "it: is anything, was integer", False, True),
    ({}, INT, "it: is integer, was anything", True, False),
    (INT, {"anyOf": [INT, {"type": "null"}]}, "it: may also be null", False, True),
    ({"type": ["integer", "null"]}, INT, "it: may no longer be null", True, False),
    ({**INT, "maximum": 5}, {**INT, "maximum": 9}, "it: has a maximum of 9, was 5", False, True),
    ({**INT, "minimum": 5}, {**INT, "minimum": 9}, "it: has a minimum of 9, was 5", True, False),
    (TEXT, {**TEXT, "maxLength": 5}, "it: has a maximal length of 5", True, False),
    ({**TEXT, "minLength": 5}, TEXT, "it: has no longer a minimal length, was 5", False, True),
    ({"enum": ["a", "b"]}, {"enum": ["a"]}, 'it: may no longer be "b"', True, False),
    ({"enum": ["a"]}, {"enum": ["a", "b"]}, 'it: may also be "b"', False, True),
    (TEXT, {**TEXT, "enum": ["a"]}, 'it: is one of "a" alone', True, False),
    ({**TEXT, "enum": ["a"]}, TEXT, "it: is no longer one of certain values", False, True),
    ({**TEXT, "format": "date"}, {**TEXT, "format": "uuid"}, 'it: format is "uuid", was "date"', True, True),
    (TEXT, {**TEXT, "pattern": "a"}, 'it: pattern is "a", was absent', True, False),
    ({**TEXT, "pattern": "a"}, TEXT, 'it: pattern is absent, was "a"', False, True),
    (obj(a=INT), obj(), "it a: is gone", True, True),
    (obj(), obj(a=INT), "it a: is new", False, False),
    (obj(["a"], a=INT), obj(a=INT), "it a: may be missing", False, True),
    (obj(a=TEXT), obj(a=INT), "it a: is integer, was string", True, True),
    ({"type": "array", "items": INT}, {"type": "array", "items": TEXT}, "it[]: is string, was integer", True, True),
    (obj(), {**obj(), "additionalProperties": False}, "it{}: is false, was anything", True, False),
    (
        {"type": "array", "prefixItems": [INT]},
        {"type": "array", "prefixItems": [TEXT]},
        "it[0]: is string, was integer",
        True,
        True,
    ),
    ({"allOf": [INT]}, {"allOf": [TEXT]}, "it: is string, was integer", True, True),
    ({**INT, "title": "A"}, {**INT, "title": "B"}, "it: has other notes: title", False, False),
]


@pytest.mark.parametrize(("before", "after", "text", "received", "sent"), CASES, ids=[case[2] for case in CASES])
def test_a_change(before: Any, after: Any, text: str, received: bool, sent: bool) -> None:
    for is_sent, breaking in ((False, received), (True, sent)):
        (change,) = compare(before, after, sent=is_sent)
        assert (str(change), change.breaking) == (f"{'breaking' if breaking else 'compatible'}: {text}", breaking)
    assert compare(before, before, sent=True) == compare(after, after, sent=False) == []


def test_a_member_that_becomes_required() -> None:
    before, after = obj(a=INT), obj(["a", "b"], a=INT, b=INT)
    assert [str(change) for change in compare(before, after, sent=False)] == [
        "breaking: it b: is new, and required", "breaking: it a: is required",
    ]  # fmt: skip
    assert [str(change) for change in compare(before, after, sent=True)] == [
        "compatible: it b: is new", "compatible: it a: is always there",
    ]  # fmt: skip


def test_models_that_refer_to_themselves() -> None:
    def tree(kind: dict[str, str]) -> Any:
        definition = obj(value=kind, kids={"type": "array", "items": {"$ref": "#/tree"}})
        return lambda value: definition if value == {"$ref": "#/tree"} else value

    comparison = SchemaComparison(tree(INT), tree(TEXT), sent=True)
    (change,) = comparison.compare("it", {"$ref": "#/tree"}, {"$ref": "#/tree"})
    assert change == Change("it value", "is string, was integer", True)


@pytest.mark.parametrize(
    "back",
    [
        {"$ref": "#"},
        {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        {"anyOf": [{"type": "array", "items": {"$ref": "#"}}, {"type": "null"}]},
        {"type": ["object", "null"], "properties": {"in": {"$ref": "#"}}},
        {"type": "object", "additionalProperties": {"oneOf": [{"$ref": "#"}, {"type": "string"}]}},
    ],
    ids=str,
)
def test_a_schema_that_leads_back_to_itself(back: Any) -> None:
    before, after = obj(a=INT, back=deepcopy(back)), obj(a=TEXT, back=deepcopy(back))
    comparison = SchemaComparison(
        lambda value: before if value == {"$ref": "#"} else value,
        lambda value: after if value == {"$ref": "#"} else value,
        sent=True,
    )
    assert [*map(str, comparison.compare("it", before, after))] == ["breaking: it a: is string, was integer"]
