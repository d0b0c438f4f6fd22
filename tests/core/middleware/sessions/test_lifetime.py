"""How long sessions last."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from sketch.middleware.sessions.lifetime import Lifetime, check_lifetime
from sketch.request.session_state import KeptSession


def test_what_is_left() -> None:
    both = Lifetime(100, 1000)
    assert both.left(0, 0, 0) == 100
    assert both.left(0, 950, 960) == 40
    assert both.left(0, 50, 150) == 0
    assert Lifetime(inf, 1000).left(0, 0, 999) == 1
    assert Lifetime(100, inf).left(0, 10**6, 10**6) == 100


def test_clocks_of_servers_differ_a_little() -> None:
    assert Lifetime(100, 1000).left(300, 300, 0) > 0
    assert Lifetime(100, 1000).left(301, 0, 0) == 0
    assert Lifetime(100, 1000).left(0, 301, 0) == 0


def test_what_is_alive() -> None:
    session = KeptSession("id", 0, 0, b"")
    assert Lifetime(100, 1000).alive(session, 99) is session
    assert Lifetime(100, 1000).alive(session, 100) is None


def test_when_its_use_is_noted() -> None:
    assert not Lifetime(100, 1000).is_due(0, 9.9)
    assert Lifetime(100, 1000).is_due(0, 10)
    assert not Lifetime(inf, 1000).is_due(0, 999)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((0, None), "idle as a number of seconds, at least 1, got 0"),
        (("1", None), "idle"),
        ((60, -1), "lifetime as a number"),
        ((60, inf), "lifetime as a number"),
        ((None, None), "sessions with an end"),
    ],
)
def test_arguments(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_lifetime(*given)
    assert check_lifetime(1, None) == (1, inf)
