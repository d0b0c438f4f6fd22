"""Routes that look at the host and at header fields."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sketch.exceptions import HTTPException
from sketch.routing import Router
from sketch.routing.conditions import Conditions
from tests.support.requests import make_request


async def handler(request: object) -> None: ...


def fits(host: str | None = None, headers: Any = None, *, sent: list[tuple[bytes, bytes]]) -> bool:
    return Conditions(host, headers).fit(make_request(headers=sent))


@pytest.mark.parametrize(
    ("host", "sent", "expected"),
    [
        ("example.com", b"example.com", True),
        ("example.com", b"EXAMPLE.com:8080", True),
        ("Example.COM", b"example.com.", True),
        ("example.com", b"www.example.com", False),
        ("example.com", b"example.com.evil", False),
        ("*.example.com", b"www.example.com", True),
        ("*.example.com", b"a.b.example.com:80", True),
        ("*.example.com", b"example.com", False),
        ("*.example.com", b".example.com", False),
        ("*.example.com", b"badexample.com", False),
        ("[::1]", b"[::1]:8080", True),
        ("[::1]", b"[::2]", False),
        ("127.0.0.1", b"127.0.0.1:1", True),
    ],
)
def test_host(host: str, sent: bytes, expected: bool) -> None:
    assert fits(host, sent=[(b"host", sent)]) is expected


@pytest.mark.parametrize(
    "host", ["", "example.com:80", "*", "*.", "a b", "http://x", "*example.com", "-", "[x]", "a..b"]
)
def test_malformed_host(host: str) -> None:
    with pytest.raises(ValueError, match="expected a host name without port"):
        Conditions(host, None)


@pytest.mark.parametrize(
    ("wanted", "sent", "expected"),
    [
        ("2", [b"2"], True),
        ("2", [b"1", b"2"], True),
        ("2", [b"22"], False),
        ("2", [], False),
        (re.compile("[12]"), [b"2"], True),
        (re.compile("[12]"), [b"22"], False),
        (True, [b""], True),
        (True, [], False),
        (False, [], True),
        (False, [b"x"], False),
    ],
)
def test_header(wanted: Any, sent: list[bytes], expected: bool) -> None:
    fields = [(b"host", b"example.com"), *((b"x-version", value) for value in sent)]
    assert fits(headers={"X-Version": wanted}, sent=fields) is expected


def test_a_header_condition_of_another_type() -> None:
    with pytest.raises(TypeError, match="expected a str, a regular expression or a bool"):
        Conditions(None, {"x": 2})  # type: ignore[dict-item]


def chosen(router: Router, host: str = "example.com", method: str = "GET", **headers: str) -> str:
    fields = [(b"host", host.encode()), *((name.encode(), value.encode()) for name, value in headers.items())]
    try:
        route, _ = router.resolve(make_request("/a", method=method, headers=fields))
    except HTTPException as miss:
        return str(miss.status)
    return str(route.name)


@pytest.mark.parametrize("reverse", [False, True])
def test_the_route_with_more_conditions_comes_first(reverse: bool) -> None:
    options: list[dict[str, Any]] = [
        {"name": "plain"},
        {"name": "host", "host": "example.com"},
        {"name": "wild", "host": "*.example.com"},
        {"name": "below", "host": "www.example.com"},
        {"name": "both", "host": "example.com", "headers": {"accept": "x/y"}},
    ]
    router = Router()
    for option in reversed(options) if reverse else options:
        router.add_get("/a", handler, **option)
    router.freeze()
    assert chosen(router, "other.org") == "plain"
    assert chosen(router) == "host"
    assert chosen(router, "x.example.com") == "wild"
    assert chosen(router, "www.example.com") == "below"
    assert chosen(router, accept="x/y") == "both"
    assert chosen(router, method="HEAD") == "host"


def test_where_no_condition_fits_there_is_no_route() -> None:
    router = Router()
    router.add_get("/a", handler, name="host", host="example.com")
    router.add_post("/a", handler, host="other.org")
    router.freeze()
    assert chosen(router, "third.org") == "404"
    assert chosen(router, "other.org") == "405"
    assert chosen(router, "example.com") == "host"
    assert router.allowed_methods("/a", make_request(headers=[(b"host", b"other.org")])) == {"POST", "OPTIONS"}


def test_a_condition_does_not_hide_a_parameter() -> None:
    router = Router()
    router.add_get("/a", handler, name="host", host="example.com")
    router.add_get("/{name}", handler, name="any")
    router.freeze()
    assert chosen(router) == "host"
    assert chosen(router, "other.org") == "any"


def test_the_same_conditions_twice() -> None:
    router = Router()
    router.add_get("/a", handler, host="Example.com", headers={"X-A": "1", "X-B": True})
    with pytest.raises(ValueError, match="expected one handler for GET '/a'"):
        router.add_get("/a", handler, host="example.com", headers={"x-b": True, "x-a": "1"})


def test_conditions_of_a_parameter_route() -> None:
    router = Router()
    router.add_get("/{name}", handler, name="plain")
    router.add_get("/{name}", handler, name="host", host="example.com")
    router.freeze()
    assert chosen(router) == "host"
    assert chosen(router, "other.org") == "plain"
