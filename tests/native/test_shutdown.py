"""The end of a server: idle clients do not delay it, running requests get the grace period, the hooks run once."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sketch import Application, FileResponse, Outcome, Request, Response, StreamResponse
from sketch.serving.options import ServeOptions
from sketch_native import Server, ServerLimits
from sketch_native.base_protocol import DISCARDED
from sketch_native.states import CLOSING
from tests.support.native import GET, HOST, Certificates, make_app, opened, turns, until
from tests.support.wire import Wire


class Scene:
    """A server that the test stops, and a journal of its hooks and handlers."""

    def __init__(self, shutdown_timeout: float = 5.0, keep_alive_drain: float = 0.05, drain_delay: float = 0.0) -> None:
        self.app = make_app()
        self.journal: list[str] = []
        self.running, self.leave = asyncio.Event(), asyncio.Event()
        for name in ("startup", "shutdown", "cleanup"):
            self._note_calls(name)
        self.app.add_get("/wait", self.wait)
        self.app.add_get("/events", self.events)
        self.app.add_post("/read", self.read)
        limits = ServerLimits(linger_timeout=0.2)
        options = ServeOptions(
            port=0,
            shutdown_timeout=shutdown_timeout,
            keep_alive_drain=keep_alive_drain,
            drain_delay=drain_delay,
            access_log=False,
            server_limits=limits,
        )
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
    assert (reply.body, reply.header("connection")) == (b"waited", None)
    reply = await busy.receive()
    assert (reply.status, reply.header("connection")) == (200, "close")
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
    reply = await wire.receive()
    assert (reply.status, reply.header("connection")) == (503, "close")
    assert await wire.ended() == b""
    assert "cut off at the end of the grace period: GET '/wait'" in caplog.text
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
    assert [(outcome.status, outcome.disconnected, outcome.cancelled) for outcome in outcomes] == [(503, False, True)]


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
    for wire in wires[:2]:
        assert (await wire.receive()).status == 503
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


TLS = pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])


class Stopped:
    """A server that has begun to stop, and a connection that has had an answer before.

    Args:
        certificates: of the server, None without TLS.
        options: of the server.
    """

    wire: Wire
    stopping: asyncio.Task[None]

    def __init__(self, certificates: Certificates | None, **options: Any) -> None:
        app = make_app()
        self.outcomes: list[Outcome] = []
        app.on_finished(self.outcomes.append)
        ssl = certificates.of_server() if certificates else None
        self.server = Server(app, ServeOptions(port=0, access_log=False, ssl=ssl, **options))
        self._tls = certificates.of_client() if certificates else None

    async def __aenter__(self) -> Stopped:
        await self.server.start()
        assert self.server.port is not None
        self.wire = await Wire.connect(self.server.port, self._tls)
        await self.wire.send(GET)
        assert (await self.wire.receive()).header("connection") is None
        self.stopping = asyncio.create_task(self.server.stop())
        await until(lambda: self.server.stopping, "the stop")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await leave(self.wire)
        await self.stopping


@TLS
async def test_an_idle_connection_may_send_one_more_request(encrypted: bool, certificates: Certificates) -> None:
    async with Stopped(certificates if encrypted else None, keep_alive_drain=60) as scene:
        await scene.wire.send(GET)
        reply = await scene.wire.receive()
        assert (reply.body, reply.header("connection")) == (b"ok", "close")
        assert await scene.wire.ended() == b""


@TLS
async def test_a_silent_connection_is_closed(encrypted: bool, certificates: Certificates) -> None:
    async with Stopped(certificates if encrypted else None, keep_alive_drain=0.05) as scene:
        assert await scene.wire.ended() == b""
    assert len(scene.outcomes) == 1


async def test_a_request_that_crosses_the_end_is_not_run_and_meets_no_reset() -> None:
    async with Stopped(None, keep_alive_drain=0.05) as scene:
        connection = await opened(scene.server)
        scene.wire.pause()
        await until(lambda: connection.state is CLOSING, "the end of the connection")
        await scene.wire.send(GET)
        await until(lambda: connection._discardable < DISCARDED, "the request")
        scene.wire.resume()
        assert await scene.wire.ended() == b""
    assert len(scene.outcomes) == 1


async def test_an_answer_that_was_begun_before_does_not_end_its_connection() -> None:
    """It has not said that it would."""
    scene = Scene(keep_alive_drain=60)
    await scene.server.start()
    wire = await scene.connect()
    await wire.send(get(b"/events"))
    await scene.running.wait()
    stopping = asyncio.create_task(scene.server.stop())
    assert (await wire.receive()).body == b"begin,end"
    await wire.send(GET)
    assert (await wire.receive()).header("connection") == "close"
    assert await wire.ended() == b""
    await stopping
    await leave(wire)


async def test_without_an_idle_connection_there_is_nothing_to_wait_for() -> None:
    scene = Scene(shutdown_timeout=60, keep_alive_drain=60)
    await scene.server.start()
    wire = await scene.connect()
    await wire.send(GET)
    await wire.receive()
    await leave(wire)
    async with asyncio.timeout(10):
        await scene.server.stop()


async def test_what_waits_to_be_accepted_is_served() -> None:
    scene = Scene()
    await scene.server.start()
    assert scene.server._listener is not None
    scene.server._listener._ignore()
    wire = await scene.connect()
    await wire.send(GET)
    stopping = asyncio.create_task(scene.server.stop())
    assert (await wire.receive()).header("connection") == "close"
    await stopping
    await leave(wire)


async def test_a_request_that_waits_for_a_slot_is_answered() -> None:
    app, held, release = make_app(), asyncio.Event(), asyncio.Event()

    @app.get("/hold")
    async def hold() -> Response:
        held.set()
        await release.wait()
        return Response("held")

    limits = ServerLimits(concurrency=1, overload="wait")
    server = Server(app, ServeOptions(port=0, access_log=False, server_limits=limits, keep_alive_drain=0.05))
    await server.start()
    assert server.port is not None
    first, second = await Wire.connect(server.port), await Wire.connect(server.port)
    await first.send(get(b"/hold"))
    await held.wait()
    await second.send(GET)
    await until(lambda: len(server.under_way()) == 2, "the second request")
    stopping = asyncio.create_task(server.stop())
    await until(lambda: server.stopping, "the stop")
    release.set()
    assert (await first.receive()).body == b"held"
    assert (await second.receive()).body == b"ok"
    await stopping
    await leave(first, second)


async def test_for_the_drain_delay_everything_goes_on() -> None:
    scene = Scene(drain_delay=60)
    await scene.server.start()
    stopping = asyncio.create_task(scene.server.stop())
    await turns()
    assert scene.app.stopping.announced
    assert not scene.app.stopping
    wire = await scene.connect()
    await wire.send(GET)
    assert (await wire.receive()).header("connection") is None
    scene.app.stopping.set(5)  # another order ends the delay
    await wire.send(GET)
    await wire.receive()
    await stopping
    await leave(wire)


async def test_the_bytes_of_a_file_that_is_cut_off_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    app, seen = make_app(), list[Outcome]()
    app.on_finished(seen.append)
    app.add_get("/file", lambda: FileResponse(path))
    server = Server(app, ServeOptions(port=0, shutdown_timeout=0.1, access_log=False))
    await server.start()
    assert server.port is not None
    wire = await Wire.connect(server.port, receive_buffer=4096)
    await wire.send(get(b"/file"))
    await wire.head()
    wire.pause()
    await server.stop()
    assert seen[0].cancelled
    assert 0 < seen[0].sent < 64 * 1024 * 1024
    assert "cut off at the end of the grace period: GET '/file'" in caplog.text
    await leave(wire)
