"""Foreign ASGI applications: mounted in a sketch application in every transport, and served by `run_app` on every
server; and ASGI middleware around a sketch application."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.sockets import Ended, Refused
from tests.contract.support import leave_after
from tests.contract.transports import Served, Transport
from tests.support.wire import Broken, Upload


async def parts(*given: bytes) -> Any:
    for part in given:
        yield part


async def test_scope(transport: Transport) -> None:
    reply = await transport.get("/foreign/scope/a%20b?q=1", [("Two", "1"), ("Two", "2")])
    assert reply.json() == {
        "type": "http",
        "method": "GET",
        "path": "/foreign/scope/a b",
        "root_path": "/foreign",
        "query": "q=1",
        "two": ["1", "2"],
        "state": {"begun": "yes"},
    }
    assert reply.header("x-after") == "once"  # the hooks of the outer application run


async def test_a_whole_answer(transport: Transport) -> None:
    reply = await transport.get("/foreign/whole")
    assert (reply.status, reply.body, reply.all("x-two")) == (201, b"body", ["1", "2"])
    assert reply.header("content-length") == "4"
    reply = await transport.request("HEAD", "/foreign/whole")
    assert (reply.status, reply.body, reply.header("content-length")) == (201, b"", "4")


@pytest.mark.parametrize("body", [b"", b"body" * 10_000, None], ids=["empty", "sized", "chunks"])
async def test_a_request_body(transport: Transport, body: Upload) -> None:
    expected = b"onetwo" if body is None else body
    reply = await transport.post("/foreign/echo", parts(b"one", b"two") if body is None else body)
    assert reply.body == expected


async def test_a_stream_arrives_as_it_is_made(transport: Transport, key: str) -> None:
    async with transport.stream("GET", f"/foreign/gated?key={key}") as stream:
        assert await stream.chunk() == b"first"
        await transport.journal(key, "first is out")
        await transport.post(f"/journal/read?key={key}", b"")
        assert await stream.chunk() == b"second"
        assert await stream.chunk() == b""


async def test_work_after_the_answer(transport: Transport, key: str) -> None:
    assert (await transport.get(f"/foreign/later?key={key}")).body == b"now"
    await transport.post(f"/journal/answered?key={key}", b"")
    assert await transport.journal(key, "later") == ["answered", "later"]


async def test_failures(transport: Transport) -> None:
    for target in ("/foreign/fails", "/foreign/nothing"):
        reply = await transport.get(target)
        assert (reply.status, reply.body) == (500, b"500 Internal Server Error")
    with pytest.raises(Broken):
        await transport.get("/foreign/halves")


async def test_a_client_that_leaves_while_it_is_waited_for(transport: Transport, key: str) -> None:
    await leave_after(transport, lambda: transport.journal(key, "waiting"), "GET", f"/foreign/waits?key={key}")
    assert await transport.journal(key, "http.disconnect") == ["waiting", "http.disconnect"]


async def test_a_client_that_leaves_a_stream(transport: Transport, key: str) -> None:
    async with transport.stream("GET", f"/foreign/streams?key={key}") as stream:
        assert await stream.chunk()
        await stream.leave()
    assert await transport.journal(key, "http.disconnect") == ["OSError", "http.disconnect"]


# -- websockets -------------------------------------------------------------------------------------------------------


async def test_websocket(transport: Transport, key: str) -> None:
    async with transport.websocket(f"/foreign/ws?key={key}", subprotocols=["one", "two"]) as ws:
        assert ws.subprotocol == "two"
        for message in ("ä", b"\0\xff", "x" * 50_000):
            await ws.send(message)
            assert await ws.receive() == message * 2
        await ws.close()
    assert await transport.journal(key, "websocket.disconnect") == ["websocket.disconnect"]


async def test_a_websocket_that_the_application_closes(transport: Transport) -> None:
    async with transport.websocket("/foreign/ws?key=none") as ws:
        await ws.send("close")
        with pytest.raises(Ended) as caught:
            await ws.receive()
    assert (caught.value.code, caught.value.reason) == (4001, "as you wish")


async def test_a_websocket_that_is_denied(transport: Transport) -> None:
    with pytest.raises(Refused) as caught:
        async with transport.websocket("/foreign/denied"):
            raise AssertionError("expected no websocket")
    assert caught.value.reply.status == 403


# -- servers of their own ---------------------------------------------------------------------------------------------

EACH = ("native-asyncio", "uvicorn-httptools", "hypercorn", "granian")
OTHERS = ("native-uvloop", "uvicorn-h11", "hypercorn-command", "granian-command")


async def check(served: Served, greeting: bytes, noted: list[str]) -> None:
    reply = await served.get("/x%20y")
    assert (reply.body, reply.all("x-noted")) == (greeting, noted)
    assert (await served.post("/echo", parts(b"one", b"two"))).body == b"onetwo"
    async with served.websocket("/ws") as ws:
        await ws.send("hello")
        assert await ws.receive() == "HELLO"
        await ws.close()
    served.terminate()
    await served.exit_code()
    assert "the end" in served.program.output


@pytest.mark.transports(*EACH)
async def test_run_app_serves_it(pool: Any, server_name: str) -> None:
    with pool.own(server_name, "tests.asgi.hosting.foreign:app", "--root-path", "/api") as served:
        assert (await served.get("/stream")).body == b"one,two"
        await check(served, b"pool /api /api/x y", [])
        assert await served.exit_code() == 0


@pytest.mark.transports(*OTHERS)
async def test_asgi_middleware_around_a_sketch_application(pool: Any, server_name: str) -> None:
    with pool.own(server_name, "tests.asgi.hosting.foreign:inside") as served:
        await check(served, b"pool  /x y", ["inner", "outer"])
