"""The fixtures under the plugins for async tests: modes, fixtures of the user, reports, and what a failure leaves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("pytest_asyncio", reason="pytest-asyncio is in the dependency group test")

from sketch.testing import plugin
from tests.testkit.test_suite import run

pytestmark = pytest.mark.extended

SCOPE = ["-o", "asyncio_default_fixture_loop_scope=function"]
MODES = {
    "asyncio-strict": (["-p", "no:anyio", "-o", "asyncio_mode=strict", *SCOPE], "@pytest.mark.asyncio"),
    "asyncio-auto": (["-p", "no:anyio", "-o", "asyncio_mode=auto", *SCOPE], ""),
    "anyio-marker": (["-p", "no:asyncio"], "@pytest.mark.anyio"),
    "both": (["-o", "asyncio_mode=strict", *SCOPE], "@pytest.mark.anyio"),
}
APP = """
from sketch import Application, Response

LOG = []


def create_app():
    app = Application()
    app.on_cleanup.append(lambda: LOG.append("stopped"))
    app.add_get("/", lambda: Response("hello"))
    return app
"""
CONFTEST = """
import pytest

pytest_plugins = ["sketch.testing.plugin"]


@pytest.fixture
def anyio_backend():
    return "asyncio"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -W error\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "hello.py").write_text(APP)
    return tmp_path


@pytest.mark.parametrize("mode", MODES)
def test_modes(project: Path, mode: str) -> None:
    """Clients within tests, and within async fixtures of the user."""
    options, mark = MODES[mode]
    fixture = "@pytest.fixture" if "anyio" in mark else "@pytest_asyncio.fixture"
    (project / "test_fixtures.py").write_text(
        f"""
import pytest
import pytest_asyncio

from hello import LOG, create_app
from sketch.testing import TestClient


{fixture}
async def client(sketch_client):
    return await sketch_client(create_app())


{fixture}
async def own(sketch_transport):
    async with TestClient(create_app(), transport=sketch_transport) as client:
        yield client


{mark}
async def test_both(client, own):
    assert (await client.get("/")).ok
    assert (await own.get("/")).ok


def test_both_are_stopped():
    assert LOG == ["stopped", "stopped"] * 2
    LOG.clear()
"""
    )
    (project / "test_it.py").write_text(
        f"""
import pytest

from hello import LOG, create_app
from sketch.testing import TestClient


{mark}
async def test_awaited(sketch_client):
    client = await sketch_client(create_app())
    assert await (await client.get("/")).text() == "hello"
    LOG.append("ended")


def test_it_was_stopped():
    assert LOG == ["ended", "stopped"] * 2


class TestInAClass:
    {mark}
    async def test_with(self, sketch_client):
        async with sketch_client("hello:create_app()") as client:
            assert (await client.get("/")).ok


{mark}
async def test_not_awaited(sketch_client):
    with pytest.raises(RuntimeError, match="client = await sketch_client"):
        await sketch_client(create_app()).get("/")


{mark}
async def test_run_is_for_tests_without_a_loop(sketch_run):
    async def nothing():
        pass

    with pytest.raises(RuntimeError, match="use await"):
        sketch_run(nothing())


def test_without_a_loop(sketch_run, sketch_client):
    client = sketch_client(create_app())
    assert sketch_run(client.get("/")).ok
"""
    )
    output = run(*options, "--sketch-transport=memory,native", cwd=project)
    assert "13 passed" in output, output


def test_what_failures_show(project: Path) -> None:
    (project / "test_it.py").write_text(
        """
from hello import create_app


async def test_wrong_answer(sketch_client):
    client = await sketch_client("hello:create_app()")
    await client.get("/", headers={"Authorization": "x" * 20})
    response = await client.post("/orders", json={"item": "tea", "password": "y" * 20})
    assert response.ok


async def test_no_answer(sketch_client):
    app = create_app()
    app.add_get("/bug", lambda: 1 / 0)
    client = await sketch_client(app)
    await client.get("/bug", params={"page": 2})


def test_a_client_within_a_loop(sketch_run, sketch_client):
    async def steps():
        return sketch_client("hello:create_app()")

    sketch_run(steps())
"""
    )
    output = run(*MODES["asyncio-auto"][0], "--sketch-transport=memory,granian", cwd=project)
    assert "6 failed" in output, output
    for name in ("memory", "granian"):
        assert f"requests on {name}" in output
    check_requests_without_secrets(output)
    assert "no answer: curl 'http://testserver/bug?page=2'" in output
    assert "RuntimeError: expected sketch_client outside of an event loop" in output, output


