"""The router: finds the route for a method and a path.

Paths without parameters take one dict look-up, as do most that end in their only parameter. All others are found in
a tree of path segments. The tree is walked from left to right; at each segment the candidates are tried in this order,
whatever the order in which they were added:

1. the text itself;
2. `int`, then `uuid`, then `float`;
3. custom converters, regular expressions and segments that mix text and parameters: those with more text first, then
   in alphabetical order;
4. `str`;
5. `path`, the rest of the path.

If a candidate leads to no route, or to none with the method, the next one is tried; then the mounted applications, the
longest prefix first. The answer of a mounted application is final: without a route it is a 404, or a 405 if the path
has another method in an enclosing application. Regular expressions for whole paths come last, in the order in which
they were added. Of routes for the same paths and methods, the one with more conditions is tried first.

The routes alone bound the cost of a hostile path: each node of the tree has one depth, so a search visits it at most
once and reads one segment there, and it goes no deeper than the longest template.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sketch.binding.bound import Handler
from sketch.binding.converters import CONVERTERS, Converter
from sketch.exceptions import HTTPException, HTTPMethodNotAllowed, HTTPNotFound, HTTPUpgradeRequired
from sketch.response import RedirectResponse, Response
from sketch.routing.mount import Mount
from sketch.routing.registrar import Registrar, RouteOptions
from sketch.routing.route import ANY, WEBSOCKET, Found, Methods, Path, Route, Slashes
from sketch.routing.template import Template, is_dots, split_path
from sketch.routing.tree import METHODS, Node, Routes, Search, picked

if TYPE_CHECKING:
    from sketch.request import BaseRequest
    from sketch.results import Endpoint
    from sketch.routing.group import RouteGroup

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class NoRoute(Exception):
    """Raised when no route takes a request.

    Args:
        answer: 404, 405 or 426.
        router: the router that answers, a mounted application's if its prefix matched.

    Attributes:
        values: the path parameters of the mounts that lead to that router.
    """

    def __init__(self, answer: HTTPException, router: Router) -> None:
        super().__init__(answer)
        self.answer = answer
        self.router = router
        self.values: Mapping[str, Any] = _NOTHING


class Router(Registrar):
    """Holds routes and finds the one for a request. Matching changes nothing: tasks and threads may match in parallel.

    Attributes:
        converters: by name, for `{name:converter}`; may be added to: `router.converters["hex"] = Converter(...)`.
        slashes: what happens to a path that differs from a route's only in a slash at the end; see `Route`.
        options_route: answers OPTIONS where no handler does: 204 with `Allow`.
        slash_route: redirects to the path with a slash at the end added or removed.
        missed: answers requests that no route takes; set when the application freezes.
    """

    missed: Endpoint

    def __init__(self, slashes: Slashes = "strict") -> None:
        self.slashes = slashes
        self.converters: dict[str, Converter] = dict(CONVERTERS)
        self.options_route = Route("OPTIONS", re.compile(".*"), self._answer_options)
        self.slash_route = Route(ANY, re.compile(".*"), _redirect_slash)
        self._routes: list[Route] = []
        self._mounts: list[Mount] = []
        self._names: dict[str, Route] = {}
        self._static: dict[str, dict[str, Found]] = {}
        self._endings: dict[str, dict[str, Route]] = {}
        self._root = Node()
        self._patterns: dict[re.Pattern[str], Routes] = {}
        self._redirecting = False  # whether a route wants it, whatever the router's own setting
        self._frozen = False

    # -- adding -----------------------------------------------------------------------------------------------------

    def _add(
        self, methods: Methods, path: Path, handler: Handler, options: RouteOptions, groups: Sequence[RouteGroup]
    ) -> Route:
        self._check_open()
        route = Route(methods, path, handler, converters=self.converters, groups=groups, **options)
        self._check_name(route)
        routes = self._routes_at(route.matcher)
        _insert(route, routes)
        self._add_static(route.matcher, routes)
        self._routes.append(route)
        self._redirecting = self._redirecting or route.slashes == "redirect"
        if route.name is not None:
            self._names.setdefault(route.name, route)
        return route

    def mount(self, mount: Mount) -> None:
        """Add a mount, which takes every path below its prefix.

        Raises:
            ValueError: if the prefix or the name is taken.
            RuntimeError: after the application has started.
        """
        self._check_open()
        self._check_name(mount)
        node = self._root
        for segment in mount.segments:
            node = node.child(segment)
        _insert(mount, node.mounts)
        self._mounts.append(mount)
        if mount.name is not None:
            self._names[mount.name] = mount

    def _check_open(self) -> None:
        if self._frozen:
            raise RuntimeError("expected routes to be added before the application starts")

    def _check_name(self, route: Route) -> None:
        known = self._names.get(route.name) if route.name is not None else None
        if known is not None and known.path != route.path:
            raise ValueError(
                f"expected the name {route.name!r} for one path, got {route.template!r:.200} of {route.origin}"
                f" beside {known.template!r} of {known.origin}"
            )

    def _routes_at(self, matcher: Template | re.Pattern[str]) -> Routes:
        """Return the routes, by method, that match the same paths."""
        if not isinstance(matcher, Template):
            return self._patterns.setdefault(matcher, {})
        node = self._root
        for segment in matcher.segments:
            if segment.is_tail:
                return node.tail
            node = node.child(segment)
        return node.routes

    def _add_static(self, matcher: Template | re.Pattern[str], routes: Routes) -> None:
        path = matcher.static_path if isinstance(matcher, Template) else None
        if path is not None:
            self._static[path] = {method: (route, _NOTHING) for method, route in picked(routes).items()}

    def freeze(self) -> None:
        """Refuse further routes."""
        self._frozen = True
        self._endings = dict(self._root.endings(""))

    # -- asking -----------------------------------------------------------------------------------------------------

    def routes(self) -> Sequence[Route]:
        """The routes in the order in which they were added."""
        return tuple(self._routes)

    def named(self, name: str) -> Route:
        """The route of that name.

        Raises:
            LookupError: if there is none.
        """
        return self.chain(name)[-1]

    def chain(self, name: str) -> tuple[Route, ...]:
        """The mounts that lead to the route of that name, and the route.

        Raises:
            LookupError: if there is none, or more than one in mounts without a name.
        """
        chains = list(self._chains(name))
        if len(chains) == 1:
            return chains[0]
        if chains:
            templates = " and ".join(repr(chain[-1].template) for chain in chains)
            raise LookupError(f"expected the name of one route, got {name!r:.200} of {templates}: name their mounts")
        known = ", ".join(map(repr, sorted(self._names))) or "none"
        raise LookupError(f"expected the name of a route, got {name!r:.200}; there are {known}")

    def _chains(self, name: str) -> Iterator[tuple[Route, ...]]:
        if name in self._names:
            yield (self._names[name],)
            return
        before, _, rest = name.partition(":")
        for mount in self._mounts:
            if mount.app is not None and mount.name in (None, before):
                for chain in mount.app.router._chains(name if mount.name is None else rest):
                    yield (mount, *chain)

    def mounts(self) -> Sequence[Mount]:
        """The mounts in the order in which they were added."""
        return tuple(self._mounts)

    def walk(self) -> Iterator[Route]:
        """The routes, including those of mounted applications; for a foreign application, the mount itself."""
        yield from self._routes
        for mount in self._mounts:
            if mount.app is None:
                yield mount
            else:
                yield from mount.app.router.walk()

    def match(self, method: str, path: str) -> Found:
        """Find the route for a method and a path, and its converted parameters. Routes with conditions are left out.

        Args:
            method: as sent.
            path: as sent, percent-encoded, without the query.

        Raises:
            HTTPNotFound: if no route has such a path.
            HTTPMethodNotAllowed: if routes have such a path, but none has the method.
            HTTPUpgradeRequired: if the path is for websockets alone.
        """
        try:
            return self.find(method, path, None)
        except NoRoute as miss:
            raise miss.answer from None

    def resolve(self, request: BaseRequest) -> Found:
        """Find the route for a request, and its converted path parameters.

        Raises:
            HTTPNotFound, HTTPMethodNotAllowed, HTTPUpgradeRequired: as `match`.
        """
        try:
            return self.find(WEBSOCKET if request.is_websocket else request.method, request.raw_path, request)
        except NoRoute as miss:
            raise miss.answer from None

    def find(self, method: str, path: str, request: BaseRequest | None, allowed: set[str] | None = None) -> Found:
        """Find the route for a method (or `WEBSOCKET`) and a path, and its converted path parameters.

        Args:
            method: as sent, or `WEBSOCKET`.
            path: as sent, percent-encoded, without the query.
            request: checked against the conditions of routes; without one, routes with conditions are left out.
            allowed: the methods that the path has in the enclosing applications; the search adds its own.

        Raises:
            NoRoute: if there is none.
        """
        methods = self._static.get(path)
        if methods is not None:
            found = methods.get(method)
            if found is not None:
                return found
        else:
            # A shortcut for most routes with parameters: the walk through the tree would find the same.
            beginning, slash, last = path.rpartition("/")
            routes = self._endings.get(beginning)
            if (
                routes is not None
                and slash
                and last.isascii()
                and (last.isalnum() or (last and "%" not in last and "\0" not in last))
            ):
                route = routes.get(method)
                if route is not None:
                    return route, {route.parameters[0]: last}
        return self._search(Search(method, request, allowed), path)

    def allowed_methods(self, path: str, request: BaseRequest | None = None) -> frozenset[str]:
        """The methods that a path takes, empty if no route matches it; for `*`, all methods of the application."""
        if path == "*":
            return _complete({"OPTIONS"}.union(*[route.methods for route in self.walk()]))
        search = Search("", request)  # no route has that method, so every candidate is visited
        segments = split_path(path)
        if segments is not None and not segments[0]:
            found = self._find(search, segments)
            if found is not None:
                route = found[0]
                search.allowed |= route.methods_inside(path, request) if isinstance(route, Mount) else route.methods
        return _complete(search.allowed)

    # -- searching --------------------------------------------------------------------------------------------------

    def _search(self, search: Search, path: str) -> Found:
        segments = split_path(path)
        if segments is None or segments[0]:
            if path == "*" and search.method == "OPTIONS":  # RFC 9110 section 9.3.7: the server as a whole
                return self.options_route, _NOTHING
            raise NoRoute(HTTPNotFound(), self)
        found = self._find(search, segments)
        if found is None:
            return self._miss(search, segments)
        route, values = found
        if not isinstance(route, Mount):
            return found
        try:
            inner = route.resolve(search, path, values)
            return (self.slash_route, _NOTHING) if self._redirects_root(route, inner[0], path) else inner
        except NoRoute as miss:
            if not search.allowed and self._redirects(search, segments):
                return self.slash_route, _NOTHING
            miss.values = {**values, **miss.values}
            raise

    def _miss(self, search: Search, segments: list[str]) -> Found:
        """Return the automatic answer for a request that no route takes, or raise the reason."""
        allowed = search.allowed - {WEBSOCKET}
        if search.method == WEBSOCKET or not search.allowed:
            if self._redirects(search, segments):
                return self.slash_route, _NOTHING
            raise NoRoute(HTTPNotFound(), self)
        if not allowed:
            raise NoRoute(HTTPUpgradeRequired(headers={"Upgrade": "websocket"}), self)
        if search.method == "OPTIONS":
            return self.options_route, _NOTHING
        raise NoRoute(HTTPMethodNotAllowed(_complete(allowed)), self)

    def _redirects(self, search: Search, segments: list[str]) -> bool:
        """Whether a route takes the path with a slash at the end added or removed, and wants the redirect."""
        if self.slashes == "strict" and not self._redirecting:
            return False
        if is_dots(segments[-1] or segments[-2]):  # the redirect would lead elsewhere
            return False
        other = segments[:-1] if not segments[-1] else [*segments, ""]
        found = self._find(search, other) if len(other) > 1 else None
        return (
            found is not None and not isinstance(found[0], Mount) and (found[0].slashes or self.slashes) == "redirect"
        )

    def _redirects_root(self, mount: Mount, inner: Route, path: str) -> bool:
        """Whether the path is a mount's prefix without the slash of its root, and either side wants the redirect."""
        if mount.split(path)[1] or is_dots(path.rpartition("/")[2]):
            return False
        wanted = inner.slashes or (mount.app and mount.app.router.slashes)
        return "redirect" in (self.slashes, wanted)

    def _find(self, search: Search, segments: list[str]) -> Found | None:
        found = self._root.below(segments, 1, search, ())
        if found is not None:
            route, values = found
            names = route.parameters
            # The usual case, in a third of the time of zip().
            return route, {names[0]: values[0]} if len(names) == 1 else dict(zip(names, values, strict=True))
        return self._find_pattern(search, segments) if self._patterns else None

    def _find_pattern(self, search: Search, segments: list[str]) -> Found | None:
        path = "/".join(segment.replace("/", "%2F") for segment in segments)
        for pattern, routes in self._patterns.items():
            match = pattern.fullmatch(path)
            if match is not None and (route := search.pick(routes)) is not None:
                return route, match.groupdict()
        return None

    async def _answer_options(self, request: BaseRequest) -> Response:
        place = request.place.outermost
        allowed = place.app.router.allowed_methods(place.raw_path, request)
        return Response(status=204, headers={"Allow": ", ".join(sorted(allowed))})


