"""Media types, their parameters, and charsets."""

from __future__ import annotations

import time

import pytest

from sketch.http.media_types import parse_media_type, python_encoding, repeated_parameter


@pytest.mark.parametrize(
    ("value", "kind", "parameters"),
    [
        ("", "", {}),
        ("text/plain", "text/plain", {}),
        ("Text/HTML", "text/html", {}),
        ("text/html; Charset=UTF-8", "text/html", {"charset": "UTF-8"}),
        ("text/html;charset=utf-8", "text/html", {"charset": "utf-8"}),
        ("text/html ; charset=utf-8 ;  x=y ", "text/html", {"charset": "utf-8", "x": "y"}),
        ("multipart/form-data; boundary=abc; charset=utf-8", "multipart/form-data",
         {"boundary": "abc", "charset": "utf-8"}),
        ('multipart/form-data; boundary="a b;c"', "multipart/form-data", {"boundary": "a b;c"}),
        (r'a/b; x="q\"uo\\te"', "a/b", {"x": 'q"uo\\te'}),
        ('a/b; x=""', "a/b", {"x": ""}),
        ("a/b;; ;x=1", "a/b", {"x": "1"}),
        ("a/b; x=1; X=2", "a/b", {"x": "1"}),
        ("a/b; boundary=a=b/c:d", "a/b", {"boundary": "a=b/c:d"}),
        ('a/b; x="\t\\é日"', "a/b", {"x": "\té日"}),
        ('form-data; name="*\x1f"', "form-data", {"name": "*\x1f"}),
    ],
)  # fmt: skip
def test_media_types(value: str, kind: str, parameters: dict[str, str]) -> None:
    assert parse_media_type(value) == (kind, parameters)


@pytest.mark.parametrize("value", ["a/b; x", "a/b; =1", 'a/b; x="open', "a/b; x=,y=2", "a/b; é=1", "a/b; x =1"])
def test_malformed_text_ends_the_parameters(value: str) -> None:
    assert parse_media_type(value) == ("a/b", {})


@pytest.mark.parametrize("value", ["a/b" + ";" * 60_000, "a/b;" + " " * 60_000 + "x", 'a/b; x="' + "\\" * 60_000])
def test_hostile_values_take_linear_time(value: str) -> None:
    before = time.process_time()
    parse_media_type(value)
    assert time.process_time() - before < 1


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        ("utf-8", "utf_8"), ("UTF8", "utf_8"), ("ISO-8859-1", "latin_1"), ("latin1", "latin_1"), ("us-ascii", "ascii"),
        ("windows-1252", "cp1252"), ("Shift_JIS", "shift_jis"), ("koi8-r", "koi8_r"), ("koi8-u", "koi8_u"),
        ("utf-16", "utf_16"), ("gbk", "gbk"), ("euc-jp", "euc_jp"), ("iso-8859-15", "iso8859_15"),
        ("utf-8-sig", "utf_8_sig"),
    ],
)  # fmt: skip
def test_charsets(charset: str, encoding: str) -> None:
    assert python_encoding(charset) == encoding
    assert isinstance(b"a".decode(encoding, "ignore"), str)


@pytest.mark.parametrize(
    "charset", ["", "nonsense", "zlib", "rot13", "base64", "hex", "idna", "punycode", "unicode_escape", "undefined",
                "utf-7", "unicode-1-1-utf-7", "é", "../x", "a" * 60_000],
)  # fmt: skip
def test_unknown_charsets(charset: str) -> None:
    assert python_encoding(charset) is None


def test_every_known_encoding_is_a_charset() -> None:
    from sketch.http.media_types import _ENCODINGS

    for encoding in _ENCODINGS:
        assert isinstance(b"".decode(encoding), str)


@pytest.mark.parametrize("end", ['"', ""])
@pytest.mark.parametrize("text", ["\\" * 60_000, "a" * 60_000, 'a\\"' * 20_000])
def test_long_parameters_take_no_time(text: str, end: str) -> None:
    begin = time.process_time()
    parse_media_type(f'text/plain; charset="{text}{end}')
    assert time.process_time() - begin < 0.1


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("a/b; x=1; y=2", None),
        ("a/b; x=1; X=2", "x"),
        ('a/b; x="; x=2"; y=1', None),
        ('a/b; x="\\"; x=2"; y=1', None),
        ("a/b; x=1; ?; x=2", "x"),
        ("a/b;x =1;\tx= 2", "x"),
        ("a/b; x*=1; x=2", None),
        ("a/b", None),
    ],
)
def test_a_parameter_that_is_there_twice(value: str, name: str | None) -> None:
    assert repeated_parameter(value) == name
