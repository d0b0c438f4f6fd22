"""Passwords in URLs."""

from __future__ import annotations

import pytest

from sketch.cli.doctor.secrets import has_password, masked


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("redis://:word@host/0", "redis://:****@host/0"),
        ("postgres://ada:wo:rd@host", "postgres://ada:****@host"),
        ("postgres://ada@host", "postgres://ada@host"),
        ("https://host:8080/a@b", "https://host:8080/a@b"),
        ("shop:app", "shop:app"),
    ],
)
def test_passwords_are_found_and_masked(text: str, without: str) -> None:
    assert masked(text) == without
    assert has_password(text) is has_password(["a", text]) is (text != without)


def test_what_is_no_text_has_none() -> None:
    assert not has_password(5)
    assert not has_password(None)
