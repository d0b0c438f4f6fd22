"""What a type is made of, and whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Generic, NamedTuple, NewType, TypedDict, TypeVar

import pytest
import typing_extensions

from sketch.jsoncodec.types import contains, is_pydantic_type, is_record, is_typed_dict, needs_pydantic

attrs = pytest.importorskip("attrs")
at = pytest.importorskip("annotated_types")
msgspec = pytest.importorskip("msgspec")
pydantic = pytest.importorskip("pydantic")

T = TypeVar("T")


class Model(pydantic.BaseModel):
    name: str


class Dict(TypedDict):
    name: str


class Extended(typing_extensions.TypedDict, Generic[T]):
    item: T


class Pair(NamedTuple):
    number: int


class Struct(msgspec.Struct):
    models: Sequence[Model]


@dataclass
class Data:
    pairs: list[Pair] = field(default_factory=list)
    next: Data | None = None


@attrs.define
class Attrs:
    data: Data


class Colour(Enum):
    RED = "red"


class Unresolved(msgspec.Struct):
    item: Missing  # type: ignore[name-defined] # noqa: F821


@pytest.mark.parametrize(
    ("kind", "record"),
    [
        (Dict, True), (Extended, True), (Pair, True), (Struct, True), (Data, True), (Attrs, True), (Data([]), False),
        (Model, False), (dict, False), (tuple, False), (Colour, False), (int, False), (list[Pair], False),
    ],
)  # fmt: skip
def test_classes_with_annotated_fields(kind: Any, record: bool) -> None:
    assert is_record(kind) is record
    assert is_typed_dict(kind) is (kind in (Dict, Extended))


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        (list[dict[str, int]], {list[dict[str, int]], dict[str, int], str, int}),
        (Annotated[int, at.Gt(1)], {Annotated[int, at.Gt(1)], int, at.Gt(1)}),
        (NewType("Number", int), {int}),
        (Attrs, {Attrs, Data, list[Pair], Pair, int, Data | None, type(None)}),
        (Unresolved, {Unresolved}),
    ],
)
def test_every_part_is_looked_at(kind: Any, parts: set[Any]) -> None:
    seen: list[Any] = []
    assert not contains(kind, lambda part: bool(seen.append(part)))
    assert parts <= {*seen} <= parts | {kind}
    assert contains(kind, lambda part: part == seen[-1])


@pytest.mark.parametrize(
    ("kind", "needs"),
    [(Model, True), (list[Struct], True), (Extended, False), (Annotated[int, at.Gt(1)], True),
     (dict[str, pydantic.AnyUrl], True), (Annotated[int, msgspec.Meta(gt=1)], False), (Attrs, False)],
)  # fmt: skip
def test_what_pydantic_has_to_read(kind: Any, needs: bool) -> None:
    assert needs_pydantic(kind) is needs
    assert is_pydantic_type(kind) is (kind is Model)
