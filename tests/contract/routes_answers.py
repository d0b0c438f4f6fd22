"""Routes that answer: statuses, headers, errors, streams and files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from sketch import (
    Application,
    FileResponse,
    HTMLResponse,
    HTTPForbidden,
    HTTPFound,
    HTTPNotFound,
    JSONResponse,
    Limits,
    RedirectResponse,
    Request,
    Response,
    StreamResponse,
    json_response,
)

CHUNK = b"x" * 65536

SHARED_RESPONSE = Response("shared")
SHARED_ERROR = HTTPForbidden("shared", headers={"X-Shared": "yes"})


class Teapot(Exception):
    """Answered by the exception hook."""


def add_plain(app: Application) -> None:  # noqa: C901  # a list of routes, nothing else
    @app.get("/")
    async def index() -> Response:
        return Response("hello")

    @app.get("/get")
    async def only_get() -> Response:
        return Response("got it")

    @app.get("/same")
    async def same_get() -> Response:
        return Response("get")

    @app.post("/same")
    async def same_post() -> Response:
        return Response("post")

    @app.get("/html")
    async def html() -> Response:
        return HTMLResponse("<p>é</p>")

    @app.get("/json")
    async def json() -> Response:
        return json_response({"ok": True, "text": "é"})

    @app.get("/own-date")
    async def own_date() -> Response:
        return Response("old", headers={"Date": "Thu, 01 Jan 1970 00:00:00 GMT", "Server": "mine"})

    @app.get("/status/{code:int}")
    async def status(code: int) -> Response:
        return Response("body", status=code)

    @app.get("/shared/response")
    async def shared_response() -> Response:
        return SHARED_RESPONSE

    @app.get("/shared/error")
    async def shared_error() -> Response:
        raise SHARED_ERROR

    @app.get("/journal/{name}")
    async def journal(name: str) -> Response:
        return JSONResponse(app.journal.entries[name])

    @app.get("/journal/{name}/{entry}")
    async def journal_wait(name: str, entry: str) -> Response:
        return JSONResponse(await app.journal.wait(name, entry))

    @app.post("/journal/{entry}")
    async def journal_write(request: Request, entry: str) -> Response:
        app.journal.write(request, entry)
        return Response(status=204)


def add_errors(app: Application) -> None:
    @app.get("/boom")
    async def boom() -> Response:
        raise RuntimeError("secret <b>detail</b>")

    @app.get("/none")
    async def none() -> Any:
        return None

    @app.get("/dict")
    async def dictionary() -> Any:
        return {"no": "magic"}

    @app.get("/teapot")
    async def teapot() -> Response:
        raise Teapot

    @app.get("/teapot/broken")
    async def broken_teapot() -> Response:
        raise Teapot("break the hook")

    @app.get("/forbidden/raised")
    async def raised() -> Response:
        raise HTTPForbidden("no entry", headers={"X-Why": "because"})

    @app.get("/forbidden/returned")
    async def returned() -> Any:
        return HTTPForbidden("no entry", headers={"X-Why": "because"})

    @app.get("/error-without-reason")
    async def without_reason() -> Response:
        raise HTTPNotFound

    @app.get("/found")
    async def found() -> Response:
        raise HTTPFound("/a b?c=d%20e")

    @app.get("/redirect")
    async def redirect(request: Request) -> Response:
        return RedirectResponse(request.query["to"])

    @app.get("/length-lie")
    async def length_lie() -> Response:
        return Response("four", headers={"Content-Length": "400"})


def add_headers(app: Application) -> None:
    @app.get("/headers/duplicate")
    async def duplicate() -> Response:
        response = Response("x", headers=[("X-Tag", "one"), ("X-Tag", "two")])
        response.set_cookie("a", "1")
        response.set_cookie("b", "2", httponly=True, max_age=60)
        return response

    @app.get("/headers/latin1")
    async def latin1() -> Response:
        return Response("x", headers={"X-Name": "caf\xe9"})

    @app.get("/headers/inject")
    async def inject(request: Request) -> Response:
        where, evil = request.query["where"], request.query["evil"]
        response = Response("x")
        if where == "name":
            response.headers[f"X{evil}"] = "x"
        elif where == "value":
            response.headers["X-A"] = f"b{evil}Set-Cookie: x=1"
        elif where == "content-type":
            response.content_type = f"text/plain{evil}Set-Cookie: x=1"
        elif where == "cookie":
            response.set_cookie("a", f"b{evil}Set-Cookie: x=1")
        elif where == "location":
            return RedirectResponse(f"/b{evil}Set-Cookie: x=1")
        return response

    @app.get("/cookies/set")
    async def set_cookies() -> Response:
        response = Response("x")
        response.set_cookie("session", "abc", httponly=True, secure=True, samesite="strict")
        response.delete_cookie("old")
        response.set_cookie("dated", "1", expires=datetime(2030, 1, 1, tzinfo=UTC), samesite=None)
        return response


def add_streams(app: Application) -> None:  # noqa: C901  # a list of routes, nothing else
    @app.get("/stream/{count:int}")
    async def stream(count: int) -> Response:
        async def body() -> AsyncIterator[bytes]:
            for number in range(count):
                yield f"chunk {number}\n".encode()
                yield b""

        return StreamResponse(body(), content_type="text/plain")

    @app.get("/stream/sync")
    async def stream_sync() -> Response:
        return StreamResponse(iter([b"a", b"b", b"c"]))

    @app.get("/stream/sized")
    async def stream_sized() -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b"ab"
            yield b"cd"

        return StreamResponse(body(), headers={"Content-Length": "4"})

    @app.get("/stream/short")
    async def stream_short() -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b"ab"

        return StreamResponse(body(), headers={"Content-Length": "4"})

    @app.get("/stream/broken")
    async def stream_broken() -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b"one chunk"
            raise RuntimeError("secret halfway")

        return StreamResponse(body())

    @app.get("/stream/endless")
    async def endless(request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            task = asyncio.current_task()
            try:
                while True:
                    app.journal.write(request, "chunk")
                    yield CHUNK
            finally:
                same = asyncio.current_task() is task
                app.journal.write(request, "closed in its task" if same else "closed in another task")

        return StreamResponse(body())

    app.router.add_route("GET", "/stream/endless/in-time", endless, limits=Limits(write_timeout=0.2))

    @app.get("/stream/idle")
    async def idle(request: Request) -> Response:
        """One chunk, then nothing for ever: an event source without events."""

        async def body() -> AsyncIterator[bytes]:
            try:
                yield b"first"
                await asyncio.Event().wait()
            finally:
                app.journal.write(request, "closed")

        return StreamResponse(body())

    @app.get("/stream/until-stopping")
    async def until_stopping() -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b"begin "
            await app.stopping.wait()
            yield b"end"

        return StreamResponse(body())

    @app.get("/file")
    async def file(request: Request) -> Response:
        return FileResponse(request.query["path"])
