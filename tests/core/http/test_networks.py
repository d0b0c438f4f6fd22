"""Sets of addresses."""

from __future__ import annotations

import pytest

from sketch.http.grammar import Address
from sketch.http.networks import Networks


@pytest.mark.parametrize(
    ("names", "peer", "inside"),
    [
        (["10.0.0.0/8"], ("10.1.2.3", 80), True),
        (["10.0.0.0/8"], ("::ffff:10.1.2.3", 80), True),
        (["10.0.0.0/8"], ("11.1.2.3", 80), False),
        (["2001:db8::7"], ("2001:db8::7", 0), True),
        (["2001:db8::7"], ("2001:db8::8", 0), False),
        (["10.0.0.0/8"], ("localhost", 0), False),
        (["10.0.0.0/8"], None, False),
        (["unix", "10.0.0.0/8"], None, True),
        (["unix"], ("127.0.0.1", 0), False),
    ],
)
def test_what_is_in_a_set(names: list[str], peer: Address | None, inside: bool) -> None:
    assert (peer in Networks(names, "trusted")) is inside


def test_faults() -> None:
    with pytest.raises(TypeError, match=r"expected allow as a list of networks, got '10\.0\.0\.0/8'"):
        Networks("10.0.0.0/8", "allow")
    with pytest.raises(ValueError, match="expected at least one network in allow"):
        Networks([], "allow")
    with pytest.raises(ValueError, match=r"expected allow networks like .*, or 'unix', got '10\.0\.0\.1/8'"):
        Networks(["10.0.0.1/8"], "allow")
