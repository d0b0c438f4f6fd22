"""The fields of models, whatever library they are of."""

from __future__ import annotations

import dataclasses
from collections import namedtuple
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Generic,
    NamedTuple,
    NotRequired,
    Required,
    TypedDict,
    TypeVar,
)

import pytest
from typing_extensions import ReadOnly

from sketch.binding.faults import Faults
from sketch.binding.models import FACTORY, MISSING, Field, Model, find_model

attrs = pytest.importorskip("attrs")
msgspec = pytest.importorskip("msgspec")
pydantic = pytest.importorskip("pydantic")
pydantic_dataclass = pytest.importorskip("pydantic.dataclasses").dataclass

if TYPE_CHECKING:
    from nowhere import Unknown

T = TypeVar("T")
S = TypeVar("S")


def describe(kind: Any) -> Model:
    model = find_model(kind)
    assert model is not None
    return model


def fields_of(kind: Any) -> list[tuple[str, tuple[str, ...], Any, Any]]:
    return [(field.name, field.names, field.kind, field.default) for field in describe(kind).fields]


class Struct(msgspec.Struct, rename="camel", kw_only=True):
    user_id: Annotated[int, "id"]
    tags: list[str] = []  # noqa: RUF012
    limit: int = msgspec.field(default=10, name="max")


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    a: int = 1


class Page(msgspec.Struct, Generic[T]):
    items: list[T]


@dataclasses.dataclass
class Data:
    a: Annotated[int, "a"]
    seed: dataclasses.InitVar[int]
    count: ClassVar[int] = 0
    b: str = "b"
    c: list[int] = dataclasses.field(default_factory=list)
    made: int = dataclasses.field(default=0, init=False)

    def __post_init__(self, seed: int) -> None:
        if seed == 13:
            raise ValueError(f"s3cret {seed}")
        if seed == 14:
            raise TypeError("s3cret")


@dataclasses.dataclass
class Base(Generic[S, T]):
    first: S
    second: list[T]


@dataclasses.dataclass
class Derived(Base[T, str]):
    third: T


@dataclasses.dataclass
class Last(Derived[int]):
    fourth: str = ""


class Dict(TypedDict, total=False):
    a: Required[Annotated[int, "a"]]
    b: NotRequired[str]
    c: ReadOnly[int]


class Tuple(NamedTuple):
    a: int
    b: str = "b"


Untyped = namedtuple("Untyped", "a b", defaults=["b"])


@attrs.define
class Attrs:
    a: int
    _b: int = attrs.field(default=3, validator=attrs.validators.gt(2))
    c: list[int] = attrs.Factory(list)
    d: int = attrs.field(init=False, default=0)
    e: str = attrs.field(default="e", alias="f")


class Pydantic(pydantic.BaseModel):
    a: int = pydantic.Field(alias="A")
    b: Annotated[str, "b"] = "b"
    c: list[int] = pydantic.Field(default_factory=list, validation_alias=pydantic.AliasChoices("c1", "c2"))
    d: int = pydantic.Field(default=1, serialization_alias="D")
    e: int = pydantic.Field(default=1, validation_alias=pydantic.AliasPath("E"))

    @pydantic.field_validator("b", mode="before")
    @classmethod
    def upper(cls, value: str) -> str:
        return value.upper()

    @pydantic.field_validator("d")
    @classmethod
    def next(cls, value: int) -> int:
        return value + 1


class ByName(pydantic.BaseModel, populate_by_name=True, extra="forbid"):
    a: int = pydantic.Field(alias="A")


class ByNameOnly(pydantic.BaseModel, validate_by_name=True, validate_by_alias=False, extra="allow"):
    a: int = pydantic.Field(alias="A")


class PydanticPage(pydantic.BaseModel, Generic[T]):
    items: list[T]


