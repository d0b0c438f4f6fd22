"""Start and stop by `__rsgi_init__` and `__rsgi_del__`, and servers that do not call them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sketch import Application, Response, StreamResponse, WebSocket
from sketch_rsgi import life
from sketch_rsgi.app import RSGIApplication
from tests.rsgi.scripted import Message, Protocol, WebSocketProtocol, ask, scope, started
from tests.support.scripts import in_loop, until


class Deaf(WebSocketProtocol):
    """Tells nothing of what the client does."""

    async def receive(self) -> Message:
        await asyncio.Event().wait()
        raise AssertionError


def hooked(*, fails: str = "") -> tuple[Application, list[str]]:
    """An application that notes its hooks; the one of that name fails."""
    app, calls = Application(), []
    app.add_get("/", lambda: Response("hello"))

    def note(name: str) -> None:
        calls.append(name)
        if name == fails:
            raise ValueError(f"{name} fails")

    app.on_startup.append(lambda: note("startup"))
    app.on_shutdown.append(lambda: note("shutdown"))
    app.on_cleanup.append(lambda: note("cleanup"))
    return app, calls


def test_the_hooks_run_in_a_loop_that_does_not_run_yet() -> None:
    app, calls = hooked()
    loop = asyncio.new_event_loop()
    try:
        app.__rsgi_init__(loop)
        assert calls == ["startup"]
        protocol = Protocol()
        loop.run_until_complete(app.__rsgi__(scope(), protocol))
        assert protocol.body == b"hello"
        app.__rsgi_del__(loop)
    finally:
        loop.close()
    assert calls == ["startup", "shutdown", "cleanup"]


def test_a_failed_start_ends_the_process(caplog: pytest.LogCaptureFixture) -> None:
    app, calls = hooked(fails="startup")
    loop = asyncio.new_event_loop()
    try:
        with pytest.raises(SystemExit) as exit_:
            app.__rsgi_init__(loop)
    finally:
        loop.close()
    assert (exit_.value.code, calls) == (1, ["startup", "cleanup"])
    assert "the application could not be started" in caplog.text
    assert "startup fails" in caplog.text


def test_a_failed_stop_runs_the_other_hooks(caplog: pytest.LogCaptureFixture) -> None:
    app, calls = hooked(fails="shutdown")
    loop = asyncio.new_event_loop()
    try:
        app.__rsgi_init__(loop)
        app.__rsgi_del__(loop)
    finally:
        loop.close()
    assert calls == ["startup", "shutdown", "cleanup"]
    assert "the application could not be stopped cleanly" in caplog.text


@in_loop
async def test_requests_wait_for_a_start_in_a_loop_that_runs() -> None:
    app, calls = hooked()
    rsgi = RSGIApplication(app)
    rsgi.life._signals = False
    rsgi.init(asyncio.get_running_loop())
    protocol = Protocol()
    await rsgi.serve(scope(), protocol)
    assert (protocol.body, calls) == (b"hello", ["startup"])
    rsgi.end(asyncio.get_running_loop())
    await until(lambda: rsgi.life._stopping is not None and rsgi.life._stopping.done())
    assert calls == ["startup", "shutdown", "cleanup"]


@pytest.mark.parametrize("proto", ["http", "ws"])
@in_loop
async def test_requests_behind_a_start_that_failed_are_500(proto: str) -> None:
    app, _ = hooked(fails="startup")
    rsgi = RSGIApplication(app)
    rsgi.life._signals = False
    rsgi.init(asyncio.get_running_loop())
    if proto == "http":
        protocol = Protocol()
        await rsgi.serve(scope(), protocol)
        assert protocol.status == 500
    else:
        websocket = WebSocketProtocol()
        await rsgi.serve(scope(proto="ws"), websocket)
        assert websocket.closed == [500]


@in_loop
async def test_a_server_that_does_not_call_init(caplog: pytest.LogCaptureFixture) -> None:
    app, calls = hooked()
    protocol = Protocol()
    await app.__rsgi__(scope(), protocol)
    assert (protocol.body, calls) == (b"hello", ["startup"])
    assert "has not called __rsgi_init__" in caplog.text
    await app.cleanup()


@in_loop
async def test_what_runs_is_cancelled_at_the_end_of_the_grace_period(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "sketch.server")
    app = Application()
    begun = asyncio.Event()

    @app.get("/")
    async def stuck() -> Response:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    rsgi = await started(app)
    rsgi.life._grace = 0.01
    protocol = Protocol()
    serving = asyncio.create_task(rsgi.serve(scope(), protocol))
    await begun.wait()
    rsgi.life._ordered_to_stop()
    await asyncio.wait([serving])
    assert protocol.status == 503
    assert ("connection", "close") in protocol.fields
    assert "'/' was cancelled" in caplog.text
    await rsgi.life._end()


@in_loop
async def test_a_session_that_goes_on_behind_the_server_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life, "_LEAVING", 0.01)
    app = Application()
    calls = []

    @app.websocket("/")
    async def stuck(ws: WebSocket) -> None:
        calls.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            calls.append("ended")

    app.on_cleanup.append(lambda: calls.append("cleanup"))
    rsgi = await started(app)
    serving = asyncio.create_task(rsgi.serve(scope(proto="ws"), WebSocketProtocol()))
    await until(lambda: calls)
    await rsgi.life._end()
    assert calls == ["begun", "ended", "cleanup"]
    await asyncio.wait([serving])


@in_loop
async def test_a_session_whose_close_is_not_answered_does_not_delay_the_stop(caplog: pytest.LogCaptureFixture) -> None:
    """Once granian stops, it tells nothing of websockets any more. Such a session has ended, and was not cut off."""
    caplog.set_level(logging.DEBUG, "sketch")
    app = Application()
    calls: list[str] = []

    @app.websocket("/")
    async def session(ws: WebSocket) -> None:
        calls.append("begun")
        async for _ in ws:
            pass
        calls.append("ended")

    app.on_finished.append(lambda request, outcome: calls.append(f"{outcome.status} {outcome.disconnected}"))
    rsgi = await started(app)
    protocol = Deaf()
    serving = asyncio.create_task(rsgi.serve(scope(proto="ws"), protocol))
    await until(lambda: calls)
    rsgi.life._ordered_to_stop()
    await until(lambda: protocol.closed)
    await rsgi.life._end()
    await serving
    assert calls == ["begun", "ended", "101 False"]
    assert "cut off" not in caplog.text
    assert "cancelled" not in caplog.text


@pytest.mark.parametrize("proto", ["http", "ws"])
@in_loop
async def test_what_is_cut_off_by_a_stop_is_no_error_of_the_application(proto: str) -> None:
    """granian prints a traceback for whatever it is told, a cancellation as well."""
    app = Application()
    begun = asyncio.Event()

    async def ticks() -> AsyncIterator[bytes]:
        yield b"tick"
        begun.set()
        await asyncio.Event().wait()

    app.add_get("/", lambda: StreamResponse(ticks()))

    @app.websocket("/")
    async def stuck(ws: WebSocket) -> None:
        begun.set()
        await asyncio.Event().wait()

    rsgi = await started(app)
    protocol: Any = Protocol() if proto == "http" else WebSocketProtocol()
    serving = asyncio.create_task(rsgi.serve(scope(proto=proto), protocol))
    await begun.wait()
    app.stopping.set(0)
    if proto == "http":
        protocol.left.set()
    rsgi.life.exchanges.cut()
    await asyncio.wait([serving])
    assert serving.exception() is None
    await rsgi.life._end()


@in_loop
async def test_raw_asgi_middleware_is_around_it() -> None:
    app = Application()
    app.add_get("/", lambda: Response("hello"))

    def shout(inner: object) -> object:
        async def middleware(scope_: object, receive: object, send: object) -> None:
            async def louder(message: dict[str, object]) -> None:
                if message["type"] == "http.response.body":
                    message = {**message, "body": bytes(message["body"]).upper()}  # type: ignore[call-overload]
                await send(message)  # type: ignore[operator]

            await inner(scope_, receive, louder)  # type: ignore[operator]

        return middleware

    app.wrap_asgi(shout)
    protocol = await ask(app, scope(), Protocol())
    assert protocol.body == b"HELLO"
    with pytest.raises(RuntimeError, match="before the application starts"):
        app.wrap_asgi(shout)
