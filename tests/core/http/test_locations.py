"""Quoting of the `Location` field."""

from __future__ import annotations

from typing import Any

import pytest
from yarl import URL

from sketch.http.locations import is_local, quote_location


@pytest.mark.parametrize(
    ("location", "sent"),
    [
        ("/a b", "/a%20b"),
        ("/a%20b?q=1&r=%2F#f", "/a%20b?q=1&r=%2F#f"),
        ("/é", "/%C3%A9"),
        ("//evil/x", "/evil/x"),
        ("/\\evil/x", "/evil/x"),
        ("\\\\evil/x", "/evil/x"),
        ("/a\r\nSet-Cookie: x=1", "/a%0D%0ASet-Cookie:%20x=1"),
        ("https://example.com/a?b", "https://example.com/a?b"),
        ("relative", "relative"),
        ("", ""),
        ("/\t/evil", "/%09/evil"),
        ("100%", "100%25"),
        ("/%zz/%4/%é", "/%25zz/%254/%25%C3%A9"),
        ("../a?b#c", "../a?b#c"),
        ("./x:y/", "./x:y/"),
        ("?page=2", "?page=2"),
        ("https://bücher.example/é?ü", "https://xn--bcher-kva.example/%C3%A9?%C3%BC"),
        ("HTTP://ü@BÜCHER.example:8080", "HTTP://%C3%BC@xn--bcher-kva.example:8080"),
        ("https://bücher..example/", "https://b%C3%BCcher..example/"),
        ("https://example.com/é", "https://example.com/%C3%A9"),
        ("mailto:é@bücher.example", "mailto:%C3%A9@b%C3%BCcher.example"),
        (URL("https://example.com/a b?c=é#d"), "https://example.com/a%20b?c=%C3%A9#d"),
    ],
)
def test_locations(location: str | URL, sent: str) -> None:
    assert quote_location(location) == sent


@pytest.mark.parametrize("location", [None, b"/a", 5, {"a": 1}, ["/a"], object])
def test_what_is_no_location(location: Any) -> None:
    with pytest.raises(TypeError, match=r"expected a location as a str or yarl\.URL, got "):
        quote_location(location)


@pytest.mark.parametrize("location", ["/", "/a", "/a/b?next=//x#f", "/a:b", "/é", "/a b", "/.//x", URL("/a b?c=d")])
def test_paths_of_this_origin(location: str | URL) -> None:
    assert is_local(location)


@pytest.mark.parametrize(
    "location",
    [
        "", "a", "?a=1", "#a", "//evil", "///evil", "https://evil", "https:/evil", "javascript:alert(1)", " /a", "\t/a",
        "\\evil", "/\\evil", "/a\\b", "/\t/evil", "/\n/evil", "/a\r\nX: y", "/\x00", "/\x7f", "/\ud800",
        URL("https://evil/a"), URL("//evil/a"),
    ],
)  # fmt: skip
def test_what_may_lead_to_another_origin(location: str | URL) -> None:
    assert not is_local(location)
