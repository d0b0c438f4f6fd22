"""The tree of path segments in which a router searches for routes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sketch.binding.converters import STR
from sketch.routing.route import ANY, WEBSOCKET, Route
from sketch.routing.template import Reader, Segment, encode

if TYPE_CHECKING:
    from sketch.request import BaseRequest

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY")
"""The methods that `Allow` names if every method is taken: RFC 9110's methods for resources, PATCH (RFC 5789)
and QUERY."""

Routes = dict[str, list[Route]]
"""The routes that match the same paths: by method, in the order in which they are tried."""


class Search:
    """One search for a route: the request, and the other methods of the path.

    Args:
        method: as sent, or `WEBSOCKET`.
        request: checked against the conditions of routes; without one, no route with conditions fits.
        allowed: the methods that the path has in the enclosing applications; the search adds its own.
    """

    __slots__ = ("allowed", "method", "request")

    def __init__(self, method: str, request: BaseRequest | None = None, allowed: set[str] | None = None) -> None:
        self.method = method
        self.request = request
        self.allowed: set[str] = set() if allowed is None else allowed
        """The methods of the path's routes, collected where none takes the searched method."""

    def pick(self, routes: Mapping[str, list[Route]]) -> Route | None:
        """Pick a route from those for one path: GET also takes HEAD; `*` takes the other methods, but no websocket."""
        for method in _accepting(self.method):
            for route in routes.get(method, ()):
                if self._fits(route):
                    return route
        for method, candidates in routes.items():
            if any(map(self._fits, candidates)):
                self.allowed.add(method)
        return None

    def _fits(self, route: Route) -> bool:
        conditions = route.conditions
        return conditions is None or (self.request is not None and conditions.fit(self.request))


def _accepting(method: str) -> tuple[str, ...]:
    """Return the methods of routes that take a request with this method, the closest first."""
    if method == "HEAD":
        return ("HEAD", "GET", ANY)
    return (method,) if method == WEBSOCKET else (method, ANY)


def picked(routes: Routes) -> dict[str, Route]:
    """Pick the route for each usual method in advance; none if routes have conditions."""
    if _conditional(routes):
        return {}
    found = {method: Search(method).pick(routes) for method in {*METHODS, *routes} - {ANY}}
    return {method: route for method, route in found.items() if route is not None}


def _conditional(routes: Routes) -> bool:
    return any(route.conditions is not None for candidates in routes.values() for route in candidates)


class Node:
    """A node of the tree: the segments, routes and mounts that may follow one sequence of segments."""

    __slots__ = ("children", "mounts", "parameters", "readers", "routes", "tail")

    def __init__(self) -> None:
        self.children: dict[str, Node] = {}
        self.parameters: list[tuple[Segment, Node]] = []
        self.readers: list[tuple[Reader, Node]] = []
        self.routes: Routes = {}
        self.tail: Routes = {}
        self.mounts: Routes = {}

    def child(self, segment: Segment) -> Node:
        """Return the node behind a segment; a new segment gets a new node."""
        if segment.text is not None:
            return self.children.setdefault(segment.text, Node())
        for known, node in self.parameters:
            if known.key == segment.key:
                return node
        node = Node()
        self.parameters.append((segment, node))
        self.parameters.sort(key=lambda entry: entry[0].order)
        self.readers = [(known.read, node) for known, node in self.parameters]
        return node

    def below(
        self, segments: list[str], depth: int, search: Search, values: tuple[Any, ...]
    ) -> tuple[Route, tuple[Any, ...]] | None:
        """Find the route at or below this node, which the segments before `depth` lead to, and all parameter values."""
        if depth < len(segments):
            found = self._follow(segments, depth, search, values)
            if found is not None:
                return found
        elif self.routes and (route := search.pick(self.routes)) is not None:
            return route, values
        if self.mounts and (mount := search.pick(self.mounts)) is not None:
            return mount, values
        return None

    def _follow(
        self, segments: list[str], depth: int, search: Search, values: tuple[Any, ...]
    ) -> tuple[Route, tuple[Any, ...]] | None:
        segment = segments[depth]
        child = self.children.get(segment)
        if child is not None:
            found = child.below(segments, depth + 1, search, values)
            if found is not None:
                return found
        for read, child in self.readers:
            read_values = read(segment)
            if read_values is not None:
                found = child.below(segments, depth + 1, search, values + read_values)
                if found is not None:
                    return found
        if self.tail and (route := search.pick(self.tail)) is not None:
            return route, (*values, "/".join(segments[depth:]))
        return None

    def endings(self, path: str) -> Iterator[tuple[str, dict[str, Route]]]:
        """Yield the paths without parameters that are followed by one `str` parameter and by nothing ambiguous.

        Each comes as clients send it, with the route for each method.
        """
        only = self.parameters[0] if len(self.parameters) == 1 else None
        undecided = any(child.mounts or encode(text) != text for text, child in self.children.items())
        if only is not None and only[0].key == (STR,) and only[1].routes and not undecided:
            yield path, picked(only[1].routes)
        for text, child in self.children.items():
            yield from child.endings(f"{path}/{encode(text)}")
