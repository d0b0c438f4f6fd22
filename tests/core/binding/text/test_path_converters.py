"""Path converters by annotation: what matches, what the handler gets, and URLs made of values."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

import pytest
from hypothesis import given, strategies as st

from sketch.binding.converters import UUID_, Converter
from sketch.binding.text.path_converters import find_path_converter
from sketch.routing.template import Template
from tests.core.binding.support import bounded

at = pytest.importorskip("annotated_types")
pydantic = pytest.importorskip("pydantic")


class Color(StrEnum):
    RED = "red"
    DARK = "dark.red"


class Level(IntEnum):
    LOW = 1


class Day(Enum):
    FIRST = date(2024, 1, 1)


UserId = NewType("UserId", int)


def converter(kind: Any) -> Converter:
    found = find_path_converter(kind)
    assert found is not None
    return found


def match(kind: Any, segment: str) -> Any:
    (part,) = Template("/{value:typed}", {"typed": converter(kind)}).segments
    found = part.read(segment)
    return "no match" if found is None else found[0]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (int, "5", 5),
        (int, "-5", -5),
        (int, "+5", 5),
        (UserId, "5", 5),
        (Annotated[int, at.Ge(10)], "5", 5),
        (int | None, "5", 5),
        (float, "-1.5e3", -1500.0),
        (bool, "Yes", True),
        (Color, "dark.red", Color.DARK),
        (Level, "01", Level.LOW),
        (Day, "2024-01-01", Day.FIRST),
        (Literal["a", 1], "1", 1),
        (date, "2024-05-31", date(2024, 5, 31)),
        (datetime, "2024-05-31T12:30:00Z", datetime(2024, 5, 31, 12, 30, tzinfo=UTC)),
        (Decimal, "1.50", Decimal("1.50")),
        (UUID, str(UUID(int=1)), UUID(int=1)),
        (int | Literal["all"], "all", "all"),
        (int | str, "x", "x"),
        (Annotated[int, pydantic.AfterValidator(abs)], "-5", -5),
    ],
)
def test_text_that_matches(kind: Any, text: str, value: Any) -> None:
    found = match(kind, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (int, "x"),
        (int, "\N{ARABIC-INDIC DIGIT FIVE}"),
        (int, "1_0"),
        (int, "9" * 10_000),
        (float, "nan"),
        (float, "1e999"),
        (bool, "t"),
        (bool, "ye\N{LATIN SMALL LETTER LONG S}"),
        (Color, "RED"),
        (Color, "darkxred"),
        (Level, "2"),
        (Literal["a"], "b"),
        (date, "2024-02-30"),
        (datetime, "0000-01-01T00:00:00Z"),
        (Decimal, "1e99999"),
        (UUID, UUID(int=1).hex),
        (int | date, "x"),
    ],
)
def test_text_of_the_wrong_form_does_not_match(kind: Any, text: str) -> None:
    assert match(kind, text) == "no match"


@pytest.mark.parametrize(
    "kind",
    [
        str,
        Any,
        Annotated[str, at.MinLen(2)],
        str | None,
        pydantic.AnyHttpUrl,
        Annotated[int, pydantic.BeforeValidator(len)],
    ],
)
def test_types_without_a_converter(kind: Any) -> None:
    assert find_path_converter(kind) is None


def test_one_converter_for_a_type() -> None:
    """So that routes with it share a place in the tree, and one path that both take is no conflict."""
    assert converter(int) is converter(UserId) is converter(Annotated[int, at.Ge(1)])
    assert converter(Literal["a", 1]) is converter(Literal["a", 1])
    assert converter(Literal[1]) is not converter(Literal[True])
    assert converter(UUID) is UUID_


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (int, -5, "-5"),
        (float, 1e300, "1e+300"),
        (bool, True, "true"),
        (Color, Color.DARK, "dark.red"),
        (Color, "red", "red"),
        (Level, Level.LOW, "1"),
        (Day, Day.FIRST, "2024-01-01"),
        (date, date(2024, 5, 31), "2024-05-31"),
        (datetime, datetime(2024, 5, 31, tzinfo=UTC), "2024-05-31T00:00:00Z"),
        (timedelta, timedelta(1), "P1D"),
        (Decimal, Decimal("1.50"), "1.50"),
        (int | Literal["all"], "all", "all"),
    ],
)
def test_urls_of_values(kind: Any, value: Any, text: str) -> None:
    assert converter(kind).text(value) == text


@pytest.mark.parametrize(("kind", "value"), [(int, 1.5), (int, True), (int, "x"), (date, "today"), (Level, 2.5)])
def test_a_value_of_another_type_has_no_url(kind: Any, value: Any) -> None:
    with pytest.raises(ValueError, match=r"^expected text that matches "):
        converter(kind).text(value)


VALUES: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    date: st.dates(),
    datetime: st.datetimes(timezones=st.none() | st.just(UTC)),
    time: st.times(),
    timedelta: st.timedeltas(),
    UUID: st.uuids(),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False, places=3),
    Color: st.sampled_from(Color),
}


@pytest.mark.parametrize("kind", VALUES)
@bounded(20)
@given(data=st.data())
def test_a_url_leads_back_to_its_value(kind: Any, data: st.DataObject) -> None:
    value = data.draw(VALUES[kind])
    assert match(kind, converter(kind).text(value)) == value


def test_a_parameter_beside_other_text() -> None:
    (part,) = Template("/{day:date}_{color:color}.html", {"date": converter(date), "color": converter(Color)}).segments
    assert part.read("2024-05-31_dark.red.html") == (date(2024, 5, 31), Color.DARK)
    assert part.read("2024-02-30_red.html") is None
