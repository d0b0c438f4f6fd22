"""How many bare function calls a request costs: a program, because a test runner's coverage would be measured as well.

    python -m tests.house.speed             # print the ratios of this Python, of instructions and of CPU time
    python -m tests.house.speed --record    # and keep them in speed.json, for the test
    python -m tests.house.speed --slow      # with a careless change to the hot path, which the test must notice

Instructions are counted by valgrind, where it is there: they repeat to within a per mille, on a busy machine, too. They
depend on how Python was built, so they are compared only on a build like that of the record.

Elsewhere it is CPU time: one process, rounds in which each takes its turn, the median of the rounds' ratios. What a
busy machine does to one of them, it does to the others.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import platform
import sys
import sysconfig
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from benchmarks import callgrind
from sketch.application import Application
from sketch.pipeline.pipeline import Pipeline
from sketch.request import BaseRequest
from sketch.response import Response
from sketch.serving.options import ServeOptions
from sketch_asgi.hosting import served as hosted
from sketch_native.protocol import HTTPProtocol
from sketch_native.server import Server

RECORD = Path(__file__).with_name("speed.json")
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
_OPTIMISED = "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS"))
BUILD = f"{platform.python_version()}, {platform.python_compiler()}{', by profile' * _OPTIMISED}"
"""The build of this Python: on another one, the same code takes other instructions."""
KINDS = ("asgi", "native", "hosted")
LOGGED = ("text", "json")
"""Forms of the access log."""
ROUNDS = 15
CALLS = 640
COUNTED = 64
"""Calls whose instructions are counted: a multiple of `CONNECTIONS`, as `CALLS` is."""
CONNECTIONS = 64
WARM_UP = 4
"""Rounds before the one that is counted: a connection knows the head that it gets again, as in the rounds of times."""
HEAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: guard\r\nAccept: */*\r\n\r\n"

Message = dict[str, Any]
Measured = Callable[[], Awaitable[None]]


def scope() -> Message:
    """What an ASGI server makes for each request."""
    return {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": "/", "raw_path": b"/", "query_string": b"", "root_path": "",
        "headers": [(b"host", b"127.0.0.1:8000"), (b"user-agent", b"guard"), (b"accept", b"*/*")],
        "client": ("127.0.0.1", 4000), "server": ("127.0.0.1", 8000), "state": {},
    }  # fmt: skip


async def receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


class Sent:
    """Counts the answers that are complete."""

    count = 0

    async def __call__(self, message: Message) -> None:
        self.count += message.get("body") == b"ok"


async def bare(scope: Message, receive: Any, send: Any) -> None:
    """A bare ASGI function: the least that an answer costs."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


def asgi_calls(app: Any, calls: int) -> Measured:
    async def run() -> None:
        sent = Sent()
        for _ in range(calls):
            await app(scope(), receive, sent)
        assert sent.count == calls

    return run


class MemoryTransport(asyncio.Transport):
    """A transport without a peer."""

    written = 0

    def write(self, data: Any) -> None:
        self.written += data.startswith(b"HTTP/1.1 200") and data.endswith(b"\r\n\r\nok")

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


def native_calls(server: Server, calls: int) -> Measured:
    protocols = [HTTPProtocol(server) for _ in range(CONNECTIONS)]
    transports = [MemoryTransport({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)}) for _ in protocols]
    for protocol, transport in zip(protocols, transports, strict=True):
        protocol.connection_made(transport)

    async def run() -> None:
        before = sum(transport.written for transport in transports)
        for _ in range(calls // CONNECTIONS):
            for protocol in protocols:
                protocol.data_received(HEAD)
            await asyncio.sleep(0)  # the handlers' tasks run here
        assert sum(transport.written for transport in transports) - before == calls

    return run


async def index() -> Response:
    return Response("ok")


@asynccontextmanager
async def started(app: Application) -> AsyncIterator[None]:
    """Start and stop it as an ASGI server does."""
    incoming: asyncio.Queue[Message] = asyncio.Queue()
    outgoing: asyncio.Queue[Message] = asyncio.Queue()
    life = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, incoming.get, outgoing.put))
    for name in ("startup", "shutdown"):
        incoming.put_nowait({"type": f"lifespan.{name}"})
        assert await outgoing.get() == {"type": f"lifespan.{name}.complete"}
        if name == "startup":
            yield
    await life


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[Server]:
    """A native server; only its protocol is used."""
    server = Server(app, ServeOptions(port=0, access_log=False))
    await server.start()
    yield server
    server.connections.clear()  # no peer can end them
    await server.stop()


