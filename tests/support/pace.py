"""How fast this machine is at present: bounds that hold where nothing else runs, and more patient ones elsewhere."""

from __future__ import annotations

import os

MOST = 4.0
"""How much more patient a bound gets, however many processes there are."""


def bound(idle: float, loaded: float) -> float:
    """Seconds that something may take.

    Args:
        idle: on a machine with CPUs to spare.
        loaded: on one on which as many processes as CPUs want to run; with more of them, proportionally more.
    """
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return idle if load < 0.5 else loaded * min(max(1.0, load), MOST)
