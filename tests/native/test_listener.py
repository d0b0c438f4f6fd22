"""Accepting: in small batches, up to the cap before anything is set up, and with few words when descriptors run out."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
import socket
from time import monotonic
from typing import Any

import pytest

from sketch_native import Server, ServerLimits
from sketch_native.listener import BATCH, Listener
from tests.support.descriptors import FEW, answer, lines_until, program
from tests.support.native import GET, Certificates, Served, make_app, opened, serving, turns, until
from tests.support.wire import Wire


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_without_descriptors_clients_wait_and_the_log_has_a_line_a_second(loop: str) -> None:
    with program("native", loop, FEW) as running:
        first = lines_until(running, "Started server on ")
        assert any(re.search(r"may open 64 files.* ServerLimits\.connections is 10000", line) for line in first)
        port = int(re.search(r":(\d+) \(", first[-1])[1])  # type: ignore[index]
        clients = [socket.create_connection(("127.0.0.1", port), 20) for _ in range(FEW + 36)]
        try:
            lines_until(running, "cannot accept")
            began = monotonic()
            lines = lines_until(running, "cannot accept") + lines_until(running, "cannot accept")
            assert monotonic() - began > 1.5
            assert len(lines) == 2, lines
            assert b"200 OK" in answer(clients[0]), "those who are in are served"
            for client in clients[:50]:
                client.close()
            assert b"200 OK" in answer(clients[-1]), "who has waited comes in"
        finally:
            for client in clients:
                client.close()


async def test_a_free_descriptor_ends_the_pause_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(make_app()) as served:
        listener = served.server._listener
        assert listener is not None
        monkeypatch.setattr("sketch_native.listener.PAUSE", 3600)
        async with served.connect() as wire:
            await opened(served.server)
            listener._pause(OSError(errno.EMFILE, "Too many open files"))
            waiting = asyncio.create_task(served.exchange(GET))
            await turns(20)
            assert not waiting.done()
            wire.abort()
            assert (await waiting).status == 200
        assert not listener.paused


class Queue:
    """A listening socket: a list of what `accept` returns or raises."""

    def __init__(self, *events: Any) -> None:
        self.events = list(events)

    def fileno(self) -> int:
        return self.reading.fileno()

    def __enter__(self) -> Queue:
        self.reading, self.writing = socket.socketpair()
        return self

    def __exit__(self, *_: object) -> None:
        self.reading.close()
        self.writing.close()

    def accept(self) -> tuple[socket.socket, Any]:
        event = self.events.pop(0) if self.events else BlockingIOError()
        if isinstance(event, Exception):
            raise event
        return event, None


async def test_any_error_pauses_with_a_line_a_second_at_most(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "sketch")
    async with serving(make_app()) as served:
        with Queue(*[OSError(errno.EPERM, os.strerror(errno.EPERM))] * 3) as queue:
            listener = Listener(served.server, [queue], None, served.server._protocol)  # type: ignore[list-item]
            for _ in range(3):
                listener._accept(queue)  # type: ignore[arg-type]
                assert listener.paused
                listener.resume()
            listener.close()
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == [
        "cannot accept (Operation not permitted): new clients wait until one of the 0 connections closes"
    ]


@pytest.mark.parametrize(
    "error", [BlockingIOError(), ConnectionAbortedError(errno.ECONNABORTED, ""), OSError(errno.EPROTO, "")]
)
async def test_a_client_that_has_left_is_no_error(error: OSError, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(make_app()) as served:
        with Queue(error) as queue:
            listener = Listener(served.server, [queue], None, served.server._protocol)  # type: ignore[list-item]
            listener._accept(queue)  # type: ignore[arg-type]
            assert not listener.paused
    assert not caplog.records


async def test_a_turn_accepts_a_batch() -> None:
    async with serving(make_app()) as served:
        pairs = [socket.socketpair() for _ in range(BATCH + 5)]
        with Queue(*(ours for ours, _ in pairs)) as queue:
            listener = Listener(served.server, [queue], None, served.server._protocol)  # type: ignore[list-item]
            listener._accept(queue)  # type: ignore[arg-type]
            assert len(queue.events) == 5
            assert len(served.server.connections) == BATCH
            await turns()
        for ours, theirs in pairs:
            theirs.close()
            if ours in queue.events:
                ours.close()


# -- the cap ----------------------------------------------------------------------------------------------------------


async def flood(served: Served, number: int) -> list[Wire]:
    """Connections over plain TCP that send nothing."""
    assert served.server.port is not None
    return [await Wire.connect(served.server.port) for _ in range(number)]


async def leave(wires: list[Wire]) -> None:
    for wire in wires:
        wire.abort()
        await wire.close()


async def test_silent_clients_are_counted_before_tls_is_set_up(
    certificates: Certificates, descriptors: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sketch.access")
    limits = ServerLimits(connections=10)
    async with serving(make_app(), certificates, server_limits=limits, access_log=True) as served:
        wires = await flood(served, 200)
        await until(lambda: len(caplog.records) == 1 + 190, "190 refusals")
        for wire in wires[10:]:
            assert await wire.ended() == b""
        assert len(served.server.connections) == 10
        await leave(wires[:5])
        await until(lambda: len(served.server.connections) == 5, "the end of five")
        assert (await served.exchange(GET)).status == 200
        await leave(wires[5:])
    assert re.fullmatch(r'127\.0\.0\.1:\d+ "- -" - 0 0\.000000', caplog.messages[1])


@pytest.mark.parametrize("proxied", [False, True])
async def test_silent_clients_over_the_cap_are_answered(proxied: bool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sketch.access")
    limits = ServerLimits(connections=10)
    async with serving(make_app(), server_limits=limits, proxy_protocol=proxied, access_log=True) as served:
        wires = await flood(served, 200)
        for wire in wires[10:]:
            assert (await wire.ended()).startswith(b"HTTP/1.1 503 ")
        assert len(served.server.connections) == 10
        await leave(wires)
    assert caplog.messages[0] == "turned away a client: all 10 connections of ServerLimits.connections are open"
    assert re.fullmatch(r'127\.0\.0\.1:\d+ "- -" 503 \d+ 0\.000000', caplog.messages[1])
    assert len(caplog.messages) == 1 + 190


# -- arriving ---------------------------------------------------------------------------------------------------------


async def test_failed_handshakes_are_a_line(certificates: Certificates, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sketch.server")
    async with serving(make_app(), certificates) as served:
        for _ in range(3):
            (wire,) = await flood(served, 1)
            await wire.send(b"\x16\x03\x01\x00\x05hello")
            await wire.ended()
            await leave([wire])
        await served.alone()
    (line,) = caplog.messages
    assert re.fullmatch(r"127\.0\.0\.1:\d+: a TLS handshake has failed: .+", line)


async def test_resets_before_a_handshake_are_a_line(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sketch.server")
    async with serving(make_app(), certificates) as served:
        for _ in range(3):
            (wire,) = await flood(served, 1)
            wire.reset()
            await wire.close()
        await served.alone()
    (line,) = caplog.messages
    assert re.fullmatch(r"127\.0\.0\.1:\d+: a TLS handshake has failed: the client has left", line)


async def test_a_look_at_the_port_is_no_line(certificates: Certificates, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sketch")
    async with serving(make_app(), certificates) as served:
        await leave(await flood(served, 1))
        await served.alone()
    assert caplog.messages == []


async def test_a_handshake_that_takes_too_long_is_a_line(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sketch.server")
    async with serving(make_app(), certificates, server_limits=ServerLimits(header_timeout=0.2)) as served:
        wires = await flood(served, 1)
        assert await wires[0].ended() == b""
        await leave(wires)
    assert [message.partition(": ")[2] for message in caplog.messages] == [
        "a TLS handshake has failed: it took too long"
    ]


async def test_a_stop_waits_for_handshakes_as_long_as_for_other_ends(certificates: Certificates) -> None:
    options: dict[str, Any] = {"server_limits": ServerLimits(linger_timeout=0.3), "shutdown_timeout": 3600}
    async with serving(make_app(), certificates, **options) as served:
        wires = await flood(served, 1)
        await until(lambda: served.server.connections, "its arrival")
        await served.server.stop()
        assert await wires[0].ended() == b""
        await leave(wires)


async def test_a_client_that_arrives_during_a_stop_is_served(certificates: Certificates) -> None:
    async with serving(make_app(), certificates, shutdown_timeout=3600) as served:
        server: Server = served.server
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        listener = server._listener
        assert listener is not None
        listener._take(ours, None)
        connecting = loop.create_task(asyncio.open_connection(sock=theirs, ssl=served.tls, server_hostname="localhost"))
        stopping = loop.create_task(server.stop())
        reader, writer = await connecting
        writer.write(GET)
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.transport.abort()
        await stopping
