"""The same application for each server: `python -m tests.comparison.apps NAME PORT` serves it.

It answers every request with what it has seen, as JSON, and `/stream` with a stream.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

HOST = "127.0.0.1"
METHODS = ("GET", "POST", "QUERY")


def saw(path: str, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """What the application saw, as JSON; call it after the body is read."""
    return json.dumps({"path": path, "headers": dict(headers), "body": body.decode("latin-1")}).encode()


def serve_sketch(port: int) -> None:
    from sketch import Application, Request, Response, StreamResponse, run_app

    app = Application()

    @app.get("/stream")
    async def stream() -> Response:
        return StreamResponse(parts())

    @app.route("/", "/{rest:path}", methods=METHODS)
    async def echo(request: Request) -> Response:
        body = await request.read()
        fields = [(name.lower(), value) for name, value in request.headers.items()]
        return Response(saw(request.path, fields, body), content_type="application/json")

    # What no text parameter matches: its 404 would be no answer to the question.
    @app.error_handler(404)
    async def undecodable(request: Request, exc: Exception) -> Response:
        return Response(saw(request.path, [], b""))

    run_app(app, HOST, port, access_log=False)


async def parts() -> AsyncIterator[bytes]:
    for part in (b"one", b"two"):
        yield part


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """A bare ASGI function: what is compared is the server, not a framework."""
    if scope["type"] == "lifespan":
        for name in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{name}.complete"})
        return
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message.get("body", b""), message.get("more_body", False)
    if scope["path"] == "/stream":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        async for part in parts():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return
    fields = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    answer = saw(scope["path"], fields, body)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def serve_aiohttp(port: int) -> None:
    from aiohttp import web

    async def echo(request: web.Request) -> web.StreamResponse:
        if request.path == "/stream":
            response = web.StreamResponse()
            await response.prepare(request)
            async for part in parts():
                await response.write(part)
            await response.write_eof()
            return response
        body = await request.read()
        fields = [(name.lower(), value) for name, value in request.headers.items()]
        return web.Response(body=saw(request.path, fields, body), content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", echo)
    web.run_app(app, host=HOST, port=port, print=None)


def serve_sanic(port: int) -> None:
    from sanic import Request, Sanic
    from sanic.response import raw

    app = Sanic("comparison")

    async def echo(request: Request, rest: str = "") -> Any:
        fields = [(name.lower(), value) for name, value in request.headers.items()]
        return raw(saw(request.path, fields, request.body), content_type="application/json")

    async def stream(request: Request) -> None:
        response = await request.respond(content_type="text/plain")
        async for part in parts():
            await response.send(part)
        await response.eof()

    app.add_route(stream, "/stream")
    app.add_route(echo, "/", methods=("GET", "POST"), name="root")
    app.add_route(echo, "/<rest:path>", methods=("GET", "POST"))
    app.run(HOST, port, single_process=True, access_log=False, motd=False)


def command(*words: str) -> Callable[[int], None]:
    """A server's own command line, in place of this process."""

    def serve(port: int) -> None:
        line = [word.replace("PORT", str(port)) for word in words]
        os.execv(sys.executable, [sys.executable, "-m", *line, "tests.comparison.apps:asgi"])

    return serve


SERVERS: dict[str, tuple[Callable[[int], None], tuple[str, ...]]] = {
    "sketch": (serve_sketch, ("httptools",)),
    "aiohttp": (serve_aiohttp, ("aiohttp",)),
    "uvicorn, httptools": (command("uvicorn", "--http", "httptools", "--port", "PORT"), ("uvicorn", "httptools")),
    "uvicorn, h11": (command("uvicorn", "--http", "h11", "--port", "PORT"), ("uvicorn", "h11")),
    "hypercorn": (command("hypercorn", "--bind", f"{HOST}:PORT"), ("hypercorn", "h11")),
    "granian": (command("granian", "--interface", "asgi", "--port", "PORT"), ("granian",)),
    "sanic": (serve_sanic, ("sanic", "httptools")),
}
"""By name: how to serve, and the packages to name with their versions."""


if __name__ == "__main__":
    SERVERS[sys.argv[1]][0](int(sys.argv[2]))
