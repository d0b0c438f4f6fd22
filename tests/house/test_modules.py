"""Every module of the core has its test module: tests/core mirrors sketch/."""

from __future__ import annotations

from pathlib import Path

import pytest

import sketch

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests" / "core"
SOURCE = Path(sketch.__file__).parent

# Modules that are tested by what uses them, and where that is.
ELSEWHERE = {
    "__main__": "cli/test_cli.py",
    "bench/backends": "bench/test_command.py",
    "bench/cores": "bench/test_measure.py",
    "bench/ending": "bench/test_program.py",
    "bench/errors": "bench/test_program.py",
    "bench/figures": "bench/test_measure.py",
    "bench/machine": "bench/test_measure.py",
    "bench/probe": "bench/test_load.py",
    "bench/processes": "bench/test_program.py",
    "bench/progress": "bench/test_measure.py",
    "bench/table": "bench/test_command.py",
    "cli/bench": "bench/test_command.py",
    "cli/demo": "cli/test_cli.py",
    "cli/flags": "cli/test_cli.py",
    "cli/run": "cli/test_cli.py",
    "concurrency/cancellation": "middleware/test_disconnect.py",
    "concurrency/tasks": "lifecycle/test_background.py",
    "context_vars": "test_context.py",
    "demo/facts": "demo/test_demo.py",
    "demo/page": "demo/test_demo.py",
    "demo/routes": "demo/test_demo.py",
    "errors/debug/facts": "errors/debug/test_page.py",
    "errors/debug/text": "errors/debug/test_traces.py",
    "errors/handlers": "pipeline/test_boundary.py",
    "files/reading": "concurrency/test_threads.py",
    "files/response": "files/test_opened.py",
    "http/fields": "pipeline/test_finalize.py",
    "http/locations": "test_response.py",
    "http/ranges": "files/test_byteranges.py",
    "http/status": "test_exceptions.py",
    "lifecycle/stopping": "lifecycle/test_background.py",
    "routing/route": "routing/test_router.py",
    "routing/session_handler": "websocket/test_websocket.py",
    "serving/contract": "serving/test_run.py",
    "serving/options": "serving/test_run.py",
    "serving/registry": "serving/test_run.py",
    "testing/channel": "testing/test_answers.py",
    "testing/client": "testing/test_requests.py",
    "testing/cookies": "testing/test_requests.py",
    "testing/encoding": "testing/test_requests.py",
    "testing/lifespan": "testing/test_life.py",
    "testing/response": "testing/test_answers.py",
    "testing/socketpair": "testing/test_websocket.py",
    "testing/transport": "testing/test_answers.py",
    "websocket/close_codes": "websocket/test_websocket.py",
    "websocket/policy": "websocket/test_websocket.py",
    "websocket/response": "websocket/test_websocket.py",
    "websocket/session": "websocket/test_websocket.py",
    "websocket/socket": "websocket/test_websocket.py",
}


def modules() -> list[str]:
    """The modules under sketch/ by their paths, without the packages' own files."""
    paths = (path.relative_to(SOURCE).with_suffix("") for path in SOURCE.rglob("*.py"))
    return sorted(str(path) for path in paths if path.name != "__init__")


def own_tests(module: str) -> Path:
    """Where the tests of a module belong."""
    return TESTS / Path(module).parent / f"test_{Path(module).name}.py"


def test_the_tree_was_found() -> None:
    assert {"application", "request/request", "response", "transport"} <= set(modules())


@pytest.mark.parametrize("module", modules())
def test_module_has_its_tests(module: str) -> None:
    if module in ELSEWHERE:
        assert (TESTS / ELSEWHERE[module]).exists(), f"expected the tests of {module} in tests/core/{ELSEWHERE[module]}"
        assert not own_tests(module).exists(), f"{module} has tests of its own: remove it from ELSEWHERE"
    else:
        assert own_tests(module).exists(), f"expected {own_tests(module).relative_to(ROOT)}"


def test_exceptions_are_needed() -> None:
    assert set(ELSEWHERE) <= set(modules())
