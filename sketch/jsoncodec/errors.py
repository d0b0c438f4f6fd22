"""The error for JSON that is not of a type, and what its readers share."""

from __future__ import annotations

from collections.abc import Iterable

Steps = tuple[str | int, ...]
"""Where a value stands: the names and indexes that lead to it."""

BOM = b"\xef\xbb\xbf"
"""A byte order mark, which may be ignored (RFC 8259 section 8.1)."""

_NAMED = 10

REQUIRED, UNKNOWN, INVALID = "is required", "expected no such field", "expected a valid value"
"""The messages of what is missing, of a name that the type does not have, and of what only code of users refuses."""


class ValidationError(ValueError):
    """Raised for well-formed JSON that does not fit the requested type. The message says where: `$.items[0].price`.

    It never holds a value of the input.

    Args:
        faults: what was expected, and where.
        more: how many further faults there are.
    """

    def __init__(self, faults: Iterable[tuple[str, Steps]], more: int = 0) -> None:
        self.faults = tuple(faults)
        self.more = more
        super().__init__(self.faults, more)

    def __str__(self) -> str:
        named = [_described(message, steps) for message, steps in self.faults[:_NAMED]]
        more = len(self.faults) - len(named) + self.more
        if not named:
            return f"{more} faults"
        return "; ".join([*named, f"and {more} more faults"] if more else named)


def _described(message: str, steps: Steps) -> str:
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step:.50}" for step in steps)
    return f"{message} - at `${place:.200}`" if place else message


def either(messages: Iterable[str]) -> str:
    """Return one message of several that begin with `expected`: of the members of a union."""
    first, *others = dict.fromkeys(messages)
    return " or ".join([first, *[message.removeprefix("expected ") for message in others]])
