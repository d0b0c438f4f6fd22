"""Answers without a framing of their own, for HTTP/1.0: however one is cut, the client sees a reset, never an end."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from sketch import Application, EventStreamResponse, Limits, Request, Response, StreamResponse
from sketch_native import ServerLimits
from tests.support.native import Certificates, Served, serving, turns, until
from tests.support.programs import Program, free_port
from tests.support.wire import Wire

QUICK = ServerLimits(linger_timeout=0.2)
ROOT = Path(__file__).parents[2]
TLS = pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])


class Streams:
    """An application with one stream for each way to be cut."""

    def __init__(self) -> None:
        self.app = Application(limits=Limits(write_timeout=0.2))
        self.go_on = asyncio.Event()
        self.app.add_get("/fails", self.fails)
        self.app.add_get("/waits", self.waits)
        self.app.add_get("/endless", self.endless)
        self.app.add_get("/events", self.events)

    async def fails(self, request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"first"
            await self.go_on.wait()
            raise ValueError("broken")

        return StreamResponse(parts())

    async def waits(self, request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"first"
            await asyncio.Event().wait()

        return StreamResponse(parts())

    async def endless(self, request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 65536

        return StreamResponse(parts())

    async def events(self, request: Request) -> Response:
        async def events() -> AsyncIterator[str]:
            yield "first"
            await asyncio.Event().wait()

        return EventStreamResponse(events())


async def fail(streams: Streams, served: Served, wire: Wire) -> None:
    streams.go_on.set()


async def cancel(streams: Streams, served: Served, wire: Wire) -> None:
    """As at the end of the grace period."""
    for connection in list(served.server.connections):
        connection.cancel()


async def half_close(streams: Streams, served: Served, wire: Wire) -> None:
    if served.tls is None:
        wire.half_close()
    else:  # a FIN below TLS: asyncio has no half-close of TLS itself
        with socket.socket(fileno=os.dup(wire.writer.get_extra_info("socket").fileno())) as sock:
            sock.shutdown(socket.SHUT_WR)


async def stall(streams: Streams, served: Served, wire: Wire) -> None:
    """Read nothing for the write timeout."""
    wire.pause()
    await until(lambda: not served.server.connections, "the cut")
    wire.resume()


WAYS: list[tuple[str, Callable[[Streams, Served, Wire], Awaitable[None]]]] = [
    ("/fails", fail), ("/waits", cancel), ("/events", cancel), ("/waits", half_close), ("/events", half_close),
    ("/endless", stall),
]  # fmt: skip


async def begin(wire: Wire, target: str) -> None:
    await wire.send(f"GET {target} HTTP/1.0\r\n\r\n".encode())
    reply = await wire.head()
    assert (reply.header("content-length"), reply.header("transfer-encoding")) == (None, None)
    assert await wire.reader.read(1)


@TLS
@pytest.mark.parametrize(("target", "cut"), WAYS)
async def test_a_cut_answer_is_reset(
    target: str,
    cut: Callable[[Streams, Served, Wire], Awaitable[None]],
    encrypted: bool,
    certificates: Certificates,
) -> None:
    streams = Streams()
    async with (
        serving(streams.app, certificates if encrypted else None, server_limits=QUICK) as served,
        served.connect(4096) as wire,
    ):
        await begin(wire, target)
        await cut(streams, served, wire)
        await wire.ended()
        assert isinstance(wire.reader.reset, ConnectionResetError)


async def test_a_client_that_ends_tls_in_the_middle_sees_no_orderly_end(certificates: Certificates) -> None:
    """It has said that it sends no more, and may still read."""
    streams = Streams()
    async with serving(streams.app, certificates, server_limits=QUICK) as served:
        assert await asyncio.to_thread(_end_tls_in_the_middle, served) == "first, then a reset"


def _end_tls_in_the_middle(served: Served) -> str:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    assert served.tls is not None
    tls = served.tls.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", served.server.port or 0), timeout=10) as sock:

        def step(call: Callable[[], Any]) -> Any:
            while True:
                try:
                    result = call()
                except ssl.SSLWantReadError:
                    sock.sendall(outgoing.read())
                    incoming.write(sock.recv(65536))
                else:
                    sock.sendall(outgoing.read())
                    return result

        step(tls.do_handshake)
        step(lambda: tls.write(b"GET /waits HTTP/1.0\r\n\r\n"))
        received = b""
        while b"first" not in received:
            received += step(lambda: tls.read(65536))
        with suppress(ssl.SSLWantReadError):
            tls.unwrap()
        sock.sendall(outgoing.read())
        try:
            while data := sock.recv(65536):
                incoming.write(data)
                step(tls.unwrap)
                return "an orderly end"
        except ConnectionResetError:
            return "first, then a reset"
    return "the end of the connection"


@TLS
async def test_at_the_end_of_the_grace_period(encrypted: bool, certificates: Certificates) -> None:
    streams = Streams()
    wires = []
    async with serving(
        streams.app, certificates if encrypted else None, server_limits=QUICK, shutdown_timeout=0.05
    ) as served:
        for target in ("/waits", "/events"):
            wires.append(await Wire.connect(served.server.port or 0, served.tls))
            await begin(wires[-1], target)
        served.alone = turns  # type: ignore[method-assign]  # the connections end with the server
    events = [wire for wire in wires if await wire.ended() is not None and wire.reader.reset is None]
    for wire in wires:
        wire.abort()
        await wire.close()
    assert len(events) == 1, "expected the event stream to be ended by the server, and the other one to be cut"


# -- applications of other frameworks ---------------------------------------------------------------------------------


async def failing(scope: dict, receive: Any, send: Any) -> None:
    """An ASGI application that fails in the middle of its answer, or ends without an end."""
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    if scope["path"] == "/waits":
        await asyncio.Event().wait()
    if scope["path"] == "/fails":
        raise ValueError("broken")


@TLS
@pytest.mark.parametrize("target", ["/fails", "/returns", "/waits"])
async def test_an_application_of_another_framework_that_fails(
    target: str, encrypted: bool, certificates: Certificates
) -> None:
    async with serving(failing, certificates if encrypted else None) as served, served.connect() as wire:  # type: ignore[arg-type]
        await begin(wire, target)
        if target == "/waits":
            await cancel(Streams(), served, wire)
        await wire.ended()
        assert isinstance(wire.reader.reset, ConnectionResetError)


# -- complete answers -------------------------------------------------------------------------------------------------


@TLS
async def test_a_complete_answer_is_not_reset(encrypted: bool, certificates: Certificates) -> None:
    app = Application()

    @app.get("/")
    async def stream() -> Response:
        async def parts() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b"x" * 10_000

        return StreamResponse(parts())

    async with serving(app, certificates if encrypted else None, server_limits=QUICK) as served:
        for receive_buffer in (None, 4096):
            async with served.connect(receive_buffer) as wire:
                wire.pause()
                await wire.send(b"GET / HTTP/1.0\r\n\r\n")
                await turns(200)
                wire.resume()
                assert len((await wire.receive()).body) == 1_000_000
                assert wire.reader.reset is None


async def test_a_complete_answer_whose_end_is_not_taken_is_reset() -> None:
    """The connection does not linger for ever; what is left in the server's buffer is lost."""
    app, go_on = Application(), asyncio.Event()

    @app.get("/")
    async def stream() -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"first"
            await go_on.wait()
            yield b"x" * 20_000_000

        return StreamResponse(parts())

    quick = ServerLimits(linger_timeout=0.1)
    async with serving(app, server_limits=quick) as served, served.connect(4096) as wire:
        await wire.send(b"GET / HTTP/1.0\r\n\r\n")
        await wire.head()
        wire.pause()
        (connection,) = served.server.connections
        connection.transport.set_write_buffer_limits(high=50_000_000)  # nothing waits for the client
        go_on.set()
        await served.alone()
        wire.resume()
        assert len(await wire.ended()) < 20_000_000
        assert isinstance(wire.reader.reset, ConnectionResetError)


