"""What a line of the access log adds to a plain request on the native protocol, the writing thread's share included.

    python -m tests.house.log_speed     # print what it adds in CPU time, over the request without it

Rounds in which each takes its turn, as in tests/house/speed.py, which counts the instructions of this, too.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, redirect_stderr
from pathlib import Path
from statistics import median
from time import process_time

from benchmarks import callgrind
from sketch.observability import access_lines, logs
from sketch.serving.options import ServeOptions
from sketch_native.server import Server
from tests.house.speed import LOGGED, Measured, hello, native_calls

MOST = {"text": 1.5 / 4.0, "json": 3 / 4.0}
"""What a line may add: 1.5 us in text and 3 us in JSON, to a request that takes 4.0 us without it. These are the times
of the machine on which the request takes as long; the quotients are about the same on any other. (A request that costs
4.07 bare functions, by instructions: it took 5.1 us when it cost 5.15.)"""
ROUNDS = 11
CALLS = 1280
COUNTED = 256
"""Fewer than are written at once under load, where the thread wakes once for all of them."""


@contextmanager
def _unseen() -> Iterator[None]:
    """Write stderr nowhere."""
    with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
        yield


@asynccontextmanager
async def prepared(calls: int) -> AsyncIterator[dict[str, Measured]]:
    """The requests without a line, with one of text, with one of JSON."""
    logging.getLogger("sketch").setLevel("INFO")
    async with AsyncExitStack() as stack:
        stack.enter_context(_unseen())
        found = {}
        for kind in ("off", *LOGGED):
            logs.show("text" if kind == "off" else kind)
            server = Server(hello(), ServeOptions(port=0, access_log=kind != "off"))
            await server.start()
            stack.push_async_callback(server.stop)
            stack.callback(server.connections.clear)  # no peer can end them
            found[kind] = native_calls(server, calls)
        yield found
        logs.flush()


async def times() -> dict[str, float]:
    """The CPU time that a line adds, over that of the request; the median of all rounds."""
    added: dict[str, list[float]] = {kind: [] for kind in LOGGED}
    async with prepared(CALLS) as measured:
        for number in range(-2, ROUNDS):
            taken = {}
            for kind, run in measured.items():
                gc.collect()
                begin = process_time()
                await run()
                logs.flush()
                taken[kind] = process_time() - begin
            if number >= 0:
                for kind, values in added.items():
                    values.append(taken[kind] / taken["off"] - 1)
    return {kind: round(median(values), 3) for kind, values in added.items()}


async def counted() -> None:
    """Run each once more after it is warm: a part of this process that callgrind counts."""
    access_lines.WINDOW = 1e6  # under valgrind a millisecond is over after one request
    async with prepared(COUNTED) as measured:
        for run in measured.values():
            await run()
            gc.collect()
            with callgrind.part():
                await run()
                logs.flush()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(times())))
