"""Every wait has a deadline, also after an untaken answer; one timer serves all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sketch import Application, FileResponse, Limits, Request, Response, StreamResponse
from sketch_native import ServerLimits
from tests.support.native import GET, HOST, Certificates, Served, make_app, opened, serving, turns, until
from tests.support.wire import Wire

SHORT = ServerLimits(header_timeout=0.2, keep_alive_timeout=0.2, linger_timeout=0.1)
PATIENT = ServerLimits(linger_timeout=0.1)
SMALL = 4096
"""A receive buffer of a client that takes little."""


async def test_no_deadline_is_set_too_early() -> None:
    """Deadlines are set from the time of the next look at them: those set just before it must not lose what is left."""
    async with serving(make_app()) as served:
        loop, server = asyncio.get_running_loop(), served.server
        for _ in range(2):
            before = server.now
            assert before > loop.time()
            await until(lambda before=before: server.now != before, "the next look")


async def stuff(wire: Wire, served: Served) -> None:
    """Send requests until unread answers fill the kernel's buffers and a little waits in the server.

    The server's timeouts are shortened only then, so that a slow machine does not change the result.
    """
    wire.pause()
    connection = await opened(served.server)
    app, waiting = served.server.app, 0
    while not waiting or waiting != connection.transport.get_write_buffer_size():
        waiting = connection.transport.get_write_buffer_size()
        if waiting:
            await asyncio.sleep(0.03)  # the kernel may still take it
            continue
        answered = app.answered
        await wire.send(TWENTY)
        await until(lambda answered=answered: app.answered > answered, "an answer")
        await turns(2)
    served.server.limits = SHORT


def app_with_sizes() -> Application:
    app = make_app(limits=Limits(write_timeout=0.3))
    app.answered = 0

    @app.get("/20k")
    async def twenty(request: Request) -> Response:
        app.answered += 1
        return Response(b"x" * 20_000)

    app.add_get("/large", lambda request: Response(b"x" * 5_000_000))

    @app.get("/breaks")
    async def breaks(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"y" * 20_000
            raise RuntimeError("on purpose")

        return StreamResponse(parts())

    @app.get("/endless")
    async def endless(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            while True:
                yield b"z" * 20_000

        return StreamResponse(parts())

    return app


TWENTY = b"GET /20k HTTP/1.1\r\n" + HOST + b"\r\n"


async def test_an_idle_client_with_an_answer_untaken_is_left() -> None:
    """The buffered answer is small, so no writer is blocked; the server waits only for the client."""
    async with serving(app_with_sizes(), server_limits=PATIENT) as served, served.connect(SMALL) as wire:
        await stuff(wire, served)
        await wire.send(GET)
        await served.alone()


async def test_a_half_closed_client_with_an_answer_untaken_is_left() -> None:
    async with serving(app_with_sizes(), server_limits=PATIENT) as served, served.connect(SMALL) as wire:
        await stuff(wire, served)
        wire.half_close()
        await served.alone()


async def test_a_failed_answer_that_is_not_taken_is_left() -> None:
    async with serving(app_with_sizes(), server_limits=PATIENT) as served, served.connect(SMALL) as wire:
        await stuff(wire, served)
        await wire.send(TWENTY.replace(b"/20k", b"/breaks"))
        await served.alone()


async def test_a_refusal_that_is_not_taken_is_left() -> None:
    async with serving(app_with_sizes(), server_limits=PATIENT) as served, served.connect(SMALL) as wire:
        await stuff(wire, served)
        await wire.send(b"\0\r\n")
        await served.alone()


@pytest.mark.parametrize("target", [b"/large", b"/endless"])
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
async def test_a_reader_that_stops_is_cut(target: bytes, encrypted: bool, certificates: Certificates) -> None:
    server = serving(app_with_sizes(), certificates if encrypted else None, server_limits=SHORT)
    async with server as served, served.connect(SMALL) as wire:
        wire.pause()
        await wire.send(TWENTY.replace(b"/20k", target))
        await served.alone()


async def test_a_reader_that_stops_in_a_large_file_is_cut(tmp_path: Path, descriptors: None) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"f" * 20_000_000)
    app = Application(limits=Limits(write_timeout=0.3))
    app.add_get("/", lambda request: FileResponse(path))
    async with serving(app, server_limits=SHORT) as served, served.connect(SMALL) as wire:
        wire.pause()
        await wire.send(GET)
        await served.alone()


async def test_a_reader_that_is_slow_is_not_cut() -> None:
    """It takes longer than the write timeout, but takes something all the time."""
    async with serving(app_with_sizes(), server_limits=SHORT) as served, served.connect(SMALL) as wire:
        await wire.send(TWENTY.replace(b"/20k", b"/large"))
        loop, taken = asyncio.get_running_loop(), 0
        began = loop.time()
        while taken < 5_000_000:
            data = await wire.reader.read(100_000)
            assert data
            taken += len(data)
            await asyncio.sleep(0.02)  # this test is about slowness
        assert loop.time() - began > 0.6


async def test_a_thousand_idle_connections_arm_one_timer() -> None:
    async with serving(make_app()) as served:
        timers = _timers()
        wires = [await Wire.connect(served.server.port or 0) for _ in range(1000)]
        await until(lambda: len(served.server.connections) == 1000, "all connections")
        for wire in wires[::2]:
            await wire.send(GET)
        for wire in wires[::2]:
            assert (await wire.receive()).body == b"ok"
        assert _timers() <= timers + 1
        for wire in wires:
            wire.abort()
            await wire.close()


def _timers() -> int:
    """How many calls the event loop has been asked for at a later time: asyncio only, uvloop does not show them."""
    scheduled = getattr(asyncio.get_running_loop(), "_scheduled", [])
    return sum(not handle.cancelled() for handle in scheduled)


async def test_the_sweep_goes_on_when_a_connection_fails_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(make_app(), server_limits=SHORT) as served:
        async with served.connect() as wire:
            connection = await opened(served.server)
            complaints: list[dict] = []
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: complaints.append(context))
            monkeypatch.setattr(type(connection), "sweep", _fail)
            await until(lambda: complaints, "the failure")
            monkeypatch.undo()
            assert await wire.ended() == b""
        assert "on purpose" in str(complaints[0]["exception"])


def _fail(connection: object, now: float) -> None:
    raise RuntimeError("on purpose")
