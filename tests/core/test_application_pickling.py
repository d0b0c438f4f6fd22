"""An application that is pickled before its start, by cloudpickle, which takes functions by value, as Ray does."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import pytest

from sketch.application import Application
from sketch.binding.sources import Depends
from sketch.jsoncodec import JSONCodec, json_codec
from sketch.keys import AppKey, RequestKey
from sketch.limits import Limits
from sketch.middleware.compression import Compression
from sketch.middleware.content_security_policy import CSP, NONCE
from sketch.middleware.cors import CORS
from sketch.middleware.protection import Protection
from sketch.middleware.proxy_headers import ProxyHeaders
from sketch.middleware.rate_limit import RateLimit
from sketch.middleware.request_id import RequestID
from sketch.middleware.security_headers import SecurityHeaders
from sketch.request import Request
from sketch.response import JSONResponse, Response
from sketch.routing.group import RouteGroup
from sketch.routing.views import View
from sketch.testing import TestClient
from sketch.websocket import WebSocket
from tests.support.requests import in_loop

ROOT = Path(__file__).parents[2]
GREETING = AppKey[str]("greeting")
USER = RequestKey[str]("user")


async def connect(limit: int = 1) -> AsyncIterator[int]:
    yield limit


class Page(View):
    async def get(self) -> Response:
        return Response("page")


async def foreign(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"foreign"})


def make_app(codec: str = "stdlib") -> Application:
    """An application of functions that no other process can import."""
    started = []

    async def middleware(request: Request, handler: Any) -> Response:
        request[USER] = "Ada"
        return await handler(request)

    app = Application(
        "pickled",
        middlewares=[middleware, RateLimit("100/minute")],
        outer_middlewares=[
            CORS(["*"]),
            Compression(),
            RequestID(),
            SecurityHeaders(),
            ProxyHeaders(["10.0.0.0/8"]),
            Protection(["*.example", "testserver"], headers=SecurityHeaders(csp=CSP(script_src=[NONCE]))),
        ],
        limits=Limits(body=1000),
        json=codec,
    )
    app[GREETING] = "hello"

    @app.on_startup
    async def start() -> None:
        started.append(True)

    @app.get("/number/{number:int}")
    async def number(request: Request, number: int) -> Response:
        return JSONResponse([number, request.app is app, request.app[GREETING], request[USER], started])

    @app.get("/def")
    def plain() -> Response:
        return JSONResponse({1})

    @app.error_handler(404)
    def missing(request: Request, exc: Exception) -> Response:
        return Response("missing", status=404)

    @app.websocket("/ws")
    async def talk(ws: WebSocket) -> None:
        await ws.send("talk")

    group, inner = RouteGroup("/group"), Application("inner")
    group.add_get("/in", lambda: Response("group"))
    inner.add_get("/in", lambda: Response("inner"))
    app.add_group(group)
    app.mount("/mount", inner)
    app.mount("/foreign", foreign)
    app.add_route("*", "/page", Page)
    return app


async def ask(app: Application) -> None:
    async with TestClient(app) as client:
        said = [await (await client.get(path)).text() for path in ("/number/5", "/def", "/page", "/group/in", "/none")]
        said += [await (await client.get(path)).text() for path in ("/mount/in", "/foreign/x")]
        assert said == ['[5,true,"hello","Ada",[true]]', "[1]", "page", "group", "missing", "inner", "foreign"]
        async with client.websocket("/ws") as ws:
            assert await ws.receive() == "talk"


def ask_pickled(path: str) -> None:
    """Load and ask an application, in the other process."""
    asyncio.run(ask(pickle.loads(Path(path).read_bytes())))


@pytest.mark.parametrize("codec", ["stdlib", "orjson", "msgspec"])
def test_an_application_runs_in_another_process(codec: str, tmp_path: Path) -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    if codec != "stdlib":
        pytest.importorskip(codec)
    app = make_app(codec)
    (tmp_path / "app").write_bytes(cloudpickle.dumps(app))
    code = "import sys; from tests.core.test_application_pickling import ask_pickled; ask_pickled(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "app")], cwd=ROOT, check=True)
    asyncio.run(ask(app))  # the original is as it was


@in_loop
async def test_typed_handlers() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    msgspec = pytest.importorskip("msgspec")
    app, tea = Application(), msgspec.defstruct("Tea", [("name", str)])

    async def order(pot: Any, number: int, limit: Annotated[int, Depends(connect)]) -> Any:
        assert (number, limit) == (3, 2)
        return pot

    order.__annotations__.update(pot=tea, **{"return": tea})
    app.add_route("POST", "/{number}", order)
    async with TestClient(cloudpickle.loads(cloudpickle.dumps(app))) as client:
        answer = await client.post("/3?limit=2", json={"name": "Assam"})
        assert await answer.json() == {"name": "Assam"}
        assert (await client.post("/3", json={"name": 5})).status == 422


@in_loop
async def test_after_the_start_it_is_refused() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    app = make_app()
    async with TestClient(app):
        with pytest.raises(TypeError, match="expected an application before its start to pickle, got <Application"):
            cloudpickle.dumps(app)


# -- its parts ---------------------------------------------------------------------------------------------------------


def test_a_key_of_a_module_is_found_again() -> None:
    assert pickle.loads(pickle.dumps([GREETING, USER])) == [GREETING, USER]
    local = AppKey[str]("local")
    copies = pickle.loads(pickle.dumps([local, local]))
    assert copies[0] is copies[1]
    assert (type(copies[0]), repr(copies[0])) == (AppKey, "<AppKey local>")


@pytest.mark.parametrize("name", ["stdlib", "orjson", "msgspec"])
def test_a_codec_with_a_name_is_found_again(name: str) -> None:
    if name != "stdlib":
        pytest.importorskip(name)
    copy = pickle.loads(pickle.dumps(json_codec(name)))
    assert copy.loads(copy.dumps({1})) == [1]
    assert type(copy) is type(json_codec(name))
    own = JSONCodec(pickle.dumps, pickle.loads)
    assert pickle.loads(pickle.dumps(own)) == own


@in_loop
async def test_a_pool_of_threads_comes_without_them() -> None:
    app = Application(threads=3)
    await app.threads.run(len, "")
    copy = pickle.loads(pickle.dumps(app.threads))
    assert await copy.run(len, "abc") == 3
    for pool in (copy, app.threads):
        pool.close()
