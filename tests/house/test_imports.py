"""Importing sketch is cheap and has no surprises; no module imports in a circle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

from tests.house import figures
from tests.house.imports import cycles, graph, imported, sources, without

EXTRAS = (
    "backports.zstd",
    "brotli",
    "granian",
    "h11",
    "hypercorn",
    "msgspec",
    "multipart",
    "orjson",
    "uvicorn",
    "uvloop",
    "watchfiles",
    "websockets",
)
ADAPTERS = (
    "httptools",
    "sketch_asgi",
    "sketch_gateway",
    "sketch_native",
    "sketch_rsgi",
    "sketch.bench",
    "sketch.cli",
    "sketch.demo",
    "sketch.testing",
)


def python(code: str, **environment: str) -> str:
    """Run code in a fresh interpreter; what it prints."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, env=os.environ | environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_loads_no_extra_and_no_adapter() -> None:
    loaded = set(json.loads(python("import sketch, sys, json; print(json.dumps(sorted(sys.modules)))")))
    assert "sketch.application" in loaded
    assert loaded & {*EXTRAS, *ADAPTERS} == set()


@pytest.mark.extended
@pytest.mark.timeout(300)  # two dozen programs, on a busy machine
def test_import_is_faster_than_starlette(tmp_path: Path) -> None:
    # Both with compiled files: an installed package has them, a checkout may not. Without coverage.
    environment = {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "", "COVERAGE_PROCESS_CONFIG": ""}
    timed = "import time; begin = time.process_time(); import {}; print(time.process_time() - begin)"
    names = ("sketch", "starlette.applications")
    taken: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(12):  # interleaved, so that a busy moment hits both
        for name in names:
            taken[name].append(float(python(timed.format(name), **environment)))
    sketch, starlette = (median(taken[name][1:]) for name in names)  # the first run compiled
    assert sketch < starlette, f"expected less than {starlette * 1e3:.0f} ms, took {sketch * 1e3:.0f} ms"


def test_no_module_imports_in_a_circle() -> None:
    edges = graph(deferred=False)
    assert len(edges) > 20
    from_package = [name for name, others in edges.items() if "sketch" in others and name.split(".")[0] == "sketch"]
    assert from_package == [], "expected imports from the defining modules: the package `sketch` stands above them all"
    assert cycles(edges) == []


def test_no_circle_with_deferred_and_type_only_imports() -> None:
    assert figures.typed_circles() == [], (
        "let each of these modules import from lower floors only, for type checkers and in functions, too: describe "
        f"what it needs from above by a Protocol of its own; {figures.ARROWS.name} lists the few imports that may "
        "point upwards"
    )


def test_every_arrow_is_needed_and_has_a_reason() -> None:
    assert figures.needless_arrows() == [], f"remove them from {figures.ARROWS.name}"
    assert [arrow for arrow, reason in figures.arrows().items() if not reason] == []


def test_http_imports_nothing_else_of_sketch() -> None:
    edges = graph(deferred=True, typed=True)
    modules = {name for name in edges if name.startswith("sketch.http.")}
    assert len(modules) > 10
    assert {name: edges[name] - modules for name in modules if edges[name] - modules} == {}


ASYNCIO = {"concurrency", "lifecycle", "streams", "websocket", "channels", "stores", "bench", "demo", "testing"}
ASYNCIO_MODULES = {
    "sketch.middleware.timeout",
    "sketch.observability.checks",
    "sketch.observability.metrics.exposition",
    "sketch.observability.metrics.lag",
    "sketch.serving.loops",
    "sketch.serving.orders",
    "sketch.serving.processes.gathering",
    "sketch.serving.processes.link",
    "sketch.serving.processes.reports",
    "sketch.serving.processes.supervisor",
    "sketch.serving.reload.parent",
    "sketch.serving.rereading",
}
"""The rooms and modules in which time, cancellation and tasks are the matter; no other module imports asyncio."""


def test_asyncio_is_imported_where_tasks_are_the_matter() -> None:
    files = {name: path for name, path in sources().items() if name.split(".")[0] == "sketch"}
    found = {name for name, path in files.items() if "asyncio" in imported(path, {"asyncio"}, deferred=True)}
    assert len(found) > 10
    assert {name for name in found - ASYNCIO_MODULES if name.split(".")[1] not in ASYNCIO} == set()


def test_the_adapters_folder_is_never_imported() -> None:
    files = sources()
    known = {*files, "adapters", *(f"adapters.{name}" for name in files)}
    assert {
        name for name, path in files.items() for one in imported(path, known, deferred=True) if "adapters" in one
    } == set()


def test_cycles_are_found() -> None:
    circle = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}
    assert cycles(circle) == [["a", "b", "c"]]
    assert cycles(without(circle, [("c", "a")])) == []
    assert cycles({"a": {"b"}, "b": set()}) == []


def test_imports_are_found_wherever_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        "import a\nif TYPE_CHECKING:\n    from b import c\ndef function():\n    import d\n    from b import e\n"
    )
    known = {"a", "b", "b.e", "d"}
    assert imported(path, known, deferred=False) == {"a"}
    assert imported(path, known, deferred=True) == {"a", "b.e", "d"}
    assert imported(path, known, deferred=True, typed=True) == {"a", "b", "b.e", "d"}
