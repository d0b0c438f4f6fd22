"""The descriptors of the process: the standard ones are open; the limit is raised as far as needed and allowed."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from sketch.serving.descriptors import RESERVE, make_room

INFINITE = resource.RLIM_INFINITY


class Limit:
    """RLIMIT_NOFILE without the process: soft and hard limit, and whether the system lets the soft one be raised."""

    def __init__(self, soft: int, hard: int, refuses: bool = False) -> None:
        self.values = soft, hard
        self.refuses = refuses

    def get(self, _kind: int) -> tuple[int, int]:
        return self.values

    def set(self, _kind: int, values: tuple[int, int]) -> None:
        if self.refuses:
            raise ValueError("not allowed to raise maximum limit")
        self.values = values


def made_room(monkeypatch: pytest.MonkeyPatch, limit: Limit, connections: int | None) -> int:
    """The soft limit after it."""
    monkeypatch.setattr(resource, "getrlimit", limit.get)
    monkeypatch.setattr(resource, "setrlimit", limit.set)
    make_room(connections)
    return limit.values[0]


@pytest.mark.parametrize(
    ("soft", "hard", "connections", "then"),
    [
        (1024, 524288, 10_000, 10_000 + RESERVE),
        (1024, INFINITE, 10_000, 10_000 + RESERVE),
        (1024, 10_050, 10_000, 10_050),
        (20_000, 30_000, 10_000, 20_000),
        (INFINITE, INFINITE, 10_000, INFINITE),
        (1024, 524288, None, 524288),
        (1024, INFINITE, None, 1 << 20),
        (1024, 4096, None, 4096),
    ],
)
def test_the_limit_is_raised(
    soft: int,
    hard: int,
    connections: int | None,
    then: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert made_room(monkeypatch, Limit(soft, hard), connections) == then
    assert not caplog.records


@pytest.mark.parametrize("limit", [Limit(64, 64), Limit(64, 10_000, refuses=True)])
def test_a_limit_that_stays_too_low_is_a_warning(
    limit: Limit, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert made_room(monkeypatch, limit, 1000) == 64
    assert caplog.messages[-1].startswith("this process may open 64 files, but ServerLimits.connections is 1000: ")


def test_systems_without_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "resource", None)
    make_room(10)


def test_closed_standard_streams_are_opened() -> None:
    code = (
        "import os; from sketch.serving.descriptors import open_standard; open_standard(); null = os.stat(os.devnull);"
        "print(os.open('/', 0) > 2, "
        "[os.path.samestat(os.fstat(number), null) and os.get_inheritable(number) for number in (0, 2)])"
    )
    shell = ["sh", "-c", 'exec "$@" <&- 2>&-', "sh", sys.executable, "-c", code]
    assert subprocess.run(shell, stdout=subprocess.PIPE, text=True).stdout == "True [True, True]\n"
