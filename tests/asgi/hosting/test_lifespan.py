"""The lifespan of a foreign ASGI application: its start, its end, and its mistakes."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Any

import pytest

from sketch import Application
from sketch.lifecycle.stopping import Stopping
from sketch.testing import TestClient
from sketch_asgi.hosting import lifespan as host_lifespan
from sketch_asgi.hosting.host import ASGIHost, make_host
from tests.asgi.hosting.serving import MODES, PREFIX, Message, Receive, Send, answer, hosting
from tests.support.scripts import in_loop, until


class App:
    """Follows the lifespan protocol, except for the steps that a test replaces."""

    def __init__(self, *, startup: Any = None, shutdown: Any = None, last: Any = None) -> None:
        self.journal: list[str] = []
        self._steps = {"startup": startup, "shutdown": shutdown}
        self._last = last

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await answer(send, str(sorted(scope["state"])).encode())
            return
        assert scope["asgi"] == {"version": "3.0", "spec_version": "2.0"}
        scope["state"]["pool"] = 1
        for phase, step in self._steps.items():
            assert await receive() == {"type": f"lifespan.{phase}"}
            self.journal.append(phase)
            if step is not None:
                await step(send)
            else:
                await send({"type": f"lifespan.{phase}.complete"})
        if self._last is not None:
            await self._last()
        self.journal.append("returned")


def fails(error: BaseException) -> Any:
    async def step(*_: Any) -> None:
        raise error

    return step


def says(kind: str, **more: Any) -> Any:
    async def step(send: Send) -> None:
        await send({"type": kind, **more})

    return step


@pytest.mark.parametrize("mode", MODES)
@in_loop
async def test_start_and_end(mode: str) -> None:
    app = App()
    for _ in range(2):  # a life may follow another
        async with hosting(app, mode) as client:
            assert app.journal == ["startup"]
            assert (await client.get()).body == b"['pool']"
        assert app.journal == ["startup", "shutdown", "returned"]
        app.journal.clear()


@in_loop
async def test_a_mounted_application_lives_inside_the_other() -> None:
    app = App()
    outer = Application()
    outer.mount(PREFIX, app)
    journal = app.journal
    for name in ("startup", "shutdown", "cleanup"):
        outer.on_event(name).append(partial(journal.append, f"on_{name}"))
    async with TestClient(outer) as client:
        assert await (await client.get(f"{PREFIX}/")).read() == b"['pool']"
    assert journal == ["on_startup", "startup", "on_shutdown", "shutdown", "returned", "on_cleanup"]


@in_loop
async def test_one_application_at_several_places_lives_once() -> None:
    outer, app = Application(), App()
    outer.mount("/one", app)
    outer.mount("/two", app)
    async with TestClient(outer) as client:
        for target in ("/one", "/two/x"):
            assert await (await client.get(target)).text() == "['pool']"
    assert app.journal == ["startup", "shutdown", "returned"]


@in_loop
async def test_a_failed_start_ends_the_applications_started_before() -> None:
    first, second = App(), App(startup=fails(LookupError("no database")))
    outer = Application()
    outer.mount("/first", first)
    outer.mount("/second", failing(second))
    with pytest.raises(LookupError, match="no database"):
        await outer.startup()
    assert first.journal == ["startup", "shutdown", "returned"]


def failing(app: App) -> Any:
    """Reports the failed start, as frameworks do, and then raises the error."""

    async def asgi(scope: Message, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except Exception as exc:
            await send({"type": "lifespan.startup.failed", "message": repr(exc)})
            raise

    return asgi


# -- applications without ---------------------------------------------------------------------------------------------


async def refusing(scope: Message, receive: Receive, send: Send) -> None:
    assert scope["type"] == "http", "no lifespan here"
    await answer(send)


async def ignoring(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await answer(send)


async def mistaking(scope: Message, receive: Receive, send: Send) -> None:
    """Handles every scope as a request."""
    await answer(send)


@pytest.mark.parametrize("app", [refusing, ignoring, mistaking])
@pytest.mark.parametrize("mode", MODES)
@in_loop
async def test_no_lifespan(mode: str, app: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with hosting(app, mode) as client:
        assert (await client.get()).body == b"ok"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("mode", MODES)
@in_loop
async def test_a_lifespan_that_fails_before_it_answers(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    """The specification asks to serve it; the log says why its start did nothing."""
    app = App(startup=fails(LookupError("no database")))
    async with hosting(app, mode) as client:
        assert (await client.get()).body == b"['pool']"
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.getMessage() == "the ASGI application is served without its lifespan, in which it failed"
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "no database"


@pytest.mark.parametrize("stray", [SystemExit("no database"), KeyboardInterrupt(), asyncio.CancelledError()], ids=repr)
@in_loop
async def test_a_lifespan_that_exits_does_not_end_the_server(
    stray: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async with hosting(App(startup=fails(stray)), "native") as client:
        assert (await client.get()).body == b"['pool']"
    assert "is served without its lifespan, in which it failed" in caplog.text
    assert repr(stray) in caplog.text


# -- failures ---------------------------------------------------------------------------------------------------------


@in_loop
async def test_the_start_fails_with_the_applications_error() -> None:
    host = ASGIHost(failing(App(startup=fails(LookupError("no database")))))
    with pytest.raises(LookupError, match="no database"):
        await host.startup()
    await host.cleanup(Stopping())


@in_loop
async def test_the_start_fails_with_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_lifespan, "LAST_STEPS", 0.01)  # it goes on to wait for its end
    host = ASGIHost(App(startup=says("lifespan.startup.failed", message="no database")))
    with pytest.raises(RuntimeError, match="the ASGI application could not be started: no database"):
        await host.startup()


@in_loop
async def test_a_start_that_is_cancelled() -> None:
    ended = asyncio.Event()

    async def never(send: Send) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    app = App(startup=never)
    host = ASGIHost(app)
    task = asyncio.ensure_future(host.startup())
    await until(lambda: app.journal)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (says("lifespan.shutdown.failed", message="still busy"), "could not be stopped in order: still busy"),
        (says("lifespan.shutdown.failed"), "could not be stopped in order: $"),
        (fails(LookupError("lost")), "lost"),
    ],
)
@in_loop
async def test_the_end_fails(step: Any, error: str) -> None:
    host = ASGIHost(App(shutdown=step))
    await host.startup()
    with pytest.raises((RuntimeError, LookupError), match=error):
        await host.cleanup(Stopping())
    await host.cleanup(Stopping())  # it has ended


@in_loop
async def test_a_life_that_ends_too_early() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        raise LookupError("too early")

    host = ASGIHost(app)
    await host.startup()
    with pytest.raises(LookupError, match="too early"):
        await host.cleanup(Stopping())


@in_loop
async def test_an_application_that_returns_before_the_end_has_no_more_to_do() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})

    host = ASGIHost(app)
    await host.startup()
    await host.cleanup(Stopping())


@pytest.mark.parametrize("kind", ["lifespan.shutdown.complete", "http.response.start", "lifespan.startup.complete"])
@in_loop
async def test_messages_out_of_order(kind: str) -> None:
    errors = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        if kind == "lifespan.startup.complete":
            await send({"type": kind})
        try:
            await send({"type": kind})
        except RuntimeError as exc:
            errors.append(str(exc))
        await receive()

    host = ASGIHost(app)
    if kind == "lifespan.startup.complete":
        await host.startup()
    else:
        task = asyncio.ensure_future(host.startup())
        await until(lambda: errors)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert errors == [f"expected one answer to lifespan.startup, got {kind!r}"]
    await host.cleanup(Stopping())


@in_loop
async def test_last_steps_have_an_end(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(host_lifespan, "LAST_STEPS", 0.01)
    leave = asyncio.Event()

    async def stubborn() -> None:
        while not leave.is_set():
            try:
                await leave.wait()
            except asyncio.CancelledError:
                continue

    host = ASGIHost(App(last=stubborn))
    await host.startup()
    await host.cleanup(Stopping())
    assert "left behind: <Task" in caplog.text
    leave.set()
    await until(lambda: len(asyncio.all_tasks()) == 1)


def test_a_host_keeps_its_application() -> None:
    host = ASGIHost(refusing)
    assert make_host(host) is host
    assert make_host(refusing).app is refusing
    assert repr(host) == f"<ASGIHost of {refusing!r}>"
    with pytest.raises(TypeError, match="expected an ASGI 3 application, got None"):
        make_host(None)
    with pytest.raises(TypeError, match="it looks like WSGI"):
        Application().mount("/x", lambda environ, start_response: None)
