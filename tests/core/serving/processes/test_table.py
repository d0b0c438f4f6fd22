"""What the parent of workers decides, without a process and without a clock."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from sketch.serving.processes.slot import LONGEST_DELAY
from sketch.serving.processes.table import LAST_WORDS, MARGIN, SILENT, VACANT, Policy, Table

STEP = 0.125
"""Seconds of the test's clock: sums of it are exact."""


class FakeProcess:
    """A process that only notes what it is sent."""

    def __init__(self, pid: int, index: int, generation: int) -> None:
        self.pid = pid
        self.index = index
        self.generation = generation
        self.signals: list[int] = []
        self.accepts: list[list[int]] = []
        self.asked = 0

    def send(self, **message: Any) -> None:
        if "accept" in message:
            self.accepts.append(message["accept"])
        self.asked += message.get("explain", False)

    def signal(self, number: int) -> None:
        self.signals.append(number)


class Parent:
    """A table, the processes that it has started, and a clock that the test moves."""

    def __init__(self, count: int = 2, refusals: int = 0, **policy: Any) -> None:
        self.processes: list[FakeProcess] = []
        self.announced = 0
        self.table = Table(count, Policy(**policy), self._start, self._announce)
        self.refusals = refusals  # so many of the next starts the system refuses
        self.table.begin()

    def _start(self, index: int, generation: int) -> FakeProcess:
        if self.refusals:
            self.refusals -= 1
            raise BlockingIOError(11, "Resource temporarily unavailable")
        process = FakeProcess(100 + len(self.processes), index, generation)
        self.processes.append(process)
        return process

    def _announce(self) -> None:
        self.announced += 1

    @property
    def alive(self) -> list[FakeProcess]:
        return [child.process for child in self.table.children()]  # type: ignore[misc]

    def ready(self, *processes: FakeProcess) -> None:
        for process in processes:
            self.table.received(process, {"ready": True, "covers": True})

    def beat(self, *processes: FakeProcess, requests: int = 0) -> None:
        for process in processes:
            self.table.received(process, {"requests": requests})

    def end(self, process: FakeProcess, status: int = 0) -> None:
        self.table.ended(process, status)

    def wait(self, seconds: float, *beating: FakeProcess) -> None:
        """Let time go by; these processes send heartbeats."""
        for _ in range(round(seconds / STEP)):
            self.table.tick(self.table.now + STEP)
            self.beat(*beating)


def serving(count: int = 2, **policy: Any) -> Parent:
    parent = Parent(count, **policy)
    parent.ready(*parent.processes)
    return parent


def test_each_slot_gets_a_process_and_the_first_ready_one_is_announced() -> None:
    parent = Parent(3)
    assert [(process.index, process.generation) for process in parent.processes] == [(0, 1), (1, 1), (2, 1)]
    assert parent.announced == 0
    parent.ready(parent.processes[1])
    parent.ready(parent.processes[0])
    assert parent.announced == 1


# -- ends ------------------------------------------------------------------------------------------------------------


def test_a_worker_that_ends_is_followed_by_another_at_once(caplog: pytest.LogCaptureFixture) -> None:
    parent = serving()
    first, second = parent.processes
    parent.end(first, -signal.SIGKILL)
    (new,) = parent.processes[2:]
    assert (new.index, new.generation) == (0, 2)
    assert second.signals == []
    assert "worker 0 (process 100) was ended by SIGKILL: perhaps the system was out of memory" in caplog.text


def test_a_worker_that_ends_again_and_again_is_restarted_later_and_later() -> None:
    parent = serving(1)
    delays = []
    for _ in range(9):
        parent.end(parent.processes[-1], 3)
        before, began = len(parent.processes), parent.table.now
        while not parent.alive:
            parent.wait(0.1)
        delays.append(round(parent.table.now - began, 1))
        assert len(parent.processes) - before <= 1
        parent.ready(parent.processes[-1])
    assert delays == [0, 0.5, 1, 2, 4, 8, LONGEST_DELAY, LONGEST_DELAY, LONGEST_DELAY]

    parent.wait(11, parent.processes[-1])
    parent.end(parent.processes[-1], 3)
    assert parent.alive, "a worker that has lasted begins a new count"


def test_a_worker_that_another_process_stops_is_followed_by_another_in_a_moment() -> None:
    parent = serving()
    told, other = parent.processes
    parent.table.received(told, {"stopping": True})
    assert parent.alive == [told, other]
    parent.wait(VACANT, told, other)
    (new,) = parent.processes[2:]
    parent.ready(new)
    assert told.signals == []
    parent.end(told)
    assert parent.alive == [new, other]


