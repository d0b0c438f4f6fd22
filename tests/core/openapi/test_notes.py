"""What annotations and docstrings say beside types."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pydantic
import pytest
from typing_extensions import Doc

from sketch.binding.defaults import MISSING
from sketch.openapi.notes import default_of, notes_of, plain, split_docstring


def test_the_notes_of_both_libraries() -> None:
    meta = msgspec.Meta(title="T", description="D", examples=[date(2026, 1, 2)], extra_json_schema={"x-a": 1})
    assert notes_of([meta]) == {"title": "T", "description": "D", "examples": ["2026-01-02"], "x-a": 1}
    field = pydantic.Field(title="T", description="D", examples=[1], deprecated=True, json_schema_extra={"x-a": 1})
    assert notes_of([field]) == {"title": "T", "description": "D", "examples": [1], "deprecated": True, "x-a": 1}
    assert notes_of([meta, Doc("later"), "other"])["description"] == "later"
    assert notes_of([pydantic.Field(deprecated=False)]) == {}


@pytest.mark.parametrize(
    ("default", "found"),
    [
        (3, {"default": 3}),
        (date(2026, 1, 2), {"default": "2026-01-02"}),
        ([], {"default": []}),
        (None, {}),
        (MISSING, {}),
        (object(), {}),
        (float("nan"), {}),
    ],
)
def test_a_default(default: Any, found: dict[str, Any]) -> None:
    assert default_of(default) == found


def test_plain_refuses_what_json_cannot_hold() -> None:
    with pytest.raises(TypeError):
        plain(object())


def test_a_docstring() -> None:
    def function() -> None:
        """Lists
        the teas.

        All of them.

            code
        \f
        Not for clients.
        """

    assert split_docstring(function) == ("Lists the teas.", "All of them.\n\n    code")
    assert split_docstring(lambda: None) == (None, None)
