"""What metrics are made of."""

from __future__ import annotations

import json

import pytest

from sketch.observability.metrics import figures as module
from sketch.observability.metrics.figures import DURATIONS, OTHER, Figures, Histogram


def counted(*routes: str) -> Figures:
    figures = Figures()
    for number, route in enumerate(routes):
        series = figures.find(route, "GET")
        series.statuses[2] += 1
        series.seconds.observe(number)
        series.sent.observe(10)
    figures.events["disconnected"] += 1
    figures.lag.observe(0.002)
    return figures


def test_a_bound_belongs_to_the_bucket_below_it() -> None:
    histogram = Histogram((1, 2))
    for value in (0, 1, 1.5, 2, 3):
        histogram.observe(value)
    assert (histogram.counts, histogram.total) == ([2, 2, 1], 7.5)


def test_what_is_taken_out_of_one_is_added_to_another() -> None:
    """In any number of messages, as JSON; nothing is counted twice."""
    total = counted("/a", "/b")
    figures = counted("/a", "/a", "/c")
    while (message := figures.take(1)) is not None:
        total.add(json.loads(json.dumps(message)))
    assert not figures.series
    assert {key: each.statuses[2] for key, each in total.series.items()} == {
        ("/a", "GET"): 3,
        ("/b", "GET"): 1,
        ("/c", "GET"): 1,
    }
    series = total.series["/a", "GET"]
    assert (series.seconds.total, sum(series.seconds.counts)) == (1, 3)
    assert len(series.seconds.counts) == len(DURATIONS) + 1
    assert (series.sent.total, series.received.total) == (30, 0)
    assert (total.events, total.lag.counts[1]) == ({"disconnected": 2}, 2)


def test_detached_figures_begin_anew() -> None:
    figures = counted("/a")
    assert list(figures.detach().series) == [("/a", "GET")]
    assert figures.take(10) is None
    figures.find("/b", "GET")
    assert list(figures.series) == [("/b", "GET")]


def test_the_number_of_series_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SERIES", 3)
    figures = counted(*(f"/{number}" for number in range(100)))
    assert list(figures.series) == [("/0", "GET"), ("/1", "GET"), ("/2", "GET"), (OTHER, "GET")]
    assert figures.series[OTHER, "GET"].statuses[2] == 97
