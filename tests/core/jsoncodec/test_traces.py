"""What is said of a union that pydantic reads: one message for each place, which names the members if they differ."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest

from sketch.jsoncodec import STDLIB, ValidationError
from sketch.jsoncodec.by_pydantic import pydantic_reader
from sketch.jsoncodec.traces import Trace, merged

pydantic = pytest.importorskip("pydantic")

INTEGER, TEXT = "expected an integer", "expected text"


class Cat(pydantic.BaseModel):
    name: int
    lives: int


class Dog(pydantic.BaseModel):
    name: int
    bark: str


class Bird(pydantic.BaseModel):
    name: str
    lives: str


class Box(pydantic.BaseModel):
    pet: Cat | Dog | int
    count: int | list[int] = 0


def by_id(value: Any) -> Any:
    return {each["id"]: each for each in value}


@pytest.mark.parametrize(
    ("kind", "data", "faults"),
    [
        (Cat | Dog, 5, [("expected an object", ())]),
        (Cat | Dog, {"name": "x", "lives": "x"}, [
            (INTEGER, ("name",)), ("expected an integer (as Cat)", ("lives",)), ("is required (as Dog)", ("bark",)),
        ]),
        (Cat | Dog | Bird, {"name": 1, "lives": None}, [
            ("expected an integer (as Cat) or text (as Bird)", ("lives",)), ("is required (as Dog)", ("bark",)),
            ("expected text (as Bird)", ("name",)),
        ]),
        (Cat | Bird, {"lives": []}, [
            ("is required", ("name",)), ("expected an integer (as Cat) or text (as Bird)", ("lives",)),
        ]),
        (Box, {"pet": "x", "count": "x"}, [
            ("expected an object or an integer", ("pet",)), ("expected an integer or an array", ("count",)),
        ]),
        (Box, {"pet": {"name": 1}, "count": ["x"]}, [
            ("is required (as Cat)", ("pet", "lives")), ("is required (as Dog)", ("pet", "bark")),
            (INTEGER, ("count", 0)),
        ]),
        (Cat | None, {"name": 1}, [("is required", ("lives",))]),
        (list[int] | list[Cat], [[]], [("expected an integer or an object", (0,))]),
        (dict[int, Cat], {"a": 5}, [("in its name: expected an integer", ("a",)), ("expected an object", ("a",))]),
        (Annotated[dict[str, Cat], pydantic.BeforeValidator(by_id)], [{"id": "7331"}, {"id": "7332"}], [
            ("is required", ("name",)), ("is required", ("lives",)),
        ]),
    ],
)  # fmt: skip
def test_faults(kind: Any, data: Any, faults: list[Any]) -> None:
    for annotation in (kind, pydantic.TypeAdapter(kind)):
        with pytest.raises(ValidationError) as caught:
            pydantic_reader(annotation, STDLIB.loads, strict=False)(json.dumps(data).encode())
        if annotation is kind:
            assert sorted(caught.value.faults, key=str) == sorted(faults, key=str)
        assert not [message for message, _ in caught.value.faults if "733" in message]


def test_a_place_is_told_once() -> None:
    traces = [Trace(INTEGER, ("a",)), Trace(TEXT, ("a",)), Trace("is required", ("a",)), Trace(TEXT, ("a",))]
    assert [*merged(traces, int)] == [("expected an integer or text", ("a",)), ("is required", ("a",))]
