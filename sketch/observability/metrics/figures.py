"""What metrics are made of: counts of requests by route and method, and what can be added up beside them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

DURATIONS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of the buckets of durations, in seconds."""

SIZES = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
"""The upper bounds of the buckets of bodies, in bytes."""

LAGS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)
"""The upper bounds of the buckets of the event loop's lag, in seconds."""

STATUSES = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")
"""The classes of statuses; `none` is for an exchange without a response."""

MOST_SERIES = 10_000
"""Pairs of route and method that are kept apart; what comes beyond them counts for the route `other`. Only versions of
an application that replace each other, with other routes each time, could have so many."""

OTHER = "other"

Row = list[Any]
"""A series or a part of it, as JSON: see `Series.row`."""


class Histogram:
    """How many values lie between bounds, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """How many values each bucket has. A bound belongs to the bucket below it; the last one has no bound."""
        self.total: float = 0

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def add(self, counts: Iterable[int], total: float) -> None:
        """Add the values of another histogram with the same bounds."""
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, counts, strict=True)]
        self.total += total


class Series:
    """What is counted for one route and one method."""

    __slots__ = ("received", "seconds", "sent", "statuses")

    def __init__(self) -> None:
        self.statuses = [0] * len(STATUSES)
        """How many exchanges have ended with each class of statuses."""
        self.seconds = Histogram(DURATIONS)
        """From the head of a request to the last byte of its response."""
        self.received = Histogram(SIZES)
        """Bytes of the bodies of requests, as announced; those without an announced length are left out."""
        self.sent = Histogram(SIZES)
        """Bytes of the bodies of responses."""

    def row(self) -> Row:
        """Return it as plain values of JSON."""
        return [self.statuses, *([each.counts, each.total] for each in (self.seconds, self.received, self.sent))]

    def add(self, row: Row) -> None:
        """Add what a row has."""
        statuses, seconds, received, sent = row
        self.statuses = [mine + theirs for mine, theirs in zip(self.statuses, statuses, strict=True)]
        self.seconds.add(*seconds)
        self.received.add(*received)
        self.sent.add(*sent)


class Figures:
    """All that can be added up: over the requests of a process, and over processes."""

    def __init__(self) -> None:
        self.series: dict[tuple[str, str], Series] = {}
        """By route and method."""
        self.events: Counter[str] = Counter()
        """What is counted without a route: `disconnected`, `cancelled`, and `refused STATUS`."""
        self.lag = Histogram(LAGS)
        """By how many seconds the event loop was late at each look."""

    def detach(self) -> Figures:
        """Return all that has come together, and begin anew."""
        before = Figures()
        before.__dict__, self.__dict__ = self.__dict__, before.__dict__
        return before

    def find(self, route: str, method: str) -> Series:
        """Return a series; a new one if there was none."""
        series = self.series.get((route, method))
        if series is None:
            if len(self.series) >= MOST_SERIES:
                route = OTHER
            series = self.series.setdefault((route, method), Series())
        return series

    def take(self, most: int) -> dict[str, Any] | None:
        """Move figures out, with at most so many series, as a message for `add`; None if there are none left."""
        keys = list(islice(self.series, most))
        message: dict[str, Any] = {}
        if keys:
            message["series"] = [[*key, self.series.pop(key).row()] for key in keys]
        if self.events:
            message["events"], self.events = dict(self.events), Counter()
        if any(self.lag.counts):
            message["lag"], self.lag = [self.lag.counts, self.lag.total], Histogram(LAGS)
        return message or None

    def add(self, message: dict[str, Any]) -> None:
        """Add what another process has taken out of its figures."""
        for route, method, row in message.get("series", ()):
            self.find(route, method).add(row)
        self.events.update(message.get("events", {}))
        if "lag" in message:
            self.lag.add(*message["lag"])
