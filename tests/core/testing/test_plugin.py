"""The pytest plugin."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sketch import Application
from sketch.testing import plugin
from tests.support.requests import in_loop

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


def test_transports_that_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "find_spec", lambda name: None if name == "granian" else name)
    assert plugin._choose("all") == ("memory", "native", "uvicorn", "hypercorn")
    assert plugin._choose("uvicorn, memory,uvicorn") == ("uvicorn", "memory")
    assert plugin._choose(None) is None
    with pytest.raises(pytest.UsageError, match=r"granian is not installed: pip install 'sketch-web\[granian\]'"):
        plugin._choose("memory,granian")


@in_loop
async def test_all_clients_are_stopped_though_one_fails() -> None:
    """The error of the first one is raised, with a note of the others."""
    stopped: list[str] = []

    def application(name: str, *, fails: bool) -> Application:
        app = Application()

        @app.on_cleanup
        async def stop() -> None:
            stopped.append(name)
            if fails:
                raise LookupError(name)

        return app

    clients = [plugin.FixtureClient(application(name, fails=name != "b")) for name in "abc"]
    for client in clients:
        assert await client is client
        assert await client is client, "a second await does not start it again"
    errors = await plugin._stop(clients)
    assert stopped == ["c", "b", "a"]
    assert await plugin._stop(clients) == []
    with pytest.raises(LookupError, match="c") as raised:
        plugin._raise_first(errors)
    assert raised.value.__notes__ == ["another client could not be stopped: LookupError('a')"]
