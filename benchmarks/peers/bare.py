"""A bare ASGI function on uvicorn, or another server: the least that a framework on uvicorn can cost."""

from __future__ import annotations

from typing import Any

import orjson

from benchmarks.peers.serving import COMMANDS, by_command, on_server
from benchmarks.work import CHUNK, CHUNKS, DATA, TEXT, Variant

PLAIN = (b"content-type", b"text/plain; charset=utf-8")
JSON = (b"content-type", b"application/json")


async def answer(send: Any, content_type: tuple[bytes, bytes], body: bytes) -> None:
    headers = [content_type, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await talk(receive, send)
        return
    if scope["type"] != "http":
        await lifespan(receive, send)
        return
    path = scope["path"]
    if path == "/":
        await answer(send, PLAIN, TEXT)
    elif path == "/json":
        await answer(send, JSON, orjson.dumps(DATA))
    elif path.startswith("/user/"):
        await answer(send, PLAIN, path[6:].encode())
    elif path == "/echo":
        await answer(send, JSON, orjson.dumps(orjson.loads(await body(receive))))
    elif path == "/stream":
        await stream(send)
    else:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body"})


async def body(receive: Any) -> bytes:
    found = b""
    more = True
    while more:
        message = await receive()
        found += message.get("body", b"")
        more = message.get("more_body", False)
    return found


async def stream(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(CHUNKS):
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
    await send({"type": "http.response.body"})


async def talk(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] != "websocket.disconnect":
        await send({"type": "websocket.send", "bytes": message["bytes"]})


async def lifespan(receive: Any, send: Any) -> None:
    for name in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{name}.complete"})


def make(variant: Variant) -> Any:
    return app


def serve(variant: Variant, port: int, server: str) -> None:
    if server in COMMANDS:
        by_command(server, "bare", variant, port)
    on_server(app, port, server, variant)
