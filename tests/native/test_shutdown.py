"""The end of a server: idle clients do not delay it, running requests get the grace period, the hooks run once."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from sketch import Application, Outcome, Request, Response, StreamResponse
from sketch.serving.options import ServeOptions
from sketch_native import Server, ServerLimits
from tests.support.native import GET, HOST, make_app, opened, turns, until
from tests.support.wire import Wire


class Scene:
    """A server that the test stops, and a journal of its hooks and handlers."""

    def __init__(self, shutdown_timeout: float = 5.0) -> None:
        self.app = make_app()
        self.journal: list[str] = []
        self.running, self.leave = asyncio.Event(), asyncio.Event()
        for name in ("startup", "shutdown", "cleanup"):
            self._note_calls(name)
        self.app.add_get("/wait", self.wait)
        self.app.add_get("/events", self.events)
        self.app.add_post("/read", self.read)
        limits = ServerLimits(linger_timeout=0.2)
        options = ServeOptions(port=0, shutdown_timeout=shutdown_timeout, access_log=False, server_limits=limits)
        self.server = Server(self.app, options)

    def _note_calls(self, name: str) -> None:
        self.app.on_event(name)(lambda: self.journal.append(f"on_{name}"))

    async def wait(self, request: Request) -> Response:
        self.running.set()
        try:
            await self.leave.wait()
        except asyncio.CancelledError:
            self.journal.append("cancelled")
            raise
        return Response("waited")

    async def read(self, request: Request) -> Response:
        self.running.set()
        return Response(await request.read())

    async def events(self, request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"begin,"
            self.running.set()
            await self.app.stopping.wait()
            yield b"end"

        return StreamResponse(parts())

    async def connect(self) -> Wire:
        assert self.server.port is not None
        return await Wire.connect(self.server.port)


def get(target: bytes) -> bytes:
    return b"GET %b HTTP/1.1\r\n%b\r\n" % (target, HOST)


async def leave(*wires: Wire) -> None:
    for wire in wires:
        wire.abort()
        await wire.close()


async def test_running_requests_are_finished_and_no_new_ones_are_served() -> None:
    scene = Scene()
    await scene.server.start()
    port = scene.server.port
    assert port is not None
    busy, idle, silent = [await scene.connect() for _ in range(3)]
    await idle.send(GET)
    await idle.receive()
    await busy.send(get(b"/wait") + GET)
    await scene.running.wait()
    stopping = asyncio.create_task(scene.server.stop())
    for wire in (idle, silent):
        assert await wire.ended() == b""
    with pytest.raises(ConnectionRefusedError):
        await Wire.connect(port)
    assert not stopping.done()
    scene.leave.set()
    reply = await busy.receive()
    assert (reply.body, reply.header("connection")) == (b"waited", "close")
    assert await busy.ended() == b""
    await stopping
    assert scene.journal == ["on_startup", "on_shutdown", "on_cleanup"]
    assert not scene.server.connections
    await leave(busy, idle, silent)


async def test_streams_are_told() -> None:
    scene = Scene()
    await scene.server.start()
    wire = await scene.connect()
    await wire.send(get(b"/events"))
    await scene.running.wait()
    await scene.server.stop()
    assert (await wire.receive()).body == b"begin,end"
    await leave(wire)


async def test_requests_that_run_too_long_are_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(shutdown_timeout=0.1)
    await scene.server.start()
    wire = await scene.connect()
    await wire.send(get(b"/wait"))
    await scene.running.wait()
    await scene.server.stop()
    assert scene.journal == ["on_startup", "on_shutdown", "cancelled", "on_cleanup"]
    assert await wire.ended() == b""
    assert "cancelling 1" in caplog.text
    await leave(wire)


async def test_a_request_that_is_cancelled_before_its_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that is cancelled so early never runs: nothing would end its exchange, and the stop would wait for it."""
    monkeypatch.setattr("sketch_native.server.CANCELLED_GRACE", 60)
    scene = Scene(shutdown_timeout=0.1)
    outcomes: list[Outcome] = []
    scene.app.on_finished(outcomes.append)
    await scene.server.start()
    wire = await scene.connect()
    protocol = await opened(scene.server)
    protocol.data_received(get(b"/wait"))
    protocol.cancel()
    try:
        async with asyncio.timeout(10):
            await scene.server.stop()
    finally:
        protocol.transport.abort()
        await leave(wire)
    assert (scene.journal[0], scene.journal[-1]) == ("on_startup", "on_cleanup")
    assert sorted(scene.journal[1:-1]) == ["cancelled", "on_shutdown"]  # a plain hook takes a hop to a thread
    assert [(outcome.status, outcome.disconnected, outcome.cancelled) for outcome in outcomes] == [(None, False, True)]


