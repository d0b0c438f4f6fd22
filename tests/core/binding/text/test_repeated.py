"""Several texts of one name as a container."""

from __future__ import annotations

from collections import abc
from collections.abc import Sequence
from typing import Annotated, Any, NewType

import pytest

from sketch.binding.faults import Fault, Faults
from sketch.binding.text.repeated import MOST_FAULTS, container_of, find_value_forms, find_values_reader

at = pytest.importorskip("annotated_types")
msgspec = pytest.importorskip("msgspec")
pydantic = pytest.importorskip("pydantic")

Next = Annotated[int, pydantic.AfterValidator(lambda value: value + 1)]
Split = Annotated[list[str], pydantic.BeforeValidator(lambda texts: texts[0].split(","))]
Sorted = Annotated[list[int], pydantic.AfterValidator(sorted)]
Ids = NewType("Ids", list[int])


def read(kind: Any, *texts: str) -> Any:
    reader = find_values_reader(kind)
    assert reader is not None
    return reader([*texts])


@pytest.mark.parametrize(
    ("kind", "texts", "value"),
    [
        (list, ["a"], ["a"]),
        (list[str], ["a", ""], ["a", ""]),
        (list[int], ["1", "2"], [1, 2]),
        (list[int] | None, ["1"], [1]),
        (Ids, ["1"], [1]),
        (list[int | None], ["1", ""], [1, None]),
        (tuple, ["a"], ("a",)),
        (tuple[int, ...], ["1", "2"], (1, 2)),
        (tuple[int, str], ["1", "2"], (1, "2")),
        (set[int], ["1", "01"], {1}),
        (frozenset[str], ["a", "a"], frozenset("a")),
        (Sequence[int], ["1"], [1]),
        (abc.Iterable[str], ["a"], ["a"]),
        (abc.Set[int], ["1"], {1}),
        (Annotated[list[int], at.Len(1, 2)], ["1", "2"], [1, 2]),
        (list[Annotated[int, at.Ge(1)]], ["1"], [1]),
        (list[Next], ["1", "2"], [2, 3]),
        (Sorted, ["2", "1"], [1, 2]),
        (Split, ["a,b"], ["a", "b"]),
        (pydantic.conlist(int, max_length=2), ["1"], [1]),
    ],
)
def test_values_that_are_read(kind: Any, texts: list[str], value: Any) -> None:
    found = read(kind, *texts)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "texts", "faults"),
    [
        (list[int], ["1", "x"], [("expected an integer", "/1")]),
        (list[int], ["x", "1", ""], [("expected an integer", "/0"), ("expected an integer", "/2")]),
        (list[Annotated[int, at.Ge(1)]], ["0"], [("expected at least 1", "/0")]),
        (tuple[int, bool], ["x", "y"], [("expected an integer", "/0"), ("expected true or false", "/1")]),
        (tuple[int, bool], ["1"], [("expected 2 values", "")]),
        (Annotated[list[str], at.MinLen(2)], ["a"], [("expected at least 2 values", "")]),
        (Annotated[set[int], msgspec.Meta(min_length=2)], ["1", "01"], [("expected at least 2 values", "")]),
        (Annotated[list[int], pydantic.Field(max_length=1)], ["1", "2"], [("expected at most 1 value", "")]),
        (Sorted, ["1_0"], [("expected an integer", "/0")]),
        (list[pydantic.AnyHttpUrl], ["x"], [("expected a URL", "/0")]),
        (list[int | pydantic.Json[int]], ["x"], [("expected an integer or a valid value", "/0")]),
    ],
)
def test_values_that_are_refused(kind: Any, texts: list[str], faults: list[tuple[str, str]]) -> None:
    with pytest.raises((Fault, Faults)) as caught:
        read(kind, *texts)
    found = caught.value.faults if isinstance(caught.value, Faults) else [caught.value]
    assert [(str(fault), fault.pointer) for fault in found] == faults


def test_not_all_of_many_faults_are_told() -> None:
    with pytest.raises(Faults) as caught:
        read(list[int], *["x"] * 1000)
    assert len(caught.value.faults) == MOST_FAULTS


@pytest.mark.parametrize("kind", [int, str, None, dict[str, int], list[int] | str, {}, bytes])
def test_what_is_no_container(kind: Any) -> None:
    assert find_values_reader(kind) is None
    assert find_value_forms(kind) is None
    assert container_of(kind) is None


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (list[list[int]], r"expected a type that text can become, got list\[int\]"),
        (list[dict], "expected a type that text can become, got dict"),
        (Annotated[list[int], at.Ge(1)], "expected constraints that fit list, got ge=1"),
        (list[Annotated[int, at.MinLen(1)]], "expected constraints that fit int, got min_length=1"),
    ],
)
def test_containers_that_cannot_be_read(kind: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}"):
        find_values_reader(kind)


def test_values_prepared_for_pydantic() -> None:
    for kind, texts, value in (
        (Annotated[list[Annotated[int, at.Ge(5)]], at.MinLen(5)], ["1"], [1]),
        (tuple[int, pydantic.AnyHttpUrl], ["1", "x"], (1, "x")),
        (Split, ["a,b"], ["a,b"]),
        (Sorted | None, ["2", "1"], [2, 1]),
    ):
        reader: Any = find_value_forms(kind)
        assert reader(texts) == value
