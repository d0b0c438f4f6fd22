"""A user's suite runs unchanged on every transport, by one flag, under both plugins for async tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pytest_asyncio", reason="pytest-asyncio is in the dependency group test")

pytestmark = pytest.mark.extended

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
TRANSPORTS = {"pytest-asyncio": ("memory", "native", "uvicorn", "hypercorn", "granian"), "anyio": ("memory", "native")}
"""By plugin: it decides how tests are awaited, which no transport changes."""


def run(*arguments: str, cwd: Path = SUITE) -> str:
    """What a pytest of its own prints."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments]
    environment = dict(os.environ)
    if "PYTHONPYCACHEPREFIX" not in environment:  # nothing is left beside the suite
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, cwd=cwd, check=False, env=environment)
    return done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("plugin", PLUGINS)
def test_the_suite_on_several_transports(plugin: str) -> None:
    names = TRANSPORTS[plugin]
    wanted = "all" if plugin == "pytest-asyncio" else ",".join(names)
    output = run(f"--sketch-transport={wanted}", "-rA", *PLUGINS[plugin])
    assert f"sketch: {', '.join(names)}\n" in output
    for name in names:
        assert len(re.findall(rf"^PASSED .*\[{name}\]$", output, re.MULTILINE)) == 13, output
    assert re.search(rf"=+ {13 * len(names) + 1} passed in ", output), output


def test_the_suite_without_a_flag_runs_in_memory() -> None:
    output = run("-rA", *PLUGINS["pytest-asyncio"])
    assert re.search(r"=+ 14 passed in ", output), output
    assert "PASSED test_shop.py::test_reading\n" in output
