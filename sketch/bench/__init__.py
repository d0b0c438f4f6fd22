"""Measure servers on this machine: what a request costs them, how many they answer, how long that takes.

Servers are real processes on loopback, pinned to one core, the load generator to another. Rounds are interleaved over
the servers and the median counts, so that a busy moment of the machine hits all of them. `sketch bench` and the
project's own benchmarks stand on this.
"""

from __future__ import annotations

from sketch.bench.cores import Cores
from sketch.bench.errors import BenchError
from sketch.bench.figures import Figures, Sample
from sketch.bench.load import Load, Report
from sketch.bench.measure import measure
from sketch.bench.probe import Answer, probe
from sketch.bench.program import Program, running
from sketch.bench.progress import Progress

__all__ = [
    "Answer",
    "BenchError",
    "Cores",
    "Figures",
    "Load",
    "Program",
    "Progress",
    "Report",
    "Sample",
    "measure",
    "probe",
    "running",
]
