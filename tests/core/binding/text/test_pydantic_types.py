"""Types that only pydantic reads, and what only pydantic checks."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from sketch.binding.faults import Fault, Faults
from sketch.binding.kinds import Kind, unwrap
from sketch.binding.text.constraints import flatten
from sketch.binding.text.pydantic_types import (
    find_pydantic_reader,
    is_pydantic_metadata,
    is_pydantic_scalar,
    takes_text,
)

at = pytest.importorskip("annotated_types")
msgspec = pytest.importorskip("msgspec")
pydantic = pytest.importorskip("pydantic")


class Model(pydantic.BaseModel):
    a: int


class Root(pydantic.RootModel[int]):
    pass


class OfUsers:
    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return handler(source)


def test_types() -> None:
    assert is_pydantic_scalar(pydantic.HttpUrl)
    assert is_pydantic_scalar(pydantic.SecretStr)
    assert is_pydantic_scalar(pydantic.EmailStr)
    assert is_pydantic_scalar(Root)
    assert not is_pydantic_scalar(Model)
    assert not is_pydantic_scalar(int)


@pytest.mark.parametrize(
    ("metadata", "of_pydantic", "of_text"),
    [
        ([at.Ge(1), msgspec.Meta(ge=1), pydantic.Field(gt=1), pydantic.Strict(), "text", None], False, False),
        ([pydantic.AfterValidator(abs)], True, False),
        ([pydantic.Field(pattern="a")], True, False),
        ([pydantic.Field(max_digits=3)], True, False),
        ([pydantic.BeforeValidator(len)], True, True),
        ([pydantic.PlainValidator(len)], True, True),
        ([pydantic.WrapValidator(lambda value, handler: handler(value))], True, True),
        (unwrap(pydantic.Json[int]).metadata, True, True),
        (unwrap(pydantic.Base64Bytes).metadata, True, True),
        ([OfUsers()], True, True),
    ],
)
def test_metadata(metadata: Any, of_pydantic: bool, of_text: bool) -> None:
    assert any(map(is_pydantic_metadata, flatten(metadata))) is of_pydantic
    assert any(map(takes_text, flatten(metadata))) is of_text


def test_a_fault() -> None:
    read = find_pydantic_reader(Kind(pydantic.HttpUrl))
    assert str(read("http://a/")) == "http://a/"
    with pytest.raises(Fault, match=r"^expected a URL$") as caught:
        read("s3cret")
    assert caught.value.__context__ is None  # which would show the input in a log


def test_several_faults_and_their_places() -> None:
    with pytest.raises(Faults) as caught:
        find_pydantic_reader(Kind(list[int]))(["x", 1, "y"])
    assert [(str(fault), fault.pointer) for fault in caught.value.faults] == [
        ("expected an integer", "/0"),
        ("expected an integer", "/2"),
    ]


def test_a_union_has_one_fault() -> None:
    with pytest.raises(Fault, match=r"^expected an integer or a URL$") as caught:
        find_pydantic_reader(Kind(int | pydantic.HttpUrl))("x")
    assert caught.value.pointer == ""


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Kind(object, (OfUsers,)), r"expected a type that pydantic reads, got typing\.Annotated\[object"),
        (
            Kind(int, (msgspec.Meta(ge=1), pydantic.AfterValidator(abs))),
            r"expected the constraints of one library, got typing\.Annotated\[int, .*: pydantic's or msgspec's$",
        ),
    ],
)
def test_what_pydantic_does_not_read(kind: Kind, message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}"):
        find_pydantic_reader(kind)


def test_metadata_of_msgspec_without_constraints_is_passed_over() -> None:
    kind = unwrap(Annotated[int, msgspec.Meta(title="A number"), pydantic.AfterValidator(abs)])
    assert find_pydantic_reader(kind)(-1) == 1
