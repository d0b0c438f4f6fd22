"""What pydantic does not check when it writes."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from types import SimpleNamespace
from typing import Annotated, Any, Literal

import pytest

from sketch.binding.answers.pydantic_guard import find_guard
from sketch.binding.answers.shapes import make_test, passes

pydantic = pytest.importorskip("pydantic")


class Colour(Enum):
    RED = "red"


class Inner(pydantic.BaseModel):
    name: str


class More(Inner):
    password: str = "hunter2"


class Root(pydantic.RootModel[list[Inner]]):
    pass


class Outer(pydantic.BaseModel, use_enum_values=True):
    inner: Inner
    many: list[Inner] = pydantic.Field(default_factory=list)
    tag: Literal["a"] = "a"
    names: Sequence[str] = ()
    note: str | None = None
    colour: Colour = Colour.RED
    link: pydantic.AnyUrl | None = None


class Written(pydantic.BaseModel):
    inner: Inner

    @pydantic.field_serializer("inner")
    def write(self, value: Any) -> str:
        return "text"


class WholeWritten(pydantic.BaseModel):
    inner: Inner

    @pydantic.model_serializer
    def write(self) -> str:
        return "text"


def check(kind: Any, value: Any) -> bool:
    return passes(make_test(find_guard(kind)), value)


def outer(**values: Any) -> Any:
    made = Outer(inner=Inner(name="a"), colour=Colour.RED, link="http://x/")
    made.__dict__.update(values)
    return made


def test_what_may_be_written() -> None:
    for value in (
        outer(),
        outer(inner=More(name="a")),
        outer(note="x"),
        outer(names=["a"]),
        outer(many=[More(name="b")]),
    ):
        assert check(Outer, value)
        assert check(list[Outer], [value])
        assert check(Outer | None, value)
    assert check(Root, Root([Inner(name="a")]))
    assert check(Outer | None, None)


@pytest.mark.parametrize(
    "values",
    [
        {"inner": {"name": "a"}}, {"inner": SimpleNamespace(name="a")}, {"inner": None}, {"many": [None]},
        {"many": [{}]}, {"many": ()}, {"tag": "b"}, {"tag": {"password": "x"}}, {"names": {"password": "x"}},
        {"names": "text"}, {"names": [None]}, {"note": {}}, {"inner": Inner.model_construct(name=None)},
    ],
)  # fmt: skip
def test_what_may_not(values: dict[str, Any]) -> None:
    assert not check(Outer, outer(**values))
    assert not check(list[Outer], [outer(**values)])
    assert not check(Outer | None, outer(**values))


def test_what_the_author_writes() -> None:
    for kind in (Written, WholeWritten, Annotated[Inner, pydantic.PlainSerializer(lambda value: "text")]):
        assert check(kind, kind.model_construct(inner=5) if isinstance(kind, type) else 5)


def test_values_for_validation() -> None:
    fit = find_guard(Outer).fit
    assert fit(outer(inner=SimpleNamespace(name="a", password="x"), names={"b"}), ())["inner"] == {"name": "a"}
    assert find_guard(Root).fit(Root.model_construct([More(name="a")]), ()) == [{"name": "a"}]
    assert find_guard(Inner | int).fit("x", ()) == "x"
