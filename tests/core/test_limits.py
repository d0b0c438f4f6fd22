"""Limits, and merging of two sets."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from sketch.limits import DEFAULT_LIMITS, MIB, Limits


def test_defaults() -> None:
    assert DEFAULT_LIMITS.body == 16 * MIB
    open_ones = {field.name for field in fields(Limits) if getattr(DEFAULT_LIMITS, field.name) is None}
    assert open_ones == {"handler_timeout", "form_file_size"}, "everything else has a bound"


def test_unset_limits_are_inherited() -> None:
    merged = Limits(body=1).over(Limits(body=2, query_fields=3)).over(DEFAULT_LIMITS)
    assert (merged.body, merged.query_fields, merged.body_timeout) == (1, 3, 30.0)


def test_zero_is_a_limit() -> None:
    assert Limits(body=0).over(DEFAULT_LIMITS).body == 0


def test_limits_cannot_be_changed_in_place() -> None:
    with pytest.raises(AttributeError):
        DEFAULT_LIMITS.body = 1  # type: ignore[misc]


@pytest.mark.parametrize("value", [-1, "5", True, float("nan")])
def test_invalid_bounds_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=f"expected body_timeout as a number from 0 on, or None, got {value!r}"):
        Limits(body_timeout=value)
