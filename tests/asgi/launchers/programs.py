"""The programs that test_launchers.py starts."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from sketch import Application, JSONResponse, Response, StreamResponse, WebSocket, run_app
from sketch.request import Request


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


app = Application()
failing = Application()
exiting = Application()


@app.on_startup
async def started() -> None:
    log("started")


@app.on_cleanup
async def cleaned() -> None:
    log("cleaned up")


@app.route("/")
async def hello(request: Request) -> Response:
    return Response(f"hello {request.scheme}")


@app.route("/until-stopped")
async def until_stopped(request: Request) -> Response:
    async def chunks() -> Any:
        yield b"begun"
        await app.stopping.wait()
        yield b" ended"

    return StreamResponse(chunks())


@app.route("/endless")
async def endless(request: Request) -> Response:
    async def chunks() -> Any:
        try:
            yield b"begun"
            await asyncio.Event().wait()
        finally:
            log("stream closed")

    return StreamResponse(chunks())


@app.post("/unread-stream")
async def unread_stream(request: Request) -> Response:
    return StreamResponse([b"a", b"b"])


@app.route("/seen", methods=["GET", "POST"])
async def seen(request: Request) -> Response:
    size = len(await request.read())
    fields = {"Connection": "close", "Keep-Alive": "timeout=5"}
    return JSONResponse([request.http_version, str(request.url), dict(request.cookies), size], headers=fields)


@app.websocket("/session")
async def session(ws: WebSocket) -> None:
    await ws.send("open")


@failing.on_startup
async def fail() -> None:
    raise ValueError("no database")


@exiting.on_startup
def leave() -> None:
    sys.exit("no database")


@failing.on_cleanup
@exiting.on_cleanup
async def cleaned_after_failure() -> None:
    log("cleaned up")


if __name__ == "__main__":
    options = dict(pair.split("=", 1) for pair in sys.argv[2:])
    timeout = float(options.pop("shutdown_timeout", "5"))
    port = int(options.pop("port", "0"))
    run_app(sys.argv[1], port=port, shutdown_timeout=timeout, **options)
