"""The cookie jar of the test client."""

from __future__ import annotations

import pytest

from sketch.request import Request
from sketch.response import JSONResponse, Response
from sketch.testing import TestClient
from sketch.testing.cookies import CookieJar
from tests.core.testing.support import serving
from tests.support.requests import in_loop


@in_loop
async def test_cookies_are_kept() -> None:
    async def handler(request: Request) -> Response:
        response = JSONResponse(dict(request.cookies))
        if request.path == "/set":
            response.set_cookie("a", "1")
            response.set_cookie("deep", "2", path="/deep")
            response.set_cookie("safe", "3", secure=True)
        if request.path == "/forget":
            response.delete_cookie("a")
        return response

    async with TestClient(serving(handler)) as client:
        assert await (await client.get("/set")).json() == {}
        assert await (await client.get("/")).json() == {"a": "1"}
        assert await (await client.get("/deep/er")).json() == {"deep": "2", "a": "1"}
        assert await (await client.get("/deeper")).json() == {"a": "1"}
        assert sorted(client.cookies) == ["a", "deep", "safe"]
        await client.get("/forget")
        assert await (await client.get("/")).json() == {}
        client.cookies.set("mine", "4")
        assert await (await client.get("/")).json() == {"mine": "4"}
        assert client.cookies.get("mine") == "4"
        assert client.cookies.get("other") is None
        client.cookies.clear()
        assert len(client.cookies) == 0


@in_loop
async def test_cookies_in_utf8() -> None:
    """As browsers keep and send them."""

    async def handler(request: Request) -> Response:
        response = JSONResponse(dict(request.cookies))
        response.headers.add("Set-Cookie", "given=日本; Path=/".encode().decode("latin-1"))
        return response

    async with TestClient(serving(handler)) as client:
        client.cookies.set("mine", "é")
        assert await (await client.get("/")).json() == {"mine": "é"}
        assert client.cookies.get("given") == "日本"
        assert await (await client.get("/")).json() == {"mine": "é", "given": "日本"}


@in_loop
async def test_expiry_dates_and_relative_paths_of_other_servers() -> None:
    fields = [
        ("Set-Cookie", "gone=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
        ("Set-Cookie", "kept=1; Expires=Fri, 01 Jan 2100 00:00:00 GMT; Path=relative"),
    ]

    async def handler() -> Response:
        return Response("x", headers=fields)

    async with TestClient(serving(handler), base_url="https://testserver") as client:
        await client.get("/dir/page")
        assert list(client.cookies) == ["kept"]
        assert client.cookies.header("/dir/other", secure=True) == "kept=1"
        assert client.cookies.header("/elsewhere", secure=True) == ""


def test_a_mapping() -> None:
    jar = CookieJar()
    jar["a"] = "1"
    jar.update({"b": "2"}, c="3")
    assert dict(jar) == {"a": "1", "b": "2", "c": "3"}
    assert "a" in jar
    assert jar.pop("a") == "1"
    with pytest.raises(KeyError):
        del jar["a"]
    with pytest.raises(KeyError):
        _ = jar["a"]
    assert repr(jar) == "<CookieJar b, c>"


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [("a b", "1", ValueError), ("a", "1;2", ValueError), ("a", "1\n", ValueError), ("a", 1, TypeError)],
)
def test_cookies_that_cannot_be_sent(name: str, value: str, error: type[Exception]) -> None:
    with pytest.raises(error, match="expected"):
        CookieJar()[name] = value


@pytest.mark.parametrize("age", ["", "x", "1.5", "+1", "²", "9" * 4000])
def test_a_malformed_age_is_ignored(age: str) -> None:
    jar = CookieJar()
    jar.update_from(f"a=1; Max-Age={age}; Path=/", "/")
    assert jar["a"] == "1"


@pytest.mark.parametrize("date", ["", "soon", "Thu, 99 Jan 1970 00:00:00 GMT", "Fri, 01 Jan 99999 00:00:00 GMT"])
def test_a_malformed_date_is_ignored(date: str) -> None:
    jar = CookieJar()
    jar.update_from(f"a=1; Expires={date}", "/")
    assert jar["a"] == "1"


@pytest.mark.parametrize("age", ["0", "-1", "-" + "9" * 4000])
def test_an_age_that_is_over(age: str) -> None:
    jar = CookieJar()
    jar["a"] = "1"
    jar.update_from(f"a=2; Path=/; Max-Age={age}; Expires=Fri, 01 Jan 2100 00:00:00 GMT", "/")
    assert "a" not in jar


@pytest.mark.parametrize(
    ("domain", "sent_to"),
    [
        ("", ["shop.example"]),
        ("shop.example", ["shop.example", "a.shop.example"]),
        (".example", ["shop.example", "a.shop.example", "example", "xshop.example"]),
        ("other.example", []),
        ("hop.example", []),
    ],
)
def test_domains(domain: str, sent_to: list[str]) -> None:
    jar = CookieJar("Shop.Example")
    jar.update_from(f"a=1; Path=/; Domain={domain}", "/")
    hosts = ["shop.example", "a.shop.example", "example", "xshop.example", "elsewhere"]
    assert [host for host in hosts if jar.header("/", secure=False, host=host)] == sent_to


def test_an_address_has_no_subdomains() -> None:
    jar = CookieJar("127.0.0.1")
    jar.update_from("a=1; Domain=0.0.1", "/")
    assert len(jar) == 0


@in_loop
async def test_cookies_of_one_request() -> None:
    async def handler(request: Request) -> Response:
        return JSONResponse(dict(request.cookies))

    async with TestClient(serving(handler)) as client:
        client.cookies.update(a="1", b="2")
        assert await (await client.get("/", cookies={"b": "3", "c": "4"})).json() == {"a": "1", "b": "3", "c": "4"}
        assert await (await client.get("/", headers={"Cookie": "only=this"})).json() == {"only": "this"}
        assert dict(client.cookies) == {"a": "1", "b": "2"}
        client.cookies["euro"] = "€"
        assert (await client.get("/")).ok
