"""Checks of the arguments that users pass."""

from __future__ import annotations


def check_flags(**given: object) -> None:
    """Check arguments that switch something on or off: `check_flags(debug=debug)`.

    Text from an environment variable would count as true, `"0"` and `"no"` included.

    Raises:
        TypeError: for a value that is not a bool; the message has the argument's name.
    """
    for name, value in given.items():
        if not isinstance(value, bool):
            raise TypeError(f"expected {name} to be True or False, got {value!r:.200}")
