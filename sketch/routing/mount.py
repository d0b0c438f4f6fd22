"""Mounts: everything below a prefix is handed to another application."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from sketch.binding.bound import Bound, Handler
from sketch.binding.converters import CONVERTERS, Converter
from sketch.routing.route import ANY, WEBSOCKET, Home, Route
from sketch.routing.template import Segment, Template

if TYPE_CHECKING:
    from yarl import URL

    from sketch.middleware.chain import Middleware
    from sketch.request import BaseRequest
    from sketch.response import Response
    from sketch.routing.route import Found
    from sketch.routing.router import Router
    from sketch.routing.tree import Search


class MountedApp(Home, Protocol):
    """What is asked of a mounted application: its routes, and what is around them."""

    router: Router
    middlewares: list[Middleware]
    outer_middlewares: list[Middleware]

    @property
    def parent(self) -> MountedApp | None:
        """The application in which it is mounted."""
        ...

    def url_for(self, name: str, /, **parameters: Any) -> URL:
        """Build the path to one of its routes; see `Application.url_for`."""
        ...


class Mount(Route):
    """A route that hands everything below a prefix to an application: all methods, and websockets.

    Args:
        prefix: a template like that of a route, `"/admin"` or `"/{tenant}/shop"`, without a slash at its end; `"/"` is
            everything that no other route takes.
        handler: answers the requests to a foreign application.
        app: the mounted sketch application; the paths of its routes begin after the prefix.
        name: is put before the names of the application's routes: `"admin:users"`.
        host: only requests for this host; see `Route`.
        converters: by name.

    Raises:
        ValueError: for a malformed prefix.
    """

    __slots__ = ("app",)

    app: MountedApp | None

    def __init__(
        self,
        prefix: str,
        handler: Handler,
        app: MountedApp | None = None,
        *,
        name: str | None = None,
        host: str | None = None,
        converters: Mapping[str, Converter] = CONVERTERS,
    ) -> None:
        if not isinstance(prefix, str) or not prefix.startswith("/") or (prefix.endswith("/") and prefix != "/"):
            raise ValueError(f"expected a prefix that begins with '/' and does not end with it, got {prefix!r:.200}")
        super().__init__((ANY, WEBSOCKET), prefix, handler, name=name, host=host, converters=converters)
        if any(segment.is_tail for segment in self.segments):
            raise ValueError(f"expected a prefix without a parameter of type path, got {prefix!r:.200}")
        self.app = app

    def _bind(self, converters: Mapping[str, Converter]) -> None:  # noqa: ARG002 - nothing is converted
        self.bound = Bound(self.handler)  # it takes the request, and answers by itself
        self.call = self.bound.call
        self.guards = ()

    @property
    def segments(self) -> Sequence[Segment]:
        """The segments of the prefix; none for `"/"`."""
        return self.matcher.segments if isinstance(self.matcher, Template) and self.path != "/" else ()

    @property
    def template(self) -> str:
        """The prefix, and a star for everything below it."""
        return f"{self.prefix}{str(self.path).rstrip('/')}/*"

    @property
    def origin(self) -> str:
        """The description of the mounted application, for messages."""
        return super().origin if self.app is None else repr(self.app)

    def url_path(self, **parameters: Any) -> str:
        """The percent-encoded prefix for these path parameters, empty for `"/"`; see `Route.url_path`."""
        return "" if self.path == "/" else super().url_path(**parameters)

    def split(self, path: str) -> tuple[str, str]:
        """Split a percent-encoded path that the prefix matches: the prefix as sent; the rest, empty or from `/`."""
        pieces = path.split("/", len(self.segments) + 1)
        rest = "/" + pieces[-1] if len(pieces) > len(self.segments) + 1 else ""
        return path[: len(path) - len(rest)], rest

    def inside(self, path: str) -> str:
        """Return a percent-encoded path as the mounted application sees it."""
        return self.split(path)[1] or "/"

    def resolve(self, search: Search, path: str, values: Mapping[str, Any]) -> Found:
        """Find the mounted application's route and all path parameters; for a foreign application, the mount itself.

        Raises:
            NoRoute: if the mounted application has no route. The prefix matches, so that application answers; a 405
                also names the methods that the path has outside.
        """
        if self.app is None:
            return self, values
        route, inner = self.app.router.find(search.method, self.inside(path), search.request, search.allowed)
        return route, {**values, **inner} if values else inner

    def methods_inside(self, path: str, request: BaseRequest | None) -> frozenset[str]:
        """The methods that a path takes in the mounted application; all methods for a foreign application."""
        return self.methods if self.app is None else self.app.router.allowed_methods(self.inside(path), request)


class ForeignHandler:
    """The handler of a mount of a foreign application.

    Args:
        app: the application that has the mount.
        host: runs the foreign application: `async (request) -> Response`, with the application as `app`.
    """

    __slots__ = ("__wrapped__", "_app", "_host")

    def __init__(self, app: Any, host: Any) -> None:
        self._app = app
        self._host = host
        self.__wrapped__ = host.app  # `describe` names it

    async def __call__(self, request: BaseRequest) -> Response:
        """Move the request to the prefix, and let the host answer."""
        place = request.enter(self._app, cast("Mount", request.route))
        try:
            response: Response = await self._host(request)
            return response
        finally:
            request.move_to(place)