def test_workers_that_a_service_manager_has_told_to_stop_with_their_parent() -> None:
    parent = serving()
    for process in parent.processes:
        parent.table.received(process, {"stopping": True})
    parent.table.stop()
    parent.wait(1)
    assert len(parent.processes) == 2


# -- starts ----------------------------------------------------------------------------------------------------------


def test_the_parent_gives_up_when_no_first_worker_starts(caplog: pytest.LogCaptureFixture) -> None:
    parent = Parent()
    first, second = parent.processes
    parent.table.received(first, {"failed": "there is no module 'm'"})
    parent.end(first, 1)
    assert parent.table.failure is None
    parent.wait(5)
    assert parent.alive == [second], "it waits whether any worker starts"
    parent.end(second, 1)
    assert parent.table.failure == "it ended with exit status 1"
    assert parent.table.stopping
    assert "worker 0 (process 100) could not start: there is no module 'm'" in caplog.text


def test_one_reason_of_all_workers_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    parent = Parent(4)
    for process in parent.processes:
        parent.table.received(process, {"failed": "there is no module 'm'"})
        parent.end(process, 1)
    assert caplog.text.count("there is no module") == 1
    assert parent.table.failure == "there is no module 'm'"


def test_a_first_start_that_fails_beside_others_is_repeated() -> None:
    parent = Parent()
    parent.end(parent.processes[0], 1)
    parent.ready(parent.processes[1])
    assert [process.index for process in parent.alive] == [0, 1]


def test_a_worker_that_does_not_get_ready_is_named_and_killed(caplog: pytest.LogCaptureFixture) -> None:
    parent = Parent(1, start_timeout=5)
    (process,) = parent.processes
    parent.wait(4.8)
    assert (process.asked, process.signals) == (0, [])
    parent.wait(0.4)
    assert (process.asked, process.signals) == (1, []), "it prints where its tasks stand"
    parent.wait(LAST_WORDS)
    assert (process.asked, process.signals) == (1, [signal.SIGABRT]), "it prints where its threads stand"
    assert "worker 0 (process 100) is killed: it was not ready within 5 s" in caplog.text
    parent.wait(LAST_WORDS + 0.2)
    assert process.signals == [signal.SIGABRT, signal.SIGKILL]
    parent.end(process, -signal.SIGKILL)
    assert parent.table.failure == "it was not ready within 5 s"


def test_a_worker_that_gets_ready_when_it_is_asked_serves() -> None:
    parent = Parent(1, start_timeout=5)
    (process,) = parent.processes
    parent.wait(5 + LAST_WORDS / 2)
    parent.ready(process)
    parent.wait(LAST_WORDS * 2, process)
    assert (process.asked, process.signals) == (1, [])


def test_the_parent_gives_up_when_no_worker_was_ready_for_the_start_timeout() -> None:
    parent = serving(1, start_timeout=20)
    parent.end(parent.processes[-1], 1)
    began = parent.table.now
    while parent.table.failure is None:
        parent.wait(STEP)
        if parent.alive:
            parent.end(parent.processes[-1], 1)
    assert 20 <= parent.table.now - began < 20 + LONGEST_DELAY


def test_the_start_timeout_begins_when_the_last_ready_worker_is_told_to_stop() -> None:
    parent = serving(1, start_timeout=20)
    parent.wait(60, *parent.processes)
    parent.table.received(parent.processes[0], {"stopping": True})
    parent.wait(VACANT)
    parent.end(parent.processes[1], 1)
    parent.wait(STEP)
    assert parent.table.failure is None
    assert len(parent.processes) == 3, "another one is started"


def test_the_parent_gives_up_when_the_system_refuses_the_first_process() -> None:
    parent = Parent(refusals=1)
    assert parent.table.failure == "[Errno 11] Resource temporarily unavailable"
    assert parent.processes == []
    assert parent.table.stopping


def test_a_process_that_the_system_refuses_later_is_started_later(caplog: pytest.LogCaptureFixture) -> None:
    parent = serving(1)
    parent.refusals = 2
    parent.end(parent.processes[0], 1)
    assert parent.alive == []
    assert "worker 0 cannot be started: [Errno 11] Resource temporarily unavailable" in caplog.text
    parent.wait(2 * LONGEST_DELAY + 1)
    assert [process.generation for process in parent.alive] == [4]


def test_a_successor_that_the_system_refuses_leaves_the_old_worker() -> None:
    parent = serving()
    parent.refusals = 1
    parent.table.replace()
    assert parent.alive == parent.processes[:2]
    assert not parent.table.replacing


# -- heartbeats ------------------------------------------------------------------------------------------------------


