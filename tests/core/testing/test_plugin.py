"""The pytest plugin."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = """
from sketch.application import Application
from sketch.response import Response

LOG = []


def make_app():
    app = Application()
    app.on_cleanup.append(lambda: LOG.append("stopped"))

    async def hello():
        return Response("hello")

    app.router.add_route("GET", "/", hello)
    return app


def test_request(sketch_run, sketch_client):
    client = sketch_client(make_app())
    response = sketch_run(client.get("/"))
    assert sketch_run(response.text()) == "hello"
    assert LOG == []


def test_stopped_afterwards():
    assert LOG == ["stopped"]
"""


def test_the_fixtures_in_a_run_of_their_own(tmp_path: Path) -> None:
    """Without other plugins, with warnings as errors."""
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -W error\n")
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["sketch.testing.plugin"]\n')
    (tmp_path / "test_it.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=50,
        cwd=tmp_path,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
