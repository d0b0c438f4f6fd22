"""Text of clients in the log: one line, whatever it is."""

from __future__ import annotations

import json

import pytest

from sketch.observability.escaping import escape, escape_lines, is_safe

TEXTS = [
    ("/a\r\nb", "/a\\r\\nb"),
    ("\x1b[2J", "\\x1b[2J"),
    ('"', '\\"'),
    ("\\n", "\\\\n"),
    ("\xe9\x7f\x00\x9b", "\\xe9\\x7f\\x00\\x9b"),
    ("\u2028\ud800\U0001f600", "\\u2028\\ud800\\U0001f600"),
]


@pytest.mark.parametrize(("text", "escaped"), TEXTS)
def test_what_is_escaped(text: str, escaped: str) -> None:
    assert not is_safe(text)
    assert escape(text, 100) == escaped


def test_harmless_text_stays_and_is_cut() -> None:
    every = "".join(map(chr, {*range(32, 127)} - {*b'"\\'}))
    assert escape(every, 100) == every
    assert escape("abc", 3) == "abc"
    assert escape("abcd", 3) == "abc..."


@pytest.mark.parametrize("text", ["\\", '"', "\n", "\xe9", "a\\"])
@pytest.mark.parametrize("count", [1, 49, 50, 51, 99, 100, 101, 1000])
def test_escaped_text_is_not_longer_than_harmless_text_in_json(text: str, count: int) -> None:
    """So the bounds of all fields are a bound of the line, in each form."""
    escaped = escape(text * count, 100)
    assert len(json.dumps(escaped)) <= 100 + len('"..."')
    assert escaped.endswith("...") or eval(f'"{escaped}"') == text * count


def test_lines_of_a_program() -> None:
    assert escape_lines("a\tb\n\xe9") == "a\tb\n\xe9"
    assert escape_lines("a\rb\x1b\ud800\x85") == "a\\rb\\x1b\\ud800\\x85"
