"""A user's suite runs unchanged on every transport, by one flag, under both plugins for async tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pytest_asyncio", reason="pytest-asyncio is in the dependency group test")

SUITE = Path(__file__).parent / "suite"
PLUGINS = {
    "pytest-asyncio": [
        "-p",
        "no:anyio",
        "-o",
        "asyncio_mode=auto",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
    ],
    "anyio": ["-p", "no:asyncio", "-o", "anyio_mode=auto"],
}
TRANSPORTS = ("memory", "native", "uvicorn", "hypercorn", "granian")


def run(*arguments: str, cwd: Path = SUITE) -> str:
    """What a pytest of its own prints."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, cwd=cwd, check=False, env=environment)
    return done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("plugin", PLUGINS)
def test_the_suite_on_all_transports(plugin: str) -> None:
    output = run("--sketch-transport=all", "-rA", *PLUGINS[plugin])
    assert "sketch: memory, native, uvicorn, hypercorn, granian\n" in output
    for name in TRANSPORTS:
        assert len(re.findall(rf"^PASSED .*\[{name}\]$", output, re.MULTILINE)) == 21, output
    assert re.search(r"=+ 106 passed in ", output), output


@pytest.mark.parametrize("plugin", PLUGINS)
def test_the_suite_without_a_flag_runs_in_memory(plugin: str) -> None:
    output = run("-rA", *PLUGINS[plugin])
    assert re.search(r"=+ 22 passed in ", output), output
    assert "PASSED test_shop.py::test_text\n" in output