def test_a_blocked_worker_is_named_and_killed_and_followed_by_another(caplog: pytest.LogCaptureFixture) -> None:
    parent = serving(2, worker_timeout=5)
    first, second = parent.processes
    parent.wait(5.2, second)
    assert (first.signals, second.signals) == ([signal.SIGABRT], [])
    text = "worker 0 (process 100) has sent no heartbeat for 5 s: its event loop is blocked, it is killed"
    assert text in caplog.text
    parent.wait(LAST_WORDS + 0.2, second)
    assert first.signals == [signal.SIGABRT, signal.SIGKILL]
    parent.end(first, -signal.SIGKILL)
    assert [process.index for process in parent.alive] == [0, 1]


def test_without_timeouts_no_worker_is_killed() -> None:
    parent = Parent(2, worker_timeout=float("inf"), start_timeout=float("inf"))
    parent.ready(parent.processes[0])
    parent.wait(200)
    assert [process.signals for process in parent.processes] == [[], []]


# -- replacing -------------------------------------------------------------------------------------------------------


def test_workers_are_replaced_one_by_one_and_the_new_one_is_ready_first() -> None:
    parent = serving()
    old = list(parent.processes)
    parent.table.replace()
    (first,) = parent.processes[2:]
    assert (first.index, first.generation) == (0, 2)
    assert [process.signals for process in old] == [[], []]
    parent.ready(first)
    assert [process.signals for process in old] == [[signal.SIGTERM], []]
    assert len(parent.processes) == 3, "the next one waits until the old one has ended"
    assert parent.table.replacing
    parent.end(old[0])
    parent.ready(parent.processes[3])
    parent.end(old[1])
    assert parent.alive == parent.processes[2:]
    assert not parent.table.replacing


def test_a_new_worker_that_does_not_start_leaves_the_old_ones(caplog: pytest.LogCaptureFixture) -> None:
    parent = serving()
    old = list(parent.processes)
    parent.table.replace()
    parent.end(parent.processes[2], 1)
    parent.wait(30, *old)
    assert parent.alive == old
    assert [process.signals for process in old] == [[], []]
    assert not parent.table.replacing
    assert "worker 0 (process 102) could not start: it ended with exit status 1" in caplog.text
    parent.table.replace()
    parent.end(parent.processes[3], 1)
    assert "worker 0 (process 103) could not start: it ended with exit status 1" in caplog.text, "told again"
    assert "worker 0 (process 100) serves on, and no other worker is replaced" in caplog.text

    parent.table.replace()
    parent.ready(parent.processes[4])
    assert old[0].signals == [signal.SIGTERM], "the next order tries again"


def test_an_old_worker_that_ends_during_its_replacement() -> None:
    parent = serving(1)
    parent.table.replace()
    old, new = parent.processes
    parent.end(old, -9)
    assert parent.alive == [new]
    parent.ready(new)
    assert not parent.table.replacing


def test_both_end_during_a_replacement() -> None:
    parent = serving(1)
    parent.table.replace()
    old, new = parent.processes
    parent.end(old, -9)
    parent.end(new, 1)
    parent.wait(1)
    parent.ready(parent.processes[2])
    assert parent.alive == parent.processes[2:]
    assert not parent.table.replacing


def test_an_order_while_a_worker_starts_begins_it_anew() -> None:
    parent = serving()
    parent.end(parent.processes[1], 1)
    starting = parent.processes[2]
    parent.table.replace()
    parent.ready(parent.processes[3])
    parent.end(parent.processes[0])
    assert starting.signals == [signal.SIGTERM], "it may have loaded the old version"
    parent.end(starting, -signal.SIGTERM)
    parent.ready(parent.processes[4])
    assert parent.alive == parent.processes[3:]


def test_a_worker_is_replaced_after_a_number_of_requests() -> None:
    parent = serving(2, max_requests=100)
    first, second = parent.processes
    parent.beat(first, requests=99)
    assert len(parent.processes) == 2
    parent.beat(first, second, requests=100)
    assert len(parent.processes) == 3, "one after the other"
    parent.beat(first, requests=150)
    assert len(parent.processes) == 3
    parent.ready(parent.processes[2])
    parent.end(first)
    assert [process.index for process in parent.processes] == [0, 1, 0, 1]


def test_a_used_up_worker_serves_another_round_if_no_new_one_starts() -> None:
    parent = serving(1, max_requests=100)
    parent.beat(parent.processes[0], requests=100)
    parent.end(parent.processes[1], 1)
    parent.beat(parent.processes[0], requests=199)
    assert len(parent.processes) == 2
    parent.beat(parent.processes[0], requests=200)
    assert len(parent.processes) == 3


