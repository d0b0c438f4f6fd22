"""The cores of the measured servers and of the load generator."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cores:
    """The core that the servers are pinned to, and the core of the load generator."""

    server: int
    load: int

    @classmethod
    def choose(cls, available: Collection[int] | None = None) -> Cores:
        """Choose the first and the last core that this process may use.

        Neighbours may be two threads of one core; the first and the last are that only if there are no others.
        """
        cores = sorted(os.sched_getaffinity(0) if available is None else available)
        return cls(cores[0], cores[-1])

    @property
    def shared(self) -> bool:
        """Whether there is only one core, so that the load generator takes time from the servers."""
        return self.server == self.load

    def __str__(self) -> str:
        if self.shared:
            return f"servers and load generator share core {self.server}: figures other than CPU time mean little"
        return f"servers on core {self.server}, load generator on core {self.load}"
