"""Counts the instructions that a native request costs: `python -m benchmarks.instructions`, with valgrind installed.

A count repeats to within a few per mille where times do not, on a busy machine or another one, too. It is of user code
alone: bytes go into the protocol, answers into a transport in memory, and the kernel has no part in it. Start, imports
and the first requests are not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks import callgrind, inprocess
from benchmarks.cases import BROWSER
from benchmarks.outcome import Result
from benchmarks.settings import ENVIRONMENT, Settings
from sketch import Application, Request, Response, TextResponse, json_response
from sketch.bench import BenchError
from sketch.serving.loops import loop_factory
from sketch.serving.options import ServeOptions
from sketch_native.protocol import HTTPProtocol
from sketch_native.server import Server

LOOPS = ("uvloop", "asyncio")
REQUESTS = 2048
"""N: a multiple of `CONNECTIONS`."""
CONNECTIONS = 64
ROTATING = 16
"""How many different requests each connection repeats in the case `rotating`."""
WARM_UP = 4
"""Requests of each connection before those that are counted."""
UNIT = "instructions"


# -- the requests -----------------------------------------------------------------------------------------------------


def _raw(line: str, fields: Sequence[tuple[str, str]] = (), body: bytes = b"") -> bytes:
    lines = [f"{line} HTTP/1.1", "Host: 127.0.0.1:8000", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _browser(number: int) -> bytes:
    """The request of a browser; others have another browser, another session, and come from another page."""
    changed = {
        "User-Agent": f"{BROWSER[0][1]}{number}",
        "Cookie": f"session={number:020x}; theme=dark; consent=1",
    }
    fields = [(name, changed.get(name, value)) for name, value in BROWSER]
    return _raw("GET /", [field for field in fields if field[0] != "Upgrade-Insecure-Requests"] + [
        ("Referer", f"http://127.0.0.1:8000/page/{number}")
    ])  # fmt: skip


_ITEM = b'{"name":"tea","price":2.5,"tags":["hot","green"]}'

CASES: dict[str, list[bytes]] = {
    "plain": [_raw("GET /", [("User-Agent", "guard"), ("Accept", "*/*")])],
    "headers": [_browser(0)],
    "rotating": [_browser(number) for number in range(ROTATING)],
    "echo": [
        _raw(
            "POST /echo",
            [("User-Agent", "guard"), ("Content-Type", "application/json"), ("Content-Length", str(len(_ITEM)))],
            _ITEM,
        )
    ],
}
"""What a connection sends in turn, over and over: three fields; ten fields of a browser; the same with another user
each time; JSON that comes back."""


TITLES = {"plain": "plain text", "headers": "ten browser headers", "rotating": "ten headers, 16 users"} | {
    "echo": "JSON echo (POST)"
}


def make_app() -> Application:
    """The application that answers them."""
    app = Application()

    @app.get("/")
    async def index() -> Response:
        return TextResponse("Hello, World!")

    @app.post("/echo")
    async def echo(request: Request) -> Response:
        return json_response(await request.json())

    return app


# -- the program that is counted --------------------------------------------------------------------------------------


class MemoryTransport(asyncio.Transport):
    """A transport without a peer, which counts the answers."""

    answers = 0

    def write(self, data: Any) -> None:
        """Count a whole answer."""
        self.answers += data.startswith(b"HTTP/1.1 200 OK\r\n")

    def is_closing(self) -> bool:
        """Never."""
        return False

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0


async def serve(requests: Sequence[bytes], count: int) -> None:
    """Serve that many requests on some connections: a part of this process that callgrind counts.

    Raises:
        BenchError: if not each was answered with 200.
    """
    server = Server(make_app(), ServeOptions(port=0, access_log=False))
    await server.start()
    server._timer.cancel()  # how often deadlines are checked depends on the time, and under valgrind all takes long
    protocols = [HTTPProtocol(server) for _ in range(CONNECTIONS)]
    transports = [MemoryTransport({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)}) for _ in protocols]
    for protocol, transport in zip(protocols, transports, strict=True):
        protocol.connection_made(transport)

    async def ask(times: int) -> None:
        for number in range(times):
            raw = requests[number % len(requests)]
            for protocol in protocols:
                protocol.data_received(raw)
            await asyncio.sleep(0)  # the tasks of the exchanges run here

    await ask(WARM_UP)
    with callgrind.part():
        await ask(count // CONNECTIONS)
    answers, expected = sum(transport.answers for transport in transports), count + WARM_UP * CONNECTIONS
    if answers != expected:
        raise BenchError(f"expected {expected} answers, got {answers}")
    server.connections.clear()  # no peer can end them
    await server.stop()


# -- counting ---------------------------------------------------------------------------------------------------------


def count_all(
    cases: Sequence[str] = tuple(CASES), loop: str = LOOPS[0], requests: int = REQUESTS, core: int | None = None
) -> dict[str, int]:
    """Count each case in one process. Returns instructions per request.

    Args:
        cases: their names.
        loop: the event loop.
        requests: how many of each case are counted, a multiple of `CONNECTIONS`.
        core: where the process runs; None leaves that to the system.

    Raises:
        BenchError: if valgrind or the program fails.
    """
    command = [sys.executable, "-m", "benchmarks.instructions", *cases, "--loop", loop, "--serve", str(requests)]
    counts, _ = callgrind.count(command, core, ENVIRONMENT)
    return {name: count // requests for name, count in zip(cases, counts, strict=True)}


def steps(settings: Settings) -> int:
    """The number of progress steps of `run`."""
    return 1 + inprocess.count_steps(settings)


def run(settings: Settings) -> list[Result]:
    """Count a request to the native server, and an ASGI call of each framework, for the benchmarks."""
    results = {name: Result(f"instructions-{name}", f"native: {TITLES[name]}", UNIT) for name in CASES}
    settings.progress.step("instructions: native")
    try:
        found = count_all(core=settings.cores.server)
    except BenchError as exc:
        for result in results.values():
            settings.skip(result.skipped, "sketch", exc)
    else:
        for name, result in results.items():
            result.values["sketch"] = found[name]
    return [*results.values(), *inprocess.count(settings)]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--loop", choices=LOOPS, default=LOOPS[0])
    parser.add_argument("--json", action="store_true", help="print one object instead of lines")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    cases = given.cases or list(CASES)
    if unknown := set(cases) - set(CASES):
        parser.error(f"expected cases of {', '.join(CASES)}, got {', '.join(sorted(unknown))}")
    if given.serve:
        for case in cases:
            with asyncio.Runner(loop_factory=loop_factory(given.loop)) as runner:
                runner.run(serve(CASES[case], given.serve))
    elif not callgrind.available():
        parser.exit(1, "instructions cannot be counted here: that takes valgrind and an x86-64 processor\n")
    else:
        found = count_all(cases, given.loop)
        lines = [f"{case:10} {count:>8,} instructions per request on {given.loop}" for case, count in found.items()]
        print(json.dumps(found) if given.json else "\n".join(lines))


if __name__ == "__main__":
    main()
