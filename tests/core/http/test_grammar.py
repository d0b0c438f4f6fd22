"""Tokens, and which `Host` fields are hosts."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sketch.http import grammar
from sketch.http.grammar import tokens, valid_authority


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
     b"[fe80::1%25eth0]:80", b"ex%41mple", b"a,b;c=d"],
)  # fmt: skip
def test_hosts(value: bytes) -> None:
    assert valid_authority(value)
    assert valid_authority(value), "also when it is remembered"


@pytest.mark.parametrize(
    "value",
    [b"user@h", b"h/path", b"h?q", b"h#f", b"h h", b" h", b"h\r\n", b"h\n", b"h:65536", b"h:-1", b"h:8a", b"h:1:2",
     b"[::1", b"::1", b"[g::]", b"h%4", b"h%zz", b"\xc3\xa9", b"h\x00", b"h\\x", b"<h>", b'"', b"a" * 513],
)  # fmt: skip
def test_malformed_hosts(value: bytes) -> None:
    assert not valid_authority(value)


def test_memory_of_hosts_is_bounded() -> None:
    for number in range(1000):
        assert valid_authority(b"host-%d" % number)
    assert len(grammar._valid) <= grammar._REMEMBERED


def test_a_port_of_many_digits_is_refused_and_not_computed() -> None:
    assert not valid_authority(b"h:" + b"9" * 6000)
