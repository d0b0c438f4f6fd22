"""The programs that test_launchers.py starts."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from typing import Any

from sketch import Application, JSONResponse, Response, StreamResponse, WebSocket, run_app
from sketch.request import Request


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


app = Application()
failing = Application()
exiting = Application()
waiting = Application()


@app.on_startup
async def started() -> None:
    log("started")


@app.on_cleanup
async def cleaned() -> None:
    log("cleaned up")


@app.route("/")
async def hello(request: Request) -> Response:
    return Response(f"hello {request.scheme}")


@app.route("/variables")
async def variables(request: Request) -> Response:
    return JSONResponse(sorted(name for name in os.environ if name.startswith("LISTEN_")))


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


@waiting.on_startup
async def wait() -> None:
    log("waiting")
    await asyncio.Event().wait()


@exiting.on_startup
def leave() -> None:
    sys.exit("no database")


@failing.on_cleanup
@exiting.on_cleanup
async def cleaned_after_failure() -> None:
    log("cleaned up")


taking = Application()


@taking.on_startup
def take_the_port() -> None:
    """What another server may do while the hooks run."""
    log("started")
    global taken
    taken = socket.create_server(("127.0.0.1", int(os.environ["PORT_TO_TAKE"])))


@taking.on_shutdown
def told_after_failure() -> None:
    log("told")


@taking.on_cleanup
async def cleaned_after_all() -> None:
    await asyncio.sleep(0)
    log("cleaned up")


if __name__ == "__main__":
    options: dict[str, Any] = dict(pair.split("=", 1) for pair in sys.argv[2:])
    options["shutdown_timeout"] = float(options.get("shutdown_timeout", "5"))
    options["keep_alive_drain"] = 0.1
    if "bind" in options:
        options["bind"] = options["bind"].split(",")
    elif "LISTEN_FDS" not in os.environ:
        options["port"] = int(options.get("port", "0"))
    if "uds_mode" in options:
        options["uds_mode"] = int(options["uds_mode"], 8)
    run_app(sys.argv[1], **options)
