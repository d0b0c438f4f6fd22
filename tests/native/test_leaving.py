"""Clients that leave in one step or in two, before, while and after a handler runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sketch import Application, FileResponse, Outcome, Request, Response, StreamResponse
from tests.support.native import HOST, Certificates, make_app, serving, turns, until
from tests.support.wire import Broken

TLS = pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])


class Handler:
    """Ends only by cancellation, and cleans up until it is told to go on."""

    def __init__(self) -> None:
        self.running = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.go_on = asyncio.Event()
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self, request: Request) -> Response:
        self.running.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
            try:
                await self.go_on.wait()
            except BaseException as exc:
                self.ended.set_result(f"interrupted by {type(exc).__name__}")
                raise
            self.ended.set_result("cleaned up")
        raise AssertionError


def app_of(handler: Handler) -> Application:
    app = make_app()
    app.router.add_route(("GET", "POST"), "/wait", handler, on_disconnect="cancel")
    return app


def waiting(extra: bytes = b"") -> bytes:
    return b"GET /wait HTTP/1.1\r\n" + HOST + extra + b"\r\n"


@TLS
async def test_the_client_is_gone(
    encrypted: bool, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "sketch")
    handler = Handler()
    async with serving(app_of(handler), certificates if encrypted else None, access_log=True) as served:
        async with served.connect() as wire:
            await wire.send(waiting())
            await handler.running.wait()
        await handler.cancelled.wait()
        handler.go_on.set()
        assert await handler.ended == "cleaned up"
        await served.alone()
    line, access = caplog.records
    assert (line.levelname, line.getMessage()) == (
        "DEBUG",
        "GET '/wait': the client left, so its handler was cancelled",
    )
    assert '"GET /wait" - 0 ' in access.getMessage()


async def test_a_client_that_will_send_no_more_counts_as_gone() -> None:
    """A half-closing client gets neither an answer nor a refusal of a complete request."""
    handler = Handler()
    async with serving(app_of(handler)) as served, served.connect() as wire:
        await wire.send(waiting())
        await handler.running.wait()
        wire.half_close()
        await handler.cancelled.wait()
        handler.go_on.set()
        assert await wire.ended() == b""
    assert handler.ended.result() == "cleaned up"


async def test_a_client_that_leaves_before_its_handler_runs() -> None:
    handler = Handler()
    handler.go_on.set()
    async with serving(app_of(handler)) as served, served.connect() as wire:
        wire.writer.write(waiting())
        wire.half_close()
        assert await wire.ended() == b""
    assert handler.ended.result() == "cleaned up"


async def test_the_clean_up_is_not_interrupted_by_the_second_step() -> None:
    """A client may first say that it sends no more, and then reset the connection."""
    handler = Handler()
    async with serving(app_of(handler)) as served:
        async with served.connect() as wire:
            await wire.send(waiting())
            await handler.running.wait()
            wire.half_close()
            await handler.cancelled.wait()
        await turns(20)
        handler.go_on.set()
        assert await handler.ended == "cleaned up"


async def test_the_end_of_a_stream_is_not_interrupted_by_the_second_step() -> None:
    app = make_app()
    closing, go_on = asyncio.Event(), asyncio.Event()
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @app.get("/endless")
    async def endless(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x" * 100_000
            finally:
                closing.set()
                try:
                    await go_on.wait()
                except BaseException as exc:
                    ended.set_result(f"interrupted by {type(exc).__name__}")
                    raise
                ended.set_result("closed")

        return StreamResponse(parts())

    async with serving(app) as served:
        async with served.connect(receive_buffer=4096) as wire:
            await wire.send(b"GET /endless HTTP/1.1\r\n" + HOST + b"\r\n")
            await wire.head()
            wire.pause()
            (protocol,) = served.server.connections
            await until(lambda: protocol.flow.blocked, "a full buffer")
            wire.half_close()
            await closing.wait()
        await until(lambda: protocol.flow.lost or protocol not in served.server.connections, "the reset")
        go_on.set()
        assert await ended == "closed"


async def test_the_requests_behind_it_are_not_begun() -> None:
    handler = Handler()
    begun: list[str] = []

    async def watch(request: Request) -> None:
        begun.append(request.path)

    app = app_of(handler)
    app.before_request.append(watch)
    async with serving(app) as served:
        async with served.connect() as wire:
            await wire.send(waiting() + b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
            await handler.running.wait()
        await handler.cancelled.wait()
        handler.go_on.set()
        await served.alone()
    assert begun == ["/wait"]


async def test_a_keep_alive_connection_after_an_answer_in_time() -> None:
    app = make_app()

    @app.get("/quick", on_disconnect="cancel")
    async def quick(request: Request) -> Response:
        await asyncio.sleep(0)
        return Response("quick")

    async with serving(app) as served, served.connect() as wire:
        for _ in range(3):
            await wire.send(b"GET /quick HTTP/1.1\r\n" + HOST + b"\r\n")
            assert (await wire.receive()).body == b"quick"


async def test_a_body_that_was_not_sent_to_its_end_is_a_bad_request() -> None:
    """The client can still read the answer."""
    handler = Handler()
    handler.go_on.set()
    async with serving(app_of(handler)) as served, served.connect() as wire:
        await wire.send(b"POST /wait HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\nabc")
        await handler.running.wait()
        wire.half_close()
        assert (await wire.receive("POST")).status == 400
        with pytest.raises(Broken):
            await wire.head()


class Answers:
    """Handlers that answer once they are told to, in every kind of body, and the outcomes of their exchanges."""

    def __init__(self, file: Path) -> None:
        self.app = Application()
        self.running, self.go_on = asyncio.Event(), asyncio.Event()
        self.outcomes: list[Outcome] = []
        self.closed = False
        self._file = file
        self.app.add_get("/{kind}", self.handle)
        self.app.on_finished(self.note)

    async def note(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    async def handle(self, kind: str) -> Response:
        self.running.set()
        await self.go_on.wait()
        if kind == "file":
            return FileResponse(self._file)
        return (
            StreamResponse(self.parts()) if kind == "stream" else Response(b"x" * (5 if kind == "plain" else 200_000))
        )

    async def parts(self) -> AsyncIterator[bytes]:
        yield b"x"


@pytest.mark.parametrize("kind", ["plain", "large", "stream", "file"])
async def test_a_client_that_resets_while_its_handler_runs_gets_no_answer(
    kind: str, tmp_path: Path, descriptors: None
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 300_000)
    answers = Answers(path)
    async with serving(answers.app) as served:
        async with served.connect() as wire:
            await wire.send(f"GET /{kind} HTTP/1.1\r\n".encode() + HOST + b"\r\n")
            await answers.running.wait()
            (protocol,) = served.server.connections
            wire.reset()
        await until(lambda: protocol.flow.lost, "the reset")
        answers.go_on.set()
        await served.alone()
        await until(lambda: answers.outcomes, "the end")
    (outcome,) = answers.outcomes
    assert (outcome.status, outcome.sent, outcome.first_byte_at) == (None, 0, None)
    assert (outcome.error, outcome.disconnected, outcome.cancelled) == (None, True, False)


async def test_a_client_that_resets_once_it_has_all_bytes() -> None:
    """The stream goes on to its end, and the client has the whole answer."""
    app = Application()
    go_on = asyncio.Event()
    outcomes: list[Outcome] = []
    ended: list[bool] = []

    async def five() -> AsyncIterator[bytes]:
        yield b"12345"
        await go_on.wait()
        ended.append(True)

    app.add_get("/", lambda: StreamResponse(five(), headers={"Content-Length": "5"}))
    app.on_finished(outcomes.append)
    async with serving(app) as served:
        async with served.connect() as wire:
            await wire.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
            assert (await wire.receive()).body == b"12345"
            (protocol,) = served.server.connections
            wire.reset()
        await until(lambda: protocol.flow.lost, "the reset")
        go_on.set()
        await until(lambda: outcomes, "the end")
    (outcome,) = outcomes
    assert ended == [True]
    assert (outcome.status, outcome.sent, outcome.disconnected, outcome.cancelled) == (200, 5, False, False)
