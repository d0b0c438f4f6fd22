"""Counts the exchanges of an application: at their begin, by finding their route, and at their end."""

from __future__ import annotations

from typing import NamedTuple

from sketch.observability.metrics.figures import OTHER, Figures
from sketch.pipeline.pipeline import Find
from sketch.request import BaseRequest
from sketch.routing import Route, Router
from sketch.routing.route import Found
from sketch.transport import Outcome

METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"])
"""The methods that are kept apart: of RFC 9110 section 9, RFC 5789, and QUERY. A client may send any other."""

WEBSOCKET = "WEBSOCKET"
UNMATCHED = "unmatched"
"""The route of all requests that no route has taken: their paths are without number."""


class Active(NamedTuple):
    """What is under way in a process."""

    requests: int = 0
    websockets: int = 0


class Counting:
    """Counts the exchanges of an application.

    Args:
        figures: gets what can be added up.
    """

    def __init__(self, figures: Figures) -> None:
        self.figures = figures
        self._requests: set[BaseRequest] = set()
        self._websockets: set[BaseRequest] = set()
        self._labels: dict[Route | None, str] = {None: UNMATCHED}

    @property
    def active(self) -> Active:
        """What is under way."""
        return Active(len(self._requests), len(self._websockets))

    def wrap_find(self, find: Find) -> Find:
        """Wrap the function that finds the route of each request, which every exchange begins with."""
        requests, websockets = self._requests, self._websockets

        def find_and_count(method: str, path: str, request: BaseRequest) -> Found:
            (websockets if request.is_websocket else requests).add(request)
            return find(method, path, request)

        return find_and_count

    def finished(self, request: BaseRequest, outcome: Outcome) -> None:
        """Count an exchange that is over: one of `Application.observers`."""
        status, sent, began_at, _, ended_at, _, disconnected, cancelled = outcome
        route = request.route
        label = self._labels.get(route) or self._label(route)
        if request.is_websocket:
            self._websockets.discard(request)
            series = self.figures.find(label, WEBSOCKET)
        else:
            self._requests.discard(request)
            method = request.method
            series = self.figures.find(label, method if method in METHODS else OTHER)
            series.seconds.observe(ended_at - began_at)
            series.sent.observe(sent)
            if request.has_body and (length := request.content_length) is not None:
                series.received.observe(length)
        series.statuses[0 if status is None else status // 100] += 1
        if disconnected or cancelled:
            self.figures.events["disconnected" if disconnected else "cancelled"] += 1

    def refused(self, status: int) -> None:
        """Count what has not become a request: one of `Application.refusals`."""
        self.figures.events[f"refused {status}"] += 1

    def _label(self, route: Route | None) -> str:
        """Return the template of a route. The router's own answers, to OPTIONS or to a slash too many, have none."""
        assert route is not None  # it is in the table
        own = getattr(route.handler, "__module__", None) == Router.__module__
        label = self._labels[route] = UNMATCHED if own else route.template
        return label
