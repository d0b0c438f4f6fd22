"""Tells ASGI middleware the route of a request: in its scope, by the names that other frameworks use."""

from __future__ import annotations

from sketch.pipeline.pipeline import Find
from sketch.request import BaseRequest
from sketch.routing import Route, Router, SelfBinding
from sketch.routing.mount import ForeignHandler
from sketch.routing.route import Found


class ScopeRoute:
    """The route in a scope: what tools for errors, traces and metrics read of it.

    Args:
        route: of the application.
    """

    __slots__ = ("endpoint", "name", "path", "path_format")

    def __init__(self, route: Route) -> None:
        handler = route.handler
        own = isinstance(handler, SelfBinding | ForeignHandler)
        self.endpoint: object = getattr(handler, "__wrapped__", handler) if own else handler
        """The handler: the function, the session of a websocket, the class-based view, the foreign application."""
        self.path = self.path_format = route.template
        """The template of the whole path below the scope's `root_path`."""
        self.name = route.name

    def __repr__(self) -> str:
        return f"<ScopeRoute {self.path}>"


def noting_route(find: Find) -> Find:
    """Wrap the function that finds routes, so that it puts the route into the scope before anything else runs."""
    known: dict[Route, ScopeRoute] = {}

    def find_and_note(method: str, path: str, request: BaseRequest) -> Found:
        found = find(method, path, request)
        try:
            scope = request.connection.scope  # type: ignore[attr-defined]  # this adapter's connections have one
        except AttributeError:  # the application is also served in another way
            return found
        if scope is not None:
            route = found[0]
            noted = known.get(route)
            if noted is None:
                # The router's own answer, to OPTIONS or to a slash too many, is no route of the application.
                if getattr(route.handler, "__module__", None) == Router.__module__:
                    return found
                noted = known[route] = ScopeRoute(route)
            scope["route"] = noted
            scope["endpoint"] = noted.endpoint
            scope["path_params"] = found[1]
        return found

    return find_and_note
