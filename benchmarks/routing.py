"""Measures what it costs to find one of many routes, in sketch and in other routers: `python -m benchmarks.routing`.

Only the router's own look-up is measured, without request, handler and server around it. Half of the routes are plain
text, half end in a parameter. The look-ups ask for the routes in the middle, with a new parameter value each time, and
for paths that no route has.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from statistics import median
from time import process_time
from typing import Any

from sketch.bench import Cores
from sketch.bench.program import run_pinned

COUNTS = (10, 100, 1000, 10_000)
LOOKUPS = ("text", "parameter", "unknown")
ROUNDS = 5
SECONDS = 0.2
"""CPU time for which each figure is measured; a single look-up may take longer."""

VARIETY = 4096
"""Number of parameter values that are used in turn: more than caches by path keep."""

Find = Callable[[str], Any]


async def handler(request: Any = None, id: Any = "") -> None:
    """Never called."""


def paths(count: int) -> list[str]:
    """The templates, with `{id}` for a parameter."""
    return [f"/text{i}/list" if i % 2 else f"/parameter{i}/{{id}}" for i in range(count)]


def asked(count: int, lookup: str) -> list[str]:
    """The paths to look up."""
    middle = count // 2 - (count // 2) % 2
    if lookup == "text":
        return [f"/text{middle + 1}/list"] * VARIETY
    beginning = f"/parameter{middle}" if lookup == "parameter" else "/nowhere/at/all"
    return [f"{beginning}/{value}" for value in range(VARIETY)]


# -- the routers ------------------------------------------------------------------------------------------------------


def sketch(count: int) -> Find:
    from sketch.routing import NoRoute, Router

    router = Router()
    for path in paths(count):
        router.add_get(path, handler)
    router.freeze()

    def find(path: str) -> Any:
        try:
            return router.find("GET", path, None)[0].template
        except NoRoute:
            return None

    return find


def aiohttp(count: int) -> Find:
    from aiohttp.test_utils import make_mocked_request
    from aiohttp.web import Application, HTTPException, UrlMappingMatchInfo

    app = Application()
    for path in paths(count):
        app.router.add_get(path, handler)
    app.freeze()
    paths_asked = {path for lookup in LOOKUPS for path in asked(count, lookup)}
    requests = {path: make_mocked_request("GET", path) for path in paths_asked}

    def find(path: str) -> Awaitable[Any]:
        return app.router.resolve(requests[path])

    def template(found: UrlMappingMatchInfo) -> Any:
        return None if isinstance(found.http_exception, HTTPException) else found.route.resource.canonical  # type: ignore[union-attr]

    find.template = template  # type: ignore[attr-defined]
    return find


def starlette(count: int) -> Find:
    from starlette.routing import Match, Route

    routes = [Route(path, handler, methods=["GET"]) for path in paths(count)]

    def find(path: str) -> Any:
        scope = {"type": "http", "method": "GET", "path": path, "root_path": ""}
        for route in routes:  # as starlette's Router does
            match, _ = route.matches(scope)
            if match is Match.FULL:
                return route.path
        return None

    return find


def falcon(count: int) -> Find:
    from falcon.routing import CompiledRouter

    class Resource:
        def on_get(self, request: Any, response: Any, id: str = "") -> None: ...

    router = CompiledRouter()
    for path in paths(count):
        router.add_route(path, Resource())

    def find(path: str) -> Any:
        found = router.find(path)
        return None if found is None else found[3]

    return find


def blacksheep(count: int) -> Find:
    from blacksheep import Router

    router = Router()
    for path in paths(count):
        router.add_get(path, handler)
    router.apply_routes()

    def find(path: str) -> Any:
        found = router.get_match_by_method_and_path("GET", path)
        return None if found is None else found.pattern.decode()

    return find


ROUTERS: dict[str, Callable[[int], Find]] = {
    router.__name__: router for router in (sketch, aiohttp, starlette, falcon, blacksheep)
}


# -- measuring --------------------------------------------------------------------------------------------------------


async def measure(name: str, count: int) -> dict[str, float]:
    """Measure a router with that many routes: microseconds of CPU time by look-up. A wrong answer is an error."""
    find = ROUTERS[name](count)
    figures = {}
    for lookup in LOOKUPS:
        given = asked(count, lookup)
        template = given[0].rpartition("/")[0] + "/{id}" if lookup == "parameter" else given[0]
        await _check(find, given[0], None if lookup == "unknown" else template)
        figures[lookup] = await _time(find, given)
    return figures


async def _check(find: Find, path: str, expected: str | None) -> None:
    found = find(path)
    found = find.template(await found) if hasattr(find, "template") else found
    if found != expected:
        raise SystemExit(f"error: expected {expected!r} for {path}, got {found!r}")


async def _time(find: Find, given: list[str]) -> float:
    waits = hasattr(find, "template")
    calls, taken = 0, 0.0
    while taken < SECONDS:
        batch = [given[(calls + i) % VARIETY] for i in range(min(VARIETY, max(16, calls)))]
        begin = process_time()
        if waits:
            for path in batch:
                await find(path)
        else:
            for path in batch:
                find(path)
        taken += process_time() - begin
        calls += len(batch)
    return taken / calls * 1e6


def table(figures: dict[str, dict[int, dict[str, float]]]) -> str:
    """The figures as a table in Markdown, one row per router and kind of look-up."""
    head = ["look-up", "router", *(f"{count:,} routes" for count in COUNTS), "growth"]
    lines = [" | ".join(head), " | ".join(["---", "---", *["---:"] * (len(COUNTS) + 1)])]
    for lookup in LOOKUPS:
        for name, counts in figures.items():
            row = [counts[count][lookup] for count in COUNTS]
            cells = [f"{value:,.2f}" if value < 100 else f"{value:,.0f}" for value in row]
            lines.append(" | ".join([lookup, name, *cells, f"{row[-1] / row[0]:,.1f} x"]))
    return "\n".join(f"| {line} |" for line in lines)


def main() -> None:
    """Measure all routers in turn, each in a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.routing", description=__doc__.split("\n")[0])
    parser.add_argument("--only", action="append", choices=ROUTERS, help="a router; repeatable")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"the median counts (default: {ROUNDS})")
    parser.add_argument("--child", nargs=2, metavar=("NAME", "COUNT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(asyncio.run(measure(given.child[0], int(given.child[1])))))
        return
    core = Cores.choose().server
    samples: dict[tuple[str, int, str], list[float]] = {}
    for _ in range(given.rounds):
        for count in COUNTS:
            for name in given.only or ROUTERS:
                command = [sys.executable, "-m", "benchmarks.routing", "--child", name, str(count)]
                found = json.loads(run_pinned(command, core, timeout=60).splitlines()[-1])
                for lookup, value in found.items():
                    samples.setdefault((name, count, lookup), []).append(value)
    print(
        table(
            {
                name: {c: {kind: median(samples[name, c, kind]) for kind in LOOKUPS} for c in COUNTS}
                for name in given.only or ROUTERS
            }
        )
    )


if __name__ == "__main__":
    main()
