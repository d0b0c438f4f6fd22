"""The text of plain values: what each type takes, what it refuses, and that it reads what is written."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, strategies as st

from sketch.binding.faults import Fault
from sketch.binding.text.scalars import MOST_DIGITS, SCALARS, to_text
from tests.core.binding.support import bounded

PLUS_TWO = timezone(timedelta(hours=2))
NUMBER = UUID("12345678-1234-5678-1234-567812345678")

READ: dict[type, dict[str, Any]] = {
    str: {"": "", " a\0\n": " a\0\n", "é": "é"},
    int: {
        "0": 0,
        "-0": 0,
        "+5": 5,
        "-5": -5,
        "007": 7,
        "9" * 19: 10**19 - 1,
        "9" * 20: 10**20 - 1,
        "9" * MOST_DIGITS: 10**MOST_DIGITS - 1,
    },
    float: {"1": 1.0, "-1.5": -1.5, "+.5": 0.5, "5.": 5.0, "1e5": 1e5, "1.5E-3": 0.0015, "1e-400": 0.0, "1e308": 1e308},
    bool: {
        **dict.fromkeys(("true", "True", "TRUE", "1", "on", "yes", "YES"), True),
        **dict.fromkeys(("false", "False", "0", "off", "no", "nO"), False),
    },
    bytes: {"YQ==": b"a", "YQ": b"a", "YWI=": b"ab", "YWJj": b"abc", "-_-_": b"\xfb\xff\xbf", "+/+/": b"\xfb\xff\xbf"},
    date: {"2024-02-29": date(2024, 2, 29), "0001-01-01": date.min, "9999-12-31": date.max},
    datetime: {
        "2024-05-31T12:30:00Z": datetime(2024, 5, 31, 12, 30, tzinfo=UTC),
        "2024-05-31t12:30:00z": datetime(2024, 5, 31, 12, 30, tzinfo=UTC),
        "2024-05-31 12:30:00+02:00": datetime(2024, 5, 31, 12, 30, tzinfo=PLUS_TWO),
        "2024-05-31T12:30:00.5": datetime(2024, 5, 31, 12, 30, 0, 500_000),
        "2024-05-31T12:30:00.123456789": datetime(2024, 5, 31, 12, 30, 0, 123_456),
        "2024-05-31T12:30": datetime(2024, 5, 31, 12, 30),
        "0001-01-01T00:00:00+23:59": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=23, minutes=59))),
    },
    time: {"12:30": time(12, 30), "23:59:59.5": time(23, 59, 59, 500_000), "00:00:00Z": time(0, tzinfo=UTC)},
    timedelta: {
        "P0D": timedelta(),
        "P1DT2H30M": timedelta(days=1, hours=2, minutes=30),
        "P2W": timedelta(weeks=2),
        "PT0.5S": timedelta(seconds=0.5),
        "PT1.000000999S": timedelta(seconds=1),
        "-PT1M": timedelta(minutes=-1),
        "+P1D": timedelta(days=1),
        "PT86400S": timedelta(days=1),
        "P999999999DT86399.999999S": timedelta.max,
        "-P999999999D": timedelta.min,
    },
    UUID: {str(NUMBER): NUMBER, str(NUMBER).upper(): NUMBER, NUMBER.hex: NUMBER},
    Decimal: {"1.50": Decimal("1.50"), "-.5": Decimal("-0.5"), "1e999": Decimal("1e999"), "1E-999": Decimal("1E-999")},
}

REFUSED: dict[type, list[str]] = {
    int: ["", "-", "5.0", "0x1", "1e3", "--5", "9" * (MOST_DIGITS + 1), "true"],
    float: ["", ".", "1e", "1e1000", "1e309", "1e400", "-1e400", "9" * 400, "nan", "inf", "-Infinity", "0x1p3", "1,5"],
    bool: ["", "t", "y", "2", "truth", "ye\N{LATIN SMALL LETTER LONG S}"],
    bytes: ["", "Y", "YQ===", "Y Q=", "YQ==YQ==", "é", "YQ=a"],
    date: ["", "2024-02-30", "2023-02-29", "0000-01-01", "20240531", "2024-W22-5", "2024-5-31", "2024-05-31T00:00:00"],
    datetime: [
        "",
        "2024-05-31",
        "1717158600",
        "2024-02-30T00:00:00",
        "0000-01-01T00:00:00",
        "2024-05-31T24:00:00",
        "2024-05-31T12:60:00",
        "2024-05-31T12:30:60Z",
        "2024-05-31T12:30:00+24:00",
        "2024-05-31T12:30:00 02:00",
        "2024-05-31T12:30:00+0200",
        "2024-05-31T12:30:00.Z",
        "2024-05-31T12:30:00,5Z",
        "20240531T123000",
    ],
    time: ["", "12", "1:30", "24:00", "12:30:60", "12:30+02", "T12:30"],
    timedelta: [
        "",
        "P",
        "PT",
        "P1",
        "P1DT",
        "P1Y",
        "P1M",
        "1D",
        "p1d",
        "PT1.S",
        "PT1.5M",
        "PT1M1H",
        "P1000000000D",
        "P999999999DT86400S",
        "-P999999999DT1S",
        "PT999999999999999H",
        "P-1D",
        "30",
    ],
    UUID: ["", str(NUMBER)[:-1], f"{{{NUMBER}}}", f"urn:uuid:{NUMBER}", NUMBER.hex[:-1] + "g", "1234-" + NUMBER.hex],
    Decimal: ["", ".", "NaN", "sNaN", "Infinity", "1e1000", "1e99999999999", "9" * (MOST_DIGITS + 1)],
}

EVERYWHERE_REFUSED = [
    "\N{ARABIC-INDIC DIGIT FIVE}",
    "\N{FULLWIDTH DIGIT ONE}",
    "1_0",
    " 1",
    "1 ",
    "1\n",
    "\t1",
    "1\0",
    "\ud800",
]
"""What `int()`, `float()` and `Decimal()` take, or stumble over."""


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in READ.items() for text in texts])
def test_text_that_is_read(kind: type, text: str) -> None:
    value = SCALARS[kind].read(text)
    assert value == READ[kind][text]
    assert type(value) is kind
    assert str(value) == str(READ[kind][text])  # also offsets, and the digits of a Decimal
    assert re.fullmatch(SCALARS[kind].pattern, text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (kind, text)
        for kind, texts in REFUSED.items()
        for text in [*texts, *EVERYWHERE_REFUSED]
        if (kind, text) != (bytes, "1_0")  # which is base64
    ],
)
def test_text_that_is_refused(kind: type, text: str) -> None:
    with pytest.raises(Fault, match=r"^expected ") as caught:
        SCALARS[kind].read(text)
    assert str(caught.value) == f"expected {SCALARS[kind].name}"
    assert caught.value.pointer == ""


VALUES = {
    str: st.text(),
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    bytes: st.binary(min_size=1),
    date: st.dates(),
    datetime: st.datetimes(timezones=st.none() | st.just(UTC) | st.just(PLUS_TWO)),
    time: st.times(timezones=st.none() | st.just(UTC) | st.just(PLUS_TWO)),
    timedelta: st.timedeltas(),
    UUID: st.uuids(),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**100), max_value=10**100, places=20),
}


def test_every_type_is_tested() -> None:
    assert SCALARS.keys() == READ.keys() == VALUES.keys() == REFUSED.keys() | {str}


@pytest.mark.parametrize("kind", SCALARS)
@bounded(20)
@given(data=st.data())
def test_what_is_written_is_read(kind: type, data: st.DataObject) -> None:
    value = data.draw(VALUES[kind])
    assert SCALARS[kind].read(to_text(value)) == value


@bounded(50)
@given(text=st.text() | st.text("0123456789+-.:eEPTDHMSWZ /_="))
def test_any_text_is_a_value_or_a_fault(text: str) -> None:
    for kind, scalar in SCALARS.items():
        with suppress(Fault):
            assert type(scalar.read(text)) is kind


@pytest.mark.parametrize("kind", SCALARS)
def test_a_pattern_can_stand_beside_others(kind: type) -> None:
    assert re.compile(SCALARS[kind].pattern).groups == 0