async def test_a_second_stop_ends_the_wait() -> None:
    scene = Scene(shutdown_timeout=60)
    await scene.server.start()
    wire = await scene.connect()
    await wire.send(get(b"/wait"))
    await scene.running.wait()
    stopping = asyncio.create_task(scene.server.stop())
    await turns()
    assert not stopping.done()
    scene.app.stopping.set(0)
    await stopping
    assert scene.journal[-2:] == ["cancelled", "on_cleanup"]
    await leave(wire)


async def test_a_handler_that_cannot_be_cancelled_is_left_behind(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sketch_native.server.CANCELLED_GRACE", 0.1)
    scene, over = Scene(shutdown_timeout=0.1), asyncio.Event()

    @scene.app.get("/stubborn")
    async def stubborn(request: Request) -> Response:
        scene.running.set()
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                scene.journal.append("no")
        return Response("at last")

    await scene.server.start()
    wire = await scene.connect()
    await wire.send(get(b"/stubborn"))
    await scene.running.wait()
    try:
        await scene.server.stop()
        assert scene.journal[-2:] == ["no", "on_cleanup"]
        assert "does not end" in caplog.text
    finally:
        over.set()
    await leave(wire)
    await until(lambda: not scene.server.connections, "its end")


STUBBORN = """
import asyncio
from sketch import Application, Response, run_app
import sketch_native.server
sketch_native.server.CANCELLED_GRACE = 0.2
app = Application()

@app.get("/")
async def stubborn():
    print("running", flush=True)
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass

run_app(app, port=0, loop={loop!r}, shutdown_timeout=0.1, access_log=False)
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_the_process_ends_although_a_handler_does_not(loop: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STUBBORN.format(loop=loop)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        found = re.search(r":([0-9]+) ", process.stderr.readline())
        assert found is not None
        with socket.create_connection(("127.0.0.1", int(found[1])), timeout=10) as client:
            client.sendall(GET)
            assert process.stdout.readline() == "running\n"
            process.terminate()
            assert process.wait(timeout=10) == 0
            said = process.stderr.read()
    assert (
        "left behind: <HTTPProtocol waiting for the end of its exchange, request <Request GET />> does not end" in said
    )


async def test_an_upload_under_way_is_finished() -> None:
    scene = Scene()
    await scene.server.start()
    wire = await scene.connect()
    await wire.send(b"POST /read HTTP/1.1\r\n" + HOST + b"Content-Length: 6\r\n\r\nabc")
    await scene.running.wait()
    stopping = asyncio.create_task(scene.server.stop())
    await turns()
    await wire.send(b"def")
    assert (await wire.receive()).body == b"abcdef"
    await stopping
    await leave(wire)


async def test_half_a_head_does_not_hold_the_end() -> None:
    scene = Scene(shutdown_timeout=60)
    await scene.server.start()
    wires = [await scene.connect() for _ in range(3)]
    await wires[0].send(b"GET / HT")
    await wires[1].send(GET + b"GET /")
    await wires[1].receive()
    await wires[2].send(b"POST /noread HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\nabc")
    await wires[2].receive()
    await scene.server.stop()
    for wire in wires:
        assert await wire.ended() == b""
    await leave(*wires)


async def test_an_application_that_cannot_stop_still_cleans_up() -> None:
    scene = Scene()

    @scene.app.on_shutdown
    async def fail() -> None:
        raise RuntimeError("on purpose")

    await scene.server.start()
    wire = await scene.connect()
    await wire.send(GET)
    await wire.receive()
    with pytest.raises(RuntimeError, match="on purpose"):
        await scene.server.stop()
    assert scene.journal[-1] == "on_cleanup"
    assert await wire.ended() == b""
    await leave(wire)


async def test_a_failed_start_is_cleaned_up_and_nothing_listens() -> None:
    app, journal = Application(), []

    @app.on_startup
    async def fail() -> None:
        raise RuntimeError("on purpose")

    app.on_cleanup.append(lambda: journal.append("cleaned"))
    server = Server(app, ServeOptions(port=0))
    with pytest.raises(RuntimeError, match="on purpose"):
        await server.start()
    assert journal == ["cleaned"]
    assert server.sockets == ()


async def test_the_log_says_nothing_of_an_orderly_end(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene()
    await scene.server.start()
    wire = await scene.connect()
    await wire.send(GET)
    await wire.receive()
    await scene.server.stop()
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []
    await leave(wire)
