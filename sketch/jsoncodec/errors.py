"""The error for JSON that is not of a type."""

from __future__ import annotations


class ValidationError(ValueError):
    """Raised for well-formed JSON that does not fit the requested type. The message says where: `$.items[0].price`.

    It never holds a value of the input.
    """