# -- other programs ---------------------------------------------------------------------------------------------------

PROGRAM = """
import asyncio

from sketch import Application, StreamResponse

app = Application()


@app.get("/")
async def stream():
    async def parts():
        yield b"first"
        await asyncio.Event().wait()

    return StreamResponse(parts())
"""


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_curl_sees_the_cut(loop: str, end: signal.Signals, tmp_path: Path) -> None:
    """Also if the server's process is killed."""
    (tmp_path / "program.py").write_text(PROGRAM)
    port = free_port()
    command = [sys.executable, "-m", "sketch", "run", "program:app", "--port", str(port), "--loop", loop]
    path = os.pathsep.join([str(ROOT), str(ROOT / "adapters"), os.environ.get("PYTHONPATH", "")])
    program = Program([*command, "--shutdown-timeout", "0.1"], port, tmp_path, tmp_path / "log", {"PYTHONPATH": path})
    try:
        program.wait_until_it_listens()
        assert asyncio.run(_curl(program, end)) == (b"first", 56)
    finally:
        program.kill()


async def _curl(program: Program, end: signal.Signals) -> tuple[bytes, int]:
    """Begin a download, end the server; what curl has received, and its exit code."""
    async with _running("curl", "--http1.0", "--silent", "--no-buffer", program.url) as curl:
        assert curl.stdout is not None
        received = await curl.stdout.readexactly(5)
        program.process.send_signal(end)
        received += await curl.stdout.read()
        return received, await curl.wait()


@asynccontextmanager
async def _running(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(20):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
