"""socketify: Python handlers on a server in C++ (uWebSockets). Its `sendfile` ends the process under load."""

from __future__ import annotations

import signal
from typing import Any

import orjson
from socketify import App, AppListenOptions

from benchmarks.peers.serving import HOST
from benchmarks.work import CHUNK, CHUNKS, DATA, Variant


def text(res: Any, req: Any) -> None:
    res.write_header("Content-Type", "text/plain; charset=utf-8").end("Hello, World!")


def json(res: Any, req: Any) -> None:
    res.write_header("Content-Type", "application/json").end(orjson.dumps(DATA))


def user(res: Any, req: Any) -> None:
    res.write_header("Content-Type", "text/plain; charset=utf-8").end(req.get_parameter(0))


def echo(res: Any, req: Any) -> None:
    # `await res.get_data()` breaks off connections under load; this is the other documented way.
    body = bytearray()

    def on_data(res: Any, chunk: bytes | None, is_end: bool) -> None:
        body.extend(chunk or b"")
        if is_end:
            res.write_header("Content-Type", "application/json").end(orjson.dumps(orjson.loads(bytes(body))))

    res.on_data(on_data)


def stream(res: Any, req: Any) -> None:
    for _ in range(CHUNKS):
        res.write(CHUNK)
    res.end_without_body()


def make(variant: Variant) -> App:
    app = App()
    app.get("/", text)
    app.get("/json", json)
    app.get("/user/:id", user)
    app.post("/echo", echo)
    app.get("/stream", stream)
    for number in range(variant.routes):
        app.get(f"/section{number}/:id", user)
    return app


def serve(variant: Variant, port: int, server: str) -> None:
    app = make(variant)
    app.listen(AppListenOptions(port=port, host=HOST), lambda _: None)
    signal.signal(signal.SIGTERM, lambda *_: app.close())
    app.run()
