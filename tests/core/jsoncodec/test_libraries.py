"""The libraries that know types."""

from __future__ import annotations

import json
import sys

import pytest

from sketch.jsoncodec.libraries import installed, library, unsupported


def test_a_library() -> None:
    assert library("json") is json
    assert installed("json")
    assert not installed("no_such")


def test_a_missing_library_is_named() -> None:
    with pytest.raises(
        RuntimeError, match=r"needs the package no_such\.thing, which is not installed: pip install no_such"
    ):
        library("no_such.thing")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    with pytest.raises(RuntimeError, match=r"pip install 'sketch-web\[msgspec\]'"):
        library("msgspec")


def test_an_unsupported_type() -> None:
    error = unsupported(5, "first line\nsecond line")
    assert isinstance(error, TypeError)
    assert str(error).startswith("expected a type to read JSON as, got 5: first line. msgspec reads ")
