"""Every module of the core has its test module: tests/core mirrors sketch/."""

from __future__ import annotations

from pathlib import Path

import pytest

import sketch

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests" / "core"
SOURCE = Path(sketch.__file__).parent

# Modules without a test module of their own, and the test module that covers them.
ELSEWHERE = {
    "__main__": "cli/test_cli.py",  # runs `python -m sketch`
    "bench/errors": "bench/test_program.py",  # one exception class
    "binding/answers/options": "binding/answers/test_answer.py",  # one tuple
    "binding/inputs/body": "binding/inputs/test_find.py",  # inputs are made by `find_input` alone
    "binding/inputs/file_kinds": "binding/inputs/test_find.py",
    "binding/inputs/head": "binding/inputs/test_find.py",
    "binding/inputs/input": "binding/inputs/test_find.py",
    "binding/inputs/path": "binding/inputs/test_find.py",
    "middleware/sessions/signer": "middleware/sessions/test_signing.py",  # `Signing` is its only user
    "openapi/media_types": "openapi/test_responses.py",  # constants only
    "pipeline/contract": "pipeline/test_pipeline.py",  # protocols only
    "serving/contract": "serving/test_registry.py",  # protocols only
    "serving/errors": "serving/test_options.py",  # exception classes only
    "serving/option_checks": "serving/test_options.py",  # the options are its only user
    "testing/client_websocket": "testing/test_websocket.py",  # both ends of a websocket
    "testing/interfaces": "testing/test_client.py",  # protocols only
    "testing/memory": "testing/test_client.py",  # the client of the test is its only user
    "testing/process": "../testkit/test_leaving.py",  # the following start real servers
    "testing/runners": "../testkit/test_leaving.py",
    "testing/server_transport": "../testkit/test_transports.py",
    "testing/servers": "../testkit/test_transports.py",
    "testing/sockets": "../testkit/test_transports.py",
    "testing/store_machine": "testing/test_stores.py",  # the suite is its only user
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
