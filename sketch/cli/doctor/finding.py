"""What the doctor finds: faults, with a name and a severity by the check that has found them."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Severity(IntEnum):
    """How bad a finding is. The values are exit codes, except that of an advice."""

    ADVICE = 0
    """It works, and could be better."""
    WARNING = 1
    """It works, until something happens: an attack, a load, a restart."""
    ERROR = 2
    """It does not start, or it is unsafe as it is."""

    @property
    def word(self) -> str:
        """The name in output: `error`."""
        return self.name.lower()


class Fault(NamedTuple):
    """What a check has found."""

    text: str
    """What is the case, and what comes of it."""
    advice: str
    """What to do."""
    options: tuple[str, ...] = ()
    """The names of the options that it is about."""


class Finding(NamedTuple):
    """A fault, by the check that has found it."""

    name: str
    severity: Severity
    text: str
    advice: str
    options: tuple[str, ...] = ()
