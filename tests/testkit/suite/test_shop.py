"""Tests that know nothing of the server that they run on."""

import pytest

from sketch.testing import UnexpectedStatus, WebSocketRefused, make_request
from sketch.websocket import WebSocketDisconnected


async def test_reading(shop):
    client = await shop
    response = await client.get("/")
    assert (response.status, await response.text()) == (200, "welcome")
    assert response.headers["x-shop"] == "open"
    assert response.content_type == "text/plain; charset=utf-8"

    response = await client.head("/")
    assert (response.status, await response.read()) == (200, b"")
    assert response.headers["Content-Length"] == "7"

    assert await (await client.get("/items/1")).json() == {"name": "tea", "price": 12.5}

    response = await client.get("/search?q=tea", params={"max": 13, "tag": ["green", "black"]})
    assert await response.json() == [["q", "tea"], ["max", "13"], ["tag", "green"], ["tag", "black"]]
    response = await client.get("?q=cake")
    assert (response.url.path, await response.json()) == ("/search", [["q", "cake"]])


async def test_create_and_read(shop):
    client = await shop
    response = await client.post("/items", json={"name": "cake"})
    assert response.status == 201
    assert await (await client.get(response.headers["Location"])).json() == {"name": "cake"}


async def test_each_test_has_a_new_shop(shop):
    client = await shop
    assert (await client.get("/items/2")).status == 404


async def test_forms_and_uploads(shop, tmp_path):
    client = await shop
    response = await client.post("/order", data={"item": "tea", "note": "très vite"})
    assert await response.json() == {"item": "tea", "note": "très vite"}

    path = tmp_path / "label.png"
    path.write_bytes(b"\x89PNG")
    response = await client.post("/label", files={"label": path})
    assert await response.json() == {"filename": "label.png", "type": "image/png", "size": 4}

    async def body():
        for _ in range(3):
            yield b"x" * 100_000

    assert await (await client.post("/upload", body=body())).json() == 300_000


async def test_login_redirects_with_a_cookie(shop):
    client = await shop
    response = await client.post("/login", data={"name": "ada"}, follow_redirects=True)
    assert (response.status, response.method, response.url.path) == (200, "GET", "/account")
    assert [one.status for one in response.history] == [303]
    assert await response.text() == client.cookies["customer"] == "ada"


async def test_cookies_of_the_test(shop):
    client = await shop
    assert (await client.get("/account")).status == 401
    client.cookies["customer"] = "bob"
    assert await (await client.get("/account")).text() == "bob"


async def test_basic_authentication(shop):
    client = await shop
    assert (await client.get("/admin")).headers["WWW-Authenticate"] == "Basic"
    assert await (await client.get("/admin", auth=("root", "open"))).text() == "secret"


async def test_errors_and_a_bug(shop):
    client = await shop
    assert (await client.get("/nowhere")).status == 404
    assert (await client.post("/search")).status == 405
    response = await client.get("/stock")
    assert (response.status, await response.text()) == (409, "no tea left")
    with pytest.raises(UnexpectedStatus, match="got 409\ncurl http://testserver/stock"):
        response.raise_for_status()

    response = await client.get("/broken")
    assert response.status == 500
    assert "a bug" not in await response.text()


async def test_streams(shop):
    client = await shop
    async with await client.get("/ticks") as response:
        assert await anext(response.stream()) == b"tick 1\n"
    assert await (await client.get("/done/ticks")).text() == "yes"

    response = await client.get("/prices")
    assert [(e.id, e.event, e.data) async for e in response.events()] == [
        ("1", "price", "12.50"),
        ("2", "price", "13.00"),
    ]


async def test_websockets(shop):
    client = await shop
    async with client.websocket("/chat") as ws:
        await ws.send("hello")
        assert await ws.receive_text() == "echo: hello"
        await ws.send("bye")
        with pytest.raises(WebSocketDisconnected):
            await ws.receive()
        assert (ws.close_code, ws.close_reason) == (4000, "see you")

    with pytest.raises(WebSocketRefused) as refused:
        async with client.websocket("/nowhere"):
            pass
    assert refused.value.response.status in (403, 404)


async def test_background_work(shop):
    client = await shop
    assert (await client.post("/post")).status == 202
    assert await (await client.get("/done/post")).text() == "yes"


async def test_the_shop_closes(sketch_client, tmp_path):
    note = tmp_path / "note"
    async with sketch_client("shop:create_app()") as client:
        await client.post("/notes", data=str(note))
        assert not note.exists()
    assert note.read_text() == "closed"


def test_a_test_without_a_loop(sketch_run, shop):
    response = sketch_run(shop.get("/"))
    assert sketch_run(response.text()) == "welcome"


def test_a_request_without_a_server():
    request = make_request("POST", "/items?a=1", json={"name": "tea"})
    assert (request.method, request.path, request.query["a"]) == ("POST", "/items", "1")
