"""A worker process, as its parent sees it."""

from __future__ import annotations

import signal

import pytest

from sketch.serving.processes.child import KILLED, STARTING, STOPPING, Child, describe_end
from tests.core.serving.processes.test_table import FakeProcess


def test_it_is_told_to_stop_once() -> None:
    process = FakeProcess(5, 1, 1)
    child = Child(process, 1, due=10)
    assert (child.state, str(child)) == (STARTING, "worker 1 (process 5)")
    child.stop(20)
    child.stop(30)
    assert (process.signals, child.state, child.due) == ([signal.SIGTERM], STOPPING, 20)


def test_the_second_kill_is_certain() -> None:
    process = FakeProcess(5, 1, 1)
    child = Child(process, 1, due=10)
    child.kill(signal.SIGABRT, 20)
    child.kill(signal.SIGABRT, 30)
    child.stop(40)
    assert process.signals == [signal.SIGABRT, signal.SIGKILL, signal.SIGTERM]
    assert child.state is KILLED


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0, "ended with exit status 0"),
        (3, "ended with exit status 3"),
        (-9, "was ended by SIGKILL: perhaps the system was out of memory"),
        (-11, "was ended by SIGSEGV"),
        (-99, "was ended by signal 99"),
    ],
)
def test_ends_are_described(status: int, text: str) -> None:
    assert describe_end(status) == text
