"""Which worker this process is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

import sketch
from sketch.channels import Channels
from sketch.cli.doctor.application import IN_MEMORY
from sketch.concurrency.workers import WorkerInfo, current_worker, working_as
from sketch.stores import MemoryStore
from sketch.stores.rate_counters import MemoryCounters
from tests.support.requests import in_loop


def test_a_process_that_is_not_run_by_sketch_is_no_worker() -> None:
    assert sketch.current_worker is current_worker
    assert current_worker() is None


def test_a_process_is_a_worker_for_a_while() -> None:
    with working_as(WorkerInfo(1, 4, 2)):
        assert current_worker() == WorkerInfo(index=1, count=4, generation=2)
    assert current_worker() is None


async def use_store() -> None:
    await MemoryStore().get("a")


async def use_counters() -> None:
    await MemoryCounters(10).count("a", 60)


async def publish() -> None:
    await Channels().publish("news", "a")


async def subscribe() -> None:
    async with Channels().subscribe("news"):
        pass


@pytest.mark.parametrize(
    ("use", "what"),
    [(use_store, "a MemoryStore"), (use_counters, "a RateLimit"), (publish, "Channels"), (subscribe, "Channels")],
)
@in_loop
async def test_what_workers_do_not_share_is_reported_once(
    use: Callable[[], Awaitable[None]], what: str, caplog: pytest.LogCaptureFixture
) -> None:
    await use()  # in no worker
    for count in (1, 3):
        with working_as(WorkerInfo(0, count, 1)):
            await use()
            await use()
    assert [(each.levelname, each.getMessage().partition(". ")[0]) for each in caplog.records] == [
        ("WARNING", f"{what} in the memory of one process, and 3 workers serve: each has its own"),
    ]
    assert what in IN_MEMORY.values(), "the doctor knows it, too"
