"""A tree of processes: its members, their CPU time and their memory."""

from __future__ import annotations

import os
import select
import subprocess
import sys

import pytest

from sketch.bench.processes import Times, cpu_seconds, cpu_times, memory, tree
from tests.core.bench.programs import IDLE, PARENT, started


def test_a_tree_is_counted_and_ended_whole() -> None:
    with started(PARENT) as program:
        members = tree(program.pid)
        assert len(members) == 2
        assert program.pid in members
        assert 0.3 <= program.cpu_seconds() < 5
        assert program.cpu_seconds() >= cpu_seconds(members[1]) >= 0.3
        assert program.memory().rss > memory(members[1]).rss > 20_000_000
        assert 20_000_000 < program.memory().pss <= program.memory().rss
        ends = [os.pidfd_open(member) for member in members]
    for end in ends:  # readable once the process is gone
        assert select.select([end], [], [], 10)[0] == [end]
        os.close(end)


def test_ended_process_has_no_time_and_no_memory() -> None:
    with started(IDLE) as program:
        pid = program.pid
    assert tree(pid) == [pid]
    assert cpu_seconds(pid) == 0
    assert cpu_times(pid) == Times(0, 0)
    assert memory(pid) == (0, 0)


@pytest.mark.parametrize(
    ("work", "kind"), [("sum(range(8_000_000))", "user"), ("[os.read(f, 1 << 20) for _ in range(2000)]", "system")]
)
def test_user_and_system_time_are_told_apart(work: str, kind: str) -> None:
    code = (
        "import os; from sketch.bench.processes import cpu_times; f = os.open('/dev/zero', os.O_RDONLY);"
        f" before = cpu_times(os.getpid()); {work}; after = cpu_times(os.getpid());"
        " print(after.user - before.user, after.system - before.system)"
    )
    user, system = map(float, subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert user + system > 0.03
    assert (user > system) is (kind == "user")


def test_cpu_time_agrees_with_the_clock() -> None:
    # In a separate process: this one may have children, the servers of other tests, and their time counts too.
    code = (
        "import os; from sketch.bench.processes import cpu_seconds; sum(range(3_000_000));"
        " counted = cpu_seconds(os.getpid()); times = os.times(); print(counted, times.user + times.system)"
    )
    counted, clock = map(float, subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert clock > 0.03
    assert counted == pytest.approx(clock, rel=0.2, abs=0.02)
