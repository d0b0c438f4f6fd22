"""Sets of origins."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sketch.http.origins import Origins


@pytest.mark.parametrize(
    ("given", "yes", "no"),
    [
        (["https://example.com"], "https://example.com", "https://example.com.evil.example"),
        (["http://localhost:8000"], "http://localhost:8000", "http://localhost"),
        (["http://[::1]:8000"], "http://[::1]:8000", "http://[::1]:80000"),
        (["https://*.example.com"], "https://a.b.example.com", "https://example.com"),
        (["https://*.example.com"], "https://a-1.example.com", "https://a.example.com.evil.example"),
        (["https://*.example.com"], "https://a.example.com", "https://evil.example/.example.com"),
        (["https://*.example.com"], "https://a.example.com", "http://a.example.com"),
        (["https://*.example.com:8443"], "https://a.example.com:8443", "https://a.example.com"),
        ([re.compile(r"https://(one|two)\.example")], "https://two.example", "https://two.example.org"),
        (["null"], "null", "nul"),
        (["chrome-extension://abcdef"], "chrome-extension://abcdef", "chrome-extension://abcde"),
    ],
)
def test_origins_in_a_set(given: list[Any], yes: str, no: str) -> None:
    origins = Origins([*given, "https://unrelated.example"])
    assert yes in origins
    assert no not in origins
    assert not origins.any


@pytest.mark.parametrize("given", ["*", ["*"]])
def test_star_holds_every_origin(given: Any) -> None:
    origins = Origins(given)
    assert origins.any
    assert "https://example.com" in origins
    assert "null" in origins


def test_an_empty_set_holds_no_origin() -> None:
    assert "https://example.com" not in Origins([])


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("https://example.com", TypeError, "expected origins as a list, or '*', got 'https://example.com'"),
        (["https://example.com/"], ValueError, "without a path, got 'https://example.com/'"),
        (["example.com"], ValueError, "expected origins like 'https://example.com'"),
        (["https://Example.com"], ValueError, "expected origins like"),
        (["https://a.*.com"], ValueError, "expected origins like"),
        (["https://example.com", "*"], ValueError, "expected origins like"),
        (["https://example.com:443"], ValueError, "without the default port, as browsers send them, got 'https://exam"),
        (["http://*.example.com:80"], ValueError, "without the default port"),
        ([7], ValueError, "got 7"),
    ],
)
def test_malformed_origins_are_refused(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        Origins(given)
