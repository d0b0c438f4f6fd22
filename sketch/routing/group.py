"""Route groups: routes that share a prefix and other settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from sketch.binding.bound import Handler
from sketch.binding.converters import CONVERTERS, Converter
from sketch.errors.handlers import ErrorHandler, ErrorHandlers
from sketch.limits import Limits
from sketch.middleware.chain import Frozen, Middleware, check
from sketch.routing.registrar import Registrar, RouteOptions
from sketch.routing.route import Methods, OnDisconnect, Path, Route, Slashes, check_options, make_documentation, several

if TYPE_CHECKING:
    from sketch.binding.sources import Depends
    from sketch.routing.documentation import Documentation, Responses

E = TypeVar("E", bound=ErrorHandler)


_UNKNOWN = Converter("(?s:.+)")


class _LaterKnown(dict[str, Converter]):
    """Converters that accept unknown names: the application that the group is added to may define them."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and name.isidentifier())

    def __missing__(self, name: str) -> Converter:
        return _UNKNOWN


_LATER_KNOWN = _LaterKnown(CONVERTERS)

_FLAGS = re.compile(r"(?:\(\?[a-zA-Z]+\))*")
"""Global flags such as `(?i)`, allowed only at the start of a regular expression; `re.compile` keeps them as flags."""


class RouteGroup(Registrar):
    """Routes that share a prefix, middlewares, limits, error handlers and tags.

        users = RouteGroup("/users", middlewares=[signed_in])

        @users.get("/{id:int}")
        async def show(request, id): ...

        app.add_group(users)

    A group belongs to one application or to one other group; the middlewares and error handlers of that owner are
    outside the group's. A group has no lifecycle and no hooks: for those, mount an application.

    Args:
        prefix: is put before the path of each route; may hold parameters. `""` for none.
        name: is put before the name of each route: `"users:show"`.
        middlewares: wrap the handlers of the group, inside the application's middlewares; the first is the outermost.
            The list may be extended until the application starts.
        limits: what a client may ask of the handlers; unset fields come from the outer group or the application.
        host, slashes, on_disconnect: the defaults of the routes; see `Route`.
        dependencies: guards of the routes, called after those of the application; see `Route`.
        tags: added to the tags of every route.
        deprecated, include_in_schema: the defaults of the routes; see `Documentation`.
        responses: added to those of every route.

    Raises:
        ValueError: for a prefix that does not begin with a slash, or ends with one, and for an unknown word as
            `slashes` or `on_disconnect`.
        TypeError: for limits and tags of another type, and for what is no middleware or an outer one.
    """

    def __init__(
        self,
        prefix: str = "",
        *,
        name: str | None = None,
        middlewares: Iterable[Middleware] = (),
        limits: Limits | None = None,
        host: str | None = None,
        slashes: Slashes | None = None,
        on_disconnect: OnDisconnect | None = None,
        tags: Iterable[str] = (),
        dependencies: Iterable[Depends] = (),
        deprecated: bool | None = None,
        responses: Responses | None = None,
        include_in_schema: bool | None = None,
    ) -> None:
        if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
            raise ValueError(f"expected a prefix that begins with '/' and does not end with it, got {prefix!r:.200}")
        check_options(limits, tags, slashes, on_disconnect)
        self.prefix = prefix
        self.name = name
        self.middlewares = check(middlewares)
        self.limits = limits
        self.host = host
        self.slashes: Slashes | None = slashes
        self.on_disconnect: OnDisconnect | None = on_disconnect
        self.tags = tuple(tags)
        self.dependencies = several(dependencies)
        self.documentation = make_documentation(
            deprecated=deprecated, responses=responses, include_in_schema=include_in_schema
        )
        self.errors = ErrorHandlers()
        self._outer: Registrar | None = None
        self._waiting: list[tuple[Methods, Path, Handler, RouteOptions, tuple[RouteGroup, ...]]] = []

    def error_handler(self, kind: int | type[Exception]) -> Callable[[E], E]:
        """Register `async (request, exc) -> Response` for errors of its handlers: `@group.error_handler(404)`."""
        return self.errors.register(kind)

    def _add(
        self, methods: Methods, path: Path, handler: Handler, options: RouteOptions, groups: Sequence[RouteGroup]
    ) -> Route:
        methods = methods if isinstance(methods, str) else tuple(methods)
        path, options, within = self._joined(path), self._filled(options), (self, *groups)
        if self._outer is not None:
            return self._outer._add(methods, path, handler, options, within)
        # Made only to report mistakes here; the route that counts is made when the group is added to an application.
        route = Route(methods, path, handler, groups=within, converters=_LATER_KNOWN, **options)
        self._waiting.append((methods, path, handler, options, within))
        return route

    def _joined(self, path: Path) -> Path:
        if isinstance(path, str):
            if path and not path.startswith("/"):
                raise ValueError(f"expected a path that begins with '/', or an empty one, got {path!r:.200}")
            return self.prefix + path
        if "{" in self.prefix:
            raise ValueError(
                f"expected a prefix without parameters before a regular expression, got {self.prefix!r:.200}"
            )
        if not self.prefix:
            return path
        pattern = _FLAGS.sub("", path.pattern, count=1)
        return re.compile(f"{re.escape(self.prefix)}(?:{pattern})", path.flags)

    def _filled(self, options: RouteOptions) -> RouteOptions:
        """Fill in a route's options from the group's. (What may still change stays with the group.)"""
        filled = RouteOptions(**options)
        name = options.get("name")
        if name is not None and self.name is not None:
            filled["name"] = f"{self.name}:{name}"
        if filled.get("host") is None:
            filled["host"] = self.host
        if filled.get("slashes") is None:
            filled["slashes"] = self.slashes
        if self.documentation is not None:
            _document(filled, self.documentation)
        return filled

    def freeze(self) -> None:
        """Refuse changes from now on."""
        self.errors.freeze()
        self.middlewares = Frozen(self.middlewares)

    def _enter(self, outer: Registrar) -> None:
        """Join an application or a group, and hand over the routes, including those added later.

        Raises:
            ValueError: if the group has been added before, or would contain itself, and for a route that cannot be
                added.
        """
        if self._outer is not None:
            raise ValueError(f"expected a group that is added once, got {self!r:.200} again")
        around: Registrar | None = outer
        while isinstance(around, RouteGroup):
            if around is self:
                raise ValueError(f"expected a group in another one, got {self!r:.200} in itself")
            around = around._outer
        self._outer = outer
        waiting, self._waiting = self._waiting, []
        for route in waiting:
            outer._add(*route)

    def __repr__(self) -> str:
        return f"<RouteGroup {self.prefix!r}>"


def _document(options: RouteOptions, group: Documentation) -> None:
    """Fill in what a route does not say of itself."""
    if options.get("deprecated") is None:
        options["deprecated"] = group.deprecated
    if options.get("include_in_schema") is None:
        options["include_in_schema"] = group.include_in_schema
    if group.responses is not None:
        options["responses"] = {**group.responses, **(options.get("responses") or {})}
