"""An option, described once: for its flag, its environment variable, its key in a file and its row in the docs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import Field, field, fields
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
MASKED = "****"
_KEY = "option"
LARGEST = 2**31 - 1
"""The largest count or size: what the system's calls take."""
LONGEST = 365 * 24 * 3600
"""The longest time, in seconds: every wait has an end, and timers take no more than some centuries."""
_WORDS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


class About(NamedTuple):
    """What a field of a dataclass does not say by its name, type and default."""

    text: str
    """What the option is: in the help of the command line, and in the docs."""
    more: str
    """What only the docs say."""
    group: str
    """The heading under which its flag stands."""
    metavar: str | None
    """What stands for the value in the help."""
    choices: tuple[str, ...] | None
    octal: bool
    """Whether text is a number in octal digits."""
    secret: bool
    """Whether the value is shown nowhere, and has no flag: other users of a machine see arguments."""
    least: float = 0
    """The smallest value of a number."""
    most: float | None = None
    """The largest value of a number; None is `LARGEST` for a whole number, `LONGEST` for a time."""


def option(
    default: T,
    text: str,
    *,
    more: str = "",
    group: str = "",
    metavar: str | None = None,
    choices: tuple[str, ...] | None = None,
    octal: bool = False,
    secret: bool = False,
    least: float = 0,
    most: float | None = None,
) -> T:
    """Make a field of a dataclass with its default and what `About` says. For type checkers it is the default."""
    about = About(text, more, group, metavar, choices, octal, secret, least, most)
    made: Any = field(default=default, repr=not secret, metadata={_KEY: about})
    found: T = made
    return found


class Option(NamedTuple):
    """A field of `ServeOptions` or `ServerLimits` that can be given as text.

    Its declared type says how it is read: `str`, `int`, `float`, `bool`, each also `| None`, and `tuple[str, ...]`.
    """

    name: str
    """The one name, `limit_header_timeout`, from which flag and variable are made."""
    key: str
    """The name of the field."""
    kind: str
    """The declared type."""
    default: Any
    about: About

    @property
    def flag(self) -> str:
        """The name on the command line."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """The name in the environment."""
        return f"SKETCH_{self.name.upper()}"

    @property
    def is_switch(self) -> bool:
        """Whether it is on or off."""
        return self.kind.startswith("bool")

    @property
    def is_list(self) -> bool:
        """Whether it has several values."""
        return self.kind.startswith("tuple")

    def read(self, text: str) -> Any:
        """Return the value that a text means; a list is split at its commas.

        Raises:
            ValueError: for a text that means none; the message says what is expected.
        """
        try:
            return self._read(text)
        except (ValueError, KeyError):
            raise ValueError(f"expected {self._expected()}, got {self._shown(text)}") from None

    def _read(self, text: str) -> Any:
        if self.is_list:
            return tuple(part.strip() for part in text.split(",") if part.strip())
        if self.is_switch:
            return _WORDS[text.lower()]
        if self.kind == "int | None" and text.lower() == "none":
            return None
        if self.kind.startswith("int"):
            return int(text, 8 if self.about.octal else 10)
        return float(text) if self.kind.startswith("float") else text

    def read_toml(self, value: object) -> Any:
        """Return the value that a value of a TOML file means. Numbers, switches and lists are left to the dataclass.

        Raises:
            ValueError: as `read` does.
        """
        if not isinstance(value, str) and (self.about.octal or self.kind.startswith("str")):
            # The octal number is no exception: 400 could have been meant as 0o400.
            raise ValueError(f"expected {self._expected()}, in quotes, got {self._shown(value)}")
        none = self.kind == "int | None" and value == "none"
        return self.read(value) if isinstance(value, str) and (none or self.about.octal) else value

    def show(self, value: Any) -> str | None:
        """Return a value as TOML has it; None if it is not set, which TOML cannot say."""
        if self.about.secret and value is not None:
            return f'"{MASKED}"'
        if self.about.octal:
            return f'"{value:o}"'
        if value is None:
            return '"none"' if self.kind == "int | None" else None
        return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)

    def _expected(self) -> str:
        if self.is_switch:
            return f"{self.name} as true or false"
        if self.about.octal:
            return f"{self.name} in octal digits, like '660'"
        if self.kind.startswith("str"):
            return f"{self.name} as text"
        return f"{self.name} as {_number(self.kind, self.about)}{', or none' if self.kind == 'int | None' else ''}"

    def _shown(self, value: object) -> str:
        return MASKED if self.about.secret else f"{value!r:.200}"


READABLE = ("str", "int", "float", "bool", "tuple[str, ...]")
"""Declared types whose values can be given as text."""


def options_of(kind: type, *, prefix: str = "", group: str = "") -> Iterator[Option]:
    """Yield the options that a dataclass declares by `option()`, except those that only Python code can give.

    Args:
        kind: the dataclass.
        prefix: is put before the names of the fields.
        group: of the options that declare none.
    """
    for each in fields(kind):
        declared = "str" if str(each.type).startswith("Literal[") else str(each.type)
        if declared.removesuffix(" | None") in READABLE:
            said = about(each)
            said = said._replace(group=said.group or group)
            yield Option(prefix + each.name, each.name, declared, each.default, said)


def about(each: Field[Any]) -> About:
    """Return what `option()` has said about a field."""
    found: About = each.metadata[_KEY]
    return found


# -- numbers ----------------------------------------------------------------------------------------------------------


def wrong_numbers(given: Any) -> Iterator[tuple[str, TypeError | ValueError]]:
    """Yield the name of each number of a dataclass of options that is not within its bounds, and the error.

    It is a TypeError for what is no number. NaN is within no bounds.
    """
    for each in fields(given):
        kind, value = str(each.type), getattr(given, each.name)
        if kind.startswith(("int", "float")) and not (value is None and kind.endswith("None")):
            error = _wrong(each.name, kind, about(each), value)
            if error is not None:
                yield each.name, error


def _wrong(name: str, kind: str, said: About, value: object) -> TypeError | ValueError | None:
    least, most = _bounds(kind, said)
    none = ", or None" if kind.endswith("None") else ""
    message = f"expected {name} as {_number(kind, said)}{none}, got {value!r:.200}"
    if isinstance(value, bool) or not isinstance(value, int if kind.startswith("int") else (int, float)):
        return TypeError(message)
    return None if least <= value <= most else ValueError(message)


def _bounds(kind: str, said: About) -> tuple[float, float]:
    longest = LARGEST if kind.startswith("int") else LONGEST
    return said.least, longest if said.most is None else said.most


def _number(kind: str, said: About) -> str:
    """Describe the numbers that an option takes."""
    least, most = (f"0o{bound:o}" if said.octal and bound else f"{bound}" for bound in _bounds(kind, said))
    return f"a {'whole number' if kind.startswith('int') else 'number of seconds'} from {least} to {most}"
