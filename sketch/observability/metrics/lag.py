"""The lag of an event loop: by how much it is late, because something has blocked it."""

from __future__ import annotations

import asyncio
from contextvars import Context

from sketch.observability.metrics.figures import Figures

INTERVAL = 0.25
"""Seconds between two looks."""


class LagMeter:
    """Measures by how much the running event loop is late, four times a second.

    Args:
        figures: gets the seconds of each look.
    """

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._loop = asyncio.get_running_loop()
        self._schedule()

    def _schedule(self) -> None:
        self._due = self._loop.time() + INTERVAL
        self._handle = self._loop.call_at(self._due, self._look, context=Context())

    def _look(self) -> None:
        self._figures.lag.observe(max(0.0, self._loop.time() - self._due))
        self._schedule()

    def stop(self) -> None:
        """Measure no more."""
        self._handle.cancel()
