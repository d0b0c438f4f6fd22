"""What a line of the access log may cost, where instructions cannot be counted: see tests/house/test_speed.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import callgrind
from sketch.serving.options import ServeOptions
from sketch_native.server import Server
from tests.house.log_speed import MOST
from tests.house.speed import hello
from tests.support.requests import in_loop

SLACK = 4 / 3
"""Of CPU times, on a busy machine."""
ATTEMPTS = 3
ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(callgrind.available(), reason="instructions are counted here, which tells more than CPU time")
def test_a_line_takes_little_time() -> None:
    path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": path, "COVERAGE_PROCESS_CONFIG": "", "COVERAGE_PROCESS_START": ""}
    command = [sys.executable, "-m", "tests.house.log_speed"]
    best = dict.fromkeys(MOST, float("inf"))
    for _ in range(ATTEMPTS):
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=50, check=True
        )
        best = {kind: min(best[kind], value) for kind, value in json.loads(done.stdout).items()}
        if all(best[kind] <= MOST[kind] * SLACK for kind in MOST):
            return
    pytest.fail(f"expected at most {MOST} times {SLACK:.2f}, got {best}")


@in_loop
async def test_without_a_log_nothing_is_noted() -> None:
    """No time is taken: the server does not even know when a request began."""
    server = Server(hello(), ServeOptions(port=0, access_log=False))
    await server.start()
    assert (server.watched, server.listened, server.app.watched) == (False, False, False)
    assert server.app.access_log is None
    await server.stop()
