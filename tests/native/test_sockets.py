"""Ports, unix sockets and given sockets; and serving inside a running event loop."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from sketch import Application, Request, Response, serve
from sketch.serving.options import ServeError
from tests.support.native import GET
from tests.support.wire import Wire


def app_with_addresses() -> Application:
    app = Application()

    @app.get("/")
    async def show(request: Request) -> Response:
        return Response(f"{request.client} {request.connection.server}")

    return app


async def ask(wire: Wire) -> str:
    await wire.send(GET)
    text = (await wire.receive()).text
    wire.abort()
    await wire.close()
    return text


async def test_any_free_port() -> None:
    async with serve(app_with_addresses(), port=0, access_log=False) as server:
        port = server.sockets[0].getsockname()[1]
        assert port == server.port
        assert port > 0
        text = await ask(await Wire.connect(port))
        assert text.endswith(f"('127.0.0.1', {port})")
        assert text.startswith("('127.0.0.1', ")


async def test_nothing_listens_afterwards() -> None:
    async with serve(app_with_addresses(), port=0) as server:
        port = server.port
    with pytest.raises(ConnectionRefusedError):
        await Wire.connect(port)
    async with serve(app_with_addresses(), port=port, access_log=False) as server:
        assert server.port == port


async def test_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    for _ in range(2):  # the file of the first does not stop the second
        async with serve(app_with_addresses(), uds=path, access_log=False) as server:
            assert server.port is None
            assert await ask(await Wire.connect_unix(path)) == "None None"


async def test_a_socket_that_is_ready_made() -> None:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    async with serve(app_with_addresses(), sock=sock, access_log=False) as server:
        assert server.port == port
        assert str(port) in await ask(await Wire.connect(port))


async def test_a_port_that_is_taken() -> None:
    """The error is one line, and the application is not even started."""
    app, journal = app_with_addresses(), []
    app.on_startup.append(lambda: journal.append("started"))
    app.on_cleanup.append(lambda: journal.append("cleaned up"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServeError, match=f"cannot listen on 127.0.0.1:{port}: .*in use"):
            await _begin(app, port)
    assert journal == []


async def _begin(app: Application, port: int) -> None:
    async with serve(app, port=port):
        pass


async def test_ipv6() -> None:
    async with serve(app_with_addresses(), host="::1", port=0, access_log=False) as server:
        reader, writer = await asyncio.open_connection("::1", server.port)
        writer.write(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert b"('::1', " in await reader.read()
        writer.close()
        await writer.wait_closed()


async def test_two_servers_in_one_loop() -> None:
    first, second = app_with_addresses(), Application()
    second.add_get("/", lambda request: Response("second"))
    async with serve(first, port=0, access_log=False) as one, serve(second, port=0, access_log=False) as other:
        assert "127.0.0.1" in await ask(await Wire.connect(one.port))
        assert await ask(await Wire.connect(other.port)) == "second"


async def test_the_block_may_fail() -> None:
    app, journal = app_with_addresses(), []
    app.on_cleanup.append(lambda: journal.append("cleaned up"))

    async def fail() -> None:
        async with serve(app, port=0):
            raise LookupError("in the block")

    with pytest.raises(LookupError, match="in the block"):
        await fail()
    assert journal == ["cleaned up"]
