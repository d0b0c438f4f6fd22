"""The application's life: told by the server, or started before the first request."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sketch.application import Application
from sketch.response import Response
from sketch.serving.options import ServeError
from sketch.transport import Outcome
from sketch_asgi.app import ASGIApplication
from sketch_gateway.stop_signals import NUMBERS
from tests.asgi.adapter.support import hello
from tests.support.scripts import Script, application, http_scope, in_loop, until

START, STOP = {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}


@pytest.fixture(autouse=True)
def handlers_are_put_back() -> Iterator[None]:
    before = [signal.getsignal(number) for number in NUMBERS]
    yield
    assert [signal.getsignal(number) for number in NUMBERS] == before


def recording() -> tuple[Application, list[str]]:
    app, events = application(hello), []
    for name in ("startup", "shutdown", "cleanup"):
        getattr(app, f"on_{name}").append(lambda _, name=name: events.append(name))
    return app, events


def kinds(script: Script) -> list[str]:
    return [message["type"].removeprefix("lifespan.") for message in script.sent]


async def live(asgi: ASGIApplication, script: Script, **scope: Any) -> None:
    await asgi({"type": "lifespan", "asgi": {"version": "3.0"}, **scope}, script.receive, script.send)


@in_loop
async def test_start_and_stop_twice() -> None:
    app, events = recording()
    asgi = ASGIApplication(app)
    for _ in range(2):
        script = Script(START, STOP)
        await live(asgi, script)
        assert kinds(script) == ["startup.complete", "shutdown.complete"]
    assert events == ["startup", "shutdown", "cleanup"] * 2
    assert asgi.life.exit_code == 0


@in_loop
async def test_state_is_handed_to_the_server() -> None:
    app, _ = recording()
    app.on_startup.append(lambda app: app.state.update(a=1))
    state: dict[str, Any] = {}
    await live(ASGIApplication(app), Script(START, STOP), state=state)
    assert state == {"a": 1}


@in_loop
async def test_failing_start(caplog: pytest.LogCaptureFixture) -> None:
    app, events = recording()

    async def fail() -> None:
        raise ValueError("no database")

    app.on_startup.append(fail)
    asgi = ASGIApplication(app)
    script = Script(START)
    await live(asgi, script)
    assert kinds(script) == ["startup.failed"]
    assert "no database" in script.sent[0]["message"]
    assert "Traceback" in caplog.text
    assert events == ["startup", "cleanup"]
    assert asgi.life.exit_code == 1


@in_loop
async def test_a_start_that_one_line_explains_is_left_to_the_launcher(caplog: pytest.LogCaptureFixture) -> None:
    app, _ = recording()

    async def fail() -> None:
        raise ServeError("cannot listen")

    app.on_startup.append(fail)
    asgi = ASGIApplication(app)
    script = Script(START)
    await live(asgi, script)
    assert kinds(script) == ["startup.failed"]
    assert "could not be started" not in caplog.text
    assert isinstance(asgi.life.error, ServeError)


@pytest.mark.parametrize("name", ["on_shutdown", "on_cleanup"])
@in_loop
async def test_failing_stop(name: str) -> None:
    app, events = recording()

    async def fail() -> None:
        raise ValueError("stuck")

    getattr(app, name).insert(0, fail)
    script = Script(START, STOP)
    asgi = ASGIApplication(app)
    await live(asgi, script)
    assert kinds(script) == ["startup.complete", "shutdown.failed"]
    assert events == ["startup", "shutdown", "cleanup"], "the others still run"
    assert asgi.life.exit_code == 1


@in_loop
async def test_server_that_just_cancels() -> None:
    app, events = recording()
    script = Script(START)
    task = asyncio.create_task(live(ASGIApplication(app), script))
    await until(lambda: script.sent)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert events == ["startup", "shutdown", "cleanup"]


@in_loop
async def test_protocol_error() -> None:
    with pytest.raises(RuntimeError, match=r"expected the server to send lifespan\.startup, got 'lifespan\.shutdown'"):
        await live(ASGIApplication(recording()[0]), Script(STOP))


@in_loop
async def test_without_lifespan_hooks_run_once_before_the_first_request(caplog: pytest.LogCaptureFixture) -> None:
    app, events = recording()
    asgi = ASGIApplication(app)
    scripts = [Script() for _ in range(3)]
    await asyncio.gather(*(asgi(http_scope(), script.receive, script.send) for script in scripts))
    assert [script.status for script in scripts] == [200] * 3
    assert events == ["startup"]
    assert caplog.text.count("no lifespan scope") == 1
    await app.cleanup()


@in_loop
async def test_without_lifespan_a_failing_start_is_tried_once() -> None:
    calls = []

    async def fail() -> None:
        calls.append(1)
        raise ValueError("no database")

    app = application(hello)
    app.on_startup.append(fail)
    asgi = ASGIApplication(app)
    for _ in range(2):
        script = Script()
        await asgi(http_scope(), script.receive, script.send)
        assert script.status == 500
        assert b"database" not in script.body
    assert calls == [1]


@in_loop
async def test_request_after_the_end_does_not_start_again() -> None:
    app, events = recording()
    asgi = ASGIApplication(app)
    await live(asgi, Script(START, STOP))
    script = Script()
    await asgi(http_scope(), script.receive, script.send)
    assert script.status == 503
    assert events == ["startup", "shutdown", "cleanup"]


@pytest.mark.parametrize("how", ["signal.signal", "add_signal_handler"])
@pytest.mark.parametrize("number", NUMBERS)
@in_loop
async def test_signals_are_chained(how: str, number: signal.Signals) -> None:
    """`stopping` is set at the signal, the server's own handler still runs, and is in place again at the end."""
    app, _ = recording()
    heard = asyncio.Event()
    loop = asyncio.get_running_loop()
    before = signal.getsignal(number)
    if how == "signal.signal":
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(heard.set))
    else:
        loop.add_signal_handler(number, heard.set)
    own = signal.getsignal(number)
    script = Script(START)
    task = asyncio.create_task(live(ASGIApplication(app), script))
    try:
        await until(lambda: script.sent)
        signal.raise_signal(number)
        await app.stopping.wait()
        await heard.wait()
        script.put(STOP)
        await task
        assert signal.getsignal(number) == own
    finally:
        if how == "add_signal_handler":
            loop.remove_signal_handler(number)
        signal.signal(number, before)


