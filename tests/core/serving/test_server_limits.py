"""Limits of the native server: what is refused, and that each is an option of the command line."""

from __future__ import annotations

from dataclasses import fields

import pytest

from sketch.serving.option import options_of
from sketch.serving.server_limits import ServerLimits

SIZES = ["target", "head", "headers", "pipeline", "body_buffer"]
TIMES = ["header_timeout", "keep_alive_timeout", "linger_timeout"]


@pytest.mark.parametrize("name", [*SIZES, "connections", "concurrency"])
@pytest.mark.parametrize("value", [0, -1, 2**31])
def test_a_limit_that_lets_nothing_through_is_refused(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"^expected {name} as a whole number from 1 to 2147483647.*, got {value}$"):
        ServerLimits(**{name: value})


@pytest.mark.parametrize("name", [*SIZES, *TIMES])
def test_only_what_may_be_unbounded_can_be_none(name: str) -> None:
    assert ServerLimits(connections=None, concurrency=None).connections is None
    with pytest.raises(TypeError, match=f"^expected {name} as .*, got None$"):
        ServerLimits(**{name: None})


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize("value", [0, -1, 0.001, float("nan"), float("inf")])
def test_a_time_that_is_over_at_once_or_never_is_refused(name: str, value: float) -> None:
    """A server looks at its deadlines four times in the shortest timeout: 0 kept it busy."""
    with pytest.raises(
        ValueError, match=f"^expected {name} as a number of seconds from 0.01 to 31536000, got {value!r}$"
    ):
        ServerLimits(**{name: value})


def test_the_way_out_of_overload_is_one_of_two() -> None:
    with pytest.raises(ValueError, match="expected overload as 'refuse' or 'wait', got 'queue'"):
        ServerLimits(overload="queue")  # type: ignore[arg-type]


def test_what_a_request_can_do_without_may_be_forbidden() -> None:
    assert ServerLimits(chunk_overhead=0, drain=0).chunk_overhead == 0


def test_each_limit_can_be_given_as_text() -> None:
    assert [each.key for each in options_of(ServerLimits)] == [each.name for each in fields(ServerLimits)]