def test_the_numbers_of_requests_are_spread() -> None:
    parent = Parent(50, max_requests=100, jitter=20)
    limits = {child.limit for child in parent.table.children()}
    assert len(limits) > 5
    assert min(limits) >= 100
    assert max(limits) <= 120


# -- spreading -------------------------------------------------------------------------------------------------------


def test_another_worker_accepts_for_a_slot_without_one() -> None:
    parent = serving(3)
    lost, other, third = parent.processes
    parent.end(lost, 1)
    parent.wait(VACANT - 0.2, other, third)
    assert other.accepts == []
    parent.wait(0.4, other, third)
    assert [other.accepts, third.accepts] == [[[0]], []]
    parent.wait(2, other, third)
    assert [other.accepts, third.accepts] == [[[0]], []], "told once"
    parent.end(other, 1)
    parent.wait(1, third)
    assert third.accepts == [[0], [0, 1]]
    parent.ready(parent.processes[3])
    assert third.accepts[-1] == [1], "its own worker is ready"


def test_another_worker_accepts_for_one_that_is_not_heard_of() -> None:
    parent = serving()
    silent, other = parent.processes
    parent.wait(SILENT + 0.2, other)
    assert other.accepts == [[0]]
    parent.wait(0.2, silent, other)
    assert other.accepts == [[0], []]


def test_a_slot_that_never_listened_needs_no_other_worker() -> None:
    parent = Parent()
    parent.ready(parent.processes[0])
    parent.wait(10, parent.processes[0])
    assert parent.processes[0].accepts == []


def test_a_server_that_cannot_accept_for_others_is_not_asked() -> None:
    parent = Parent()
    for process in parent.processes:
        parent.table.received(process, {"ready": True, "covers": False})
    parent.end(parent.processes[0], 1)
    parent.wait(2, parent.processes[1])
    assert parent.processes[1].accepts == []


# -- signals ---------------------------------------------------------------------------------------------------------


def test_a_signal_is_passed_on_to_a_worker_that_starts_once_it_is_ready() -> None:
    """It would end one that has no handler for it yet."""
    parent = serving(1)
    parent.table.replace()
    parent.table.pass_on(signal.SIGUSR1)
    old, new = parent.processes
    assert (old.signals, new.signals) == ([signal.SIGUSR1], [])
    parent.ready(new)
    assert (old.signals, new.signals) == ([signal.SIGUSR1, signal.SIGTERM], [signal.SIGUSR1])
    parent.table.pass_on(signal.SIGUSR1)
    assert old.signals == [signal.SIGUSR1, signal.SIGTERM, signal.SIGUSR1]
    assert new.signals == [signal.SIGUSR1] * 2


# -- stopping --------------------------------------------------------------------------------------------------------


def test_stop_tells_all_workers_once_and_starts_none() -> None:
    parent = serving()
    parent.table.replace()
    parent.table.stop()
    assert [process.signals for process in parent.processes] == [[signal.SIGTERM]] * 3
    for process in parent.processes:
        parent.end(process)
    parent.wait(20)
    assert parent.alive == []
    assert len(parent.processes) == 3
    assert parent.table.failed_ends == 0


def test_a_second_order_ends_the_grace_period_and_a_third_the_workers() -> None:
    parent = Parent()
    parent.ready(parent.processes[0])
    parent.table.stop()
    parent.table.hurry()
    assert parent.processes[0].signals == [signal.SIGTERM, signal.SIGQUIT]
    assert parent.processes[1].signals == [signal.SIGTERM, signal.SIGKILL], "it serves nothing"
    parent.table.hurry()
    assert parent.processes[0].signals == [signal.SIGTERM, signal.SIGQUIT, signal.SIGKILL]


def test_a_worker_that_does_not_stop_is_killed(caplog: pytest.LogCaptureFixture) -> None:
    parent = serving(1, stop_timeout=3)
    parent.table.stop()
    parent.wait(3 + MARGIN - 0.2)
    assert parent.processes[0].signals == [signal.SIGTERM]
    parent.wait(0.4)
    assert parent.processes[0].signals == [signal.SIGTERM, signal.SIGKILL]
    assert "worker 0 (process 100) has not stopped: it is killed" in caplog.text
    parent.end(parent.processes[0], -signal.SIGKILL)
    assert caplog.messages[-1] == "worker 0 (process 100) was ended by SIGKILL while it stopped", "no reason is guessed"
    assert parent.table.failed_ends == 0


def test_a_worker_whose_stop_fails_is_counted() -> None:
    parent = serving(1)
    parent.table.stop()
    parent.end(parent.processes[0], 1)
    assert parent.table.failed_ends == 1
