"""The cookie jar of the test client."""

from __future__ import annotations

from sketch.request import Request
from sketch.response import JSONResponse, Response
from sketch.testing import TestClient
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
