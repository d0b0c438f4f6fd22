"""Constraints: of which library they are, which values pass, and what is said of the others."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

import pytest
from hypothesis import given, strategies as st

from sketch.binding.faults import Fault
from sketch.binding.kinds import own_members, unwrap
from sketch.binding.text.constraints import find_checks
from tests.core.binding.support import bounded

at = pytest.importorskip("annotated_types")
msgspec = pytest.importorskip("msgspec")
pydantic = pytest.importorskip("pydantic")

NOON = datetime(2024, 5, 31, 12, tzinfo=UTC)


class Color(Enum):
    RED = "red"


def checks_of(kind: Any) -> list[Callable[[Any], Any] | None]:
    return find_checks(own_members(unwrap(kind))[0])


def check(kind: Any, value: Any) -> Any:
    (found,) = checks_of(kind)
    assert found is not None
    return found(value)


@pytest.mark.parametrize(
    ("kind", "good", "bad", "message"),
    [
        (Annotated[int, at.Gt(3)], 4, 3, "expected more than 3"),
        (Annotated[int, at.Ge(3)], 3, 2, "expected at least 3"),
        (Annotated[float, at.Lt(0.5)], 0.4, 0.5, "expected less than 0.5"),
        (Annotated[Decimal, at.Le(0.5)], Decimal("0.5"), Decimal("0.51"), "expected at most 0.5"),
        (Annotated[int, at.Interval(ge=1, le=9)], 9, 10, "expected at most 9"),
        (Annotated[int, at.Ge(1), at.Le(9)], 9, 0, "expected at least 1"),
        (Annotated[int, msgspec.Meta(gt=3)], 4, 3, "expected more than 3"),
        (Annotated[int, msgspec.Meta(ge=3, le=5)], 5, 6, "expected at most 5"),
        (Annotated[int, pydantic.Field(gt=3, lt=6)], 5, 6, "expected less than 6"),
        (pydantic.conint(ge=3), 3, 2, "expected at least 3"),
        (pydantic.PositiveInt, 1, 0, "expected more than 0"),
        (Annotated[int, at.MultipleOf(5)], -10, 6, "expected a multiple of 5"),
        (Annotated[int, msgspec.Meta(multiple_of=5)], 0, 6, "expected a multiple of 5"),
        (Annotated[int, at.MultipleOf(0.5)], 3, None, ""),
        (Annotated[float, at.MultipleOf(0.1)], 0.3, 0.35, "expected a multiple of 0.1"),
        (Annotated[float, at.MultipleOf(0.1)], -1.1, 1e-300, "expected a multiple of 0.1"),
        (Annotated[float, at.MultipleOf(0.001)], 1.7e308, 0.0015, "expected a multiple of 0.001"),
        (
            Annotated[Decimal, at.MultipleOf(Decimal("0.01"))],
            Decimal("1e300"),
            Decimal("0.015"),
            "expected a multiple of 0.01",
        ),
        (Annotated[str, at.MinLen(2)], "ab", "a", "expected text of at least 2 characters"),
        (Annotated[str, at.MaxLen(1)], "é", "ab", "expected text of at most 1 character"),
        (Annotated[str, msgspec.Meta(min_length=1, max_length=2)], "ab", "", "expected text of at least 1 character"),
        (Annotated[str, pydantic.Field(max_length=2)], "ab", "abc", "expected text of at most 2 characters"),
        (Annotated[bytes, at.Len(1, 2)], b"a", b"abc", "expected at most 2 bytes"),
        (Annotated[list, at.Len(1, 1)], [1], [], "expected at least 1 value"),
        (Annotated[list[int], at.MaxLen(2)], [1, 2], [1, 2, 3], "expected at most 2 values"),
        (Annotated[str, msgspec.Meta(pattern="^a+$")], "aa", "ab", "expected text that matches ^a+$"),
        (Annotated[str, msgspec.Meta(pattern="b")], "abc", "ac", "expected text that matches b"),
        (Annotated[str, at.Ge("b")], "b", "a", "expected at least b"),
        (Annotated[date, at.Ge(date(2024, 1, 1))], date(2024, 1, 1), date.min, "expected at least 2024-01-01"),
        (
            Annotated[datetime, at.Gt(NOON)],
            datetime.max.replace(tzinfo=UTC),
            NOON,
            "expected more than 2024-05-31T12:00:00Z",
        ),
        (Annotated[time, at.Lt(time(12))], time(11), time(12), "expected less than 12:00:00"),
        (Annotated[timedelta, at.Le(timedelta(days=1))], timedelta(1), timedelta(2), "expected at most P1D"),
        (Annotated[str, at.Predicate(str.isupper)], "A", "a", "expected a value that isupper accepts"),
        (Annotated[str, at.Predicate(int)], "1", "a", "expected a value that int accepts"),
        (Annotated[Color, at.Predicate(bool)], Color.RED, None, ""),
    ],
)
def test_a_constraint(kind: Any, good: Any, bad: Any, message: str) -> None:
    assert check(kind, good) is good
    if bad is not None:
        with pytest.raises(Fault) as caught:
            check(kind, bad)
        assert str(caught.value) == message


AWARE = "expected a time with an offset from UTC, as Z or +02:00"
NAIVE = "expected a time without an offset from UTC"


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (Annotated[datetime, msgspec.Meta(tz=True)], datetime.max, AWARE),
        (Annotated[time, msgspec.Meta(tz=False)], time(1, tzinfo=UTC), NAIVE),
        (Annotated[datetime, at.Timezone(...)], datetime.max, AWARE),
        (Annotated[datetime, at.Timezone(None)], NOON, NAIVE),
        # What could not be compared with the bound:
        (Annotated[datetime, at.Gt(NOON)], datetime.max, AWARE),
        (Annotated[datetime, at.Gt(datetime(2024, 5, 31))], NOON, NAIVE),
    ],
)
def test_offsets_from_utc(kind: Any, value: Any, message: str) -> None:
    with pytest.raises(Fault) as caught:
        check(kind, value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Annotated[int, at.MinLen(2)], "expected constraints that fit int, got min_length=2"),
        (Annotated[int, at.Ge("1")], "expected constraints that fit int, got ge='1'"),
        (Annotated[int, at.Ge(float("nan"))], "expected constraints that fit int, got ge=nan"),
        (Annotated[bool, at.Ge(0)], "expected constraints that fit bool, got ge=0"),
        (Annotated[Color, at.Ge("red")], "expected constraints that fit Color, got ge='red'"),
        (Annotated[str, at.Timezone(None)], "expected constraints that fit str, got tz=False"),
        (Annotated[date, at.Ge(NOON)], "expected constraints that fit date, got ge=datetime.datetime"),
        (Annotated[datetime, at.Ge(date(2024, 1, 1))], "expected constraints that fit datetime, got ge=datetime.date"),
        (Annotated[Annotated[int, at.MinLen(2)] | str, 1], "expected constraints that fit int, got min_length=2"),
        (Annotated[int | date, at.MinLen(2)], "expected constraints that fit int, got min_length=2"),
        (Annotated[int, at.MultipleOf(0)], "expected multiple_of to be a number above 0, got 0"),
        (Annotated[float, at.MultipleOf(float("inf"))], "expected multiple_of to be a number above 0, got inf"),
        (Annotated[str, at.MinLen(-1)], "expected a length to be a number from 0 up, got -1"),
        (Annotated[datetime, at.Timezone("Europe/Paris")], r"expected Timezone\(\.\.\.\) for any offset"),
    ],
)
def test_a_constraint_that_does_not_fit(kind: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}"):
        checks_of(kind)


def test_a_constraint_of_a_union_is_one_of_the_members_that_can_have_it() -> None:
    number, text, color = checks_of(Annotated[int | str | Color, at.Ge(1), at.MaxLen(2)])
    assert number is not None
    assert text is not None
    assert color is None
    for call in (lambda: number(0), lambda: text("abc")):
        with pytest.raises(Fault):
            call()


def test_what_is_no_constraint_is_passed_over() -> None:
    assert checks_of(Annotated[int, "text", None, {}, msgspec.Meta(title="A number"), at.doc("A number")]) == [None]
    assert checks_of(int) == [None]


def test_an_error_in_a_predicate_is_not_hidden() -> None:
    def broken(value: object) -> bool:
        raise LookupError

    with pytest.raises(LookupError):
        check(Annotated[int, at.Predicate(broken)], 1)


NUMBERS = (
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
)


@bounded(40)
@given(value=NUMBERS, bound=NUMBERS, step=NUMBERS.filter(lambda step: step > 0))
def test_any_number_can_be_checked(value: Any, bound: Any, step: Any) -> None:
    kind = Annotated[type(value), at.Interval(gt=bound, le=bound), at.MultipleOf(step)]
    with pytest.raises(Fault, match=r"^expected (more than|at most) "):
        check(kind, value)
    with suppress(Fault):
        assert check(Annotated[type(value), at.MultipleOf(step)], value) is value
