"""What the tests of the benchmarks share: the mark for tests that run wrk, and a sample of a measurement."""

from __future__ import annotations

import shutil

import pytest

from sketch.bench import Sample

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="no wrk here (Debian: apt-get install wrk)")


def sample(cpu: float, requests: int = 100, p50: float | None = 0.001) -> Sample:
    return Sample(requests, 2.0, cpu, cpu / 2, p50, 0.002, 1024, 512)
