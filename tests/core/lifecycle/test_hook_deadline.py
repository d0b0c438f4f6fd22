"""Hooks that hang: the grace period holds for them, too, and an order to stop during the start cancels it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from time import monotonic, sleep

import pytest

from sketch import Application
from sketch.lifecycle import hook_deadline, stopping
from sketch.lifecycle.hook_deadline import StartCancelled
from tests.support.requests import in_loop


def hanging(seen: list[str], where: str) -> Application:
    """An application one part of which hangs until it is cancelled; the other parts follow it."""
    app = Application()

    async def hang(name: str) -> None:
        if name == where:
            try:
                await asyncio.Event().wait()
            finally:
                seen.append(f"{name} cancelled")
        seen.append(name)

    @app.cleanup_ctx
    async def context() -> AsyncIterator[None]:
        await hang("enter")
        yield
        await hang("exit")

    @app.on_startup
    async def start() -> None:
        await hang("start")

    @app.on_shutdown
    async def shut() -> None:
        await hang("shut")

    @app.on_cleanup
    async def clean() -> None:
        await hang("clean")

    app.on_shutdown(lambda: seen.append("after shut"))
    app.on_cleanup.insert(0, lambda: seen.append("after clean"))
    return app


ORDER = ["enter", "start", "shut", "after shut", "clean", "after clean", "exit"]


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ("shut", "on_shutdown hook hanging.<locals>.shut"),
        ("clean", "on_cleanup hook hanging.<locals>.clean"),
        ("exit", "the end of hanging.<locals>.context"),
    ],
)
@in_loop
async def test_a_hook_that_hangs_is_cancelled_with_the_grace_period(
    where: str, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []
    app = hanging(seen, where)
    await app.startup()
    began = monotonic()
    app.stopping.set(0.1)  # a hook that begins after that has a second
    await app.shutdown()
    await app.cleanup()
    assert 0.1 <= monotonic() - began < 10
    assert seen == [f"{name} cancelled" if name == where else name for name in ORDER]
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("WARNING", f"cut off at the end of the grace period: {named}")


@in_loop
async def test_another_order_cancels_it_at_once() -> None:
    seen: list[str] = []
    app = hanging(seen, "clean")
    await app.startup()
    app.stopping.set(60)
    ending = asyncio.create_task(app.cleanup())
    await asyncio.sleep(0.01)
    assert not ending.done()
    app.stopping.set(0)
    await ending
    assert seen[-3:] == ["clean cancelled", "after clean", "exit"]


@in_loop
async def test_a_hook_has_some_time_although_requests_have_used_up_the_grace_period(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, seen = Application(), list[str]()

    @app.on_cleanup
    async def close_database() -> None:
        await asyncio.sleep(0.05)
        seen.append("closed")

    await app.startup()
    app.stopping.set(0)
    await app.cleanup()
    assert seen == ["closed"]
    assert caplog.records == []


@in_loop
async def test_a_plain_hook_is_left_in_its_thread(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "HOOK_GRACE", (0.05, 0.05))
    app, seen = Application(), list[str]()

    @app.on_cleanup
    def block() -> None:
        sleep(0.3)
        seen.append("at last")

    await app.startup()
    app.stopping.set(0)
    await app.cleanup()
    assert seen == []
    assert "still runs in its thread" in caplog.text
    assert "on_cleanup hook" in caplog.text
    await asyncio.sleep(0.3)


@pytest.mark.parametrize("where", ["enter", "start"])
@in_loop
async def test_an_order_during_the_start_cancels_it(where: str) -> None:
    seen: list[str] = []
    app = hanging(seen, where)
    starting = asyncio.create_task(app.startup())
    await asyncio.sleep(0.01)
    app.stopping.set(60)
    with pytest.raises(StartCancelled):
        await starting
    started = where == "start"
    begun = ["enter", "start cancelled"] if started else ["enter cancelled"]
    assert seen == [*begun, "clean", "after clean", *(["exit"] if started else [])]


@in_loop
async def test_a_mounted_application_ends_within_the_same_period(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []
    app, inner = Application(), hanging(seen, "clean")
    app.mount("/inner", inner)
    app.on_cleanup(lambda: seen.append("outer"))
    await app.startup()
    app.stopping.set(0.05)
    await app.shutdown()
    await app.cleanup()
    assert seen[-4:] == ["clean cancelled", "after clean", "exit", "outer"]
    assert len(caplog.records) == 1


@in_loop
async def test_a_mounted_application_that_hangs_at_its_start() -> None:
    seen: list[str] = []
    app = Application()
    app.mount("/inner", hanging(seen, "start"))
    app.on_cleanup(lambda: seen.append("outer"))
    starting = asyncio.create_task(app.startup())
    await asyncio.sleep(0.01)
    app.stopping.set(60)
    with pytest.raises(StartCancelled):
        await starting
    assert seen == ["enter", "start cancelled", "clean", "after clean", "exit", "outer"]


@in_loop
async def test_a_hook_that_goes_on_after_its_cancellation_is_reported(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook_deadline, "CANCELLED_GRACE", 0.05)
    app, over = Application(), asyncio.Event()

    @app.on_cleanup
    async def stubborn() -> None:
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                continue

    await app.startup()
    app.stopping.set(60)
    ending = asyncio.create_task(app.cleanup())
    await asyncio.sleep(0)
    app.stopping.set(0)
    await app.stopping.wait_given_up()
    assert "left behind: on_cleanup hook" in caplog.text
    over.set()
    await ending


@in_loop
async def test_a_start_that_fails_leaves_time_for_its_clean_up() -> None:
    app, seen = Application(), list[str]()

    @app.on_startup
    async def fail() -> None:
        raise ValueError("no database")

    @app.on_cleanup
    async def clean() -> None:
        await asyncio.sleep(0.05)
        seen.append("cleaned")

    with pytest.raises(ValueError, match="no database"):
        await app.startup()
    assert seen == ["cleaned"]
