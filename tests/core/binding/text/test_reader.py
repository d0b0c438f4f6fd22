"""Text as a value of a declared type: unions, empty text, constraints, and what only pydantic knows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NewType, Optional
from uuid import UUID

import pytest
from hypothesis import given, strategies as st
from typing_extensions import TypeAliasType

from sketch.binding.faults import Fault, Faults
from sketch.binding.kinds import unwrap
from sketch.binding.text.reader import find_check, find_form, find_text_reader, has_form
from tests.core.binding.support import bounded

at = pytest.importorskip("annotated_types")
msgspec = pytest.importorskip("msgspec")
pydantic = pytest.importorskip("pydantic")


class Color(Enum):
    RED = "red"
    NONE = ""


class Model(pydantic.BaseModel):
    a: int


UserId = NewType("UserId", Annotated[int, at.Ge(1)])
Age = TypeAliasType("Age", Annotated[int, at.Lt(200)])
Text = Annotated[str, pydantic.StringConstraints(strip_whitespace=True, min_length=2)]
Next = Annotated[int, pydantic.AfterValidator(lambda value: value + 1)]
Length = Annotated[int, pydantic.BeforeValidator(len)]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (str, "", ""),
        (Any, "a", "a"),
        (object, "a", "a"),
        (int, "5", 5),
        (UserId, "5", 5),
        (Annotated[UserId, at.Le(5)], "5", 5),
        (Age, "5", 5),
        (Annotated[int, "a note", None], "5", 5),
        (Optional[int], "", None),  # noqa: UP045
        (int | None, "5", 5),
        (str | None, "", None),
        (str | None, "a", "a"),
        (None | Age, "", None),
        (Annotated[int | None, at.Ge(1)], "", None),
        (Annotated[int | None, at.Ge(1)], "1", 1),
        (Color | None, "", None),
        (Color, "", Color.NONE),
        (int | msgspec.UnsetType, "5", 5),
        (int | str, "5", 5),
        (int | str, "x", "x"),
        (str | int, "5", "5"),
        (int | bool, "1", 1),
        (bool | int, "1", True),
        (date | UUID | Literal["today"], "today", "today"),
        (Annotated[int | str, at.Ge(1)], "0", "0"),
        (Annotated[int, pydantic.Field(gt=1, lt=3)], "2", 2),
        (Annotated[int, pydantic.Strict()], "2", 2),
        (Text, " ab ", "ab"),
        (Next, "1", 2),
        (Next | None, "", None),
        (Next | str, "1", 2),
        (Annotated[int, at.Ge(1), pydantic.AfterValidator(lambda value: -value), at.Lt(0)], "1", -1),
        (Length, " 1_0 ", 5),
        (Annotated[Decimal, pydantic.Field(max_digits=3)], "1.23", Decimal("1.23")),
        (Annotated[pydantic.AnyHttpUrl, pydantic.AfterValidator(str)], "http://a/", "http://a/"),
        (pydantic.AnyHttpUrl | None, "", None),
        (Annotated[pydantic.AnyHttpUrl | None, pydantic.AfterValidator(str)], "", "None"),
        (int | pydantic.AnyHttpUrl, "5", 5),
        (pydantic.SecretStr, "a", pydantic.SecretStr("a")),
        (pydantic.Json[list[int]], "[1]", [1]),
        (pydantic.Base64Bytes, "YQ==", b"a"),
        (pydantic.RootModel[int], "5", pydantic.RootModel[int](5)),
        (
            Annotated[pydantic.NaiveDatetime, at.Ge(datetime(2024, 1, 1))],
            "2024-05-31T12:30",
            datetime(2024, 5, 31, 12, 30),
        ),
    ],
)
def test_text_that_is_read(kind: Any, text: str, value: Any) -> None:
    found = find_text_reader(kind)(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (int, "", "expected an integer"),
        (bytes, "", "expected text in base64"),
        (UserId, "0", "expected at least 1"),
        (Annotated[UserId, at.Le(5)], "6", "expected at most 5"),
        (Annotated[str, at.MinLen(1)], "", "expected text of at least 1 character"),
        (int | None, "x", "expected an integer"),
        (Annotated[int | None, at.Ge(1)], "0", "expected at least 1"),
        (int | bool | date, "x", "expected an integer or true or false or a date as 2024-05-31"),
        (Annotated[int, at.Ge(1)] | Literal["all"], "0", "expected at least 1 or one of 'all'"),
        (Annotated[int, pydantic.Field(gt=1)], "1", "expected more than 1"),
        (Annotated[int, pydantic.Strict()], "1_0", "expected an integer"),
        (Annotated[float, pydantic.AfterValidator(abs)], "nan", "expected a number"),
        (Text, " a ", "expected text of at least 2 characters"),
        (Annotated[str, pydantic.AfterValidator(int)], "s3cret", "expected a valid value"),
        (
            Annotated[str, pydantic.AfterValidator(int)] | date,
            "s3cret",
            "expected a valid value or a date as 2024-05-31",
        ),
        (pydantic.AnyHttpUrl, "", "expected a URL"),
        (pydantic.RootModel[int], "x", "expected an integer"),
    ],
)
def test_text_that_is_refused(kind: Any, text: str, message: str) -> None:
    with pytest.raises(Fault) as caught:
        find_text_reader(kind)(text)
    assert (str(caught.value), caught.value.pointer) == (message, "")


def test_plain_text_is_not_even_called_for() -> None:
    assert find_text_reader(str) is str
    assert find_text_reader(Annotated[str, "a note"]) is str


NO_TEXT = "expected a type that text can become, got {}: write str, int, "


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (dict, "dict"),
        (dict[str, int], r"dict\[str, int\]"),
        (list[int], r"list\[int\]"),
        (int | list[int], r"list\[int\]"),
        (None, "only None"),
        (msgspec.UnsetType, "only None"),
        (Model, "Model"),
        ({}, "{}"),
        (complex, "complex"),
    ],
)
def test_types_that_text_cannot_become(kind: Any, shown: str) -> None:
    with pytest.raises(TypeError, match="^" + NO_TEXT.format(shown)):
        find_text_reader(kind)


def test_a_constraint_that_does_not_fit() -> None:
    with pytest.raises(TypeError, match=r"^expected constraints that fit int, got min_length=2$"):
        find_text_reader(Annotated[int, at.MinLen(2)])


# -- in two steps: the form, then the constraints ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        (int, True),
        (Annotated[int, at.Ge(1)] | None, True),
        (Next, True),
        (Text | int, True),
        (Length, False),
        (Length | int, False),
        (pydantic.AnyHttpUrl, False),
        (int | pydantic.AnyHttpUrl, False),
        (dict, False),
    ],
)
def test_whose_text_is_known(kind: Any, known: bool) -> None:
    assert has_form(unwrap(kind)) is known


def test_the_form_without_constraints() -> None:
    assert find_form(Annotated[int, at.Ge(1)])("0") == 0
    assert find_form(Next | None)("") is None
    assert find_form(Next)("1") == 1
    assert find_form(Length)("1") == "1"
    assert find_form(pydantic.AnyHttpUrl | None)("") is None
    assert find_form(pydantic.AnyHttpUrl | None)("x") == "x"


@pytest.mark.parametrize("kind", [int, str, str | None, Color, int | str, Annotated[int, "a note"]])
def test_no_check_without_constraints(kind: Any) -> None:
    assert find_check(kind) is None


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (UserId, 1, 0),
        (Annotated[int | None, at.Ge(1)], 1, 0),
        (Annotated[str, at.MinLen(2)], "ab", "a"),
        (Annotated[int | Literal["all", 0], at.Ge(1), at.Predicate(lambda value: value != "none")], 0, -1),
        (Annotated[int, pydantic.Field(multiple_of=5)], 10, 9),
        (Annotated[int | str, at.Ge(1)], "x", 0),
    ],
)
def test_a_check_of_a_value(kind: Any, good: Any, bad: Any) -> None:
    check: Any = find_check(kind)
    assert check(good) == good
    with pytest.raises(Fault):
        check(bad)


def test_a_check_by_pydantic() -> None:
    for kind in (Next, Next | str, Next | None):
        check: Any = find_check(kind)
        assert check(1) == 2
    check = find_check(Annotated[int | str, pydantic.AfterValidator(repr)])
    assert (check(1), check("1")) == ("1", "'1'")


def test_a_check_reads_text_whose_form_is_not_known() -> None:
    for kind, text, value in ((Length, "abc", 3), (pydantic.Json, "[1]", [1]), (int | pydantic.AnyHttpUrl, "5", 5)):
        check: Any = find_check(kind)
        assert check(text) == value


# -- any type, any text ------------------------------------------------------------------------------------------------

PLAIN = [str, int, float, bool, bytes, date, datetime, time, timedelta, UUID, Decimal, Color, Literal["a", 1, True]]
DECLARED = [
    *PLAIN,
    *[kind | None for kind in PLAIN],
    Annotated[int, at.Interval(gt=-5, le=5), at.MultipleOf(2)],
    Annotated[float, msgspec.Meta(ge=0.5, multiple_of=0.1)],
    Annotated[Decimal, at.Gt(Decimal("0.5")), at.MultipleOf(Decimal("0.01"))],
    Annotated[datetime, at.Gt(datetime(2024, 1, 1))],
    Annotated[datetime, msgspec.Meta(tz=True)],
    Annotated[timedelta, at.Le(timedelta(days=1))],
    Annotated[str, msgspec.Meta(pattern="^[a-c]*$", max_length=3)],
    Annotated[int | str, at.Ge(3), at.MaxLen(3)],
    Text,
    Next,
    pydantic.PastDatetime,
    pydantic.condecimal(max_digits=3, decimal_places=1),
    pydantic.IPvAnyAddress,
    pydantic.Base64UrlStr,
    pydantic.ByteSize,
    int | pydantic.UUID4 | date,
]
READERS: list[Callable[[str], Any]] = [find_text_reader(kind) for kind in DECLARED]
TEXTS = st.text() | st.text("0123456789+-.:eETZPDHMS /_=nai") | st.integers().map(str) | st.datetimes().map(str)


def message_of(read: Callable[[str], Any], text: str) -> str:
    try:
        read(text)
    except (Fault, Faults) as fault:
        return str(fault)
    return "is a value"


@bounded(50)
@given(text=TEXTS)
def test_any_text_is_a_value_or_a_fault(text: str) -> None:
    marked = f"{text}s3cret{text}"  # longer than anything that a message might hold by chance
    for read in READERS:
        for given_text in (text, marked):
            assert "s3cret" not in message_of(read, given_text)
