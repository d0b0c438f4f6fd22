"""What is wrong with a value that a client sent."""

from __future__ import annotations

from collections.abc import Iterable


class Fault(ValueError):
    """Raised for a value that does not fit its declared type. `str(fault)` is the message, for the client to read.

    Args:
        message: what was expected, made of the type and the place. It never holds the input's value.
        pointer: where in the value, as a JSON pointer (RFC 6901): `/items/0/price`; "" is the whole value.
    """

    def __init__(self, message: str, pointer: str = "") -> None:
        super().__init__(message, pointer)
        self.message = message
        self.pointer = pointer

    def __str__(self) -> str:
        return self.message

    def within(self, *steps: str | int) -> Fault:
        """Return the same fault as one of a larger value, of which the steps lead to this one."""
        return Fault(self.message, to_pointer(steps) + self.pointer)


class Faults(ValueError):
    """Raised for a value with several faults, or a model of fields with at least one.

    Args:
        faults: at least one.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        return "; ".join(f"{fault.pointer}: {fault}" if fault.pointer else str(fault) for fault in self.faults)


def to_pointer(steps: Iterable[str | int]) -> str:
    """Return the JSON pointer that follows names and indexes (RFC 6901 section 3)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)
