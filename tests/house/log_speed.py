"""What a line of the access log adds to a plain request on the native protocol: a program, as tests/house/speed.py is.

    python -m tests.house.log_speed             # print what it adds, over the request without it
    python -m tests.house.log_speed --counted   # the part whose instructions callgrind counts

The share of the thread that writes the lines is in it. Where there is valgrind, instructions are counted; elsewhere it
is CPU time, in rounds in which each takes its turn.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from time import process_time

from benchmarks import callgrind
from sketch.observability import access_lines, logs
from sketch.serving.options import ServeOptions
from sketch_native.server import Server
from tests.house.speed import Measured, hello, native_calls

KINDS = ("off", "text", "json")
ROUNDS = 11
CALLS = 1280
COUNTED = 256
"""Fewer than are written at once under load, where the thread wakes once for all of them."""


@asynccontextmanager
async def prepared(calls: int) -> AsyncIterator[dict[str, Measured]]:
    """The requests without a line, with one of text, with one of JSON."""
    logging.getLogger("sketch").setLevel("INFO")
    async with AsyncExitStack() as stack:
        found = {}
        for kind in KINDS:
            logs.show("text" if kind == "off" else kind)
            server = Server(hello(), ServeOptions(port=0, access_log=kind != "off"))
            await server.start()
            stack.push_async_callback(server.stop)
            stack.callback(server.connections.clear)  # no peer can end them
            found[kind] = native_calls(server, calls)
        yield found


async def times() -> dict[str, float]:
    """The CPU time that a line adds, over that of the request; the median of all rounds."""
    taken: dict[str, list[float]] = {kind: [] for kind in KINDS}
    async with prepared(CALLS) as measured:
        for number in range(-2, ROUNDS):
            for kind, run in measured.items():
                gc.collect()
                begin = process_time()
                await run()
                logs.flush()
                if number >= 0:
                    taken[kind].append(process_time() - begin)
    rounds = [(text / off - 1, json_ / off - 1) for off, text, json_ in zip(*taken.values(), strict=True)]
    text, json_ = (median(values) for values in zip(*rounds, strict=True))
    return {"text": round(text, 3), "json": round(json_, 3)}


async def counted() -> None:
    access_lines.WINDOW = 1e6  # under valgrind a millisecond is over after one request
    async with prepared(COUNTED) as measured:
        for run in measured.values():
            await run()
            gc.collect()
            with callgrind.part():
                await run()
                logs.flush()


def instructions() -> dict[str, float]:
    """The instructions that a line adds, over those of the request."""
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    (off, text, json_), _ = callgrind.count(
        [sys.executable, "-m", "tests.house.log_speed", "--counted"], None, environment
    )
    return {"text": round(text / off - 1, 3), "json": round(json_ / off - 1, 3)}


def main() -> None:
    printed = sys.stdout
    if "--counted" not in sys.argv and "--times" not in sys.argv:
        print("instructions", json.dumps(instructions()) if callgrind.available() else "not counted")
    with Path(os.devnull).open("w") as nowhere:
        sys.stderr = nowhere
        if "--counted" in sys.argv:
            asyncio.run(counted())
        else:
            print(json.dumps(asyncio.run(times())), file=printed)
        logs.flush()
        sys.stderr = sys.__stderr__  # type: ignore[assignment]


if __name__ == "__main__":
    main()
