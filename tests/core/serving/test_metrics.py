"""Metrics at an address of their own, and clients of it that mean no good."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sketch import Application, Metrics, Request, Response, serve
from sketch.observability.metrics import METRICS
from sketch.observability.metrics.exposition import Exposition
from sketch.serving.metrics import MOST_CONNECTIONS, metrics_listener, prepare_metrics
from sketch.serving.options import ServeError
from tests.core.serving.support import failure
from tests.support.programs import free_port
from tests.support.requests import in_loop

GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n%s\r\n"


async def exchange(port: int, request: bytes = GET % b"Connection: close\r\n") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    reply = await reader.read()
    writer.close()
    return reply


@in_loop
async def test_one_process_has_them_at_an_address_of_their_own() -> None:
    app, port = Application(), free_port()
    app.add_get("/teas/{number}", lambda number: Response(number))
    for _ in range(2):  # the application may start again
        async with serve(app, metrics_bind=str(port)) as server:
            assert (await exchange(server.port)).startswith(b"HTTP/1.1 404 ")
            assert await exchange(server.port, b"GET /teas/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert (await exchange(server.port, b"nonsense\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
            reply = await exchange(port)
            assert reply.startswith(b"HTTP/1.1 200 ")
            assert b'http_requests_refused_total{status="400"}' in reply
            assert (await exchange(port, b"GET / HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 404 ")
        with pytest.raises(ConnectionError):
            await exchange(port)
    assert app[METRICS].figures.series["/teas/{number}", "GET"].statuses[2] == 2


@in_loop
async def test_asgi_middleware_around_the_application_changes_no_figure() -> None:
    app = Application()
    Metrics().attach(app, path="/metrics", allow=["127.0.0.1"])
    app.wrap_asgi(lambda inner: inner)
    async with serve(app) as server:
        for _ in range(2):
            assert (await exchange(server.port, b"nonsense\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
        for _ in range(3):
            assert b"http_requests_in_flight 1.0\n" in await exchange(server.port)
    figures = app[METRICS].figures
    assert {key: series.statuses[2] for key, series in figures.series.items()} == {("/metrics", "GET"): 3}
    assert figures.events == {"refused 400": 2}


@in_loop
async def test_clients_that_mean_no_good(tmp_path: Path) -> None:
    """Garbage is refused, slow readers wait, too many are turned away; and then there is room again."""

    async def make() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"a" * 100_000

    place = str(tmp_path / "metrics")

    def connect(opened: ExitStack) -> socket.socket:
        sock = opened.enter_context(socket.socket(socket.AF_UNIX))
        sock.setblocking(False)
        sock.connect(place)
        return sock

    async with metrics_listener(f"unix:{place}", Exposition(make)):
        loop = asyncio.get_running_loop()
        with ExitStack() as opened:
            for _ in range(MOST_CONNECTIONS):
                await loop.sock_sendall(connect(opened), GET % b"")  # and reads nothing
            one_more = connect(opened)
            assert (await loop.sock_recv(one_more, 1000)).startswith(b"HTTP/1.1 503 ")
        with ExitStack() as opened:
            while True:
                sock = connect(opened)
                await loop.sock_sendall(sock, b"\x16\x03\x01\x02\x00 garbage\r\n\r\n")
                if (await loop.sock_recv(sock, 1000)).startswith(b"HTTP/1.1 400 "):
                    break


def test_faults(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port}" in failure(capsys, port=0, metrics_bind=str(port))

    async def foreign(scope: Any, receive: Any, send: Any) -> None: ...

    message = "expected no metrics_bind for a foreign ASGI application"
    assert message in failure(capsys, foreign, metrics_bind="9100")
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    assert "pip install 'sketch-web[metrics]'" in failure(capsys, metrics_bind="9100")


def test_an_application_without_metrics_needs_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their module is loaded by `from sketch import *`, too."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    app = Application()
    prepare_metrics(app, None)
    assert METRICS not in app


@in_loop
async def test_an_application_with_metrics_needs_no_address() -> None:
    app = Application()
    Metrics().attach(app)

    @app.get("/")
    async def hello(request: Request) -> Response:
        return Response("hello")

    async with serve(app) as server:
        assert b"hello" in await exchange(server.port, b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
    assert app[METRICS].listener is None
    with pytest.raises(ServeError, match="another address for metrics_bind"):
        serve(app, port=9100, metrics_bind="0.0.0.0:9100")
