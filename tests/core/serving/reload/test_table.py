"""What the parent of the worker that is restarted decides, without a process and without a clock."""

from __future__ import annotations

import signal

import pytest

from sketch.serving.processes.table import Policy
from sketch.serving.reload.table import DEAF, MARGIN, ReloadTable
from tests.core.serving.processes.test_table import STEP, FakeProcess

GRACE = 2.0


class Parent:
    """A table, the processes that it has started, and a clock that the test moves."""

    def __init__(self) -> None:
        self.processes: list[FakeProcess] = []
        self.announced = 0
        self.ready: list[bool] = []
        self.watched: list[str] = []
        self.table = ReloadTable(
            Policy(stop_timeout=GRACE), self._start, self._announce, self.ready.append, self.watched.extend
        )
        self.table.begin()

    def _start(self, index: int, generation: int) -> FakeProcess:
        process = FakeProcess(100 + len(self.processes), index, generation)
        self.processes.append(process)
        return process

    def _announce(self) -> None:
        self.announced += 1

    @property
    def last(self) -> FakeProcess:
        return self.processes[-1]

    def tell(self, **message: object) -> None:
        self.table.received(self.last, message)

    def get_ready(self) -> None:
        self.tell(ready=True, covers=False)

    def end(self, status: int = 0) -> None:
        self.table.ended(self.last, status)

    def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds / STEP)):
            self.table.tick(self.table.now + STEP)


@pytest.fixture
def parent() -> Parent:
    """A parent whose worker is ready."""
    parent = Parent()
    parent.get_ready()
    return parent


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


def test_the_next_worker_starts_when_the_last_one_has_ended(parent: Parent, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "sketch")
    parent.table.replace()
    assert parent.last.signals == [signal.SIGTERM]
    assert len(parent.processes) == 1
    parent.table.replace()  # the code has changed once more
    parent.end()
    assert len(parent.processes) == 2
    parent.get_ready()
    assert parent.ready == [True, True]
    assert parent.announced == 1
    assert caplog.messages == [], "the supervisor says it in one line"


def test_a_change_during_a_start_begins_it_anew(parent: Parent) -> None:
    parent.table.replace()
    parent.end()
    parent.table.replace()
    assert parent.last.signals == [signal.SIGTERM]
    parent.end(-signal.SIGTERM)
    assert [process.generation for process in parent.processes] == [1, 2, 3]


def test_a_worker_that_is_deaf_is_killed_soon_and_one_that_stops_is_given_time(parent: Parent) -> None:
    parent.table.replace()
    parent.tell(stopping=True)
    parent.pass_time(GRACE + MARGIN - STEP)
    assert parent.last.signals == [signal.SIGTERM]
    parent.pass_time(2 * STEP)
    assert parent.last.signals == [signal.SIGTERM, signal.SIGKILL]
    parent.end(-signal.SIGKILL)
    parent.get_ready()
    parent.table.replace()
    parent.pass_time(DEAF + STEP)
    assert parent.last.signals == [signal.SIGTERM, signal.SIGKILL]


def test_a_fault_is_logged_once_until_it_is_mended(parent: Parent, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        parent.table.replace()
        parent.end()
        parent.tell(broken="SyntaxError: invalid syntax", read=["/a.py"])
        parent.get_ready()
    assert errors(caplog) == ["the application cannot be started: SyntaxError: invalid syntax"]
    assert parent.ready == [True, False, False, False]
    assert parent.watched == ["/a.py"] * 3
    for broken in (False, True):
        parent.table.replace()
        parent.end()
        if broken:
            parent.tell(broken="SyntaxError: invalid syntax", read=[])
        parent.get_ready()
    assert len(errors(caplog)) == 2


def test_another_worker_says_what_has_happened_to_one_that_could_not(
    parent: Parent, caplog: pytest.LogCaptureFixture
) -> None:
    parent.table.replace()
    parent.end()
    parent.end(-signal.SIGSEGV)
    assert parent.table.fault == "the process was ended by SIGSEGV before it was ready"
    assert len(parent.processes) == 3
    parent.get_ready()
    assert parent.ready == [True, False]
    assert errors(caplog) == ["the application cannot be started: the process was ended by SIGSEGV before it was ready"]
    parent.table.replace()
    assert parent.table.fault is None
    parent.end()
    parent.get_ready()
    assert parent.ready == [True, False, True]


def test_where_nothing_can_be_served_the_next_change_is_waited_for(
    parent: Parent, caplog: pytest.LogCaptureFixture
) -> None:
    parent.table.replace()
    parent.end()
    for _ in range(2):
        parent.tell(failed="cannot use the certificate")
        parent.end(1)
    assert len(parent.processes) == 3
    assert not list(parent.table.children())
    assert errors(caplog) == ["the application cannot be started: cannot use the certificate"]
    parent.pass_time(100)
    assert len(parent.processes) == 3
    parent.table.replace()
    assert len(parent.processes) == 4


def test_a_wrong_command_ends_the_parent() -> None:
    parent = Parent()
    parent.tell(failed="there is no module 'mian'")
    parent.end(1)
    assert parent.table.failure == "there is no module 'mian'"
    assert parent.table.stopping
    assert len(parent.processes) == 1


def test_a_first_start_that_dies_is_explained_as_any_other() -> None:
    parent = Parent()
    parent.end(3)
    assert parent.table.failure is None
    assert parent.table.fault == "the process ended with exit status 3 before it was ready"
    parent.get_ready()
    assert parent.announced == 1


def test_a_worker_that_dies_while_it_serves_is_replaced_at_once(parent: Parent) -> None:
    parent.end(-signal.SIGSEGV)
    assert len(parent.processes) == 2


def test_an_order_to_stop_is_the_last_one(parent: Parent) -> None:
    parent.table.replace()
    parent.table.stop()
    parent.end()
    parent.table.replace()
    assert len(parent.processes) == 1
