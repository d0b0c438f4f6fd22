"""The examples do what they say."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import subprocess
import sys
import urllib.request
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from sketch.testing import TestClient
from tests.docs.documents import ROOT
from tests.support.eventstream import EventReader
from tests.support.programs import free_port, script, serving

EXAMPLES = ROOT / "examples"


def load(name: str) -> ModuleType:
    spec = spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_is_tested_and_listed() -> None:
    files = {path.name for path in EXAMPLES.glob("*.py")} | {path.parent.name for path in EXAMPLES.glob("*/README.md")}
    assert [name for name in files if f"test_{name.removesuffix('.py')}" not in globals()] == []
    listed = (EXAMPLES / "README.md").read_text()
    assert [name for name in files if f"({name})" not in listed] == []


def test_hello(tmp_path: Path) -> None:
    port = free_port()
    command = [*script("sketch"), "run", "hello:app", "--port", str(port)]
    with serving(command, port, EXAMPLES, tmp_path / "log") as server:
        with urllib.request.urlopen(f"{server.url}/hello/Ada", timeout=10) as response:
            assert response.read() == b"Hello, Ada!"
        assert server.stop() == 0, server.output


def test_feed() -> None:
    async def run() -> None:
        module = load("feed")
        async with TestClient(module.app) as client:
            assert "EventSource" in await (await client.get("/")).text()
            for text in ("one", "two"):
                assert (await client.post("/feed", body=text.encode())).status == 204
            async with await client.get("/feed") as response:
                reader = EventReader(partial(anext, response.stream(), b""))
                events = [await reader.event(), await reader.event()]
                await client.post("/feed", body=b"three")
                events.append(await reader.event())
            await client.post("/feed", body=b"four")
            async with await client.get("/feed", headers={"Last-Event-ID": reader.parser.last_id}) as response:
                events.append(await EventReader(partial(anext, response.stream(), b"")).event())
            assert [event.data for event in events if event] == ["one", "two", "three", "four"]

    asyncio.run(run())


def test_streaming() -> None:
    async def run() -> None:
        module = load("streaming")
        async with TestClient(module.app) as client:

            async def upload():
                for _ in range(100):
                    yield b"x" * 1000

            response = await client.post("/sha256", body=upload())
            assert await response.json() == {"sha256": hashlib.sha256(b"x" * 100_000).hexdigest()}

            assert await (await client.get("/countdown/2")).text() == "2\n1\nlift-off\n"
            assert module.app.ended == 1

            endless = await client.get("/countdown/1000000")
            lines = endless.stream()
            assert await anext(lines) == b"1000000\n"
            await endless.close()
            assert module.app.ended == 2

            stopped = await client.get("/countdown/1000000")
            await client.shutdown()
            assert (await stopped.text()).endswith("the server stops\n")

    asyncio.run(run())


def test_teashop() -> None:
    async def run() -> None:
        async with TestClient(load("teashop").app, headers={"Accept": "application/json"}) as client:
            document = await (await client.get("/openapi.json")).json()
            assert document["info"]["title"] == "Teashop"
            assert len(document["paths"]) == 11
            assert [tea["name"] for tea in (await (await client.get("/teas?word=Sen")).json())["items"]] == ["Sencha"]
            order = {"tea": "Assam", "grams": 5, "to": {"street": "Ring 1", "city": "Leipzig"}}
            assert (await client.post("/orders", json=order)).status == 401
            placed = await client.post("/orders", json=order, headers={"Authorization": "Bearer leaf"})
            assert (placed.status, (await placed.json())["order"]["tea"]) == (201, "Assam")

    asyncio.run(run())


def test_middlewares() -> None:
    async def run() -> None:
        async with TestClient(load("middlewares").app) as client:
            refused = await client.get("/notes")
            assert refused.status == 403
            assert refused.headers["Server-Timing"].startswith("app;dur=")

            headers = {"Authorization": "Bearer token-of-ada"}
            assert await (await client.get("/notes", headers=headers)).json() == ["invent programming"]

            missing = await client.get("/nothing", headers=headers)
            assert (missing.status, await missing.json()) == (404, {"error": "404 Not Found", "path": "/nothing"})

    asyncio.run(run())


def run_suite(directory: Path, *arguments: str) -> str:
    """What the tests of an example print, in a pytest of their own: it is a project of its own."""
    unused = [
        f"-pno:{name}" for name in ("asyncio", "cacheprovider", "cov", "hypothesispytest", "xdist", "schemathesis")
    ]
    path = [str(directory), str(ROOT), str(ROOT / "adapters"), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *unused, *arguments],
        capture_output=True,
        text=True,
        timeout=1100,
        cwd=directory,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTEST_ADDOPTS": ""},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
def test_blog() -> None:
    output = run_suite(EXAMPLES / "blog", "-k", "not TestStore")  # which takes as long as all others
    assert re.search(r"=+ \d\d passed, \d+ deselected in ", output), output


@pytest.mark.extended
@pytest.mark.long
@pytest.mark.timeout(1200)
def test_blog_on_every_server() -> None:
    output = run_suite(EXAMPLES / "blog", "--sketch-transport=all")
    assert "sketch: memory, native, uvicorn, hypercorn, granian\n" in output
    assert re.search(r"=+ 1\d\d passed in ", output), output
