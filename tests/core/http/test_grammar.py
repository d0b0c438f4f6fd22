"""Tokens, control characters, quoted strings and lists, and which `Host` fields are hosts."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from sketch.http import grammar
from sketch.http.grammar import (
    ATTR_CHARS,
    CONTROL,
    CONTROLS_AS_ZERO,
    OWS,
    QUOTED_STRING,
    TOKEN,
    TOKEN_BYTES,
    list_members,
    split_unquoted,
    tokens,
    unescape,
    valid_authority,
)

LATIN_1 = [chr(code) for code in range(256)]
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

# -- characters --------------------------------------------------------------------------------------------------------


def test_characters_of_a_token() -> None:
    allowed = set(LETTERS + "!#$%&'*+-.^_`|~")
    assert {character for character in LATIN_1 if TOKEN.fullmatch(character)} == allowed
    assert {character for character in LATIN_1 if TOKEN_BYTES.fullmatch(character.encode("latin-1"))} == allowed
    for text in ("", "a b", "a\n", "é", "\u0660", "\u017f"):
        assert not TOKEN.fullmatch(text)


def test_control_characters() -> None:
    controls = {chr(code) for code in range(0x20)} - {"\t"} | {"\x7f"}
    assert {character for character in LATIN_1 if CONTROL.search(f"a{character}b")} == controls
    assert {
        chr(code) for code, byte in enumerate(bytes(range(256)).translate(CONTROLS_AS_ZERO)) if byte == 0
    } == controls


def test_characters_of_an_extended_parameter_are_those_of_a_token_but_three() -> None:
    allowed = {character for character in LATIN_1 if re.fullmatch(f"[{ATTR_CHARS}]", character)}
    assert allowed == {character for character in LATIN_1 if TOKEN.fullmatch(character)} - set("*'%")


# -- quoted strings and lists ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ('""', ""),
        ('"a b,c;d"', "a b,c;d"),
        (r'"q\"uo\\te"', 'q"uo\\te'),
        ('"\t\\\t"', "\t\t"),
        ('"é\\é"', "éé"),
    ],
)
def test_quoted_strings(text: str, content: str) -> None:
    match = re.fullmatch(QUOTED_STRING, text)
    assert match is not None
    assert unescape(match[1]) == content


@pytest.mark.parametrize(
    "text", ["", '"', "a", '"a', 'a"', '"a"b"', '"\\"', '"\n"', '"\\\n"', '"\0"', '"\\\x7f"', "'a'"]
)
def test_malformed_quoted_strings(text: str) -> None:
    assert not re.fullmatch(QUOTED_STRING, text)


def test_white_space_is_spaces_and_tabs() -> None:
    assert {character for character in LATIN_1 if re.fullmatch(OWS, character)} == {" ", "\t"}


@pytest.mark.parametrize(
    ("value", "members"),
    [
        ("", []),
        (" , ,\t,", []),
        ("a", ["a"]),
        (",a ,\tb;x=1 , ", ["a", "b;x=1"]),
        ('a;x="1,2" , b', ['a;x="1,2"', "b"]),
        (r'"\",", b', [r'"\","', "b"]),
        ('a"b,c"d,e', ['a"b,c"d', "e"]),
        ('"open, b', ['"open, b']),
        ('a, "open\\', ["a", '"open\\']),
        ("a\xa0,\x85b", ["a\xa0", "\x85b"]),
    ],
)
def test_lists(value: str, members: list[str]) -> None:
    assert list_members(value) == members


def test_parameters_are_split_outside_quoted_strings() -> None:
    assert split_unquoted("a/b; c = d ;;", ";") == ["a/b", " c = d ", "", ""]
    assert split_unquoted('a/b;x="1;2,3" ;q=1;', ";") == ["a/b", 'x="1;2,3" ', "q=1", ""]


@pytest.mark.parametrize("text", ['"' * 60_001, '"\\' * 30_000, '","' * 20_000, '"' + "\\" * 60_001, ',"' * 30_001])
def test_hostile_lists_take_linear_time(text: str) -> None:
    begin = time.process_time()
    list_members(text)
    re.fullmatch(QUOTED_STRING, text)
    assert time.process_time() - begin < 0.5


# -- lists of names ----------------------------------------------------------------------------------------------------


def test_names() -> None:
    assert tokens("names", iter(["X-Name", "v1.chat", "!#$%&'*+-.^_`|~"])) == ("X-Name", "v1.chat", "!#$%&'*+-.^_`|~")
    assert tokens("names", []) == ()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("chat", TypeError, "expected names as a list, got 'chat'"),
        (["a", "b c"], ValueError, "expected names of names without spaces or separators, got 'b c'"),
        (["a,b"], ValueError, "got 'a,b'"),
        (["ü"], ValueError, "got 'ü'"),
        ([""], ValueError, "got ''"),
        (["*"], ValueError, "got '*'"),
        ([7], ValueError, "got 7"),
    ],
)
def test_malformed_names(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        tokens("names", given)


# -- authority ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [b"", b"h", b"example.com", b"example.com:80", b"a_b", b"h:", b"h:65535", b"127.0.0.1:1", b"[::1]", b"[::1]:8080",
     b"[fe80::1%25eth0]:80", b"ex%41mple", b"a,b;c=d", b"xn--bcher-kva.example:80", b"xn--ls8h.la"],
)  # fmt: skip
def test_hosts(value: bytes) -> None:
    assert valid_authority(value)
    assert valid_authority(value), "also when it is remembered"


@pytest.mark.parametrize(
    "value",
    [b"user@h", b"h/path", b"h?q", b"h#f", b"h h", b" h", b"h\r\n", b"h\n", b"h:65536", b"h:-1", b"h:8a", b"h:1:2",
     b"[::1", b"::1", b"[g::]", b"h%4", b"h%zz", b"\xc3\xa9", b"h\x00", b"h\\x", b"<h>", b'"', b"a" * 513,
     b"xn--", b"xn--a", b"a.xn--a:80"],
)  # fmt: skip
def test_malformed_hosts(value: bytes) -> None:
    assert not valid_authority(value)


def test_memory_of_hosts_is_bounded() -> None:
    for number in range(1000):
        assert valid_authority(b"host-%d" % number)
    assert len(grammar._valid) <= grammar._REMEMBERED


def test_a_port_of_many_digits_is_refused_and_not_computed() -> None:
    assert not valid_authority(b"h:" + b"9" * 6000)
