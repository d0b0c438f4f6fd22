"""Django, a WSGI application, Litestar and Quart: served natively, and mounted in a sketch application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import pytest
from a2wsgi import WSGIMiddleware

from tests.asgi.hosting import litestar_app
from tests.asgi.hosting.serving import MODES, hosting
from tests.support.frames import TEXT, Close, Refused, close_frame, frame, shake
from tests.support.native import until
from tests.support.scripts import in_loop

pytestmark = pytest.mark.parametrize("mode", MODES)

FORM = [("Content-Type", "application/x-www-form-urlencoded")]


# -- Django -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def django_app() -> Any:
    """Django's settings are global to the process: configured once, without a database."""
    import django
    from django.conf import settings
    from django.core.asgi import get_asgi_application

    settings.configure(
        ROOT_URLCONF="tests.asgi.hosting.django_urls",
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="of a test",
        USE_TZ=True,
        MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.gzip.GZipMiddleware"],
        LOGGING_CONFIG=None,
    )
    django.setup()
    return get_asgi_application()


@in_loop
async def test_django(mode: str, django_app: Any) -> None:
    from tests.asgi.hosting import django_urls

    async with hosting(django_app, mode) as client:
        assert (await client.get("/async/7/?q=1")).json() == {
            "id": 7, "query": {"q": ["1"]}, "path": f"{client.prefix}/async/7/", "script": client.prefix, "user": "",
        }  # fmt: skip
        reply = await client.request("POST", "/sync/", FORM, b"a=1&b=x+y")
        assert (reply.status, reply.body) == (201, b"{'a': '1', 'b': 'x y'}")
        assert len(reply.all("set-cookie")) == 2
        reply = await client.get("/async/8?q=1")
        assert (reply.status, reply.header("location")) == (301, f"{client.prefix}/async/8/?q=1")
        assert (await client.get("/stream/")).body == b"one,two,three"
        assert (await client.request("POST", "/upload/", body=b"x" * 300_000)).body == b"300000"
        assert (await client.get("/nowhere/")).status == 404
        assert (await client.request("HEAD", "/async/7/")).status == 200
        async with client.connect() as wire:
            await wire.send(client.head("GET", "/slow/"))
            await until(lambda: "begun" in django_urls.notes, "the view")
        await until(lambda: "cancelled" in django_urls.notes, "the end of the view")
        async with client.connect() as wire:
            with pytest.raises(Refused) as caught:
                await shake(wire, client.prefix + "/async/7/")
            assert caught.value.reply.status == 500  # Django itself knows no websockets, and raises
    django_urls.notes.clear()


# -- WSGI -------------------------------------------------------------------------------------------------------------


def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    seen = {name: environ[name] for name in ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING")}
    start_response("200 OK", [("Content-Type", "application/json"), ("X-Two", "1"), ("X-Two", "2")])
    yield json.dumps(seen).encode()
    yield b"\n"
    yield body


@in_loop
async def test_wsgi(mode: str) -> None:
    async with hosting(WSGIMiddleware(wsgi), mode) as client:
        reply = await client.request("POST", "/a%20b?q=1", body=b"x" * 100_000)
        head, _, body = reply.body.partition(b"\n")
        assert json.loads(head) == {
            "REQUEST_METHOD": "POST", "SCRIPT_NAME": client.prefix, "PATH_INFO": "/a b", "QUERY_STRING": "q=1",
        }  # fmt: skip
        assert body == b"x" * 100_000
        assert reply.all("x-two") == ["1", "2"]
        reply = await client.request("HEAD")
        assert (reply.status, reply.body) == (200, b"")


# -- Litestar ---------------------------------------------------------------------------------------------------------


@in_loop
async def test_litestar(mode: str) -> None:
    notes: list[str] = []
    async with hosting(litestar_app.make_app(notes), mode) as client:
        assert notes == ["started"]
        assert (await client.get("/items/7?q=x")).json() == {"number": 7, "q": "x"}
        assert (await client.get("/items/seven")).status == 404
        reply = await client.request("POST", "/items", [("Content-Type", "application/json")], b'{"a": 1}')
        assert (reply.status, reply.json()) == (201, {"a": 2})
        assert (await client.get("/stream")).body == b"one,two"
        assert (await client.get("/background")).body == b"now"
        await until(lambda: "later" in notes, "the background task")
        async with client.connect() as wire:
            socket = await shake(wire, client.prefix + "/ws")
            await socket.send(frame(TEXT, b"hello"))
            assert await socket.receive() == "HELLO"
            assert await socket.receive() == Close(4000)
            await socket.send(close_frame(4000))


# -- Quart ------------------------------------------------------------------------------------------------------------


def make_quart(notes: list[str]) -> Any:
    from quart import Quart, request, websocket

    app = Quart("quart_sample")

    @app.get("/items/<int:number>")
    async def item(number: int) -> dict[str, Any]:
        return {"number": number, "q": request.args.get("q"), "root": request.root_path}

    @app.post("/form")
    async def form() -> dict[str, str]:
        return (await request.form).to_dict()

    @app.get("/stream")
    async def stream() -> Any:
        async def parts() -> AsyncIterator[bytes]:
            for part in (b"one,", b"two"):
                yield part

        return parts()

    @app.get("/background")
    async def background() -> str:
        async def later() -> None:
            await asyncio.sleep(0.01)
            notes.append("later")

        app.add_background_task(later)
        return "now"

    @app.websocket("/ws")
    async def talk() -> None:
        await websocket.send((await websocket.receive()).upper())

    @app.before_serving
    async def started() -> None:
        notes.append("started")

    return app


@in_loop
async def test_quart(mode: str) -> None:
    notes: list[str] = []
    async with hosting(make_quart(notes), mode) as client:
        assert notes == ["started"]
        assert (await client.get("/items/7?q=x")).json() == {"number": 7, "q": "x", "root": client.prefix}
        assert (await client.get("/items/seven")).status == 404
        assert (await client.request("POST", "/form", FORM, b"a=1&b=x+y")).json() == {"a": "1", "b": "x y"}
        assert (await client.get("/stream")).body == b"one,two"
        assert (await client.get("/background")).body == b"now"
        async with client.connect() as wire:
            socket = await shake(wire, client.prefix + "/ws")
            await socket.send(frame(TEXT, b"hello"))
            assert await socket.receive() == "HELLO"
            await socket.closed(1000)
    assert notes == ["started", "later"]
