"""Measures the cost of one ASGI call, without a server: `python -m benchmarks.inprocess NAME` measures one framework.

With `--instructions`, by callgrind, it counts instructions instead.

Each framework has a process of its own. Scope and `receive` are made anew for each call, as a server does; the figures
include that, also the figure of the bare ASGI function.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from time import process_time
from typing import Any

from benchmarks import callgrind
from benchmarks.cases import NETWORK, Case
from benchmarks.contestants import CONTESTANTS, Contestant
from benchmarks.outcome import Result
from benchmarks.settings import ENVIRONMENT, Settings
from benchmarks.work import Variant
from sketch.bench import Answer, BenchError
from sketch.bench.program import run_pinned

CASES = ("text", "path", "echo")
CALLS = 5000
COUNTED = 500
"""Calls whose instructions are counted."""
WARM_UP = 500
UNIT = "microseconds of CPU per ASGI call, without a server"

Message = dict[str, Any]
ASGI = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


# -- all frameworks ---------------------------------------------------------------------------------------------------


def steps(settings: Settings) -> int:
    """The number of progress steps of `run`."""
    return len(_able(settings)) * settings.rounds


def _able(settings: Settings) -> list[Contestant]:
    return [one for one in settings.contestants if one.asgi]


def run(settings: Settings) -> list[Result]:
    """Measure each framework in a process of its own, in turn."""
    results = {
        name: Result(f"inprocess-{name}", f"ASGI call: {NETWORK[name].title}", UNIT) for name in CASES
    }  # fmt: skip
    samples: dict[str, dict[str, list[float]]] = {name: {} for name in CASES}
    skipped: dict[str, str] = {}
    for _ in range(settings.rounds):
        for contestant in _able(settings):
            settings.progress.step(f"in process: {contestant.name}")
            if contestant.name in skipped:
                continue
            try:
                found = _in_child(contestant, settings.cores.server)
            except BenchError as exc:
                settings.skip(skipped, contestant.name, exc)
                continue
            for name, value in found.items():
                samples[name].setdefault(contestant.name, []).append(value)
    for name, result in results.items():
        result.add_samples(samples[name])
        result.skipped = dict(skipped)
    return list(results.values())


def count_steps(settings: Settings) -> int:
    """The number of progress steps of `count`."""
    return len(_able(settings))


def count(settings: Settings) -> list[Result]:
    """Count the instructions of a call in each framework."""
    results = [Result(f"calls-{name}", f"ASGI call: {NETWORK[name].title}", "instructions") for name in CASES]
    for contestant in _able(settings):
        settings.progress.step(f"instructions: {contestant.name}")
        command = [sys.executable, "-m", "benchmarks.inprocess", contestant.name, "--instructions"]
        try:
            counts, _ = callgrind.count(command, settings.cores.server, ENVIRONMENT)
        except BenchError as exc:
            for result in results:
                settings.skip(result.skipped, contestant.name, exc)
            continue
        for result, instructions in zip(results, counts, strict=True):
            result.values[contestant.name] = instructions / COUNTED
    return results


def _in_child(contestant: Contestant, core: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.inprocess", contestant.name]
    output = run_pinned(command, core, timeout=60, environment=ENVIRONMENT)
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


# -- one framework ----------------------------------------------------------------------------------------------------


def make_scope(case: Case) -> Message:
    """The scope that a server makes for the request of a case."""
    path, _, query = case.load.target.partition("?")
    headers = [(b"host", b"127.0.0.1:8000"), (b"user-agent", b"benchmark"), (b"accept", b"*/*")]
    headers += [(name.lower().encode(), value.encode()) for name, value in case.load.headers]
    if case.load.body:
        headers.append((b"content-length", b"%d" % len(case.load.body)))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": case.load.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 4000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }


class Receive:
    """An ASGI `receive`: gives the request's whole body at once, and then waits for ever."""

    __slots__ = ("_body",)

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body

    async def __call__(self) -> Message:
        body, self._body = self._body, None
        if body is None:
            await asyncio.get_running_loop().create_future()
        return {"type": "http.request", "body": body, "more_body": False}


async def calls(app: ASGI, case: Case, count: int) -> float:
    """Call the application `count` times. Returns microseconds of CPU time per call."""
    body = case.load.body

    async def send(message: Message) -> None:
        """Drop the message."""

    begin = process_time()
    for _ in range(count):
        await app(make_scope(case), Receive(body), send)
    return (process_time() - begin) / count * 1e6


async def look(app: ASGI, case: Case) -> Answer:
    """Call the application once. Returns its response."""
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    await app(make_scope(case), Receive(case.load.body), send)
    body = b"".join(bytes(message.get("body", b"")) for message in messages[1:])
    return Answer(messages[0]["status"], "", body)


async def measure(app: ASGI, cases: Mapping[str, Case], *, counted: bool = False) -> dict[str, float]:
    """Start an application, check its response to each case, and measure it: microseconds of CPU time per call.

    Args:
        counted: whether callgrind is around this process, and counts the instructions of `COUNTED` calls of each case.

    Raises:
        BenchError: for a wrong response.
    """
    incoming: asyncio.Queue[Message] = asyncio.Queue()
    outgoing: asyncio.Queue[Message] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
    life = asyncio.ensure_future(app(scope, incoming.get, outgoing.put))
    incoming.put_nowait({"type": "lifespan.startup"})
    started = asyncio.ensure_future(outgoing.get())
    await asyncio.wait([life, started], return_when=asyncio.FIRST_COMPLETED)
    if life.done():
        await life  # raises the reason why the application did not start
    assert (await started)["type"] == "lifespan.startup.complete"
    found = {}
    for name, case in cases.items():
        case.check(await look(app, case))
        await calls(app, case, WARM_UP)
        gc.collect()
        if counted:
            with callgrind.part():
                found[name] = await calls(app, case, COUNTED)
        else:
            found[name] = await calls(app, case, CALLS)
    incoming.put_nowait({"type": "lifespan.shutdown"})
    await life
    return found


def main(name: str, *flags: str) -> None:
    import uvloop

    module = import_module(f"benchmarks.peers.{CONTESTANTS[name].module}")
    cases = {name: NETWORK[name] for name in CASES}
    print(json.dumps(uvloop.run(measure(module.make(Variant()), cases, counted="--instructions" in flags))))


if __name__ == "__main__":
    main(*sys.argv[1:])
