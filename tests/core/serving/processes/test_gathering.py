"""The metrics of all workers: added up by the parent, once with real ones."""

from __future__ import annotations

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sketch.observability.metrics.families import Workers
from sketch.serving.processes import gathering as module
from sketch.serving.processes.gathering import Gathering
from tests.support.programs import free_port
from tests.support.requests import in_loop
from tests.support.workers import Parent, ask, parent_of_workers


class Fake:
    """A process that answers at once, or does not."""

    pid = 1

    def __init__(self, answers: bool = True) -> None:
        self.answers = answers
        self.gathering: Gathering
        self.sent: list[dict[str, Any]] = []

    def send(self, **message: Any) -> None:
        self.sent.append(message)
        if self.answers and "report" in message:
            self.gathering.received(self, {"figures": {"events": {"cancelled": 10}}})
            self.gathering.received(self, {"active": [1, 2], "reported": message["report"]})

    def signal(self, number: int) -> None:
        raise AssertionError(number)


def gathering(*fakes: Fake) -> Gathering:
    made = Gathering(fakes, Workers)
    for fake in fakes:
        fake.gathering = made
        made.received(fake, {"active": [0, 0], "reported": None})
    return made


async def samples(made: Gathering) -> dict[str, float]:
    return read(b"".join(await made.exposition.blocks()))


def read(text: bytes) -> dict[str, float]:
    """The samples without buckets, added up over all of their labels but `route` and `reason`."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            if "le" not in sample.labels:
                label = sample.labels.get("route") or sample.labels.get("reason") or ""
                name = f"{sample.name} {label}".strip()
                found[name] = found.get(name, 0) + sample.value
    return found


@in_loop
async def test_a_text_has_what_was_counted_up_to_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT", 10)
    made = gathering(Fake(), Fake())
    found = await samples(made)
    assert found["http_requests_aborted_total cancelled"] == 20
    assert (found["http_requests_in_flight"], found["sketch_websockets_open"]) == (2, 4)


@in_loop
async def test_a_worker_that_hangs_or_ends_delays_it_only_shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT", 0.02)
    hangs = Fake(answers=False)
    made = gathering(Fake(), hangs)
    assert (await samples(made))["http_requests_aborted_total cancelled"] == 10
    monkeypatch.setattr(module, "WAIT", 10)
    made = gathering(Fake(), hangs)
    task = asyncio.create_task(samples(made))
    while "report" not in hangs.sent[-1]:  # noqa: ASYNC110 - a task sends it
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    made.ended(hangs)
    found = await task
    assert (found["http_requests_aborted_total cancelled"], found["http_requests_in_flight"]) == (10, 1)


@in_loop
async def test_a_worker_gets_the_text_part_by_part() -> None:
    fake = Fake()
    made = gathering(fake)
    parts: list[str] = []
    count = 0
    while not parts or len(parts) < count:
        made.received(fake, {"text": len(parts)})
        while not fake.sent or fake.sent[-1].get("text", [-1])[0] != len(parts):  # noqa: ASYNC110
            await asyncio.sleep(0)
        _, count, part = fake.sent[-1]["text"]
        parts.append(part)
    assert "http_requests_in_flight 1.0\n" in "".join(parts)
    made.received(fake, {"text": 0})
    made._processes = []
    made.ended(fake)  # it ends while its text is made: nothing is sent to it, and nothing of it is kept
    sent = len(fake.sent)
    while made._tasks:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0)
    assert (len(fake.sent), made._blocks) == (sent, {})


# -- real workers -----------------------------------------------------------------------------------------------------


def load(parent: Parent) -> set[int]:
    """200 requests over 8 connections; the processes that have answered."""

    def one(_: int) -> set[int]:
        with parent.connect() as sock:
            return {ask(sock)["pid"] for _ in range(25)}

    with ThreadPoolExecutor(8) as pool:
        return set().union(*pool.map(one, range(8)))


def test_two_workers_add_up_whatever_befalls_them(tmp_path: Path) -> None:
    (tmp_path / "metrics").touch()
    port = free_port()
    with parent_of_workers(tmp_path, workers=2, metrics_bind=str(port)) as parent:
        parent.wait_for(rf"metrics are at http://127\.0\.0\.1:{port}/metrics")

        def scrape(url: str = f"http://127.0.0.1:{port}/metrics") -> dict[str, float]:
            with urlopen(url, timeout=20) as reply:
                return read(reply.read())

        before = set(tmp_path.iterdir())
        while len(load(parent) & {parent.pid(0), parent.pid(1)}) < 2:  # hardly ever does one get all connections
            pass
        found = scrape()
        served = found["http_requests_total /"]
        assert served % 200 == 0
        assert served == found["http_request_duration_seconds_count /"]
        assert (found["sketch_workers"], found["sketch_workers_ready"]) == (2, 2)
        assert found["sketch_worker_restarts_total"] == found["sketch_worker_failures_total"] == 0

        os.kill(parent.pid(0), signal.SIGKILL)
        parent.wait_until_ready(0, 2)
        load(parent)
        parent.send(signal.SIGHUP)
        parent.wait_until_ready(1, 2)
        parent.wait_for("has stopped", 2)
        found = scrape()
        assert found["http_requests_total /"] == served + 200
        assert (found["sketch_worker_restarts_total"], found["sketch_worker_failures_total"]) == (3, 1)
        assert found["sketch_workers_ready"] == 2

        by_worker = scrape(f"http://127.0.0.1:{parent.port}/metrics")
        assert by_worker["http_requests_total /"] == served + 200
        assert set(tmp_path.iterdir()) == before
        assert parent.stop() == 0
