"""`DeadlineTimer`: one timer for everything that may wait for too long."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest

from sketch.concurrency.idle import BEGUN, LONGEST_LOOK, SHORTEST_LOOK, DeadlineTimer, idle_timer, waited
from tests.support.requests import in_loop


class Waiter:
    """A deadline that notes what it is told, and when."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.waited = BEGUN
        self.told = asyncio.Event()

    def idled(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.waited = waited(self.waited, seconds)
        self.told.set()

    async def look(self) -> None:
        """Return after the next look."""
        self.told.clear()
        await self.told.wait()


class Clock:
    """The time and the timers of the running loop, moved on by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self.now = 100.0
        self.calls: list[Call] = []
        monkeypatch.setattr(loop, "time", lambda: self.now)
        monkeypatch.setattr(loop, "call_later", self.call_later)

    def call_later(self, delay: float, callback: Callable[[], None], *, context: object = None) -> Call:
        call = Call(self.now + delay, callback)
        self.calls.append(call)
        return call

    def go_on(self, seconds: float) -> None:
        """Let time pass, and call what is due meanwhile."""
        until = self.now + seconds
        while due := [call for call in self.calls if not call.cancelled and call.when <= until]:
            call = min(due, key=lambda each: each.when)
            self.calls.remove(call)
            self.now = max(self.now, call.when)
            call.callback()
        self.now = until

    @property
    def armed(self) -> list[float]:
        """In how many seconds the scheduled calls are due."""
        return [call.when - self.now for call in self.calls if not call.cancelled]


class Call:
    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


def test_the_first_look_adds_nothing() -> None:
    assert waited(BEGUN, 0.25) == 0.0
    assert waited(0.0, 0.25) == 0.25
    assert waited(0.25, 0.5) == 0.75


@in_loop
async def test_every_deadline_is_told_how_much_time_has_passed() -> None:
    loop = asyncio.get_running_loop()
    timer = idle_timer(0.04)
    assert idle_timer(60) is timer
    first, second = Waiter(), Waiter()
    began = loop.time()
    timer.add(first)
    timer.add(second)
    for waiter in (first, second, first):
        await waiter.look()
    timer.discard(first)
    timer.discard(second)
    assert 0 < sum(first.seconds) <= loop.time() - began
    assert first.seconds[0] == second.seconds[0]


@pytest.mark.parametrize("late", [0.0, 0.1, 0.5, 0.9, 0.999])
@in_loop
async def test_a_wait_ends_between_its_limit_and_two_looks_later(late: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """However late in an interval it begins, on a timer that others keep armed."""
    clock = Clock(monkeypatch)
    timer, other, waiter = DeadlineTimer(), Waiter(), Waiter()
    timer.add(other)
    clock.go_on(3 + late)
    timer.add(waiter)
    lasted = 0.0
    while waiter.waited < 4:
        clock.go_on(0.125)
        lasted += 0.125
    assert 4 <= lasted <= 6
    assert waiter.seconds == [1.0] * len(waiter.seconds)


@in_loop
async def test_a_shorter_limit_shortens_the_running_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    timer, slow, quick = DeadlineTimer(), Waiter(), Waiter()
    timer.add(slow)
    assert clock.armed == [LONGEST_LOOK]
    clock.go_on(0.5)
    timer.fit(0.25)
    assert clock.armed == [0.0625]
    timer.fit(60)
    assert clock.armed == [0.0625]
    timer.add(quick)
    clock.go_on(0.0625)
    assert slow.seconds == [0.5625], "no time is lost"
    clock.go_on(0.25)
    assert quick.waited == 0.25
    assert slow.seconds[1:] == [0.0625] * 4


@in_loop
async def test_the_time_in_which_the_process_stood_still_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    timer, waiter = DeadlineTimer(), Waiter()
    timer.add(waiter)
    clock.go_on(1)
    clock.now += 12  # as by SIGSTOP and SIGCONT: nothing was called meanwhile
    clock.go_on(0)
    clock.go_on(1)
    assert waiter.seconds == [1.0, 2.0, 1.0]


@in_loop
async def test_a_shorter_limit_does_not_bring_that_time_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop reads its sockets before its timers: what it read may have added a deadline."""
    clock = Clock(monkeypatch)
    timer, waiter = DeadlineTimer(), Waiter()
    timer.add(waiter)
    clock.now += 12
    timer.fit(1.0)
    clock.go_on(0.25)
    assert waiter.seconds == [2.25]


@in_loop
async def test_a_limit_of_nothing_does_not_keep_the_loop_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    timer = DeadlineTimer()
    timer.fit(0)
    timer.add(Waiter())
    assert clock.armed == [pytest.approx(SHORTEST_LOOK)]


@in_loop
async def test_the_timer_is_armed_only_while_something_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    timer, waiter = DeadlineTimer(), Waiter()
    assert timer.handle is None
    for _ in range(2):
        timer.add(waiter)
        assert len(clock.armed) == 1
        clock.go_on(2.5)
        timer.discard(waiter)
        timer.discard(waiter)
        clock.go_on(0.5)
        assert timer.handle is None
        assert clock.armed == []
    assert waiter.seconds == [1.0] * 4


@in_loop
async def test_the_shortest_limit_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    asked: list[float] = []

    def shortest() -> float:
        asked.append(clock.now)
        return 2.0

    timer, waiter = DeadlineTimer(shortest), Waiter()
    assert asked == []
    for _ in range(2):
        timer.add(waiter)
        assert clock.armed == [0.5]
        timer.discard(waiter)
        clock.go_on(1)
    assert asked == [100.0]


@in_loop
async def test_an_error_of_one_deadline_does_not_stop_the_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def idled(self, seconds: float) -> None:
            raise LookupError

    clock = Clock(monkeypatch)
    timer, waiter, broken = DeadlineTimer(), Waiter(), Broken()
    timer.add(broken)
    with pytest.raises(LookupError):
        clock.go_on(1)
    timer.discard(broken)
    timer.add(waiter)
    clock.go_on(2)
    assert waiter.seconds == [1.0, 1.0]


@in_loop
async def test_the_look_runs_in_an_empty_context() -> None:
    variable: ContextVar[str] = ContextVar("variable")
    seen: list[str] = []

    class Reader(Waiter):
        def idled(self, seconds: float) -> None:
            seen.append(variable.get("unset"))
            super().idled(seconds)

    variable.set("of the request")
    timer, reader = idle_timer(0.01), Reader()
    timer.add(reader)
    await reader.look()
    timer.discard(reader)
    assert seen == ["unset"]


@pytest.mark.parametrize("waits", [False, True])
def test_the_timer_keeps_no_event_loop_alive(waits: bool) -> None:
    """Also if it is armed when the loop is closed."""

    async def main() -> Any:
        timer, waiter = idle_timer(1.0), Waiter()
        timer.add(waiter)
        if not waits:
            timer.discard(waiter)
        assert timer.handle is not None

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.close()
    gone = weakref.ref(loop)
    del loop
    gc.collect()
    assert gone() is None


@in_loop
async def test_an_armed_timer_stays_the_loops_timer() -> None:
    waiter = Waiter()
    idle_timer(0.01).add(waiter)
    gc.collect()
    await waiter.look()
    assert waiter in idle_timer(60).waiting
    idle_timer(60).discard(waiter)
