"""Measures servers on this machine: CPU time per request, requests per second, latency, memory.

Servers are real processes on loopback, pinned to one core; the load generator is pinned to another. Rounds are
interleaved over the servers and the median counts, so that a busy moment of the machine hits all of them. `sketch
bench` and the project's own benchmarks use this package.
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