async def _redirect_slash(request: BaseRequest) -> Response:
    """Add or remove the slash at the path's end by a redirect; its relative reference is right behind every proxy."""
    path, slash, _ = request.raw_path.rpartition("/") if request.raw_path.endswith("/") else (request.raw_path, "", "")
    last = path.rpartition("/")[2]
    location = f"../{last}" if slash else f"./{last}/"
    query = f"?{request.query_string}" if request.query_string else ""
    return RedirectResponse(location + query, status=308)


def _insert(route: Route, routes: Routes) -> None:
    """Insert a route among those for the same paths, before those with fewer conditions.

    Raises:
        ValueError: if another route has the same method and conditions.
    """
    key = _conditions_order(route)
    for method in sorted(route.methods):
        for known in routes.get(method, ()):
            if _conditions_order(known) == key:
                raise ValueError(
                    f"expected one handler for {method} {route.template!r}, got {route.origin} beside {known.origin}"
                )
    for method in route.methods:
        routes[method] = sorted([*routes.get(method, ()), route], key=_conditions_order)


def _conditions_order(route: Route) -> tuple[Any, ...]:
    return (0, False, ()) if route.conditions is None else route.conditions.order


def _complete(allowed: Iterable[str]) -> frozenset[str]:
    """Add the methods that need no handler of their own: HEAD if there is GET, and OPTIONS."""
    methods = frozenset(allowed) - {WEBSOCKET}
    if ANY in methods:
        methods = (methods - {ANY}).union(METHODS)
    if "GET" in methods:
        methods |= {"HEAD"}
    return methods | {"OPTIONS"} if methods else methods
