"""Tests with their own server: prefixes, unix sockets, and the end of a server that is told to stop."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.contract.transports import FIND_TESTS, ROOT, Served
from tests.support.programs import SHUTDOWN, Program
from tests.support.wire import Wire

APP = "tests.contract.app:app"


async def check_root_path(served: Served, target: str) -> None:
    reply = await served.get(target, [("Host", "example.org")])
    assert reply.status == 200
    got = reply.json()
    assert (got["path"], got["root_path"], got["query"]) == ("/echo", "/api", [["a", "1"]])
    assert got["url"] == f"{got['scheme']}://example.org/api/echo?a=1"


@pytest.mark.transports("uvicorn-h11")
async def test_a_prefix_that_a_proxy_has_taken_off(pool: Any, server_name: str) -> None:
    """Also where one that is left on cannot be told from it."""
    with pool.own(server_name, APP, "--root-path", "/api") as served:
        await check_root_path(served, "/echo?a=1")


async def test_a_prefix_that_a_proxy_has_left_on(pool: Any, server_name: str) -> None:
    """The prefix appears in URLs and not in routes, whether the proxy has left it on or taken it off."""
    with pool.own(server_name, APP, "--root-path", "/api") as served:
        await check_root_path(served, "/echo?a=1")
        await check_root_path(served, "/api/echo?a=1")


async def test_the_exit_code_is_zero(pool: Any, server_name: str) -> None:
    """An idle connection does not keep a stopped server alive."""
    with pool.own(server_name, APP) as served:
        async with served.connect() as wire:
            await wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await wire.receive()).text == "hello"
            served.terminate()
            assert await served.exit_code() == 0


@pytest.mark.transports("native-asyncio", "uvicorn-httptools", "hypercorn", "granian")
async def test_the_exit_code_is_zero_without_a_connection(pool: Any, server_name: str) -> None:
    with pool.own(server_name, APP) as served:
        assert (await served.get("/")).text == "hello"
        served.terminate()
        assert await served.exit_code() == 0


@pytest.mark.transports("native-asyncio", "native-uvloop", "uvicorn-httptools", "hypercorn", "granian")
async def test_a_client_on_a_unix_socket_has_no_address(server_name: str, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    command = [sys.executable, "-m", "tests.contract.serve", server_name, APP, "0", "--uds", str(path)]
    program = Program(command, 0, ROOT, tmp_path / "log", FIND_TESTS)
    try:
        wire = await connected(path, program)
        await wire.send(b"GET /echo HTTP/1.1\r\nHost: example.org\r\n\r\n")
        got = (await wire.receive()).json()
        assert (got["client"], got["url"]) == (False, "http://example.org/echo")
        proxied = "X-Proxies: {}\r\nX-Forwarded-For: 6.6.6.6, 192.0.2.7\r\n"
        for proxies, client in (("unix", "192.0.2.7"), ("1", None)):
            head = f"GET /origin HTTP/1.1\r\nHost: x\r\n{proxied.format(proxies)}\r\n"
            await wire.send(head.encode())
            assert (await wire.receive()).json()[0] == client
        wire.abort()
        await wire.close()
    finally:
        program.process.terminate()
        assert await asyncio.to_thread(program.process.wait, SHUTDOWN) == 0


async def connected(path: Path, program: Program) -> Wire:
    """Connect as soon as the server listens."""
    async with asyncio.timeout(30):
        while True:
            assert program.process.poll() is None, program.output
            try:
                return await Wire.connect_unix(str(path))
            except (FileNotFoundError, ConnectionRefusedError):
                await asyncio.to_thread(pause, program)


def pause(program: Program) -> None:
    """Wait a moment, or until the program ends."""
    try:
        program.process.wait(0.02)
    except subprocess.TimeoutExpired:
        return