def check_requests_without_secrets(output: str) -> None:
    assert "200 curl http://testserver/ -H 'authorization: ***'" in output
    assert (
        """404 curl http://testserver/orders -H 'content-type: application/json' --data-raw '{"item": "tea", """
        in output
    )
    assert "x" * 20 not in output
    assert "y" * 20 not in output
    assert "where False = <ClientResponse 404: curl http://testserver/orders" in output
    assert "output of granian" in output


def test_nothing_is_left_by_tests_that_fail_or_do_not_run(project: Path) -> None:
    """Nor is anything left by one whose other fixture fails after its client has started."""
    (project / "test_it.py").write_text(
        """
import os
import threading

import pytest
import pytest_asyncio

from sketch.bench.processes import tree


@pytest_asyncio.fixture
async def started(sketch_client):
    return await sketch_client("hello:create_app()")


@pytest.fixture
def broken(started):
    raise ValueError("another fixture")


async def test_fails(sketch_client):
    await sketch_client("hello:create_app()")
    raise ValueError("in the middle")


async def test_does_not_run(started, broken):
    pass


def test_what_is_left():
    assert tree(os.getpid()) == [os.getpid()]
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            thread.join(1)
    assert threading.enumerate() == [threading.main_thread()]
"""
    )
    output = run(*MODES["asyncio-auto"][0], "--sketch-transport=uvicorn,granian", cwd=project)
    assert "2 failed, 1 passed, 2 errors" in output, output


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("nginx", "expected memory, native, uvicorn, hypercorn, granian or all, got 'nginx'"),
        ("", "expected memory, native, uvicorn, hypercorn, granian or all, got ''"),
        ("all,native", "expected all alone, got 'all,native'"),
    ],
)
def test_an_unknown_transport_is_a_usage_error(option: str, message: str) -> None:
    with pytest.raises(pytest.UsageError, match=f"^--sketch-transport: {re.escape(message)}$"):
        plugin._choose(option)


def test_a_usage_error_ends_the_run(project: Path) -> None:
    output = run("--sketch-transport=nginx", *MODES["asyncio-auto"][0], cwd=project)
    assert "ERROR: --sketch-transport: expected memory" in output, output


def test_the_marker_limits_a_test(project: Path) -> None:
    (project / "test_it.py").write_text(
        """
import pytest


@pytest.mark.sketch_transports("memory", "native")
def test_some(sketch_transport):
    assert sketch_transport in ("memory", "native")


@pytest.mark.sketch_transports("uvicorn")
def test_one(sketch_transport):
    assert sketch_transport == "uvicorn"
"""
    )
    plain = [*MODES["asyncio-auto"][0], "-rs"]
    output = run(*plain, cwd=project)
    assert "1 passed, 1 skipped" in output, output
    assert "runs on uvicorn only (--sketch-transport)" in output
    assert "3 passed" in run(*plain, "--sketch-transport=all", cwd=project)


def test_the_marker_needs_names(project: Path) -> None:
    (project / "test_it.py").write_text(
        "import pytest\n\n@pytest.mark.sketch_transports()\ndef test_it(sketch_transport):\n    pass\n"
    )
    output = run(*MODES["asyncio-auto"][0], cwd=project)
    assert "test_it.py::test_it: expected sketch_transports with names, got none" in output


def test_the_plugin_is_not_loaded_by_itself(project: Path) -> None:
    """An entry point would load sketch into every run of pytest, before coverage begins."""
    (project / "conftest.py").write_text("")
    (project / "test_it.py").write_text(
        "import sys\n\ndef test_it():\n    assert not [name for name in sys.modules if name.startswith('sketch.')]\n"
    )
    assert "1 passed" in run(*MODES["asyncio-auto"][0], cwd=project)
