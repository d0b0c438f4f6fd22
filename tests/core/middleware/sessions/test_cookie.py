"""The cookie of sessions: one name for each scheme, found only if it is the only one, with every protection."""

from __future__ import annotations

from typing import Any

import pytest

from sketch import Response
from sketch.middleware.sessions.cookie import SessionCookie
from tests.support.requests import Peer, in_loop, make_request


def request_with(*fields: str, scheme: str = "http") -> Any:
    headers = [(b"cookie", field.encode("latin-1")) for field in fields]
    return make_request(headers=headers, connection=Peer(scheme=scheme))


@pytest.mark.parametrize(
    ("fields", "plain", "secure"),
    [
        ((), None, None),
        (("session=a",), "a", None),
        (("__Host-session=a",), None, "a"),
        (("session=a; __Host-session=b",), "a", "b"),
        (("a=b;  session=a ;c=d",), "a", None),
        (("a=b", "session=a", "c=d"), "a", None),
        (("session=a; session=b",), None, None),
        (("session=a", "session=a"), None, None),
        (("__Host-session=a; __Host-session=b",), None, None),
        (("__host-session=a; SESSION=b",), None, None),
        (("__Secure-session=a; session2=b; xsession=c",), None, None),
        (('session="a"',), '"a"', None),
        (("session",), "", None),
        (("session=a=b",), "a=b", None),
        (("session=\xe4",), "\xe4", None),
    ],
)
@in_loop
async def test_what_is_found(fields: Any, plain: str | None, secure: str | None) -> None:
    cookie = SessionCookie("session", "lax", True)
    assert cookie.find(request_with(*fields)) == plain
    assert cookie.find(request_with(*fields, scheme="https")) == secure


@in_loop
async def test_the_attributes() -> None:
    cookie = SessionCookie("session", "strict", True)
    for scheme, expected in (
        ("http", "session=value; Max-Age=60; Path=/; HttpOnly; SameSite=Strict"),
        ("https", "__Host-session=value; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Strict"),
    ):
        response, request = Response(), request_with(scheme=scheme)
        cookie.set(request, response, "value", 60.9)
        assert response.headers.getall("Set-Cookie") == [expected]
        gone = Response()
        cookie.delete(request, gone)
        assert gone.headers["Set-Cookie"].startswith(f"{cookie.name_for(request)}=; Expires=Thu, 01 Jan 1970")
        assert gone.headers["Set-Cookie"].endswith(expected.partition("Max-Age=60; ")[2])


@in_loop
async def test_the_largest_cookie() -> None:
    cookie = SessionCookie("session", "lax", False)
    for scheme in ("http", "https"):
        request = request_with(scheme=scheme)
        most = 4096 - len(cookie.name_for(request))
        cookie.set(request, Response(), "x" * most, 60)
        with pytest.raises(ValueError, match="fits in a cookie of 4096 bytes, got one of 4097"):
            cookie.set(request, Response(), "x" * (most + 1), 60)


@pytest.mark.parametrize("name", ["", "a b", "__Host-session", "ä", "a=b", "x" * 65, None])
def test_names(name: Any) -> None:
    with pytest.raises(ValueError, match="the name of a cookie of letters"):
        SessionCookie(name, "lax", True)
