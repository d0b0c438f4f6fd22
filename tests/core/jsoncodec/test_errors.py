"""The error for JSON that is not of a type."""

from __future__ import annotations

from sketch.jsoncodec.errors import ValidationError


def test_it_is_a_value_error() -> None:
    assert issubclass(ValidationError, ValueError)