def hello() -> Application:
    app = Application()
    app.add_get("/", index)
    return app


@asynccontextmanager
async def prepared(calls: int) -> AsyncIterator[dict[str, Measured]]:
    """What is measured: the bare function, an ASGI call, a request on the native protocol, and one to the bare function
    itself there."""
    app = hello()
    async with started(app), serving(hello()) as server, serving(bare) as host:
        yield {
            "bare": asgi_calls(bare, calls), "asgi": asgi_calls(app, calls), "native": native_calls(server, calls),
            "hosted": native_calls(host, calls),
        }  # fmt: skip


async def ratios() -> dict[str, float]:
    """CPU time over that of the bare function."""
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    async with prepared(CALLS) as measured:
        for number in range(-2, ROUNDS):  # two to warm up
            taken = {name: await _cpu_time(run) for name, run in measured.items()}
            if number >= 0:
                for name, values in found.items():
                    values.append(taken[name] / taken["bare"])
    return {name: round(median(values), 2) for name, values in found.items()}


async def _cpu_time(run: Measured) -> float:
    gc.collect()
    begin = process_time()
    await run()
    return process_time() - begin


async def counted() -> None:
    """Run each once more after it is warm: a part of this process that callgrind counts."""
    async with prepared(COUNTED) as measured:
        for run in measured.values():
            for _ in range(WARM_UP):
                await run()
            gc.collect()
            with callgrind.part():
                await run()


def instructions() -> dict[str, dict[str, float]]:
    """Instructions over those of the bare function: of the code as it is, and with the careless change.

    `access log` are those that a line of it adds to a request, over that without one: see `log_speed`.
    """
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    counts, _ = callgrind.count([sys.executable, "-m", "tests.house.speed", "--counted"], None, environment)
    size = len(KINDS) + 1
    off, *logged = counts[size:-size]
    found = {
        name: {kind: round(count / bare, 2) for kind, count in zip(KINDS, counts, strict=True)}
        for name, (bare, *counts) in (("as it is", counts[:size]), ("careless", counts[-size:]))
    }
    found["access log"] = {kind: round(count / off - 1, 3) for kind, count in zip(LOGGED, logged, strict=True)}
    return found


def make_careless() -> None:
    """Read the headers and the URL of every request, which defeats their lazy parsing."""
    handle, http_scope = Pipeline.handle, hosted.http_scope

    def look(request: BaseRequest) -> None:
        _ = request.headers, request.url, request.query, request.cookies

    async def looking(self: Pipeline, request: BaseRequest) -> Response:
        request.app = self._request_app  # its limits say how much of a query is read
        look(request)
        return await handle(self, request)

    def looking_scope(request: BaseRequest, state: Message, **options: bool) -> Message:
        look(request)
        return http_scope(request, state, **options)

    Pipeline.handle = looking  # type: ignore[method-assign]
    hosted.http_scope = looking_scope


def main() -> None:
    if "--counted" in sys.argv:
        from tests.house import log_speed  # it needs this module

        asyncio.run(counted())
        asyncio.run(log_speed.counted())
        make_careless()
        asyncio.run(counted())
        return
    found: dict[str, Any] = {}
    if callgrind.available() and "--slow" not in sys.argv and "--times" not in sys.argv:
        found = {"build": BUILD, "instructions": instructions()["as it is"]}
    if "--slow" in sys.argv:
        make_careless()
    found["times"] = asyncio.run(ratios())
    print(json.dumps(found))
    if "--record" in sys.argv:
        known = json.loads(RECORD.read_text()) if RECORD.exists() else {}
        RECORD.write_text(json.dumps({**known, VERSION: found}, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
