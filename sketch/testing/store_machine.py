"""A state machine of hypothesis: any calls of a store, beside a dict that says what they have to give."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from sketch.stores import Store

_KEYS = st.sampled_from(["a", "b"])
_VALUES = st.sampled_from([b"", b"one", b"\x80two"])
_TIMES = st.sampled_from([1.0, 30.0])
_NEVER = 3600.0


class StoreMachine(RuleBasedStateMachine):
    """Calls a store, and expects of it what a dict of values and their ends gives. Subclasses say how it is opened."""

    open_store: ClassVar[Any]
    pass_time: ClassVar[Any]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.opened: AbstractAsyncContextManager[Store] = type(self).open_store()
        self.store = self.run(self.opened.__aenter__())
        self.expected: dict[str, tuple[bytes, float]] = {}
        self.now = 0.0

    def run(self, call: Any) -> Any:
        """Await a call in the loop of this run."""
        return self.runner.run(call)

    def ttl(self, seconds: float) -> float:
        """The time of a value: long enough where no time can pass at once."""
        return _NEVER if type(self).pass_time is None else seconds

    @rule(key=_KEYS, value=_VALUES, seconds=_TIMES)
    def set(self, key: str, value: bytes, seconds: float) -> None:
        """Set a value."""
        self.run(self.store.set(key, value, self.ttl(seconds)))
        self.expected[key] = (value, self.now + self.ttl(seconds))

    @rule(key=_KEYS)
    def get(self, key: str) -> None:
        """Read a value."""
        found = self.expected.get(key)
        assert self.run(self.store.get(key)) == (None if found is None else found[0])

    @rule(key=_KEYS)
    def delete(self, key: str) -> None:
        """Remove a value."""
        self.run(self.store.delete(key))
        self.expected.pop(key, None)

    @rule(key=_KEYS, seconds=_TIMES)
    def touch(self, key: str, seconds: float) -> None:
        """Set the time of a value anew."""
        assert self.run(self.store.touch(key, self.ttl(seconds))) is (key in self.expected)
        if key in self.expected:
            self.expected[key] = (self.expected[key][0], self.now + self.ttl(seconds))

    @precondition(lambda self: type(self).pass_time is not None)
    @rule(seconds=st.sampled_from([0.5, 2.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.run(type(self).pass_time(seconds))
        self.now += seconds
        self.expected = {key: (value, end) for key, (value, end) in self.expected.items() if end > self.now}

    def teardown(self) -> None:
        """Close the store."""
        self.run(self.opened.__aexit__(None, None, None))
        self.runner.close()


def run_machine(
    open_store: Callable[[], AbstractAsyncContextManager[Store]],
    pass_time: Callable[[float], Awaitable[None]] | None,
    *,
    shrink: bool = True,
) -> None:
    """Run the state machine on stores that `open_store` opens.

    Args:
        open_store: opens an empty store.
        pass_time: lets time pass for the store at once; None if that would take time.
        shrink: whether to look for the shortest steps that fail.
    """

    class Machine(StoreMachine):
        pass

    Machine.open_store = staticmethod(open_store)
    Machine.pass_time = None if pass_time is None else staticmethod(pass_time)
    options = settings(
        max_examples=100,
        stateful_step_count=20,
        deadline=None,
        phases=[phase for phase in Phase if shrink or phase is Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(Machine, settings=options)
