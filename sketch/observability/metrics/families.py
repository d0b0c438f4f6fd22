"""The metrics as prometheus-client formats them, in slices that take less than a millisecond each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate, islice
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric

from sketch.observability.metrics.counting import Active
from sketch.observability.metrics.figures import STATUSES, Figures, Histogram, Series

SLICE = 4
"""Series whose lines are made at once."""


class Workers(NamedTuple):
    """What the parent of workers knows of them; without one, the process is the only worker."""

    total: int = 1
    ready: int = 1
    restarts: int = 0
    failures: int = 0


class _Part:
    """What prometheus-client formats: a metric, or a part of one."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> list[Metric]:
        """Return it."""
        return [self._metric]


def slices(figures: Figures, active: Active, workers: Workers) -> Iterator[bytes]:
    """Yield the text, a slice at a time. Figures may change meanwhile."""
    series = [(*key, each) for key, each in figures.series.items()]
    for family in _BY_ROUTE:
        yield from _by_route(family, series)
    for metric in _others(figures, active, workers):
        yield generate_latest(_Part(metric))


_ByRoute = tuple[Callable[[], Metric], Callable[[Metric, str, str, Series], None]]


def _add_statuses(metric: Metric, route: str, method: str, series: Series) -> None:
    for status, count in zip(STATUSES, series.statuses, strict=True):
        if count:
            metric.add_metric([route, method, status], count)  # type: ignore[attr-defined]


def _histogram(name: str, text: str, chosen: Callable[[Series], Histogram]) -> _ByRoute:
    def make() -> Metric:
        return HistogramMetricFamily(name, text, labels=["route", "method"])

    def add(metric: Metric, route: str, method: str, series: Series) -> None:
        histogram = chosen(series)
        if any(histogram.counts):  # websockets have none
            metric.add_metric([route, method], _buckets(histogram), histogram.total)  # type: ignore[attr-defined]

    return make, add


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    names = [*(f"{float(bound)}" for bound in histogram.bounds), "+Inf"]
    return list(zip(names, accumulate(histogram.counts), strict=True))


_BY_ROUTE: tuple[_ByRoute, ...] = (
    (
        lambda: CounterMetricFamily(
            "http_requests", "Exchanges that are over, by route template.", labels=["route", "method", "status"]
        ),
        _add_statuses,
    ),
    _histogram(
        "http_request_duration_seconds",
        "From the head of a request to the last byte of its response.",
        lambda series: series.seconds,
    ),
    _histogram(
        "http_request_size_bytes", "Bodies of requests whose length was announced.", lambda series: series.received
    ),
    _histogram("http_response_size_bytes", "Bodies of responses.", lambda series: series.sent),
)


def _by_route(family: _ByRoute, series: list[tuple[str, str, Series]]) -> Iterator[bytes]:
    make, add = family
    head = generate_latest(_Part(make()))
    yield head
    each = iter(series)
    while part := list(islice(each, SLICE)):
        metric = make()
        for row in part:
            add(metric, *row)
        yield generate_latest(_Part(metric)).removeprefix(head)


def _others(figures: Figures, active: Active, workers: Workers) -> Iterator[Metric]:
    yield GaugeMetricFamily("http_requests_in_flight", "Exchanges under way.", active.requests)
    yield GaugeMetricFamily("sketch_websockets_open", "Websockets, from their handshake on.", active.websockets)
    aborted = CounterMetricFamily("http_requests_aborted", "Exchanges that were broken off.", labels=["reason"])
    for reason in ("disconnected", "cancelled"):
        aborted.add_metric([reason], figures.events[reason])
    yield aborted
    refused = CounterMetricFamily("http_requests_refused", "What has not become a request.", labels=["status"])
    for name, count in sorted(figures.events.items()):
        if name.startswith("refused "):
            refused.add_metric([name.removeprefix("refused ")], count)
    yield refused
    yield HistogramMetricFamily(
        "sketch_event_loop_lag_seconds", "By how much event loops were late.", _buckets(figures.lag), figures.lag.total
    )
    yield GaugeMetricFamily("sketch_workers", "Workers that there shall be.", workers.total)
    yield GaugeMetricFamily("sketch_workers_ready", "Workers that serve.", workers.ready)
    yield CounterMetricFamily("sketch_worker_restarts", "Processes that took the place of another.", workers.restarts)
    yield CounterMetricFamily(
        "sketch_worker_failures", "Processes that have failed to start, have ended by themselves, or were killed.",
        workers.failures,
    )  # fmt: skip
