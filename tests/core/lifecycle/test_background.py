"""Background tasks of an application: their names and errors, and how they end with the application."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sketch.application import Application
from sketch.context import current_app, current_request
from sketch.lifecycle import background
from sketch.response import Response
from sketch.testing import TestClient
from tests.core.lifecycle.support import forever, logged
from tests.support.requests import in_loop

# -- tasks -------------------------------------------------------------------------------------------------------------


@in_loop
async def test_a_task_has_a_result_and_a_name() -> None:
    async def compute() -> int:
        return 7

    app = Application()
    task = app.spawn(compute())
    assert task.get_name().endswith("compute")
    assert await task == 7
    named = app.spawn(compute(), name="numbers")
    assert named.get_name() == "numbers"
    await named


@in_loop
async def test_a_failure_is_logged_at_once_with_the_name(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("broken")

    app = Application()
    await app.startup()
    task = app.spawn(fail(), name="newsletter")
    with pytest.raises(ValueError):
        await task
    assert logged(caplog) == ["background task newsletter failed"]
    assert "ValueError: broken" in caplog.text
    await app.cleanup()


@pytest.mark.parametrize("stray", [SystemExit(2), KeyboardInterrupt(), asyncio.CancelledError("inner")], ids=repr)
@in_loop
async def test_a_task_that_exits_has_failed(stray: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """It ends no event loop. The cancellation of something that it awaited is a failure, too."""

    async def leave() -> None:
        raise stray

    task = Application().spawn(leave(), name="newsletter")
    with pytest.raises(RuntimeError) as caught:
        await task
    assert caught.value.__cause__ is stray
    assert logged(caplog) == ["background task newsletter failed"]


@in_loop
async def test_a_task_may_be_cancelled_before_its_first_line() -> None:
    """No warning says that its coroutine was never awaited."""
    task = Application().spawn(forever())
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    gc.collect()


@in_loop
async def test_hooks_and_handlers_in_threads_may_begin_tasks() -> None:
    app, seen = Application(), asyncio.Event()
    tasks: list[asyncio.Task[Any]] = []

    async def note() -> None:
        assert current_app == app
        seen.set()

    app.on_startup.append(lambda: tasks.append(app.spawn(note(), name="from a hook")))
    app.add_get("/", lambda: Response(app.spawn(note()).get_name()))
    async with TestClient(app) as client:
        await seen.wait()
        assert tasks[0].get_name() == "from a hook"
        seen.clear()
        assert (await client.get("/")).status == 200
        await seen.wait()


@in_loop
async def test_a_task_that_was_cancelled_has_not_failed(caplog: pytest.LogCaptureFixture) -> None:
    app = Application()
    task = app.spawn(forever())
    task.cancel()
    await asyncio.wait([task])
    assert logged(caplog) == []


@pytest.mark.parametrize("wrong", [forever, None, asyncio.sleep])
@in_loop
async def test_anything_but_a_coroutine_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"expected a coroutine, got .*: call the function"):
        Application().spawn(wrong)


def test_spawning_outside_the_event_loop_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="event loop's thread"):
        Application().spawn(forever())


@in_loop
async def test_tasks_may_begin_at_any_time_until_the_end() -> None:
    app, seen = Application(), []

    async def note(place: str) -> None:
        seen.append(place)

    @app.on_startup
    async def starting() -> None:
        app.spawn(note("on_startup"))

    @app.on_shutdown
    async def stopping() -> None:
        app.spawn(note("on_shutdown"))

    @app.on_cleanup
    async def cleaning_up() -> None:
        with pytest.raises(RuntimeError, match=r"expected an application that has not ended, to run .*note"):
            app.spawn(note("too late"))
        seen.append("on_cleanup")

    @app.get("/")
    async def handler() -> Response:
        app.spawn(note("handler"))
        return Response()

    app.spawn(note("before"))
    for _ in range(2):  # and again
        async with TestClient(app) as client:
            await client.get("/")
    assert seen == ["before", *["on_startup", "handler", "on_shutdown", "on_cleanup"] * 2]


@in_loop
async def test_a_task_sees_the_context_it_was_spawned_in() -> None:
    app, seen = Application("shop"), []

    async def look(gate: asyncio.Event) -> None:
        await gate.wait()
        try:
            seen.append((current_app.name, current_request.path))
        except RuntimeError:
            seen.append((current_app.name, None))

    @app.on_startup
    async def start() -> None:
        app.gate = asyncio.Event()
        app.spawn(look(app.gate))

    @app.get("/{name}")
    async def handler() -> Response:
        app.spawn(look(app.gate))
        return Response()

    async with TestClient(app) as client:
        await client.get("/a")
        await client.get("/b")
        app.gate.set()
    assert sorted(seen, key=str) == [("shop", "/a"), ("shop", "/b"), ("shop", None)]


# -- the end -----------------------------------------------------------------------------------------------------------


def recording(seen: list[str]) -> Application:
    app = Application("shop")

    @app.cleanup_ctx
    async def context() -> AsyncIterator[None]:
        yield
        seen.append("context")

    app.on_shutdown(lambda: seen.append("on_shutdown"))
    app.on_cleanup(lambda: seen.append("on_cleanup"))
    return app


async def working(seen: list[str], release: asyncio.Event, name: str = "task") -> None:
    try:
        await release.wait()
        seen.append(f"{name} ended")
    except asyncio.CancelledError:
        seen.append(f"{name} cancelled")
        raise


@in_loop
async def test_tasks_are_waited_for_before_anything_is_cleaned_up(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    seen: list[str] = []
    app, release = recording(seen), asyncio.Event()
    await app.startup()
    app.spawn(working(seen, release), name="mail")
    await app.shutdown()
    ending = asyncio.create_task(app.cleanup())
    for _ in range(5):
        await asyncio.sleep(0)
    assert logged(caplog) == ["waiting for background tasks: mail"]
    assert seen == ["on_shutdown"]
    release.set()
    await ending
    assert seen == ["on_shutdown", "task ended", "on_cleanup", "context"]


@in_loop
async def test_a_task_may_spawn_others_at_the_end() -> None:
    seen: list[str] = []
    app = recording(seen)

    async def chain(left: int) -> None:
        await asyncio.sleep(0)
        seen.append(str(left))
        if left:
            app.spawn(chain(left - 1))

    await app.startup()
    app.spawn(chain(3))
    await app.shutdown()
    await app.cleanup()
    assert seen == ["on_shutdown", "3", "2", "1", "0", "on_cleanup", "context"]


@in_loop
async def test_after_the_grace_period_tasks_are_cancelled() -> None:
    seen: list[str] = []
    app = recording(seen)
    await app.startup()
    app.spawn(working(seen, asyncio.Event()))
    await asyncio.sleep(0)
    app.stopping.set(0.05)
    await app.shutdown()
    await app.cleanup()
    assert seen == ["on_shutdown", "task cancelled", "on_cleanup", "context"]


@in_loop
async def test_a_hook_may_shorten_the_grace_period() -> None:
    seen: list[str] = []
    app = recording(seen)
    app.on_shutdown(lambda: app.stopping.set(0.05))
    await app.startup()
    app.spawn(working(seen, asyncio.Event()))
    await asyncio.sleep(0)
    await app.shutdown()
    await app.cleanup()
    assert seen == ["on_shutdown", "task cancelled", "on_cleanup", "context"]


@in_loop
async def test_a_second_order_ends_the_wait() -> None:
    seen: list[str] = []
    app = recording(seen)
    await app.startup()
    app.spawn(working(seen, asyncio.Event()))
    app.stopping.set(60)
    await app.shutdown()
    ending = asyncio.create_task(app.cleanup())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not ending.done()
    app.stopping.set(0)
    await ending
    assert seen == ["on_shutdown", "task cancelled", "on_cleanup", "context"]


@in_loop
async def test_endless_tasks_are_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    seen: list[str] = []
    app = recording(seen)

    @app.on_startup
    async def start() -> None:
        app.spawn(working(seen, asyncio.Event(), "endless"), endless=True)

    async with TestClient(app, shutdown_timeout=60) as client:
        await client.shutdown()
        assert seen == ["on_shutdown"], "requests may still need it"
    assert seen == ["on_shutdown", "endless cancelled", "on_cleanup", "context"]
    assert logged(caplog) == []


@in_loop
async def test_a_task_that_cannot_be_cancelled_is_named_and_left_behind(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "CANCELLED_GRACE", 0.05)
    seen: list[str] = []
    app, over = recording(seen), asyncio.Event()

    async def stubborn() -> None:
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                seen.append("no")

    await app.startup()
    task = app.spawn(stubborn(), name="stubborn one")
    await asyncio.sleep(0)
    app.stopping.set(0)
    await app.shutdown()
    await app.cleanup()
    over.set()
    await task
    assert seen == ["on_shutdown", "no", "on_cleanup", "context"]
    assert "left behind: background task stubborn one does not end" in logged(caplog)


@in_loop
async def test_a_failed_start_waits_for_nothing() -> None:
    seen: list[str] = []
    app = recording(seen)

    @app.on_startup
    async def first() -> None:
        app.spawn(working(seen, asyncio.Event()))
        await asyncio.sleep(0)

    @app.on_startup
    async def second() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await app.startup()
    assert seen == ["task cancelled", "on_cleanup", "context"]


@in_loop
async def test_cancelling_the_end_leaves_nothing_undone() -> None:
    seen: list[str] = []
    app = recording(seen)
    await app.startup()
    task = app.spawn(working(seen, asyncio.Event()))
    await app.shutdown()
    ending = asyncio.create_task(app.cleanup())
    for _ in range(5):
        await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    await asyncio.wait([task])
    assert sorted(seen) == ["context", "on_cleanup", "on_shutdown", "task cancelled"]


def test_an_application_may_run_again_in_another_loop() -> None:
    seen: list[str] = []
    app = recording(seen)

    async def live() -> None:
        async with TestClient(app):
            release = asyncio.Event()
            app.spawn(working(seen, release))
            asyncio.get_running_loop().call_later(0.01, release.set)

    for _ in range(2):
        asyncio.run(live())
    assert seen == ["on_shutdown", "task ended", "on_cleanup", "context"] * 2


@in_loop
async def test_tasks_of_a_mounted_application_end_before_it_does() -> None:
    seen: list[str] = []
    root, shop, release = Application("root"), recording(seen), asyncio.Event()
    root.mount("/shop", shop)
    root.on_cleanup(lambda: seen.append("root"))
    await root.startup()
    shop.spawn(working(seen, release, "shop"))
    root.spawn(working(seen, release, "root"))
    await root.shutdown()
    ending = asyncio.create_task(root.cleanup())
    await asyncio.sleep(0)
    release.set()
    await ending
    assert seen.index("shop ended") < seen.index("on_cleanup") < seen.index("root")
    assert seen.index("root ended") < seen.index("root")
