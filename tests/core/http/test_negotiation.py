"""Content codings by what a client accepts."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from multidict import CIMultiDict

from sketch.http.negotiation import (
    accepted_encodings,
    accepted_types,
    add_vary,
    choose_encoding,
    choose_media_type,
    offered_types,
    rank_encodings,
)

ALL = ("zstd", "br", "gzip")


@pytest.mark.parametrize(
    ("field", "weights"),
    [
        (None, {}),
        (b"", {}),
        (b"gzip", {"gzip": 1000}),
        (b"gzip, deflate, br, zstd", {"gzip": 1000, "deflate": 1000, "br": 1000, "zstd": 1000}),
        (b"GZIP;Q=0.5\t,  Br ; q=0.001 ", {"gzip": 500, "br": 1}),
        (b"x-gzip;q=0.3, gzip", {"gzip": 300}),
        (b"gzip;q=0, *;q=1.000", {"gzip": 0, "*": 1000}),
        (b"gzip;q=2, br;q=0.1234, zstd;q=, deflate;q=-1, a b, ;q=1, \xff, x;level=3", {}),
        (b",,gzip,,", {"gzip": 1000}),
    ],
)
def test_weights(field: bytes | None, weights: dict[str, int]) -> None:
    assert accepted_encodings(field) == weights


@pytest.mark.parametrize(
    ("field", "chosen"),
    [
        (None, None),
        (b"", None),
        (b"gzip", "gzip"),
        (b"gzip, deflate, br, zstd", "zstd"),
        (b"gzip, deflate, br", "br"),
        (b"gzip;q=1.0, br;q=0.9, zstd;q=0.8", "gzip"),
        (b"gzip;q=0.5, *", "zstd"),
        (b"zstd;q=0, *", "br"),
        (b"*;q=0", None),
        (b"gzip;q=0", None),
        (b"identity", None),
        (b"identity, gzip;q=0.5", None),
        (b"identity;q=0.5, gzip;q=0.5", "gzip"),
        (b"identity;q=0, gzip;q=0.001", "gzip"),
        (b"identity;q=0, compress", None),
        (b"compress, deflate", None),
        (b"gzip" + b", x" * 1000, "gzip"),
    ],
)
def test_choice(field: bytes | None, chosen: str | None) -> None:
    assert choose_encoding(field, ALL) == chosen
    assert choose_encoding(field, list(ALL)) == chosen, "also the second time, and for a list"


def test_of_equal_weights_the_servers_favourite() -> None:
    assert choose_encoding(b"gzip, br", ["gzip", "br"]) == "gzip"
    assert choose_encoding(b"gzip, br", ["br", "gzip"]) == "br"
    assert choose_encoding(b"gzip, br", []) is None


def test_accepted_codings_in_order_of_preference() -> None:
    assert rank_encodings(b"gzip, br;q=0.9, zstd", ALL) == ("zstd", "gzip", "br")
    assert rank_encodings(b"gzip;q=0, br;q=0.2, identity;q=0.5, *;q=0.5", ALL) == ("zstd",)
    assert rank_encodings(None, ALL) == ()


@given(st.one_of(st.binary(max_size=60), st.from_regex(rb"(gzip|br|\*|identity)(;q=[01](\.[0-9]{1,3})?)?(,br;q=0)?")))
def test_any_field(field: bytes) -> None:
    chosen = choose_encoding(field, ALL)
    weights = accepted_encodings(field)
    assert all(0 <= weight <= 1000 for weight in weights.values())
    if chosen is not None:
        assert weights.get(chosen, weights.get("*", 0)) > 0


FORMS = ("text/plain", "text/html", "application/problem+json", "application/json")


@pytest.mark.parametrize(
    ("field", "chosen"),
    [
        (b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        (b"*/*", "text/plain"),
        (b"text/*", "text/plain"),
        (b"application/*", "application/problem+json"),
        (b"application/json, text/plain, */*", "application/json"),
        (b"APPLICATION/JSON; charset=utf-8", "application/json"),
        (b"text/html;level=1;q=0.4, text/*;q=0.3", "text/html"),
        (b"text/*, text/plain;q=0, text/html;q=0.1", "text/html"),
        (b"*/*;q=0.1, text/plain;q=0", "text/html"),
        (b"image/png", None),
        (b"text/plain;q=0", None),
        (b"", None),
        (b"text/html;q=2, html, text/, */*/*, \xff/\xff, ;q=1, text/html;q=", None),
        (b"text/html;q=1.000;q=0, text/html;q=0", "text/html"),
        (b'text/html;x="a,b";q=0.2, text/plain;q=0.3', "text/plain"),
        (b'text/html;x=";q=0.1", text/plain;q=0.9', "text/html"),
        (b'image/png;x=", text/html, ", text/plain;q=0.1', "text/plain"),
        (b'text/html;x="\\", text/plain;q=0.1', "text/html"),
        (b"text/html\xa0, text/plain;q=0.1", "text/plain"),
    ],
)
def test_media_types(field: bytes, chosen: str | None) -> None:
    assert choose_media_type(field, FORMS) == chosen


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], "Accept-Encoding"),
        ([("Vary", "Origin")], "Origin, Accept-Encoding"),
        ([("Vary", "Origin"), ("vary", "Cookie")], "Origin, Cookie, Accept-Encoding"),
        ([("Vary", "origin, accept-encoding")], "origin, accept-encoding"),
        ([("Vary", "*")], "*"),
        ([("Vary", "*\xa0")], "*\xa0, Accept-Encoding"),
    ],
)
def test_vary(before: list[tuple[str, str]], after: str) -> None:
    headers = CIMultiDict(before)
    for _ in range(2):
        add_vary(headers, "Accept-Encoding")
        assert headers.getall("Vary") == [after]


def test_a_range_with_parameters_is_narrower() -> None:
    """It counts only where there is none without, and stands where the field first names it."""
    field = b"text/html;level=1;q=0.3, text/html;q=0.7, a/b;v=2, a/b;v=3;q=0.1, text/html;q=0.1"
    assert accepted_types(field) == {"text/html": 700, "a/b": 1000}


def test_offered_types() -> None:
    assert offered_types(["Text/HTML; charset=utf-8", "a/b"]) == {"text/html": "Text/HTML; charset=utf-8", "a/b": "a/b"}
    with pytest.raises(TypeError, match=r"expected media types as str, one after the other, got \['a/b'\]"):
        offered_types([["a/b"]])  # type: ignore[list-item]
    for wrong in ("html", "text/*", "", "a/b/c"):
        with pytest.raises(ValueError, match="expected a media type like 'text/html', got"):
            offered_types([wrong])
    with pytest.raises(ValueError, match="expected at least one media type"):
        offered_types([])