@in_loop
async def test_signals_without_a_handler_are_left_alone() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    script = Script(START)
    try:
        task = asyncio.create_task(live(ASGIApplication(recording()[0]), script))
        await until(lambda: script.sent)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
        script.put(STOP)
        await task
    finally:
        signal.signal(signal.SIGTERM, before)


def test_outside_the_main_thread() -> None:
    app, events = recording()
    thread = threading.Thread(target=lambda: asyncio.run(live(ASGIApplication(app), Script(START, STOP))))
    thread.start()
    thread.join(20)
    assert events == ["startup", "shutdown", "cleanup"]


def test_trio_worker_is_a_clear_error(caplog: pytest.LogCaptureFixture) -> None:
    """The coroutine is driven by hand, as a loop other than asyncio's would."""
    answers: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return START

    async def send(message: dict[str, Any]) -> None:
        answers.append(message)

    coroutine = ASGIApplication(recording()[0])({"type": "lifespan"}, receive, send)
    with pytest.raises(StopIteration):
        coroutine.send(None)
    assert answers[0]["type"] == "lifespan.startup.failed"
    assert "asyncio" in answers[0]["message"]


# -- exchanges that end while the server stops -------------------------------------------------------------------------


class Cut:
    """A request that the server cancels while it stops, and a listener that waits for `go_on` at the end of it."""

    def __init__(self) -> None:
        self.running, self.listening, self.go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.app, self.events = recording()
        self.app.add_get("/hanging", self.handle)
        self.app.on_finished(self.listen)
        self.asgi = ASGIApplication(self.app)

    async def handle(self) -> Response:
        self.running.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def listen(self, outcome: Outcome) -> None:
        assert outcome.cancelled
        self.listening.set()
        await self.go_on.wait()
        self.events.append("finished")

    async def cancel(self) -> asyncio.Task[None]:
        """Begin the request and cancel it; returns its task, in which the listener waits."""
        script = Script()
        task = asyncio.create_task(self.asgi(http_scope(target=b"/hanging"), script.receive, script.send))
        await self.running.wait()
        task.cancel()
        await self.listening.wait()
        return task


@in_loop
async def test_what_ends_an_exchange_is_waited_for_before_the_clean_up() -> None:
    cut, script = Cut(), Script(START)
    living = asyncio.create_task(live(cut.asgi, script))
    await until(lambda: script.sent)
    task = await cut.cancel()
    script.put(STOP)
    await until(lambda: "shutdown" in cut.events)
    for _ in range(20):  # more than the clean-up would take
        await asyncio.sleep(0)
    assert not living.done()
    cut.go_on.set()
    await living
    assert cut.events == ["startup", "shutdown", "finished", "cleanup"]
    with pytest.raises(asyncio.CancelledError):
        await task


@in_loop
async def test_the_end_of_an_exchange_is_not_waited_for_without_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sketch_gateway.life.CANCELLED_GRACE", 0.01)
    cut, script = Cut(), Script(START)
    living = asyncio.create_task(live(cut.asgi, script))
    await until(lambda: script.sent)
    task = await cut.cancel()
    script.put(STOP)
    await living
    assert cut.events == ["startup", "shutdown", "cleanup"]
    cut.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
