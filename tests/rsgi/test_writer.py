"""Responses: whole, streamed, of files; broken off where they do not come to their end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sketch import Application, FileResponse, Limits, Outcome, Request, Response, StreamResponse
from sketch.transport import FileBody
from sketch_rsgi import writer
from sketch_rsgi.peer import find_peer
from sketch_rsgi.writer import UNMEASURED, UNTAKEN
from tests.rsgi.scripted import Protocol, ask, scope, started
from tests.support.scripts import in_loop, until


def streaming(*parts: bytes | Exception, headers: dict[str, str] | None = None) -> tuple[Application, list[str]]:
    """An application whose `/` streams these parts, and a list that tells of the stream's end."""
    app, ended = Application(), []

    async def produce() -> AsyncIterator[bytes]:
        try:
            for part in parts:
                if isinstance(part, Exception):
                    raise part
                yield part
        finally:
            ended.append("closed")

    @app.get("/")
    async def stream() -> StreamResponse:
        return StreamResponse(produce(), headers=headers)

    return app, ended


@in_loop
async def test_a_plain_response_leaves_its_length_to_the_server() -> None:
    app = Application()
    app.add_get("/", lambda: Response("hello"))
    protocol = await ask(app, scope(), Protocol())
    assert (protocol.sent[0][0], protocol.body) == ("bytes", b"hello")
    assert protocol.fields == [("content-type", "text/plain; charset=utf-8")]
    protocol = await ask(app, scope("HEAD"), Protocol())
    assert (protocol.body, dict(protocol.fields)["content-length"]) == (b"", "5")


@in_loop
async def test_fields_are_text() -> None:
    app = Application()
    app.add_get("/", lambda: Response(headers={"x-a": "caf\xe9", "x-b": "plain"}))
    fields = dict((await ask(app, scope(), Protocol())).fields)
    assert (fields["x-a"], fields["x-b"]) == ("caf\xe9", "plain")


@in_loop
async def test_an_error_of_the_server_is_raised_to_it() -> None:
    app = Application()
    outcomes: list[Outcome] = []
    app.add_get("/", lambda: Response("hello"))

    @app.on_finished
    def note(request: Request, outcome: Outcome) -> None:
        outcomes.append(outcome)

    with pytest.raises(ValueError, match="the server is broken"):
        await ask(app, scope(), Protocol(error=ValueError("the server is broken")))
    assert [(outcome.status, type(outcome.error)) for outcome in outcomes] == [(None, ValueError)]


@in_loop
async def test_a_stream() -> None:
    app, ended = streaming(b"one ", b"", b"two")
    protocol = await ask(app, scope(), Protocol())
    assert (protocol.sent[0][0], protocol.status, protocol.body, ended) == ("stream", 200, b"one two", ["closed"])


@pytest.mark.parametrize("parts", [[b"one", ValueError("half")], [ValueError("at once")]])
@in_loop
async def test_a_stream_that_fails_stays_open_until_the_client_leaves(parts: Any) -> None:
    """No connection of this process has these addresses, so it cannot be broken off."""
    app, ended = streaming(*parts)
    protocol, rsgi = Protocol(), await started(app)
    serving = asyncio.create_task(rsgi.serve(scope(), protocol))
    await until(lambda: ended)
    for _ in range(20):
        await asyncio.sleep(0)
    assert not serving.done(), "the end of the transport would be taken for the end of the body"
    protocol.left.set()
    with pytest.raises(ValueError):
        await serving
    await rsgi.life._end()


@in_loop
async def test_a_client_that_leaves_ends_the_stream() -> None:
    protocol = Protocol()
    app, ended = streaming(b"one", b"two")
    protocol.left.set()
    await ask(app, scope(), protocol)
    assert ended == ["closed"]
    assert protocol.body == b""


@pytest.mark.parametrize(("first", "last"), [(0, 299_999), (100_000, 199_999)])
@in_loop
async def test_a_file_is_sent_by_its_path(tmp_path: Path, first: int, last: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(300_000))
    app = Application()
    app.add_get("/", lambda: FileResponse(path))
    fields = [] if not first else [("range", f"bytes={first}-{last}")]
    protocol = await ask(app, scope("GET", "/", *fields), Protocol())
    kind, (_, _, name, start, end) = protocol.sent[0]
    assert (kind, name, start, end) == ("file", str(path), first, last + 1)


@in_loop
async def test_a_file_that_was_replaced_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a" * 300_000)
    app = Application()
    app.add_get("/", lambda: FileResponse(path))

    original = writer._path_of

    def replaced(body: FileBody) -> str | None:
        other = tmp_path / "other"
        other.write_bytes(b"b" * 300_000)
        other.replace(path)
        return original(body)

    monkeypatch.setattr(writer, "_path_of", replaced)
    protocol = await ask(app, scope(), Protocol())
    assert (protocol.sent[0][0], protocol.body) == ("stream", b"a" * 300_000)


def connected() -> tuple[socket.socket, socket.socket]:
    """Both ends of a connection; the first is the server's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    return server, client


def place(sock: socket.socket) -> str:
    host, port = sock.getsockname()
    return f"{host}:{port}"


def test_the_socket_of_a_connection_is_found_and_measured() -> None:
    server, client = connected()
    with server, client:
        peer = find_peer(client.getsockname(), server.getsockname())
        assert peer is not None
        before = peer.taken()
        assert before is not None
        server.sendall(b"x" * 1000)
        assert peer.taken() == before + 1000
        peer.close()
        assert find_peer(("127.0.0.1", 1), server.getsockname()) is None
        assert find_peer(None, None) is None


def test_a_reset_is_seen_by_both_sides() -> None:
    server, client = connected()
    with client:
        peer = find_peer(client.getsockname(), server.getsockname())
        assert peer is not None
        peer.reset()
        peer.close()
        assert server.recv(1) == b"", "the server sees the end"
        server.close()
        with pytest.raises(ConnectionResetError):
            client.recv(1)


class Noticing(Protocol):
    """Closes the server's socket once it sees the end of the connection, as granian does."""

    def __init__(self, server: socket.socket) -> None:
        super().__init__()
        self._server = server
        self._watches = False

    async def client_disconnect(self) -> None:
        if self._watches:
            await self.left.wait()
            return
        self._watches = True
        assert await asyncio.get_running_loop().sock_recv(self._server, 1) == b""
        self._server.close()
        self.left.set()


@in_loop
async def test_a_stream_that_fails_resets_its_connection() -> None:
    server, client = connected()
    server.setblocking(False)
    with client:
        app, ended = streaming(b"one", ValueError("half"))
        with pytest.raises(ValueError):
            await ask(app, scope(client=place(client), server=place(server)), Noticing(server))
        assert ended == ["closed"]
        with pytest.raises(ConnectionResetError):
            client.recv(1)


@in_loop
async def test_a_stream_waits_for_a_client_that_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What its client has not taken is bounded; the write timeout ends the wait."""
    monkeypatch.setattr(writer, "_ENDING", 0.01)
    server, client = connected()
    with server, client:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        app = Application(limits=Limits(write_timeout=0.05))
        produced = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal produced
            while True:
                produced += 65536
                yield b"x" * 65536

        @app.get("/")
        async def stream() -> StreamResponse:
            return StreamResponse(endless())

        protocol = Protocol()
        await ask(app, scope(client=place(client), server=place(server)), protocol)
        assert UNMEASURED < produced <= UNMEASURED + UNTAKEN + 2 * 65536
        assert len(protocol.body) <= produced
