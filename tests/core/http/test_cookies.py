"""Cookies: what is read, what is written, what is refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from sketch.http.cookies import format_cookie, parse_cookies


@pytest.mark.parametrize(
    ("header", "cookies"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        ("a=1; b=2", {"a": "1", "b": "2"}),
        ("a=1;b=2 ;\tc=3", {"a": "1", "b": "2", "c": "3"}),
        ("a=", {"a": ""}),
        ('a="quoted"', {"a": "quoted"}),
        ('a="', {"a": '"'}),
        ("a=b=c", {"a": "b=c"}),
        ("a=1; a=2", {"a": "1"}),
        ("lonely; a=1", {"a": "1"}),
        ("=x; a=1", {"a": "1"}),
        (";; ;", {}),
        ('a={"k": 1, "l": 2}; b=2', {"a": '{"k": 1, "l": 2}', "b": "2"}),
        ("a=日本; é=ü".encode().decode("latin-1"), {"a": "日本", "é": "ü"}),
        ("a=caf\xe9; b=é".encode("latin-1").decode("latin-1"), {"a": "café", "b": "é"}),
        ("a=\xe9; b=\xc3\xa9", {"a": "é", "b": "é"}),
    ],
)
def test_reading(header: str, cookies: dict[str, str]) -> None:
    assert parse_cookies(header) == cookies


@pytest.mark.parametrize(
    ("options", "written"),
    [
        ({}, "n=v; Path=/; SameSite=Lax"),
        ({"path": None, "samesite": None}, "n=v"),
        ({"max_age": 0, "samesite": "strict"}, "n=v; Max-Age=0; Path=/; SameSite=Strict"),
        ({"domain": "example.com", "path": "/a"}, "n=v; Domain=example.com; Path=/a; SameSite=Lax"),
        ({"domain": ".a-b.example_c.x1", "max_age": 1.5, "samesite": "LAX"},
         "n=v; Max-Age=1; Domain=.a-b.example_c.x1; Path=/; SameSite=Lax"),
        ({"domain": "localhost", "path": None, "samesite": "Strict"}, "n=v; Domain=localhost; SameSite=Strict"),
        ({"secure": True, "samesite": "None"}, "n=v; Path=/; Secure; SameSite=None"),
        ({"secure": True, "httponly": True, "samesite": "none"}, "n=v; Path=/; Secure; HttpOnly; SameSite=None"),
        ({"secure": True, "partitioned": True}, "n=v; Path=/; Secure; SameSite=Lax; Partitioned"),
        ({"expires": datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC), "path": None, "samesite": None},
         "n=v; Expires=Sun, 06 Nov 1994 08:49:37 GMT"),
        ({"expires": datetime(1994, 11, 6, 9, 49, 37, tzinfo=timezone(timedelta(hours=1))), "path": None,
          "samesite": None}, "n=v; Expires=Sun, 06 Nov 1994 08:49:37 GMT"),
    ],
)  # fmt: skip
def test_writing(options: dict[str, Any], written: str) -> None:
    assert format_cookie("n", "v", **options) == written


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a;b", "é", "a\r\nSet-Cookie: x", "a\x00"])
def test_invalid_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cookie name"):
        format_cookie(name, "v")


@pytest.mark.parametrize("value", ["a b", "a;b", "a,b", 'a"', "a\\", "é", "a\r\nSet-Cookie: x=1", "\x00", "\x7f"])
def test_invalid_values_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="cookie value"):
        format_cookie("n", value)


@pytest.mark.parametrize("options", [{"path": "/;x"}, {"domain": "a\r\nb"}, {"path": "/é"}, {"domain": "a\x00"}])
def test_invalid_attributes_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cookie attribute"):
        format_cookie("n", "v", **options)


@pytest.mark.parametrize(
    ("what", "given"),
    [
        ("value", 1), ("max_age", True), ("samesite", True),
        ("max_age", "60"), ("max_age", timedelta(days=1)), ("expires", 60), ("path", b"/"), ("domain", 1),
    ],
)  # fmt: skip
def test_values_of_other_types_are_refused(what: str, given: Any) -> None:
    with pytest.raises(TypeError, match=f"expected the {what} of a cookie as a .*, got {re.escape(repr(given))}"):
        format_cookie(**{"name": "n", "value": "v", what: given})


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("n", {"samesite": "some"}, "samesite"),
        ("n", {"samesite": ""}, "samesite"),
        ("n", {"samesite": "None"}, "secure=True"),
        ("n", {"samesite": "NONE"}, "secure=True"),
        ("n", {"domain": "localhost:9301"}, "host name without scheme and port"),
        ("n", {"domain": "http://x"}, "host name without scheme and port"),
        ("n", {"domain": "a b"}, "host name without scheme and port"),
        ("n", {"domain": ""}, "host name without scheme and port"),
        ("n", {"domain": "example.com."}, "host name without scheme and port"),
        ("n", {"domain": "*.example.com"}, "host name without scheme and port"),
        ("n", {"domain": "x/y"}, "host name without scheme and port"),
        ("n", {"path": "a"}, "begin with '/'"),
        ("n", {"path": ""}, "begin with '/'"),
        ("n", {"path": "/" + "a" * 1024}, "1024"),
        ("n", {"max_age": float("inf")}, "finite"),
        ("n", {"max_age": float("nan")}, "finite"),
        ("n", {"expires": datetime(1600, 12, 31, tzinfo=UTC)}, "1601"),
        ("n", {"samesite": "none"}, "secure=True"),
        ("n", {"partitioned": True}, "secure=True"),
        ("__Secure-n", {}, "secure=True"),
        ("__Host-n", {}, "secure=True"),
        ("__Host-n", {"secure": True, "domain": "example.com"}, "no domain"),
        ("__Host-n", {"secure": True, "path": "/a"}, "path"),
        ("__host-n", {}, "secure=True"),
        ("__SECURE-n", {}, "secure=True"),
        ("__Http-n", {}, "secure=True"),
        ("__Http-n", {"secure": True}, "httponly=True"),
        ("__Host-Http-n", {"secure": True}, "httponly=True"),
        ("__Host-Http-n", {"secure": True, "httponly": True, "path": "/a"}, "path"),
    ],
)
def test_cookies_that_browsers_drop_are_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        format_cookie(name, "v", **options)


def test_prefixed_names_with_what_they_need() -> None:
    assert format_cookie("__Host-n", "v", secure=True) == "__Host-n=v; Path=/; Secure; SameSite=Lax"
    assert format_cookie("__Http-n", "v", secure=True, httponly=True, path="/a", domain="example.com")
    assert format_cookie("__Host-Http-n", "v", secure=True, httponly=True)


def test_cookies_too_large_for_browsers_are_refused() -> None:
    assert format_cookie("n", "v" * 4095)
    with pytest.raises(ValueError, match="at most 4096 bytes"):
        format_cookie("n", "v" * 4096)
