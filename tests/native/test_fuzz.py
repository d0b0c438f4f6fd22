"""A short session of the fuzzer, always the same one, and what it has found. The long ones are `nox -s fuzz`."""

from __future__ import annotations

import socket

import pytest

from sketch import Application, Response
from tests.native.fuzz import LOOPS, WARM, session
from tests.support.native import GET, serving, until


@pytest.mark.parametrize("loop", LOOPS)
def test_hostile_connections_leave_a_server_as_it_was(loop: str) -> None:
    assert session(loop, 0, seed=20261120, rounds=WARM + 4, attacks=125).startswith(f"{loop}: 1,000 connections")


async def test_a_client_that_leaves_between_the_last_answer_and_its_end() -> None:
    """The answer meets a closed socket; its reset arrives before the server can end its side."""
    app = Application()
    client = socket.socket()

    @app.get("/")
    async def leave() -> Response:
        client.close()
        return Response("to nobody", headers={"Connection": "close"})

    async with serving(app) as served:
        client.connect(("127.0.0.1", served.server.port))
        client.send(GET)
        await until(lambda: client.fileno() < 0, "the handler to run")
        await served.alone()
        async with served.connect() as wire:
            await wire.send(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await wire.receive()).status == 404
