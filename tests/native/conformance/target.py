"""The application that is attacked: `python -m tests.native.conformance.target PORT LOOP FOLDER [--short]`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

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
    run_app,
)
from sketch_native import ServerLimits

FILE = bytes((i * 31 + (i >> 8) * 7) & 0xFF for i in range(1 << 20))
BIG_CHUNK = b"\xaa" * 65536
BIG = 800 * len(BIG_CHUNK)
HOSTILE = {
    "ok": ("x-inject", "fine"),
    "crlf": ("x-inject", "a\r\nInjected: 1"),
    "lf": ("x-inject", "a\nInjected: 1"),
    "cr": ("x-inject", "a\rInjected: 1"),
    "nul": ("x-inject", "a\0Injected: 1"),
    "name": ("x-a: b\r\nInjected", "1"),
    "crlfcrlf": ("x-inject", "a\r\n\r\nInjected: 1"),
}

PATIENT = ServerLimits(header_timeout=5, keep_alive_timeout=5)
SHORT = ServerLimits(header_timeout=2, keep_alive_timeout=2)
BODY_TIMEOUT, SHORT_BODY_TIMEOUT = 8.0, 1.0


async def root(request: Request) -> Response:
    return Response("ok")


async def stream(request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for n in range(3):
            yield b"part%d\n" % n
            await asyncio.sleep(0.01)

    return StreamResponse(parts(), content_type="text/plain")


async def echo(request: Request) -> Response:
    return Response(await request.read(), content_type=request.headers.get("content-type", "application/octet-stream"))


async def headers(request: Request) -> Response:
    return JSONResponse([[name.lower(), value] for name, value in request.headers.items()])


async def inspect(request: Request) -> Response:
    return JSONResponse({
        "method": request.method,
        "path": request.path,
        "query": request.query_string,
        "http_version": request.http_version,
    })  # fmt: skip


async def slow(request: Request) -> Response:
    await asyncio.sleep(float(request.query.get("s", "0")))
    return Response("slow")


async def error(request: Request) -> Response:
    raise RuntimeError("on purpose")


async def error_mid(request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"first\n"
        await asyncio.sleep(0.05)
        raise RuntimeError("on purpose, in the middle")

    return StreamResponse(parts(), content_type="text/plain")


async def method(request: Request) -> Response:
    return Response("method")


async def nocontent(request: Request) -> Response:
    return Response(status=204)


async def nocontent_body(request: Request) -> Response:
    return Response(b"unexpected", status=204)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def too_short(request: Request) -> Response:
    return StreamResponse(_once(b"short"), headers={"Content-Length": "10"}, content_type="text/plain")


async def too_long(request: Request) -> Response:
    return StreamResponse(_once(b"hello-and-more"), headers={"Content-Length": "5"}, content_type="text/plain")


async def inject(request: Request) -> Response:
    name, value = HOSTILE[request.query["k"]]
    return Response("inject", headers={name: value})


async def cookies(request: Request) -> Response:
    response = Response("cookies")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


async def big(request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(BIG // len(BIG_CHUNK)):
            yield BIG_CHUNK

    return StreamResponse(parts())


async def noread(request: Request) -> Response:
    return Response("noread")


async def limited(request: Request) -> Response:
    return Response(str(len(await request.read())))


async def ws(ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


def make_app(folder: Path, body_timeout: float) -> Application:
    app = Application(limits=Limits(body=1 << 30, body_timeout=body_timeout))
    path = folder / f"file-{os.getpid()}"
    path.write_bytes(FILE)
    os.utime(path, (1_700_000_000, 1_700_000_000))

    async def file(request: Request) -> Response:
        return FileResponse(path)

    for handler in (root, stream, headers, inspect, slow, error, file, method, nocontent, cookies, big, inject):
        app.add_get("/" if handler is root else f"/{handler.__name__}", handler)
    for handler in (echo, noread):
        app.add_post(f"/{handler.__name__}", handler)
    app.add_get("/error-mid", error_mid)
    app.add_get("/nocontent-body", nocontent_body)
    app.add_get("/clshort", too_short)
    app.add_get("/cllong", too_long)
    app.post("/limited", limits=Limits(body=65536))(limited)
    app.add_websocket("/ws", ws, policy=WebSocketPolicy(max_message=16 << 20))
    return app


def main() -> int:
    port, loop, folder, *short = sys.argv[1:]
    limits, body_timeout = (SHORT, SHORT_BODY_TIMEOUT) if short else (PATIENT, BODY_TIMEOUT)
    app = make_app(Path(folder), body_timeout)
    return run_app(
        app,
        port=int(port),
        loop=loop,
        access_log=False,
        shutdown_timeout=15,
        log_level="critical",
        server_limits=limits,
    )


if __name__ == "__main__":
    sys.exit(main())
