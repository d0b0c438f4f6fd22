"""A bare function for granian's own interface, RSGI."""

from __future__ import annotations

import os
from typing import Any

import orjson

from benchmarks.peers.serving import HOST, certificate
from benchmarks.work import CHUNK, CHUNKS, DATA, Variant

PLAIN = [("content-type", "text/plain; charset=utf-8")]
JSON = [("content-type", "application/json")]
BYTES = [("content-type", "application/octet-stream")]


async def app(scope: Any, protocol: Any) -> None:
    path = scope.path
    if scope.proto == "ws":
        await talk(protocol)
        return
    if path == "/":
        protocol.response_str(200, PLAIN, "Hello, World!")
    elif path == "/json":
        protocol.response_bytes(200, JSON, orjson.dumps(DATA))
    elif path.startswith("/user/"):
        protocol.response_str(200, PLAIN, path[6:])
    elif path == "/echo":
        protocol.response_bytes(200, JSON, orjson.dumps(orjson.loads(await protocol())))
    elif path == "/stream":
        stream = protocol.response_stream(200, [])
        for _ in range(CHUNKS):
            await stream.send_bytes(CHUNK)
    elif path == "/file":
        protocol.response_file(200, BYTES, os.environ["BENCHMARK_FILE"])
    else:
        protocol.response_empty(404, [])


async def talk(protocol: Any) -> None:
    transport = await protocol.accept()
    while (message := await transport.receive()).kind:
        await transport.send_bytes(message.data)


def serve(variant: Variant, port: int, server: str) -> None:
    os.environ["BENCHMARK_FILE"] = variant.file  # the application is imported anew in another process
    from granian import Granian
    from granian.constants import Interfaces, Loops

    certfile, keyfile = certificate(variant) or (None, None)
    Granian(
        "benchmarks.peers.rsgi:app", HOST, port, interface=Interfaces.RSGI, loop=Loops.uvloop, workers=1,
        runtime_threads=1, backlog=2048, log_enabled=False, workers_kill_timeout=1,
        websockets=variant.websockets, ssl_cert=certfile, ssl_key=keyfile,
    ).serve()  # fmt: skip
