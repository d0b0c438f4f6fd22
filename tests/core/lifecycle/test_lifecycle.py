"""The life of an application: order, rollback, clean-up, and starting again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest

from sketch.application import Application
from sketch.context import current_app
from sketch.exceptions import HTTPNotFound
from sketch.response import Response
from tests.core.lifecycle.support import CLEANED, STARTED, STOPPED, Log, context, full, hook
from tests.support.requests import answer, in_loop


@pytest.fixture
def log() -> Log:
    return []


@in_loop
async def test_order(log: Log) -> None:
    app = full(log)
    app.on_shutdown.append(lambda: log.append(f"stopping {bool(app.stopping)}"))
    await app.startup()
    assert log == STARTED
    assert not app.stopping
    await app.shutdown()
    assert log == [*STARTED, *STOPPED, "stopping True"]
    await app.cleanup()
    assert log[-4:] == CLEANED


@in_loop
async def test_each_hook_runs_once_however_often_it_is_stopped(log: Log) -> None:
    app = full(log)
    await app.startup()
    for _ in range(2):
        await app.shutdown()
    for _ in range(2):
        await app.cleanup()
    await app.shutdown()
    assert log == [*STARTED, *STOPPED, *CLEANED]


@in_loop
async def test_cleanup_without_shutdown_and_neither_without_a_start(log: Log) -> None:
    app = full(log)
    await app.shutdown()
    await app.cleanup()
    assert log == []
    await app.startup()
    await app.cleanup()
    assert log == [*STARTED, *CLEANED]
    assert app.stopping


@in_loop
async def test_an_application_can_start_again(log: Log) -> None:
    app = full(log)
    app.add_route("GET", "/", lambda: _fail())
    for _ in range(3):
        log.clear()
        await app.startup()
        assert not app.stopping
        assert (await answer(app, "/nothing")).status == 404
        assert (await answer(app)).status == 404
        await app.shutdown()
        await app.cleanup()
        assert log == [*STARTED, *STOPPED, *CLEANED]


def _fail() -> Any:
    raise HTTPNotFound


@in_loop
async def test_a_started_application_cannot_start(log: Log) -> None:
    app = full(log)
    await app.startup()
    with pytest.raises(RuntimeError, match="not running, got one that is started"):
        await app.startup()
    await app.shutdown()
    with pytest.raises(RuntimeError, match="got one that is stopping"):
        await app.startup()
    await app.cleanup()
    assert log == [*STARTED, *STOPPED, *CLEANED]


# -- failures ----------------------------------------------------------------------------------------------------------


@in_loop
async def test_a_failing_context_exits_those_before_it(log: Log) -> None:
    app = full(log)
    app.cleanup_ctx.insert(1, context("bad", log, "enter"))
    with pytest.raises(ValueError, match="enter bad"):
        await app.startup()
    assert log == ["enter 1", "enter bad", "clean 2", "clean 1", "exit 1"]


@in_loop
async def test_a_start_hook_that_fails_cleans_up_everything(log: Log) -> None:
    app = full(log)
    app.on_startup.insert(1, hook("bad", log, fails=True))
    with pytest.raises(ValueError, match="bad"):
        await app.startup()
    assert log == ["enter 1", "enter 2", "start 1", "bad", *CLEANED]
    await app.shutdown()
    await app.cleanup()
    assert len(log) == 8, "nothing runs twice"


@in_loop
async def test_the_error_of_the_start_is_raised_whatever_fails_afterwards(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    app = full(log)
    app.on_startup.append(hook("bad start", log, fails=True))
    app.on_cleanup.append(hook("bad clean", log, fails=True))
    app.cleanup_ctx.append(context("bad", log, "exit"))
    with pytest.raises(ValueError, match="bad start"):
        await app.startup()
    assert log[-7:] == ["bad start", "bad clean", "clean 2", "clean 1", "exit bad", "exit 2", "exit 1"]
    assert "ValueError: bad clean" in caplog.text
    assert "ValueError: exit bad" in caplog.text
    assert "could not be cleaned up entirely" in caplog.text


@in_loop
async def test_a_start_that_is_cancelled_cleans_up(log: Log) -> None:
    app = full(log)
    entered = asyncio.Event()

    @app.on_startup
    async def wait() -> None:
        entered.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(app.startup())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == [*STARTED, *CLEANED]


@in_loop
async def test_after_a_failed_start_it_may_be_tried_again(log: Log) -> None:
    app = full(log)
    attempts: list[int] = []

    @app.on_startup
    async def fail_once() -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise ConnectionError("no database yet")

    with pytest.raises(ConnectionError):
        await app.startup()
    log.clear()
    app.on_startup.append(hook("added later", log))
    await app.startup()
    await app.cleanup()
    assert log == [*STARTED, "added later", *CLEANED]


@pytest.mark.parametrize("stage", ["shutdown", "cleanup"])
@in_loop
async def test_all_hooks_run_and_the_first_error_is_raised(
    log: Log, stage: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = full(log)
    signal = app.on_shutdown if stage == "shutdown" else app.on_cleanup
    signal.insert(0, hook("bad a", log, fails=True))
    signal.insert(0, hook("bad b", log, fails=True))
    await app.startup()
    with pytest.raises(ValueError, match="bad b" if stage == "shutdown" else "bad a"):
        await getattr(app, stage)()
    for name in ("bad a", "bad b", "shutdown 2" if stage == "shutdown" else "exit 1"):
        assert name in log
    assert caplog.text.count(f"error in on_{stage}") == 2
    await app.cleanup()


# -- contexts and state ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["generator", "context manager", "no argument", "class"])
@in_loop
async def test_lifespan_comes_first_and_may_yield_state(log: Log, shape: str) -> None:
    async def lifespan(app: Application) -> AsyncIterator[dict[str, int]]:
        log.append("lifespan in")
        yield {"pool": 1}
        log.append("lifespan out")

    async def bare() -> AsyncIterator[dict[str, int]]:
        async for state in lifespan(app):
            yield state

    class Managed:
        def __init__(self, app: Application) -> None:
            pass

        async def __aenter__(self) -> dict[str, int]:
            log.append("lifespan in")
            return {"pool": 1}

        async def __aexit__(self, *exc: object) -> None:
            log.append("lifespan out")

    shapes: dict[str, Any] = {
        "generator": lifespan, "context manager": asynccontextmanager(lifespan), "no argument": bare, "class": Managed,
    }  # fmt: skip
    app = full(log, lifespan=shapes[shape])
    await app.startup()
    assert app.state == {"pool": 1}
    await app.cleanup()
    assert log == ["lifespan in", *STARTED, *CLEANED, "lifespan out"]


@in_loop
async def test_a_lifespan_of_the_wrong_kind_says_so() -> None:
    app = Application(lifespan=lambda app: 5)
    with pytest.raises(TypeError, match="async context manager, got 5"):
        await app.startup()


def test_a_lifespan_that_could_give_no_context_is_refused() -> None:
    async def without_yield(app: Application) -> None: ...

    def generator(app: Application) -> Any:
        yield

    for wrong in (5, without_yield, generator, lambda app, more: None):
        with pytest.raises(TypeError, match=r"expected a function of \(app\) for lifespan, got"):
            Application(lifespan=wrong)  # type: ignore[arg-type]


@in_loop
async def test_a_context_that_yields_twice_is_an_error(log: Log) -> None:
    app = Application()

    @app.cleanup_ctx
    async def twice(app: Application) -> AsyncIterator[None]:
        yield
        yield

    await app.startup()
    with pytest.raises(RuntimeError):
        await app.cleanup()


@in_loop
async def test_hooks_may_set_attributes_that_requests_see() -> None:
    app = Application()

    @app.on_startup
    async def connect(app: Any) -> None:
        app.db = {"anne": 1}

    @app.get("/")
    async def handler(request: Any) -> Any:
        from sketch.response import JSONResponse

        return JSONResponse(request.app.db)

    await app.startup()
    assert (await answer(app)).payload == b'{"anne":1}'
    await app.cleanup()


# -- hooks that exit ---------------------------------------------------------------------------------------------------


def add_to_start(app: Application, place: str, stray: BaseException) -> None:
    """Have the start of an application raise: in a hook, in a thread, or in a context."""

    async def hook() -> None:
        raise stray

    def thread() -> None:
        raise stray

    async def context() -> AsyncIterator[None]:
        raise stray
        yield

    if place == "context":
        app.cleanup_ctx.append(context)
    else:
        app.on_startup.append(hook if place == "hook" else thread)


@pytest.mark.parametrize("stray", [SystemExit("no database"), KeyboardInterrupt(), asyncio.CancelledError()], ids=repr)
@pytest.mark.parametrize("place", ["hook", "thread", "context"])
@in_loop
async def test_a_start_that_exits_is_a_start_that_fails(log: Log, place: str, stray: BaseException) -> None:
    """It is cleaned up, and the server says why it does not serve."""
    app = full(log)
    add_to_start(app, place, stray)
    with pytest.raises(RuntimeError) as caught:
        await app.startup()
    assert caught.value.__cause__ is stray
    assert log[-4:] == CLEANED


@pytest.mark.parametrize("stray", [SystemExit(2), KeyboardInterrupt(), asyncio.CancelledError()], ids=repr)
@in_loop
async def test_an_end_that_exits_goes_on(log: Log, stray: BaseException) -> None:
    app = full(log)

    async def hook() -> None:
        raise stray

    app.on_shutdown.insert(0, hook)
    app.on_cleanup.append(hook)
    await app.startup()
    with pytest.raises(RuntimeError):
        await app.shutdown()
    with pytest.raises(RuntimeError):
        await app.cleanup()
    assert log == [*STARTED, *STOPPED, *CLEANED]


# -- hooks in threads --------------------------------------------------------------------------------------------------


@in_loop
async def test_plain_hooks_run_in_threads(log: Log) -> None:
    """One by one, and the application is the current one."""
    app = Application("blocking")

    def note(place: str) -> None:
        log.append(f"{place} {threading.current_thread().name} {current_app.name}")

    for signal in (app.on_startup, app.on_shutdown, app.on_cleanup):
        signal.append(partial(note, signal._name))
    await app.startup()
    await app.shutdown()
    await app.cleanup()
    places = ("on_startup", "on_shutdown", "on_cleanup")
    assert log == [f"{place} blocking-hook-1 blocking" for place in places]


@in_loop
async def test_handlers_that_fill_their_threads_keep_no_hook_from_its_call(log: Log) -> None:
    app, go = Application(threads=1), threading.Event()
    app.on_shutdown.append(lambda: log.append("shutdown"))
    app.on_cleanup.append(lambda: log.append("cleanup"))
    await app.startup()
    stuck = asyncio.create_task(app.threads.run(go.wait, 10))
    await asyncio.sleep(0)
    await app.shutdown()
    await app.cleanup()
    assert log == ["shutdown", "cleanup"]
    go.set()
    await stuck


@in_loop
async def test_a_hook_that_is_left_behind_is_named(caplog: pytest.LogCaptureFixture) -> None:
    app, go = Application(), threading.Event()
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stuck() -> None:
        loop.call_soon_threadsafe(begun.set)
        go.wait(10)

    app.on_shutdown.append(stuck)
    await app.startup()
    ending = asyncio.create_task(app.shutdown())
    await begun.wait()
    ending.cancel()
    await asyncio.wait([ending])
    await app.cleanup()
    assert f"hook {stuck.__qualname__} still runs in its thread" in caplog.text
    go.set()


# -- context variables -------------------------------------------------------------------------------------------------

PLACES = ("lifespan", "context", "hook", "thread", "mounted")
VARIABLES: dict[str, ContextVar[str]] = {name: ContextVar(name, default="unset") for name in PLACES}


def setting(*, lifespan: Any = None) -> Application:
    """An application whose start sets a context variable in each way."""

    async def enter() -> AsyncIterator[None]:
        VARIABLES["context"].set("set")
        yield

    async def hook(name: str) -> None:
        VARIABLES[name].set("set")

    app, mounted = Application(lifespan=lifespan), Application("mounted")
    app.cleanup_ctx.append(enter)
    app.on_startup.append(partial(hook, "hook"))
    app.on_startup.append(lambda: VARIABLES["thread"].set("set"))
    mounted.on_startup.append(partial(hook, "mounted"))
    app.mount("/mounted", mounted)
    return app


async def enter_lifespan(app: Application) -> AsyncIterator[None]:
    VARIABLES["lifespan"].set("set")
    yield


def read() -> list[str]:
    return [VARIABLES[name].get() for name in PLACES]


SET = ["set"] * len(PLACES)


@in_loop
async def test_what_the_start_has_set_every_request_sees() -> None:
    """In whatever task it runs, and what it sets itself ends with it."""
    app = setting(lifespan=enter_lifespan)
    seen: list[list[str]] = []

    async def handler() -> Response:
        seen.append(read())
        for variable in VARIABLES.values():
            variable.set("of a request")
        return Response()

    app.add_get("/", handler)
    await asyncio.create_task(app.startup())
    assert read() == ["unset"] * len(PLACES)
    for _ in range(2):
        await answer(app)
    assert seen == [SET, SET]
    await app.cleanup()


@in_loop
async def test_the_end_sees_what_the_start_has_set() -> None:
    app = setting(lifespan=enter_lifespan)
    seen: list[list[str]] = []

    async def note() -> None:
        seen.append(read())

    for signal in (app.on_shutdown, app.on_cleanup):
        signal.append(note)
        signal.append(lambda: seen.append(read()))

    async def live() -> None:
        await app.startup()
        await app.shutdown()
        await app.cleanup()

    await asyncio.create_task(live())
    assert seen == [SET] * 4


@in_loop
async def test_a_start_that_sets_nothing_costs_no_request_anything() -> None:
    app = full([])
    await app.startup()
    assert not app.pipeline._in_steps
    await app.cleanup()
