"""The router: finds the route for a method and a path.

Paths without parameters are one dict look-up. All others are found in a tree of path segments. It is walked from left
to right; at each segment the candidates are tried in this order, whatever the order in which they were added:

1. the text itself;
2. `int`, then `uuid`, then `float`;
3. custom converters, regular expressions and segments that mix text and parameters: those with more text first, then
   by the alphabet;
4. `str`;
5. `path`, the rest of the path.

Where a candidate leads to no route, or to none with the method, the next one is tried. Regular expressions for whole
paths come last, in the order in which they were added.

What a hostile path can cost is bounded by the routes alone: each node of a tree has one depth, so a search reads one
segment there and comes to it at most once, and it goes no deeper than the longest template.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Unpack

from sketch.exceptions import HTTPMethodNotAllowed, HTTPNotFound
from sketch.response import Response
from sketch.routing.arguments import Handler, describe
from sketch.routing.converters import CONVERTERS, Converter
from sketch.routing.registrar import Registrar, RouteOptions
from sketch.routing.route import ANY, Methods, Path, Route
from sketch.routing.template import Segment, Template, split_path

if TYPE_CHECKING:
    from sketch.request import Request

Found = tuple[Route, Mapping[str, Any]]

METHODS = ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE")
"""RFC 9110's methods, PATCH (RFC 5789) and QUERY."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def _pick(routes: Mapping[str, Route], method: str) -> Route | None:
    """The route for a method among those of one path: GET answers HEAD too, and `*` what is left."""
    route = routes.get(method)
    if route is None and method == "HEAD":
        route = routes.get("GET")
    return routes.get(ANY) if route is None else route


class _Node:
    """What may follow after the same beginning of a path."""

    __slots__ = ("children", "parameters", "routes", "tail")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.parameters: list[tuple[Segment, _Node]] = []
        self.routes: dict[str, Route] = {}
        self.tail: dict[str, Route] = {}

    def child(self, segment: Segment) -> _Node:
        """The node behind a segment, made if it is new."""
        if segment.text is not None:
            return self.children.setdefault(segment.text, _Node())
        for known, node in self.parameters:
            if known.key == segment.key:
                return node
        node = _Node()
        self.parameters.append((segment, node))
        self.parameters.sort(key=lambda entry: entry[0].order)
        return node


class _Search:
    """One look for a method along one path.

    Args:
        method: of the request.
        segments: decoded, the first one empty.
    """

    __slots__ = ("allowed", "method", "segments")

    def __init__(self, method: str, segments: list[str]) -> None:
        self.method = method
        self.segments = segments
        self.allowed: set[str] = set()

    def among(self, routes: dict[str, Route]) -> Route | None:
        """The route with the method; where there is none, the methods that would do are noted."""
        route = _pick(routes, self.method)
        if route is None:
            self.allowed.update(routes)
        return route

    def below(self, node: _Node, depth: int, values: tuple[Any, ...]) -> tuple[Route, tuple[Any, ...]] | None:
        """The route behind a node whose segments above `depth` have matched, and the values on the way."""
        segments = self.segments
        if depth == len(segments):
            route = self.among(node.routes) if node.routes else None
            return None if route is None else (route, values)
        segment = segments[depth]
        child = node.children.get(segment)
        if child is not None and (found := self.below(child, depth + 1, values)) is not None:
            return found
        for parameter, child in node.parameters:
            read = parameter.read(segment)
            if read is not None and (found := self.below(child, depth + 1, values + read)) is not None:
                return found
        if node.tail and (route := self.among(node.tail)) is not None:
            return route, (*values, "/".join(segments[depth:]))
        return None


