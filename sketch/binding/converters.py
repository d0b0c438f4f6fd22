"""Converters: which text a path parameter takes, and what Python object it becomes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import index
from typing import Any


@dataclass(frozen=True)
class Converter:
    """Defines the text that `{name:converter}` accepts in a path and the object that the handler gets for it.

    Args:
        pattern: a regular expression for the whole decoded text. It runs on input from clients: what that may cost is
            the author's responsibility.
        convert: makes the object out of the text. A ValueError means that the path does not match (404).
        format: makes the text out of an object, for reverse URLs.

    Raises:
        ValueError: for a malformed pattern.
    """

    pattern: str
    convert: Callable[[str], Any] = str
    format: Callable[[Any], str] = str
    regex: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "regex", re.compile(self.pattern))
        except re.error as exc:
            raise ValueError(f"expected a regular expression, got {self.pattern!r:.200}: {exc}") from None

    def text(self, value: Any) -> str:
        """Return the text of a value, not yet percent-encoded. A `str` is its own text.

        Raises:
            ValueError: for text that holds NUL or does not match the pattern.
        """
        text = value if isinstance(value, str) else self.format(value)
        if "\0" in text or self.regex.fullmatch(text) is None:
            raise ValueError(f"expected text that matches {self.pattern}, got {value!r:.200}")
        return text


def _format_float(value: float) -> str:
    from decimal import Decimal  # slow to import, and seldom needed

    # repr() may use scientific notation, and a fixed number of digits would lose some.
    return format(Decimal(repr(value)), "f")


def _uuid(text: str) -> Any:
    from uuid import UUID  # slow to import, and seldom needed

    return UUID(text)


# Bounded and ASCII only: int() takes time quadratic in the digits, and takes digits of every script.
INT = Converter("[0-9]{1,19}", int, lambda value: str(index(value)))
FLOAT = Converter(r"[0-9]{1,19}(?:\.[0-9]{1,30})?", float, _format_float)
UUID_ = Converter("[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", _uuid)
STR = Converter("(?s:.+)")
PATH = Converter("(?s:.*)")

CONVERTERS: Mapping[str, Converter] = {"int": INT, "float": FLOAT, "uuid": UUID_, "str": STR, "path": PATH}
"""The default converters of every router: `int` 1 to 19 digits, `float` digits with an optional fraction, `uuid` the
canonical form in either case, `str` (the default) one non-empty segment, `path` the rest of the path, `/` and all."""
