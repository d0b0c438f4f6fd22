"""The place of one worker. What is done with it is tested with the table."""

from __future__ import annotations

from sketch.serving.processes.child import READY, STOPPING, Child
from sketch.serving.processes.slot import STEADY, Slot
from tests.core.serving.processes.test_table import FakeProcess


def test_the_newest_process_counts() -> None:
    slot = Slot(0)
    old, new = (Child(FakeProcess(pid, 0, 1), 0, due=10) for pid in (1, 2))
    slot.children = [old, new]
    old.state = READY
    assert (slot.ready, slot.starting) == (old, new)
    new.state = READY
    assert (slot.ready, slot.starting, slot.older(new)) == (new, None, [old])
    old.state = STOPPING
    assert slot.older(new) == []


def test_a_process_that_has_lasted_begins_a_new_count_of_failures() -> None:
    slot = Slot(0)
    child = Child(FakeProcess(1, 0, 1), 0, due=10)
    assert [slot.fail(child, 0) for _ in range(3)] == [0, 0.5, 1]
    child.ready_at = 100
    assert slot.fail(child, 100 + STEADY) == 0
