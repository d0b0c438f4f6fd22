"""The checks of a readiness probe."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sketch import Application
from sketch.concurrency.threads import Threads
from sketch.observability.checks import Check
from tests.support.requests import in_loop


@pytest.fixture
def threads() -> Iterator[Threads]:
    threads = Threads(2, "health")
    yield threads
    threads.close()


def raises() -> None:
    raise LookupError("no database")


class Ping:
    async def __call__(self, app: Application) -> bool:
        return app.name == "shop"


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (lambda: None, None),
        (lambda: True, None),
        (lambda app: app.name == "shop", None),
        (Ping(), None),
        (lambda: False, "it returned False"),
        (raises, "LookupError: no database"),
        (lambda: Ping()(Application("other")), "it returned False"),
        (lambda: threading.current_thread() is not threading.main_thread(), None),
    ],
)
@in_loop
async def test_what_is_a_failure(function: Any, error: str | None, threads: Threads) -> None:
    assert (await Check("database", function, threads).run(Application("shop"), 2)).error == error


@in_loop
async def test_it_runs_once_for_all_that_ask_and_anew_for_the_next(threads: Threads) -> None:
    runs, go_on = 0, asyncio.Event()

    async def ping() -> None:
        nonlocal runs
        runs += 1
        await go_on.wait()

    check = Check("database", ping, threads)
    tasks = [asyncio.create_task(check.run(Application(), 2)) for _ in range(20)]
    await asyncio.sleep(0)
    go_on.set()
    assert [(await task).error for task in tasks] == [None] * 20
    assert runs == 1
    await check.run(Application(), 2)
    assert runs == 2


@in_loop
async def test_one_that_hangs_is_cancelled_in_time(threads: Threads) -> None:
    ends = []

    async def hangs() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("cancelled")

    check = Check("database", hangs, threads)
    for number in (1, 2):
        assert (await check.run(Application(), 0.02)).error == "no result within 0.02 s"
        await asyncio.sleep(0)
        assert ends == ["cancelled"] * number


@in_loop
async def test_a_thread_that_hangs_is_one_thread_however_often_it_is_asked(threads: Threads) -> None:
    runs, go_on = [], threading.Event()

    def hangs() -> None:
        runs.append(threading.get_ident())
        go_on.wait(10)

    check = Check("database", hangs, threads)
    for _ in range(5):
        assert (await check.run(Application(), 0.01)).error == "no result within 0.01 s"
    assert len(runs) == 1
    go_on.set()
    while (await check.run(Application(), 2)).error is not None:
        pass
    assert len(runs) <= 2


@in_loop
async def test_a_failure_is_logged_once_and_its_end(threads: Threads, caplog: pytest.LogCaptureFixture) -> None:
    answers = iter([False, False, True, True])
    check = Check("database", lambda: next(answers), threads)
    with caplog.at_level("INFO", "sketch"):
        for _ in range(4):
            await check.run(Application(), 2)
    assert caplog.messages == [
        "the readiness check database fails: it returned False",
        "the readiness check database does not fail any more",
    ]


def test_faults(threads: Threads) -> None:
    for name, function in (("database", "ping"), (1, raises)):
        with pytest.raises(TypeError, match="expected checks as names and functions"):
            Check(name, function, threads)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected a check with no parameter or one for the application, got a, b"):
        Check("database", lambda a, b: None, threads)
