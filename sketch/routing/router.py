"""The router: finds the route for a method and a path.

Paths without parameters are one dict look-up, and so are most that end in their only parameter. All others are found in
a tree of path segments. It is walked from left to right; at each segment the candidates are tried in this order,
whatever the order in which they were added:

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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Unpack

from sketch.exceptions import HTTPMethodNotAllowed, HTTPNotFound
from sketch.response import Response
from sketch.routing.arguments import Handler, describe
from sketch.routing.converters import CONVERTERS, STR, Converter
from sketch.routing.registrar import Registrar, RouteOptions
from sketch.routing.route import ANY, Methods, Path, Route
from sketch.routing.template import Reader, Segment, Template, encode, split_path

if TYPE_CHECKING:
    from sketch.request import Request

Found = tuple[Route, Mapping[str, Any]]

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY")
"""What `Allow` names where every method is taken: RFC 9110's methods for resources, PATCH (RFC 5789) and QUERY."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def _pick(routes: Mapping[str, Route], method: str, allowed: set[str]) -> Route | None:
    """The route for a method among those of one path: GET answers HEAD too, and `*` what is left.

    Where there is none, the methods that would do are added to `allowed`.
    """
    route = routes.get(method)
    if route is None and method == "HEAD":
        route = routes.get("GET")
    if route is None:
        route = routes.get(ANY)
    if route is None:
        allowed.update(routes)
    return route


def _picked(routes: Mapping[str, Route]) -> dict[str, Route]:
    """The route for each of the usual methods, looked for beforehand."""
    picked = {method: _pick(routes, method, set()) for method in {*METHODS, *routes} - {ANY}}
    return {method: route for method, route in picked.items() if route is not None}


class _Node:
    """What may follow after the same beginning of a path."""

    __slots__ = ("children", "parameters", "readers", "routes", "tail")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.parameters: list[tuple[Segment, _Node]] = []
        self.readers: list[tuple[Reader, _Node]] = []
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
        self.readers = [(known.read, node) for known, node in self.parameters]
        return node


def _below(
    node: _Node, segments: list[str], depth: int, method: str, values: tuple[Any, ...], allowed: set[str]
) -> tuple[Route, tuple[Any, ...]] | None:
    """The route behind a node whose segments above `depth` have matched, and the values on the way.

    Where a path has routes, but none with the method, their methods are added to `allowed`.
    """
    if depth == len(segments):
        route = _pick(node.routes, method, allowed) if node.routes else None
        return None if route is None else (route, values)
    segment = segments[depth]
    child = node.children.get(segment)
    if child is not None:
        found = _below(child, segments, depth + 1, method, values, allowed)
        if found is not None:
            return found
    for read, child in node.readers:
        read_values = read(segment)
        if read_values is not None:
            found = _below(child, segments, depth + 1, method, values + read_values, allowed)
            if found is not None:
                return found
    if node.tail and (route := _pick(node.tail, method, allowed)) is not None:
        return route, (*values, "/".join(segments[depth:]))
    return None


def _endings(node: _Node, path: str) -> Iterator[tuple[str, dict[str, Route]]]:
    """Where a path without parameters is followed by one `str` parameter and nothing else could be meant.

    That path as clients send it, and the route for each method.
    """
    if len(node.parameters) == 1 and node.parameters[0][0].key == (STR,) and node.parameters[0][1].routes:
        yield path, _picked(node.parameters[0][1].routes)
    for text, child in node.children.items():
        yield from _endings(child, f"{path}/{encode(text)}")


class Router(Registrar):
    """Routes, and the search among them. Matching changes nothing, so any number of tasks and threads may match.

    Attributes:
        converters: by name, for `{name:converter}`; may be added to: `router.converters["hex"] = Converter(...)`.
        options_route: answers OPTIONS where no handler does: 204 with `Allow`.
    """

    def __init__(self) -> None:
        self.converters: dict[str, Converter] = dict(CONVERTERS)
        self.options_route = Route("OPTIONS", re.compile(".*"), self._answer_options)
        self._routes: list[Route] = []
        self._names: dict[str, Route] = {}
        self._static: dict[str, dict[str, Found]] = {}
        self._endings: dict[str, dict[str, Route]] = {}
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
            self._static[path] = {method: (route, _NOTHING) for method, route in _picked(routes).items()}

    def freeze(self) -> None:
        """Refuse further routes from here on."""
        self._frozen = True
        self._endings = dict(_endings(self._root, ""))

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
        # The tree would find the same; most routes with parameters need no walk through it.
        beginning, slash, last = path.rpartition("/")
        routes = self._endings.get(beginning)
        if routes is not None and slash and last and last.isascii() and "%" not in last and "\0" not in last:
            route = routes.get(method)
            if route is not None:
                return route, {route.parameters[0]: last}
        return self._match(method, path)

    def resolve(self, request: Request) -> Found:
        """The same as `match` for a request's method and path."""
        return self.match(request.method, request.raw_path)

    def allowed_methods(self, path: str) -> frozenset[str]:
        """The methods that a path takes, empty where nothing matches it; of `*`, all that the application knows."""
        if path == "*":
            return _complete({"OPTIONS"}.union(*[route.methods for route in self._routes]))
        allowed: set[str] = set()
        segments = split_path(path)
        if segments is not None and not segments[0]:
            # No handler has the empty method, so every candidate is visited; one for every method ends the search.
            found = self._find("", segments, allowed)
            if found is not None:
                allowed.add(ANY)
        return _complete(allowed)

    # -- searching --------------------------------------------------------------------------------------------------

    def _match(self, method: str, path: str) -> Found:
        segments = split_path(path)
        if segments is None or segments[0]:
            if path == "*" and method == "OPTIONS":  # RFC 9110 section 9.3.7: the server as a whole
                return self.options_route, _NOTHING
            raise HTTPNotFound
        allowed: set[str] = set()
        found = self._find(method, segments, allowed)
        if found is not None:
            return found
        if not allowed:
            raise HTTPNotFound
        if method == "OPTIONS":
            return self.options_route, _NOTHING
        raise HTTPMethodNotAllowed(_complete(allowed))

    def _find(self, method: str, segments: list[str], allowed: set[str]) -> Found | None:
        found = _below(self._root, segments, 1, method, (), allowed)
        if found is not None:
            route, values = found
            names = route.parameters
            # The usual case, for a third of what zip() takes.
            return route, {names[0]: values[0]} if len(names) == 1 else dict(zip(names, values, strict=True))
        return self._find_pattern(method, segments, allowed) if self._patterns else None

    def _find_pattern(self, method: str, segments: list[str], allowed: set[str]) -> Found | None:
        path = "/".join(segment.replace("/", "%2F") for segment in segments)
        for pattern, routes in self._patterns.items():
            match = pattern.fullmatch(path)
            if match is not None and (route := _pick(routes, method, allowed)) is not None:
                return route, match.groupdict()
        return None

    async def _answer_options(self, request: Request) -> Response:
        allowed = self.allowed_methods(request.raw_path)
        return Response(status=204, headers={"Allow": ", ".join(sorted(allowed))})


def _complete(allowed: Iterable[str]) -> frozenset[str]:
    """With the methods that need no handler of their own: HEAD where there is GET, and OPTIONS."""
    methods = frozenset(allowed)
    if ANY in methods:
        methods = (methods - {ANY}).union(METHODS)
    if "GET" in methods:
        methods |= {"HEAD"}
    return methods | {"OPTIONS"} if methods else methods
