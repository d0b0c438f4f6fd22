"""Redirects: the rules of the methods, what is sent again, and where following ends."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sketch import Application, JSONResponse, Request, Response
from sketch.testing import TestClient
from tests.support.requests import in_loop


def application() -> Application:
    app = Application()

    @app.route("/go/{status:int}", methods=["GET", "HEAD", "POST", "PUT"])
    async def go(request: Request, status: int) -> Response:
        response = Response(status=status, headers={"Location": request.query.get("to", "/end")})
        response.set_cookie("at", str(status))
        return response

    @app.get("/round")
    async def round_and_round() -> Response:
        return Response(status=302, headers={"Location": "/round"})

    @app.route("/end", methods=["GET", "HEAD", "POST", "PUT"])
    async def end(request: Request) -> Response:
        names = {"content-type", "content-length", "x-own", "authorization"} & {
            name.lower() for name in request.headers
        }
        return JSONResponse(
            {
                "method": request.method,
                "body": await request.text(),
                "cookie": request.cookies.get("at"),
                "fields": sorted(names),
            }
        )

    return app


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        *((status, "POST", "GET") for status in (301, 302, 303)),
        *((status, "POST", "POST") for status in (307, 308)),
        *((status, "PUT", "PUT") for status in (301, 302, 307, 308)),
        (303, "PUT", "GET"),
        (302, "GET", "GET"),
    ],
)
@in_loop
async def test_methods(status: int, method: str, then: str) -> None:
    async with TestClient(application(), auth=("a", "b")) as client:
        options = {} if method == "GET" else {"json": 1}
        response = await client.request(
            method, f"/go/{status}", headers={"X-Own": "1"}, follow_redirects=True, **options
        )
        again = then != "GET"
        assert await response.json() == {
            "method": then,
            "body": "1" if again else "",
            "cookie": str(status),
            "fields": ["authorization", *(["content-length", "content-type"] if again else []), "x-own"],
        }
        assert (response.method, response.url.path) == (then, "/end")
        assert [(one.status, one.url.path) for one in response.history] == [(status, f"/go/{status}")]


@in_loop
async def test_head_stays_head() -> None:
    async with TestClient(application(), follow_redirects=True) as client:
        assert (await client.head("/go/303")).method == "HEAD"


@pytest.mark.parametrize(
    ("to", "path"), [("./302?to=/end", "/end"), ("http://testserver/end", "/end"), ("//testserver/end", "/end")]
)
@in_loop
async def test_references(to: str, path: str) -> None:
    async with TestClient(application()) as client:
        response = await client.get("/go/302", params={"to": to}, follow_redirects=True)
        assert (response.status, response.url.path) == (200, path)


@in_loop
async def test_what_is_not_followed() -> None:
    async with TestClient(application(), follow_redirects=True) as client:
        for to in ("https://testserver/end", "http://elsewhere/end", "mailto:a@b"):
            response = await client.get("/go/302", params={"to": to})
            assert (response.status, response.history) == (302, ())
        assert (await client.get("/go/304")).status == 304
        assert (await client.get("/go/302", follow_redirects=False)).status == 302
    async with TestClient(application()) as client:
        assert (await client.get("/go/302")).status == 302


@in_loop
async def test_a_circle_ends() -> None:
    async with TestClient(application(), follow_redirects=True) as client:
        with pytest.raises(
            RuntimeError, match=r"expected at most 20 redirects, got one more: curl http://testserver/round"
        ):
            await client.get("/round")


@in_loop
async def test_an_iterable_body_cannot_be_sent_again() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"1"

    async with TestClient(application(), follow_redirects=True) as client:
        with pytest.raises(
            RuntimeError, match="expected a body of bytes to send it again after a 307, got an iterable"
        ):
            await client.post("/go/307", body=body())
        assert (await client.post("/go/303", body=body())).ok
