"""The text of plain values: numbers, truth, dates and times, identifiers. Each type has one grammar, of ASCII alone.

Every reader is bounded, as `int()` takes time quadratic in the digits, and takes nothing else that Python would: no
underscores, no blanks, no digits of other scripts, no NaN, no infinity. What `sketch.jsoncodec` writes, it reads.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from sketch.binding.faults import Fault
from sketch.jsoncodec.values import to_plain

Read = Callable[[str], Any]
"""Makes a value out of text. Raises Fault."""


class Scalar(NamedTuple):
    """How the values of a type are written.

    Args:
        name: of a value, for messages: `an integer`.
        pattern: a regular expression for the whole text, without capturing groups.
        read: makes the value out of text.
    """

    name: str
    pattern: str
    read: Read


def _scalar(name: str, pattern: str, make: Callable[[str], Any]) -> Scalar:
    """Make a scalar whose text the pattern describes but for what `make` refuses by an error, as February 30."""
    fullmatch, message = re.compile(pattern).fullmatch, f"expected {name}"

    def read(text: str) -> Any:
        if fullmatch(text) is not None:
            try:
                return make(text)
            except (ValueError, OverflowError):
                pass
        raise Fault(message)

    return Scalar(name, pattern, read)


def to_text(value: Any) -> str:
    """Write a value as its type's scalar reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(to_plain(value))


# -- numbers and truth -------------------------------------------------------------------------------------------------

MOST_DIGITS = 4300
"""The most digits of a number: what Python itself reads by default."""

_DIGITS = f"[0-9]{{1,{MOST_DIGITS}}}"
_INTEGER = f"[+-]?{_DIGITS}"
_NUMBER = rf"[+-]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?[0-9]{{1,3}})?"

_read_integer = _scalar("an integer", _INTEGER, int).read


def _int(text: str) -> int:
    # The same result as its pattern, in half the time.
    return int(text) if text.isdigit() and len(text) < 20 and text.isascii() else _read_integer(text)


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError("expected a number that a float can hold")
    return number


_TRUTH = {
    text: value
    for value, words in ((True, ("true", "1", "on", "yes")), (False, ("false", "0", "off", "no")))
    for text in words
}


def _bool(text: str) -> bool:
    value = _TRUTH.get(text)
    if value is None and (value := _TRUTH.get(text.lower())) is None:
        raise Fault("expected true or false")
    return value


def _bytes(text: str) -> bytes:
    return b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)


# -- dates and times (RFC 3339) ----------------------------------------------------------------------------------------

_DATE = "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
# A browser's form sends no seconds if there are none (https://html.spec.whatwg.org, valid time string).
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?"


def _datetime(text: str) -> datetime:
    return datetime.fromisoformat(text.upper())


def _time(text: str) -> time:
    return time.fromisoformat(text.upper())


# -- durations (ISO 8601) ----------------------------------------------------------------------------------------------

# Years and months have no fixed length.
_DURATION = (
    r"[+-]?P(?=[0-9T])(?:[0-9]{1,9}W)?(?:[0-9]{1,9}D)?"
    r"(?:T(?=[0-9])(?:[0-9]{1,15}H)?(?:[0-9]{1,15}M)?(?:[0-9]{1,15}(?:\.[0-9]{1,9})?S)?)?"
)
_QUANTITY = re.compile(r"([0-9]+)(?:\.([0-9]+))?([WDHMS])")
_UNITS = {"W": "weeks", "D": "days", "H": "hours", "M": "minutes", "S": "seconds"}


def _timedelta(text: str) -> timedelta:
    sizes = {_UNITS[unit]: int(count) for count, _, unit in _QUANTITY.findall(text)}
    fraction = next((digits for _, digits, _ in _QUANTITY.findall(text) if digits), "")
    size = timedelta(**sizes, microseconds=int(fraction.ljust(6, "0")[:6]))
    return -size if text[0] == "-" else size


# -- the table ---------------------------------------------------------------------------------------------------------

_CANONICAL_UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

SCALARS = MappingProxyType(
    {
        str: Scalar("text", "(?s:.*)", str),
        int: Scalar("an integer", _INTEGER, _int),
        float: _scalar("a number", _NUMBER, _finite),
        bool: Scalar("true or false", "(?i:true|false|1|0|on|off|yes|no)", _bool),
        bytes: _scalar("text in base64", "(?=.)(?:[0-9A-Za-z+/_-]{4})*(?:[0-9A-Za-z+/_-]{2,3}={0,2})?", _bytes),
        date: _scalar("a date as 2024-05-31", _DATE, date.fromisoformat),
        datetime: _scalar("a date and time as 2024-05-31T12:30:00Z", f"{_DATE}[Tt ]{_TIME}", _datetime),
        time: _scalar("a time as 12:30:00", _TIME, _time),
        timedelta: _scalar("a duration as P1DT2H30M", _DURATION, _timedelta),
        UUID: _scalar("a UUID", f"(?:{_CANONICAL_UUID}|[0-9a-fA-F]{{32}})", UUID),
        Decimal: _scalar("a decimal number", _NUMBER, Decimal),
    }
)
"""How the values of each type are written. `bool` ignores case."""
