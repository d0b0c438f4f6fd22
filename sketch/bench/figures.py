"""The figures of one round, and their medians over several rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Sample:
    """The figures of one server in one round.

    Attributes:
        requests: how many requests were answered.
        seconds: the length of the round.
        cpu: microseconds of CPU that the server's process tree used per request.
        user: those of them that are user time; the rest is the kernel's. Their share is known to 10 ms of a round.
        p50, p99: latency in seconds, None if it was not measured.
        rss, pss: memory of the tree in bytes after the round.
    """

    requests: int
    seconds: float
    cpu: float
    user: float
    p50: float | None
    p99: float | None
    rss: int
    pss: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The medians over the rounds, in the units of `Sample`; `least` and `most` bound the CPU time per request."""

    rate: float
    cpu: float
    user: float
    least: float
    most: float
    p50: float | None
    p99: float | None
    rss: float
    pss: float
    samples: tuple[Sample, ...]

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Figures:
        """The medians of at least one sample."""
        cpu = [sample.cpu for sample in samples]
        return cls(
            rate=median(sample.requests / sample.seconds for sample in samples),
            cpu=median(cpu),
            user=median(sample.user for sample in samples),
            least=min(cpu),
            most=max(cpu),
            p50=_median([sample.p50 for sample in samples]),
            p99=_median([sample.p99 for sample in samples]),
            rss=median(sample.rss for sample in samples),
            pss=median(sample.pss for sample in samples),
            samples=tuple(samples),
        )

    def as_json(self) -> dict[str, Any]:
        """The figures as data for JSON, in the same units."""
        return asdict(self)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
