"""Figures: the medians over the rounds."""

from __future__ import annotations

import json

from sketch.bench import Figures
from tests.core.bench.support import sample


def test_figures_are_medians() -> None:
    figures = Figures.of([sample(3.0), sample(1.0, 300), sample(2.0, 200, None)])
    assert (figures.cpu, figures.user, figures.least, figures.most) == (2.0, 1.0, 1.0, 3.0)
    assert (figures.rate, figures.p50, figures.p99, figures.rss, figures.pss) == (100.0, 0.001, 0.002, 1024, 512)
    assert json.loads(json.dumps(figures.as_json()))["samples"][1]["requests"] == 300
    assert Figures.of([sample(1.0, p50=None)]).p50 is None
