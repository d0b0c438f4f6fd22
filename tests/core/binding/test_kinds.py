"""Annotations taken apart."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, NewType, Optional, TypeVar, Union

import pytest
from typing_extensions import TypeAliasType

from sketch.binding.kinds import Kind, members, own_members, show, substitute, unwrap

T = TypeVar("T")
S = TypeVar("S")
UserId = NewType("UserId", Annotated[int, "positive"])
Age = TypeAliasType("Age", Annotated[int, "age"])
Pair = TypeAliasType("Pair", dict[S, list[T]], type_params=(T, S))


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (int, Kind(int)),
        (list[int], Kind(list[int])),
        (Annotated[int, 1, 2], Kind(int, (1, 2))),
        (Annotated[Annotated[int, 1], 2], Kind(int, (1, 2))),
        (UserId, Kind(int, ("positive",))),
        (Annotated[UserId, "mine"], Kind(int, ("positive", "mine"))),
        (NewType("Other", UserId), Kind(int, ("positive",))),
        (Age, Kind(int, ("age",))),
        (Pair[int, str], Kind(dict[str, list[int]])),
    ],
)
def test_names_and_metadata(annotation: Any, kind: Kind) -> None:
    assert unwrap(annotation) == kind


def test_a_kind_is_an_annotation_again() -> None:
    assert Kind(int).annotation is int
    assert Kind(int, (1, 2)).annotation == Annotated[int, 1, 2]


def test_members_in_the_order_written() -> None:
    kind = unwrap(Annotated[Union[Annotated[int, 1], Optional[str]], 2])  # noqa: UP007, UP045
    assert [*members(kind)] == [Kind(int, (1, 2)), Kind(str, (2,)), Kind(type(None), (2,))]
    assert [*members(unwrap(bool))] == [Kind(bool)]
    assert own_members(kind) == ([Kind(int, (1, 2)), Kind(str, (2,))], True)
    assert own_members(unwrap(int | Age)) == ([Kind(int), Kind(int, ("age",))], False)


def test_a_value_that_was_not_sent_is_no_member() -> None:
    msgspec = pytest.importorskip("msgspec")
    assert own_members(unwrap(int | msgspec.UnsetType)) == ([Kind(int)], False)


def test_type_variables() -> None:
    class Box(Generic[T]):
        pass

    assert substitute(T, {T: int}) is int
    assert substitute(S, {T: int}) is S
    assert substitute(dict[T, list[S]], {S: str, T: int}) == dict[int, list[str]]
    assert substitute(Optional[T], {T: int}) == Optional[int]  # noqa: UP045
    assert substitute(Box, {T: int}) is Box
    assert substitute(int, {T: str}) is int


def test_kinds_as_users_write_them() -> None:
    assert show(int) == "int"
    assert show(list[int]) == "list[int]"
    assert show(Literal["a"]) == "typing.Literal['a']"
    assert len(show(Literal["a" * 1000])) == 200
