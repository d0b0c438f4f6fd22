"""Requests without a server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sketch import Application, HTTPContentTooLarge, Limits, Request, Response
from sketch.testing import make_request
from sketch.transport import ClientDisconnected
from tests.support.requests import in_loop


@in_loop
async def test_the_arguments_of_the_client() -> None:
    request = make_request(
        "POST",
        "/orders/7?a=1",
        params={"b": 2},
        headers={"X-A": 1},
        cookies={"k": "v"},
        auth=("ada", "secret"),
        json={"item": "tea"},
        match_info={"id": 7},
        base_url="https://shop.example",
        client=("192.0.2.1", 1),
    )
    assert (request.method, request.path, dict(request.query)) == ("POST", "/orders/7", {"a": "1", "b": "2"})
    assert str(request.url) == "https://shop.example/orders/7?a=1&b=2"
    assert (request.headers["X-A"], request.cookies["k"]) == ("1", "v")
    assert request.headers["Authorization"].startswith("Basic ")
    assert (request.content_type, request.content_length) == ("application/json", 14)
    assert await request.json() == {"item": "tea"}
    assert request.match_info == {"id": 7}
    assert request.client == ("192.0.2.1", 1)
    assert request.has_body


@in_loop
async def test_a_plain_one() -> None:
    request = make_request()
    assert (request.method, str(request.url), request.has_body) == ("GET", "http://testserver/", False)
    assert await request.read() == b""
    assert isinstance(request.app, Application)
    assert request.route is None


@in_loop
async def test_forms_and_uploads() -> None:
    request = make_request("POST", "/", data={"a": "1"}, files={"f": ("f.txt", "text")})
    form = await request.form()
    assert form["a"] == "1"
    assert await form["f"].read() == b"text"  # type: ignore[union-attr]


@in_loop
async def test_a_body_in_chunks_and_one_that_is_cut() -> None:
    async def body(cut: bool) -> AsyncIterator[bytes]:
        yield b"one"
        yield b""
        yield b"two"
        if cut:
            raise ClientDisconnected

    assert [chunk async for chunk in make_request("PUT", body=body(False)).stream()] == [b"one", b"two"]
    with pytest.raises(ClientDisconnected):
        await make_request("PUT", body=body(True)).read()


@in_loop
async def test_the_limits_of_an_application() -> None:
    app = Application(limits=Limits(body=3))
    request = make_request("POST", "/", body=b"four", app=app)
    assert request.app is app
    with pytest.raises(HTTPContentTooLarge):
        await request.read()


@in_loop
async def test_a_function_that_takes_one() -> None:
    async def greet(request: Request) -> Response:
        return Response(f"hello {request.query['name']}")

    response = await greet(make_request(path="/?name=ada"))
    assert response.status == 200


@pytest.mark.parametrize(
    "options", [{"json": 1, "data": {}}, {"headers": {"X": None}}, {"data": 7}, {"params": [1]}, {"files": 7}]
)
def test_mistakes(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="expected"):
        make_request("POST", "/", **options)
