"""The cores of the load generator and of the servers."""

from __future__ import annotations

from sketch.bench import Cores


def test_first_and_last_core_are_chosen() -> None:
    assert Cores.choose([2, 0, 1]) == Cores(0, 2)
    assert not Cores.choose([0, 3]).shared
    alone = Cores.choose([5])
    assert alone.shared
    assert "share core 5" in str(alone)
    assert str(Cores(0, 1)) == "servers on core 0, load generator on core 1"
