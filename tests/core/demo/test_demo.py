"""The demo as a program: without any extra, and over HTTP clients that people use."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.programs import Program, free_port, script, serving

# -- without extras ---------------------------------------------------------------------------------------------------


WITHOUT_EXTRAS = """
import importlib.metadata as metadata, importlib.util as util, sys
installed, find_spec = metadata.version, util.find_spec
def version(name):
    if name not in ("sketch-web", "httptools", "multidict", "yarl"):
        raise metadata.PackageNotFoundError(name)
    return installed(name)
metadata.version = version
hidden = ("websockets", "uvloop", "orjson", "uvicorn", "hypercorn", "granian", "multipart", "msgspec", "brotli")
sys.modules.update(dict.fromkeys(hidden))  # None: importing one raises ModuleNotFoundError
util.find_spec = lambda name, *rest: None if name in hidden else find_spec(name, *rest)
from sketch.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_it_starts_without_any_extra(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", WITHOUT_EXTRAS, "demo", "--port", str(port)]
    with serving(command, port, tmp_path, tmp_path / "log") as program:
        with httpx.Client(base_url=program.url, timeout=20, trust_env=False) as client:
            page = client.get("/")
            assert page.status_code == 200
            for extra in ("fast", "websockets", "uvicorn", "hypercorn", "granian"):
                assert f"Not installed: <code>pip install &#x27;sketch-web[{extra}]&#x27;</code>" in page.text
            assert "Installed:" not in page.text
            assert client.get("/json").json()["event loop"] == "asyncio"
            assert client.get("/chat/lobby").status_code == 404
        assert program.stop() == 0, program.output


# -- over the wire ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    port, directory = free_port(), tmp_path_factory.mktemp("demo")
    with serving([*script("sketch"), "demo", "--port", str(port)], port, directory, directory / "log") as program:
        yield program
        assert program.stop() == 0, program.output


def curl(*arguments: str) -> str:
    done = subprocess.run(["curl", "-sS", "--max-time", "20", *arguments], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_curl(server: Program, tmp_path: Path) -> None:
    assert '<strong id="server">its own server</strong>' in curl(server.url)
    assert curl(f"{server.url}/hello/Ada") == "Hello, Ada!\n"
    assert curl("-I", f"{server.url}/json").startswith("HTTP/1.1 200 OK\n")
    data = bytes(range(256)) * 40_000
    (tmp_path / "data").write_bytes(data)
    wanted = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert json.loads(curl("--data-binary", f"@{tmp_path}/data", f"{server.url}/upload")) == wanted
    assert json.loads(curl("-T", "-", f"{server.url}/upload", "-X", "POST", "-H", "Expect: 100-continue"))["size"] == 0
    status = curl("-o", "/dev/null", "-w", "%{http_code}", "-X", "DELETE", f"{server.url}/json")
    assert status == "405"


def test_httpx(server: Program) -> None:
    with httpx.Client(base_url=server.url, timeout=20, trust_env=False) as client:
        assert client.get("/json").json()["server"] == "native"
        assert client.get("/hello/Ada").text == "Hello, Ada!\n"
        assert client.get("/nowhere").status_code == 404
        assert client.get("/error").status_code == 500
        data = b"x" * 1_000_000
        assert client.post("/upload", content=iter([data, data])).json()["size"] == 2_000_000
        with client.stream("GET", "/clock") as response:
            lines = response.iter_lines()
            assert re.fullmatch(r"\d\d:\d\d:\d\d", next(lines))
            assert re.fullmatch(r"\d\d:\d\d:\d\d", next(lines))
