"""Members of an Enum and of a Literal, by the text of their values."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum
from typing import Any, Literal

import pytest

from sketch.binding.faults import Fault
from sketch.binding.text.choices import find_choices


class Color(StrEnum):
    RED = "red"
    DARK = "dark/é"


class Level(IntEnum):
    LOW = 1
    HIGH = -2


class Mixed(Enum):
    WORD = "2"
    NUMBER = 2
    TRUTH = False
    DAY = date(2024, 5, 31)
    ALIAS = "2"  # noqa: PIE796


class Lenient(Enum):
    A = "a"

    @classmethod
    def _missing_(cls, value: object) -> Any:
        return cls.A if value == "A" else None


class Wide(Enum):
    ONE = 1.5


class Right(IntFlag):
    READ = 1
    WRITE = 2


class Strict(Flag):
    READ = 1
    WRITE = 2


def read(kind: Any, text: str) -> Any:
    scalar = find_choices(kind)
    assert scalar is not None
    value = scalar.read(text)
    assert re.fullmatch(scalar.pattern, text)
    return value


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Color, "red", Color.RED),
        (Color, "dark/é", Color.DARK),
        (Level, "1", Level.LOW),
        (Level, "+01", Level.LOW),
        (Level, "-2", Level.HIGH),
        (Mixed, "2", Mixed.WORD),
        (Mixed, "02", Mixed.NUMBER),
        (Mixed, "false", Mixed.TRUTH),
        (Mixed, "off", Mixed.TRUTH),
        (Mixed, "2024-05-31", Mixed.DAY),
        (Lenient, "a", Lenient.A),
        (Lenient, "A", Lenient.A),
        (Wide, "1.50", Wide.ONE),
        (Right, "3", Right.READ | Right.WRITE),
        (Right, "0", Right(0)),
        (Strict, "3", Strict.READ | Strict.WRITE),
        (Literal["a", "b"], "b", "b"),
        (Literal[1, True], "1", 1),
        (Literal[1, True], "true", True),
        (Literal[1, True], "yes", True),
        (Literal[1, True], "01", 1),
        (Literal["1", 1], "1", "1"),
        (Literal["a", None], "", None),
        (Literal[Color.RED, Level.HIGH], "red", Color.RED),
        (Literal[Color.RED, Level.HIGH], "-2", Level.HIGH),
        (Literal[b"a"], "YQ==", b"a"),
        (Literal[b"a"], "YQ", b"a"),
    ],
)
def test_choices_by_their_text(kind: Any, text: str, value: Any) -> None:
    found = read(kind, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (Color, "RED", "expected one of 'red', 'dark/é'"),
        (Color, "", "expected one of 'red', 'dark/é'"),
        (Level, "3", "expected one of '1', '-2'"),
        (Level, "LOW", "expected one of '1', '-2'"),
        (Level, "9" * 10_000, "expected one of '1', '-2'"),
        (Mixed, "true", "expected one of '2', 'false', '2024-05-31'"),
        (Lenient, "b", "expected one of 'a'"),
        (Strict, "4", "expected one of '1', '2'"),
        (Literal["a", 1], "2", "expected one of 'a', '1'"),
        (Literal[Color.RED], "dark/é", "expected one of 'red'"),
    ],
)
def test_other_text_is_a_fault(kind: Any, text: str, message: str) -> None:
    scalar = find_choices(kind)
    assert scalar is not None
    with pytest.raises(Fault) as caught:
        scalar.read(text)
    assert str(caught.value) == message


def test_a_message_names_only_some_of_many_choices() -> None:
    scalar = find_choices(Literal[tuple(range(1000))])
    assert scalar is not None
    assert scalar.name.endswith("'18', '19', ...")
    assert scalar.read("999") == 999


def test_no_choices() -> None:
    assert find_choices(int) is None
    assert find_choices(list[int]) is None
    with pytest.raises(TypeError, match=r"^expected Empty to have members, got none$"):
        find_choices(Enum("Empty", {}))
    with pytest.raises(TypeError, match=r"^expected the values of Place to be text, numbers .* got \(1, 2\)$"):
        find_choices(Enum("Place", {"HERE": (1, 2)}))


def test_an_error_of_the_code_that_looks_for_a_member_is_not_hidden() -> None:
    class Broken(Enum):
        A = "a"

        @classmethod
        def _missing_(cls, value: object) -> Any:
            raise LookupError

    scalar: Any = find_choices(Broken)
    look: Callable[[str], Any] = scalar.read
    with pytest.raises(LookupError):
        look("b")
