"""Counts the instructions that a native request costs: `python -m benchmarks.instructions`, with valgrind installed.

A count repeats to within a few per mille where times do not, on a busy machine or another one, too. It is of user code
alone: bytes go into the protocol, answers into a transport in memory, and the kernel has no part in it. What start and
imports cost is taken out: a program that serves 2N requests has N requests more than one that serves N.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.cases import BROWSER
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
LONGEST = 600.0
"""Seconds that one count may take."""

_COLLECTED = re.compile(rb"Collected : (\d+)")


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
    """Serve that many requests on some connections.

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
    for number in range(count // CONNECTIONS):
        raw = requests[number % len(requests)]
        for protocol in protocols:
            protocol.data_received(raw)
        await asyncio.sleep(0)  # the tasks of the exchanges run here
    answers = sum(transport.answers for transport in transports)
    if answers != count:
        raise BenchError(f"expected {count} answers, got {answers}")
    server.connections.clear()  # no peer can end them
    await server.stop()


# -- counting ---------------------------------------------------------------------------------------------------------


def available() -> bool:
    """Whether instructions can be counted here."""
    return shutil.which("valgrind") is not None


def per_request(case: str, loop: str = LOOPS[0], requests: int = REQUESTS) -> int:
    """Count the instructions that one request of a case costs.

    Raises:
        BenchError: if valgrind or the program fails.
    """
    with tempfile.TemporaryDirectory() as compiled:
        environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-m", "benchmarks.instructions", case, "--loop", loop, "--serve"]
        _run([*command, str(CONNECTIONS)], environment)  # compiles all modules, which is not to be counted
        once, twice = (_count([*command, str(requests * times)], environment) for times in (1, 2))
    return (twice - once) // requests


def _count(command: Sequence[str], environment: Mapping[str, str]) -> int:
    output = _run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command], environment)
    found = _COLLECTED.search(output)
    if found is None:
        raise BenchError(f"expected a count by valgrind, got {output[-2000:]!r}")
    return int(found[1])


def _run(command: Sequence[str], environment: Mapping[str, str]) -> bytes:
    done = subprocess.run(command, env=environment, capture_output=True, timeout=LONGEST, check=False)
    if done.returncode:
        raise BenchError(f"expected {command} to succeed, got status {done.returncode}: {done.stderr[-2000:]!r}")
    return done.stderr


def count_all(
    cases: Sequence[str] = tuple(CASES), loop: str = LOOPS[0], told: Callable[[str], None] = print
) -> dict[str, int]:
    """Count each case in turn. Returns instructions per request.

    Args:
        cases: their names.
        loop: the event loop.
        told: gets a line per case.

    Raises:
        BenchError: as `per_request` does.
    """
    found = {}
    for case in cases:
        found[case] = per_request(case, loop)
        told(f"{case:10} {found[case]:>8,} instructions per request on {loop}")
    return found


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
        with asyncio.Runner(loop_factory=loop_factory(given.loop)) as runner:
            runner.run(serve(CASES[cases[0]], given.serve))
    elif not available():
        parser.exit(1, "valgrind is not installed: instructions cannot be counted here\n")
    else:
        found = count_all(cases, given.loop, (lambda _: None) if given.json else print)
        if given.json:
            print(json.dumps(found))


if __name__ == "__main__":
    main()