@pydantic_dataclass
class PydanticData:
    a: int
    b: int = pydantic.Field(default=2, init=False)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (
            Struct,
            [
                ("user_id", ("userId",), Annotated[int, "id"], MISSING),
                ("tags", ("tags",), list[str], FACTORY),
                ("limit", ("max",), int, 10),
            ],
        ),
        (Page[int], [("items", ("items",), list[int], MISSING)]),
        (
            Data,
            [
                ("a", ("a",), Annotated[int, "a"], MISSING),
                ("seed", ("seed",), int, MISSING),
                ("b", ("b",), str, "b"),
                ("c", ("c",), list[int], FACTORY),
            ],
        ),
        (
            Derived[int],
            [
                ("first", ("first",), int, MISSING),
                ("second", ("second",), list[str], MISSING),
                ("third", ("third",), int, MISSING),
            ],
        ),
        (
            Last,
            [
                ("first", ("first",), int, MISSING),
                ("second", ("second",), list[str], MISSING),
                ("third", ("third",), int, MISSING),
                ("fourth", ("fourth",), str, ""),
            ],
        ),
        (
            Dict,
            [
                ("a", ("a",), Annotated[int, "a"], MISSING),
                ("b", ("b",), str, FACTORY),
                ("c", ("c",), int, FACTORY),
            ],
        ),
        (Tuple, [("a", ("a",), int, MISSING), ("b", ("b",), str, "b")]),
        (Untyped, [("a", ("a",), str, MISSING), ("b", ("b",), str, "b")]),
        (
            Attrs,
            [
                ("a", ("a",), int, MISSING),
                ("_b", ("b",), int, 3),
                ("c", ("c",), list[int], FACTORY),
                ("e", ("f",), str, "e"),
            ],
        ),
        (
            Pydantic,
            [
                ("a", ("A",), int, MISSING),
                ("b", ("b",), Annotated[str, "b"], "b"),
                ("c", ("c1", "c2"), list[int], FACTORY),
                ("d", ("d",), int, 1),
                ("e", ("E",), int, 1),
            ],
        ),
        (ByName, [("a", ("A", "a"), int, MISSING)]),
        (ByNameOnly, [("a", ("a",), int, MISSING)]),
        (PydanticPage[int], [("items", ("items",), list[int], MISSING)]),
        (PydanticData, [("a", ("a",), int, MISSING)]),
        (Annotated[Tuple, "a note"], [("a", ("a",), int, MISSING), ("b", ("b",), str, "b")]),
    ],
)
def test_fields(kind: Any, fields: Any) -> None:
    assert fields_of(kind) == fields


@pytest.mark.parametrize("kind", [int, list[int], Tuple | None, dict, None, Any, {}, pydantic.RootModel[int], object])
def test_what_is_no_model(kind: Any) -> None:
    assert find_model(kind) is None


@pytest.mark.parametrize(
    ("kind", "values", "made"),
    [
        (Struct, {"user_id": 1}, Struct(user_id=1)),
        (Page[int], {"items": [1]}, Page([1])),
        (Data, {"a": 1, "seed": 1}, Data(1, 1)),
        (Derived[int], {"first": 1, "second": ["a"], "third": 2}, Derived(1, ["a"], 2)),
        (Dict, {"a": 1}, {"a": 1}),
        (Tuple, {"a": 1}, Tuple(1)),
        (Attrs, {"a": 1, "b": 5, "f": "x"}, Attrs(1, 5, f="x")),
        (Pydantic, {"A": 1, "d": 1}, Pydantic(A=1, d=1)),
        (PydanticPage[int], {"items": [1]}, PydanticPage[int](items=[1])),
        (PydanticData, {"a": 1}, PydanticData(a=1)),
    ],
)
def test_models_are_made(kind: Any, values: dict[str, Any], made: Any) -> None:
    found = describe(kind).make(values)
    assert found == made
    assert type(found) is type(made)


def test_code_of_the_model_reads_text_first() -> None:
    assert [field.name for field in describe(Pydantic).fields if field.raw] == ["b"]


def test_names_that_a_model_does_not_have() -> None:
    assert [describe(kind).extra for kind in (Struct, Strict, Data, Pydantic, ByName, ByNameOnly)] == [
        "ignore",
        "forbid",
        "ignore",
        "ignore",
        "forbid",
        "allow",
    ]


@pytest.mark.parametrize(
    ("kind", "values", "faults"),
    [
        (Data, {"a": 1, "seed": 13}, [("expected a valid value", "")]),
        (Data, {"a": 1, "seed": 14}, [("expected a valid value", "")]),
        (Attrs, {"a": 1, "b": 1}, [("expected a valid value", "")]),
        (Pydantic, {"A": "x", "c1": [1, "y"]}, [("expected an integer", "/A"), ("expected an integer", "/c1/1")]),
        (PydanticData, {}, [("is required", "/a")]),
    ],
)
def test_faults(kind: Any, values: dict[str, Any], faults: list[tuple[str, str]]) -> None:
    with pytest.raises(Faults) as caught:
        describe(kind).make(values)
    assert [(fault.message, fault.pointer) for fault in caught.value.faults] == faults
    assert caught.value.__context__ is None


@dataclasses.dataclass
class Unresolved:
    a: Unknown


class UnresolvedModel(pydantic.BaseModel):
    a: Unknown


class ByPath(pydantic.BaseModel):
    a: int = pydantic.Field(validation_alias=pydantic.AliasPath("a", 0))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Unresolved, "expected annotations that exist at run time, got Unresolved: NameError: "),
        (UnresolvedModel, "expected annotations that exist at run time, got UnresolvedModel: .*Unknown"),
        (ByPath, r"expected aliases that are names, got AliasPath\(path=\['a', 0\]\) of 'a'"),
    ],
)
def test_models_that_cannot_be_described(kind: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}"):
        find_model(kind)


def test_a_field_is_required_unless_it_has_a_default() -> None:
    assert Field("a", "a", ("a",), int).default is MISSING
