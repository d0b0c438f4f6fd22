"""The annotations of classes with fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Generic, NotRequired, Required, TypedDict, TypeVar

import pytest
import typing_extensions

from sketch.binding.hints import hints_of, typed_dict_hints

if TYPE_CHECKING:
    from nowhere import Unknown

T = TypeVar("T")
S = TypeVar("S")


class Base(Generic[S, T]):
    first: S
    second: list[T]


class Derived(Base[T, str]):
    """`T` is another type than in its base."""

    third: Annotated[T, "third"]


class Last(Derived[int]):
    second: set[str]  # type: ignore[assignment]


class Plain(Last):
    fourth: bytes | None


class Untyped(Base):  # type: ignore[type-arg]
    pass


@pytest.mark.parametrize(
    ("kind", "hints"),
    [
        (Base[int, str], {"first": int, "second": list[str]}),
        (Base, {"first": S, "second": list[T]}),
        (Derived[int], {"first": int, "second": list[str], "third": Annotated[int, "third"]}),
        (Last, {"first": int, "second": set[str], "third": Annotated[int, "third"]}),
        (Plain, {"first": int, "second": set[str], "third": Annotated[int, "third"], "fourth": bytes | None}),
        (Untyped, {"first": S, "second": list[T]}),
        (object, {}),
    ],
)
def test_types_in_place_of_variables(kind: Any, hints: dict[str, Any]) -> None:
    assert hints_of(kind) == hints


def test_an_annotation_that_does_not_exist_at_run_time() -> None:
    @dataclass
    class Broken:
        a: Unknown

    with pytest.raises(
        TypeError, match=r"^expected annotations that exist at run time, got .*Broken: NameError: .*Unknown"
    ):
        hints_of(Broken)


class Total(TypedDict):
    a: int
    b: NotRequired[Annotated[str, "b"]]


class Partial(Total, Generic[T], total=False):
    c: T
    d: Required[list[T]]


class Extended(typing_extensions.TypedDict):
    e: typing_extensions.ReadOnly[NotRequired[int]]


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (Total, [("a", int, True), ("b", Annotated[str, "b"], False)]),
        (
            Partial[int],
            [("a", int, True), ("b", Annotated[str, "b"], False), ("c", int, False), ("d", list[int], True)],
        ),
        (Extended, [("e", int, False)]),
    ],
)
def test_which_members_of_a_typed_dict_are_required(kind: Any, found: list[Any]) -> None:
    """Their annotations are text here, and so the class itself has not seen the marks."""
    assert sorted(typed_dict_hints(kind)) == found
