"""The demo, in memory and over HTTP clients that people use."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from sketch.demo import app, facts
from sketch.demo.facts import Extra
from sketch.demo.page import render, static_file
from sketch.testing import TestClient
from tests.support.programs import Program, free_port, script, serving

HOSTILE = '<script>alert("x")</script>'


def run(test: Callable[[TestClient], Awaitable[None]], **options: object) -> None:
    async def main() -> None:
        async with TestClient(app, **options) as client:  # type: ignore[arg-type]
            await test(client)

    asyncio.run(main())


class Links(HTMLParser):
    """What a page loads, and what in it a policy without inline code would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.loaded += [given[name] or "" for name in ("src", "href") if name in given]
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)


def test_the_page_loads_only_its_own_files() -> None:
    async def test(client: TestClient) -> None:
        response = await client.get("/")
        assert response.status == 200
        assert response.content_type == "text/html; charset=utf-8"
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        links = Links()
        links.feed(await response.text())
        assert links.inline == []
        assert links.loaded == ["data:,", "/demo.css", "/demo.js", "/chat/lobby"]
        for path, kind in (("/demo.css", "text/css"), ("/demo.js", "text/javascript")):
            file = await client.get(path)
            assert file.content_type.startswith(kind)
            assert "http:" not in await file.text()
            assert "https:" not in await file.text()

    run(test)


def test_the_page_fills_every_place_and_escapes_it() -> None:
    extras = [Extra(HOSTILE, kind, HOSTILE, HOSTILE, HOSTILE) for kind in (HOSTILE, "websockets")]
    page = render({"server": HOSTILE, HOSTILE: HOSTILE}, extras, HOSTILE)
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;") >= 8
    assert "$" not in page


def test_a_missing_extra_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (("no-such-package", "websockets", "Nothing.", "no()"), ("multidict", "fast", "Much.", "yes()"))
    monkeypatch.setattr(facts, "_EXTRAS", rows)
    missing, present = facts.extras()
    assert missing.version is None
    assert present.version is not None
    page = render({"server": "native"}, [missing, present], "")
    # On the card of the extra, and on that of the chat, which has no way in without it.
    assert page.count("Not installed: <code>pip install &#x27;sketch-web[websockets]&#x27;</code>") == 2
    assert "/chat/lobby" not in page
    assert f"Installed: {present.version}" in page


def test_greeting() -> None:
    async def test(client: TestClient) -> None:
        response = await client.get("/hello/Zo%C3%AB%20%3Cb%3E")
        assert await response.text() == "Hello, Zoë <b>!\n"
        assert response.content_type == "text/plain; charset=utf-8"
        assert response.headers["X-Content-Type-Options"] == "nosniff"

    run(test)


def test_json_says_what_is_running() -> None:
    async def test(client: TestClient) -> None:
        shown = await (await client.get("/json")).json()
        assert shown["server"] == "in memory"
        assert shown["event loop"] == "asyncio"
        assert re.fullmatch(r"\w+ 3\.\d+\.\d+\S*", shown["python"])

    run(test)


def test_upload_is_hashed_as_it_arrives() -> None:
    async def test(client: TestClient) -> None:
        async def body():
            for _ in range(64):
                yield bytes(1 << 18)

        response = await client.post("/upload", body=body())
        size = 64 << 18
        assert await response.json() == {"size": size, "sha256": hashlib.sha256(bytes(size)).hexdigest()}
        empty = await (await client.post("/upload")).json()
        assert empty == {"size": 0, "sha256": hashlib.sha256().hexdigest()}

    run(test)


def test_clock_ticks_until_the_server_stops() -> None:
    async def test(client: TestClient) -> None:
        response = await client.get("/clock")
        lines = response.stream()
        first, second = await anext(lines), await anext(lines)
        assert re.fullmatch(rb"\d\d:\d\d:\d\d\n", first)
        assert first != second
        await client.shutdown()
        assert [line async for line in lines] == []

    run(test)


def test_error_tells_nothing() -> None:
    async def test(client: TestClient) -> None:
        response = await client.get("/error")
        assert (response.status, await response.text()) == (500, "500 Internal Server Error")

    run(test, raise_errors=False)


def test_static_files_are_in_the_package() -> None:
    assert static_file("page.html").startswith("<!doctype html>")


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
