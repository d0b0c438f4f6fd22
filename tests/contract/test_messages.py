"""Heads: header fields, cookies, queries and statuses, in and out."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.contract.transports import Transport


async def echoed(transport: Transport, target: str = "/echo", headers: Any = ()) -> Any:
    reply = await transport.get(target, headers)
    assert reply.status == 200
    return reply.json()


@pytest.mark.core_rule
@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("a=x%20y", [["a", "x y"]]),
        ("a=1+2", [["a", "1 2"]]),
        ("a=1%2B2", [["a", "1+2"]]),
        ("c=", [["c", ""]]),
        ("flag", [["flag", ""]]),
        ("a=1&a=2&b=3", [["a", "1"], ["a", "2"], ["b", "3"]]),
        ("%C3%A9=%E6%97%A5", [["é", "日"]]),
        ("a=b=c", [["a", "b=c"]]),
        ("", []),
    ],
)
async def test_query(transport: Transport, query: str, fields: object) -> None:
    assert (await echoed(transport, f"/echo?{query}"))["query"] == fields


async def test_a_query_of_too_many_fields_is_refused(transport: Transport) -> None:
    assert (await transport.get("/echo?" + "&".join(["a="] * 1001))).status == 400


async def test_path_and_url(transport: Transport) -> None:
    got = await echoed(transport, "/echo?a=%20", [("Host", "example.org:81")])
    assert (got["path"], got["root_path"], got["method"], got["version"]) == ("/echo", "", "GET", "1.1")
    assert got["url"] == f"{got['scheme']}://example.org:81/echo?a=%20"
    assert got["client"] is True


async def test_header_names_have_no_case_and_values_keep_theirs(transport: Transport) -> None:
    got = await echoed(transport, headers=[("X-MiXeD", "VaLuE"), ("x-empty", "")])
    fields = {name.lower(): value for name, value in got["headers"]}
    assert (fields["x-mixed"], fields["x-empty"]) == ("VaLuE", "")


async def test_repeated_header_fields_are_all_there(transport: Transport) -> None:
    got = await echoed(transport, headers=[("X-Tag", "one"), ("X-Tag", "two"), ("x-tag", "three")])
    assert [value for name, value in got["headers"] if name.lower() == "x-tag"] == ["one", "two", "three"]


async def test_latin1_headers(transport: Transport) -> None:
    got = await echoed(transport, headers=[("X-Name", "caf\xe9"), ("X-Utf8", "é".encode().decode("latin-1"))])
    fields = {name.lower(): value for name, value in got["headers"]}
    assert (fields["x-name"], fields["x-utf8"]) == ("caf\xe9", "\xc3\xa9")


async def test_no_cookies(transport: Transport) -> None:
    assert (await echoed(transport))["cookies"] == {}


async def test_cookies(transport: Transport) -> None:
    got = await echoed(transport, headers=[("Cookie", 'a=1; b="two"; bad; c=; a=again')])
    assert got["cookies"] == {"a": "1", "b": "two", "c": ""}


async def test_cookies_that_scripts_have_set(transport: Transport) -> None:
    """Browsers send them in UTF-8. Anything else is read as Latin-1."""
    sent = "a=日本; é=ü; b=".encode().decode("latin-1") + "caf\xe9"
    got = await echoed(transport, headers=[("Cookie", sent)])
    assert got["cookies"] == {"a": "日本", "é": "ü", "b": "caf\xe9"}


@pytest.mark.core_rule
@pytest.mark.parametrize(
    ("sent", "media_type", "charset"),
    [
        ("text/plain", "text/plain", None),
        ("Text/HTML; charset=UTF-8", "text/html", "UTF-8"),
        ("multipart/form-data; boundary=abc; charset=utf-8", "multipart/form-data", "utf-8"),
        ('text/plain; charset="iso-8859-1"', "text/plain", "iso-8859-1"),
        ("text/plain; broken", "text/plain", None),
        ("", "", None),
    ],
)
async def test_content_type(transport: Transport, sent: str, media_type: str, charset: str | None) -> None:
    got = await echoed(transport, headers=[("Content-Type", sent)])
    assert (got["content_type"], got["charset"]) == (media_type, charset)


async def test_repeated_fields_in_an_answer(transport: Transport) -> None:
    reply = await transport.get("/headers/duplicate")
    assert reply.all("x-tag") == ["one", "two"]
    assert reply.all("set-cookie") == ["a=1; Path=/; SameSite=Lax", "b=2; Max-Age=60; Path=/; HttpOnly; SameSite=Lax"]


async def test_latin1_in_an_answer(transport: Transport) -> None:
    assert (await transport.get("/headers/latin1")).header("x-name") == "caf\xe9"


async def test_cookies_in_an_answer(transport: Transport) -> None:
    assert (await transport.get("/cookies/set")).all("set-cookie") == [
        "session=abc; Path=/; Secure; HttpOnly; SameSite=Strict",
        "old=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax",
        "dated=1; Expires=Tue, 01 Jan 2030 00:00:00 GMT; Path=/",
    ]


@pytest.mark.core_rule
@pytest.mark.parametrize("evil", ["\r\n", "\n", "\r", "\0"], ids=["CRLF", "LF", "CR", "NUL"])
@pytest.mark.parametrize("where", ["name", "value", "content-type", "cookie"])
async def test_header_fields_cannot_be_injected(transport: Transport, where: str, evil: str) -> None:
    reply = await transport.get(f"/headers/inject?where={where}&evil={quote(evil)}")
    assert reply.status == 500
    assert reply.text == "500 Internal Server Error"
    assert reply.all("set-cookie") == []


async def test_a_redirect_cannot_be_split_either(transport: Transport) -> None:
    reply = await transport.get("/headers/inject?where=location&evil=%0D%0A")
    assert (reply.status, reply.all("set-cookie")) == (307, [])
    assert reply.header("location") == "/b%0D%0ASet-Cookie:%20x=1"


@pytest.mark.core_rule
@pytest.mark.parametrize(
    ("to", "location"),
    [
        ("/a b", "/a%20b"),
        ("/a%20b", "/a%20b"),
        ("/a+b?c=d&e", "/a+b?c=d&e"),
        ("https://example.org/x#y", "https://example.org/x#y"),
        ("//evil.example/", "/evil.example/"),
        ("/é", "/%C3%A9"),
        ("https://bücher.example/é", "https://xn--bcher-kva.example/%C3%A9"),
    ],
)
async def test_redirects(transport: Transport, to: str, location: str) -> None:
    reply = await transport.get(f"/redirect?to={quote(to, safe='')}")
    assert (reply.status, reply.header("location")) == (307, location)


async def test_a_raised_redirect(transport: Transport) -> None:
    reply = await transport.get("/found")
    assert (reply.status, reply.header("location")) == (302, "/a%20b?c=d%20e")


@pytest.mark.core_rule
@pytest.mark.parametrize("status", [200, 201, 299, 404, 418, 499, 599])
async def test_any_final_status(transport: Transport, status: int) -> None:
    reply = await transport.get(f"/status/{status}")
    assert (reply.status, reply.text, reply.header("content-length")) == (status, "body", "4")


@pytest.mark.parametrize("status", [204, 304])
async def test_statuses_without_content(transport: Transport, status: int) -> None:
    reply = await transport.get(f"/status/{status}")
    assert (reply.status, reply.body, reply.header("content-length")) == (status, b"", None)


async def test_reset_content_is_empty(transport: Transport) -> None:
    reply = await transport.get("/status/205")
    assert (reply.status, reply.body, reply.header("content-length")) == (205, b"", "0")


@pytest.mark.core_rule
@pytest.mark.parametrize("status", [99, 100, 101, 199, 600, 999, 1000])
async def test_other_statuses_are_an_error(transport: Transport, status: int) -> None:
    assert (await transport.get(f"/status/{status}")).status == 500


async def test_html_and_json(transport: Transport) -> None:
    """The length counts bytes, not characters."""
    html = await transport.get("/html")
    assert (html.header("content-type"), html.header("content-length")) == ("text/html; charset=utf-8", "9")
    assert html.text == "<p>é</p>"
    answer = await transport.get("/json")
    assert (answer.header("content-type"), answer.json()) == ("application/json", {"ok": True, "text": "é"})


async def test_the_state_of_the_lifespan(transport: Transport) -> None:
    """Contexts come before hooks, hooks run in order; each request has its own copy of the state."""
    for _ in range(2):
        got = (await transport.get("/state")).json()
        assert got == {"pool": "from the lifespan", "shared": False, "started": ["context", "first", "second"]}
