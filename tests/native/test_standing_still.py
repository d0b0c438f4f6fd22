"""A process that was stopped for a while, or a loop that was blocked, does not hold that time against its clients."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sketch import Application, Limits, Request, Response, WebSocket
from sketch_native import Server, ServerLimits
from sketch_native.arrival import Arrival
from tests.support.frames import TEXT, frame, shake
from tests.support.native import GET, HOST, Certificates, opened, serving, until

LIMITS = ServerLimits(header_timeout=4, keep_alive_timeout=4)
STILL = 60.0


class Jumping:
    """The event loop, whose time can be moved on at once."""

    def __init__(self, server: Server) -> None:
        self.moved = 0.0
        self._loop = server.loop
        self._server = server
        server.loop = self  # type: ignore[assignment]
        server.plain_tasks = False  # the tasks are of the loop itself

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def time(self) -> float:
        return self._loop.time() + self.moved

    def stand_still(self) -> None:
        """As if the process had been stopped since the last sweep; the next sweep finds that out."""
        self.moved += STILL
        self._server._timer.cancel()
        self._server._sweep()


def make_app() -> Application:
    app = Application(limits=Limits(body_timeout=4, write_timeout=4))
    app.add_get("/", lambda: Response("ok"))
    app.add_get("/large", lambda: Response(b"x" * 5_000_000))

    @app.post("/echo")
    async def echo(request: Request) -> Response:
        return Response(await request.read())

    @app.websocket("/ws")
    async def ws(socket: WebSocket) -> None:
        async for message in socket:
            await socket.send(message)

    return app


async def test_an_idle_connection_stays() -> None:
    async with serving(make_app(), server_limits=LIMITS) as served:
        loop = Jumping(served.server)
        async with served.connect() as wire:
            await opened(served.server)
            for _ in range(2):
                loop.stand_still()
                await wire.send(GET)
                assert (await wire.receive()).body == b"ok"


async def test_the_rest_of_a_head_is_awaited() -> None:
    async with serving(make_app(), server_limits=LIMITS) as served:
        loop = Jumping(served.server)
        async with served.connect() as wire:
            connection = await opened(served.server)
            await wire.send(GET[:-2])
            await until(lambda: connection._reader.parser.in_head, "the head")
            loop.stand_still()
            await wire.send(GET[-2:])
            assert (await wire.receive()).body == b"ok"


@pytest.mark.parametrize("found_by", ["the sweep", "the reader"])
async def test_the_rest_of_a_body_is_awaited(found_by: str) -> None:
    """Whatever is called first after the stop: uvloop calls timers before it reads, asyncio after that."""
    async with serving(make_app(), server_limits=LIMITS) as served:
        loop = Jumping(served.server)
        async with served.connect() as wire:
            connection = await opened(served.server)
            await wire.send(b"POST /echo HTTP/1.1\r\n%bContent-Length: 3\r\n\r\na" % HOST)
            await until(lambda: connection._exchange and connection._exchange.body._waiter, "the handler's wait")
            body = connection._exchange.body  # type: ignore[union-attr]
            if found_by == "the sweep":
                loop.stand_still()
                await wire.send(b"b")
            else:
                loop.moved += STILL
                await wire.send(b"b")
            await until(lambda: body._received == 2 and body._waiter, "the next wait")  # type: ignore[union-attr]
            assert connection.read_deadline > served.server.time()
            if found_by == "the reader":
                loop.stand_still()
            await wire.send(b"c")
            assert (await wire.receive()).body == b"abc"


async def test_a_reader_is_not_cut() -> None:
    async with serving(make_app(), server_limits=LIMITS) as served:
        loop = Jumping(served.server)
        async with served.connect(4096) as wire:
            wire.pause()
            await wire.send(GET.replace(b"/ ", b"/large "))
            connection = await opened(served.server)
            await until(lambda: connection.flow.blocked, "the full buffer")
            loop.stand_still()
            loop.stand_still()
            wire.resume()
            assert len((await wire.receive()).body) == 5_000_000


async def test_a_websocket_is_not_given_up() -> None:
    async with serving(make_app(), server_limits=LIMITS) as served:
        loop = Jumping(served.server)
        async with served.connect() as wire:
            ws = await shake(wire, "/ws")
            for _ in range(3):
                loop.stand_still()
            await ws.send(frame(TEXT, b"still here"))
            assert await ws.receive() == "still here"
            await ws.close()


async def test_a_handshake_goes_on(certificates: Certificates) -> None:
    async with serving(make_app(), certificates, server_limits=LIMITS) as served:
        loop = Jumping(served.server)
        assert served.server.port is not None
        reader, writer = await asyncio.open_connection("127.0.0.1", served.server.port)
        await until(lambda: any(isinstance(one, Arrival) for one in served.server.connections), "its arrival")
        loop.stand_still()
        await writer.start_tls(certificates.of_client(), server_hostname="localhost")
        writer.write(GET)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.transport.abort()


async def test_without_a_stop_the_time_is_that_of_the_loop() -> None:
    async with serving(make_app(), server_limits=LIMITS) as served:
        server, loop = served.server, asyncio.get_running_loop()
        offset = server.time() - loop.time()
        before = server.now
        await until(lambda: server.now > before, "a sweep")
        assert abs(server.time() - loop.time() - offset) < 0.001
