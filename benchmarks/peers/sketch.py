"""sketch, on its own server and on others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from benchmarks import realistic
from benchmarks.peers.serving import COMMANDS, HOST, by_command, certificate
from benchmarks.work import CHUNK, CHUNKS, DATA, GIBIBYTE, Variant
from sketch import (
    Application,
    FileResponse,
    JSONResponse,
    Limits,
    Request,
    Response,
    StreamResponse,
    WebSocket,
    WebSocketPolicy,
)


async def text() -> Response:
    return Response("Hello, World!")


async def json() -> Response:
    return JSONResponse(DATA)


async def user(id: str) -> Response:
    return Response(id)


async def echo(request: Request) -> Response:
    return JSONResponse(await request.json())


async def form(request: Request) -> Response:
    fields = await request.form()
    return Response(f"{len(fields)} {fields['file'].size}")


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(CHUNKS):
        yield CHUNK


async def stream() -> Response:
    return StreamResponse(chunks())


async def talk(ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


async def nothing(request: Request, handler: Callable[[Request], Awaitable[Response]]) -> Response:
    return await handler(request)


def make(variant: Variant) -> Application:
    if variant.realistic:
        return realistic.sketch()
    app = Application(json="orjson", middlewares=[nothing] * variant.middlewares, limits=Limits(body=GIBIBYTE))

    @app.get("/file")
    async def file() -> Response:
        return FileResponse(variant.file, content_type="application/octet-stream")

    app.add_get("/", text)
    app.add_get("/json", json)
    app.add_get("/user/{id}", user)
    app.add_post("/echo", echo)
    app.add_post("/form", form)
    app.add_get("/stream", stream)
    if variant.websockets:
        app.add_websocket("/ws", talk, policy=WebSocketPolicy(compression=False))
    for number in range(variant.routes):
        app.add_get(f"/section{number}/{{id}}", user)
    return app


def serve(variant: Variant, port: int, server: str) -> None:
    if server in COMMANDS:
        by_command(server, "sketch", variant, port)
    name, _, loop = server.partition("-")
    files = dict(zip(("ssl_certfile", "ssl_keyfile"), certificate(variant), strict=False))
    make(variant).run(
        host=HOST, port=port, server=name, loop=loop or "uvloop", access_log=variant.realistic,
        log_level="info" if variant.realistic else "error", shutdown_timeout=1, **files,
    )  # fmt: skip
