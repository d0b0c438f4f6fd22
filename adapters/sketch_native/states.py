"""The states of an HTTP connection, and which may follow which."""

from __future__ import annotations

from enum import Enum
from typing import Any


class State(Enum):
    """What an HTTP connection waits for."""

    IDLE = "a request"
    HEAD = "the rest of a head"
    QUEUED = "a slot under the concurrency limit"
    EXCHANGE = "the end of its exchange"
    REST = "the rest of an unread body"
    CLOSING = "the close by the peer"


IDLE, HEAD, QUEUED = State.IDLE, State.HEAD, State.QUEUED
EXCHANGE, REST, CLOSING = State.EXCHANGE, State.REST, State.CLOSING

FOLLOWS: dict[State, frozenset[State]] = {
    IDLE: frozenset({HEAD, QUEUED, EXCHANGE, CLOSING}),
    HEAD: frozenset({QUEUED, EXCHANGE, CLOSING}),
    QUEUED: frozenset({EXCHANGE, CLOSING}),
    # The next request may have arrived already: whole, in part, or behind the rest of this one's body.
    EXCHANGE: frozenset({IDLE, HEAD, QUEUED, EXCHANGE, REST, CLOSING}),
    REST: frozenset({IDLE, HEAD, QUEUED, EXCHANGE, CLOSING}),
    CLOSING: frozenset(),
}
"""Which states may follow each state. A new connection is IDLE."""


class CheckedState:
    """A descriptor in place of the slot `state` of a class: asserts that each state may follow the one before.

    Args:
        slot: the slot's own descriptor, which keeps the value.
    """

    def __init__(self, slot: Any) -> None:
        self._slot = slot

    def __get__(self, connection: object, kind: type | None = None) -> State:
        state: State = self._slot.__get__(connection, kind)
        return state

    def __set__(self, connection: object, state: State) -> None:
        try:
            may_follow = FOLLOWS[self._slot.__get__(connection)]
        except AttributeError:  # a new connection
            may_follow = frozenset({IDLE})
        names = sorted(one.name for one in may_follow)
        assert state in may_follow, f"expected one of the states {names}, got {state} for {connection!r}"
        self._slot.__set__(connection, state)


def check_transitions(connections: type) -> None:
    """Assert each transition of a class of connections from now on. For tests, and Python's development mode.

    Without it a transition is the plain assignment of a slot: a request has two of them.

    Args:
        connections: a class with the slot `state`.
    """
    slot = vars(connections)["state"]
    if not isinstance(slot, CheckedState):
        connections.state = CheckedState(slot)  # type: ignore[attr-defined]