class Router(Registrar):
    """Routes, and the search among them. Matching changes nothing, so any number of tasks and threads may match.

    Attributes:
        converters: by name, for `{name:converter}`; may be added to: `router.converters["hex"] = Converter(...)`.
        options_route: answers OPTIONS where no handler does: 204 with `Allow`.
    """

    def __init__(self) -> None:
        self.converters: dict[str, Converter] = dict(CONVERTERS)
        self.options_route = Route("OPTIONS", "/", self._answer_options)
        self._routes: list[Route] = []
        self._names: dict[str, Route] = {}
        self._static: dict[str, dict[str, Found]] = {}
        self._root = _Node()
        self._patterns: dict[re.Pattern[str], dict[str, Route]] = {}
        self._frozen = False

    # -- adding -----------------------------------------------------------------------------------------------------

    def add_route(self, method: Methods, path: Path, handler: Handler, **options: Unpack[RouteOptions]) -> Route:
        """Add one route; see `Route` for the arguments.

        Raises:
            ValueError: for a malformed route, one that is there already, and a name that is taken.
            RuntimeError: after the application has started.
        """
        if self._frozen:
            raise RuntimeError("expected routes to be added before the application starts")
        route = Route(method, path, handler, converters=self.converters, **options)
        self._check_name(route)
        routes = self._routes_at(route.matcher)
        if taken := sorted(route.methods & routes.keys()):
            raise ValueError(
                f"expected one handler for {taken[0]} {route.template!r}, got {describe(route.handler)}"
                f" beside {describe(routes[taken[0]].handler)}"
            )
        routes.update(dict.fromkeys(route.methods, route))
        self._add_static(route.matcher, routes)
        self._routes.append(route)
        if route.name is not None:
            self._names.setdefault(route.name, route)
        return route

    def _check_name(self, route: Route) -> None:
        known = self._names.get(route.name) if route.name is not None else None
        if known is not None and known.path != route.path:
            raise ValueError(
                f"expected the name {route.name!r} for one path, got {route.template!r} of {describe(route.handler)}"
                f" beside {known.template!r} of {describe(known.handler)}"
            )

    def _routes_at(self, matcher: Template | re.Pattern[str]) -> dict[str, Route]:
        """The routes, by method, of everything that matches the same paths."""
        if not isinstance(matcher, Template):
            return self._patterns.setdefault(matcher, {})
        node = self._root
        for segment in matcher.segments:
            if segment.is_tail:
                return node.tail
            node = node.child(segment)
        return node.routes

    def _add_static(self, matcher: Template | re.Pattern[str], routes: dict[str, Route]) -> None:
        path = matcher.static_path if isinstance(matcher, Template) else None
        if path is not None:
            picked = {method: _pick(routes, method) for method in {*METHODS, *routes} - {ANY}}
            self._static[path] = {method: (route, _NOTHING) for method, route in picked.items() if route is not None}

    def freeze(self) -> None:
        """Refuse further routes from here on."""
        self._frozen = True

    # -- asking -----------------------------------------------------------------------------------------------------

    def routes(self) -> Sequence[Route]:
        """The routes in the order in which they were added."""
        return tuple(self._routes)

    def named(self, name: str) -> Route:
        """The route of that name.

        Raises:
            LookupError: if there is none.
        """
        try:
            return self._names[name]
        except KeyError:
            known = ", ".join(map(repr, sorted(self._names))) or "none"
            raise LookupError(f"expected the name of a route, got {name!r}; there are {known}") from None

    def match(self, method: str, path: str) -> Found:
        """The route for a request, and its path parameters, converted.

        Args:
            method: as sent.
            path: as sent, percent-encoded, without the query.

        Raises:
            HTTPNotFound: if no route has such a path.
            HTTPMethodNotAllowed: if routes have such a path, but none has the method.
        """
        methods = self._static.get(path)
        if methods is not None:
            found = methods.get(method)
            if found is not None:
                return found
        return self._match(method, path)

    def resolve(self, request: Request) -> Found:
        """The same as `match` for a request's method and path."""
        return self.match(request.method, request.raw_path)

    def allowed_methods(self, path: str) -> frozenset[str]:
        """The methods that a path takes, empty where nothing matches it; of `*`, all that the application knows."""
        segments = None if path == "*" else split_path(path)
        if path == "*":
            allowed = {method for route in self._routes for method in route.methods}
        elif segments is None or segments[0]:
            allowed = set()
        else:
            # No handler can have this method, so the search visits every candidate.
            search = _Search("", segments)
            self._find(search)
            allowed = search.allowed
        return _complete(allowed)

    # -- searching --------------------------------------------------------------------------------------------------

    def _match(self, method: str, path: str) -> Found:
        segments = split_path(path)
        if segments is None or segments[0]:
            if path == "*" and method == "OPTIONS":  # RFC 9110 section 9.3.7: the server as a whole
                return self.options_route, _NOTHING
            raise HTTPNotFound
        search = _Search(method, segments)
        found = self._find(search)
        if found is not None:
            return found
        if not search.allowed:
            raise HTTPNotFound
        if method == "OPTIONS":
            return self.options_route, _NOTHING
        raise HTTPMethodNotAllowed(_complete(search.allowed))

    def _find(self, search: _Search) -> Found | None:
        found = search.below(self._root, 1, ())
        if found is not None:
            route, values = found
            return route, dict(zip(route.parameters, values, strict=True))
        return self._find_pattern(search) if self._patterns else None

    def _find_pattern(self, search: _Search) -> Found | None:
        path = "/".join(segment.replace("/", "%2F") for segment in search.segments)
        for pattern, routes in self._patterns.items():
            match = pattern.fullmatch(path)
            if match is not None and (route := search.among(routes)) is not None:
                return route, match.groupdict()
        return None

    async def _answer_options(self, request: Request) -> Response:
        allowed = self.allowed_methods(request.raw_path)
        return Response(status=204, headers={"Allow": ", ".join(sorted(allowed))})


def _complete(allowed: Iterable[str]) -> frozenset[str]:
    """With the methods that need no handler of their own: HEAD where there is GET, and OPTIONS."""
    methods = frozenset(allowed)
    if ANY in methods:
        methods = (methods - {ANY}).union(METHODS) - {"CONNECT"}
    if "GET" in methods:
        methods |= {"HEAD"}
    return methods | {"OPTIONS"} if methods else methods
