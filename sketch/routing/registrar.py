"""The methods that add routes, shared by applications, groups and routers."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack, cast

from sketch.binding.bound import Handler
from sketch.binding.calls import SelfBinding
from sketch.http.grammar import tokens
from sketch.limits import Limits
from sketch.routing.conditions import HeaderCondition
from sketch.routing.route import ANY, WEBSOCKET, Methods, OnDisconnect, Path, Route, Slashes

if TYPE_CHECKING:
    from sketch.binding.sources import Depends
    from sketch.middleware.chain import Middleware
    from sketch.response import HeadersArgument
    from sketch.routing.documentation import Responses
    from sketch.routing.group import RouteGroup
    from sketch.websocket import WebSocketPolicy

H = TypeVar("H", bound=Handler)
Decorator = Callable[[H], H]


class RouteOptions(TypedDict, total=False):
    """The keyword arguments of all methods that add a route; see `Route`."""

    name: str | None
    middlewares: Iterable[Middleware]
    limits: Limits | None
    host: str | None
    headers: Mapping[str, HeaderCondition] | None
    slashes: Slashes | None
    on_disconnect: OnDisconnect | None
    tags: Iterable[str]
    dependencies: Iterable[Depends]
    status: int | None
    by_alias: bool | None
    exclude_unset: bool | None
    exclude_defaults: bool | None
    exclude_none: bool | None
    summary: str | None
    description: str | None
    operation_id: str | None
    deprecated: bool | None
    responses: Responses | None
    include_in_schema: bool | None


class Registrar(ABC):
    """Base class of everything that routes can be added to. Subclasses implement `_add`, which all methods use."""

    @abstractmethod
    def _add(
        self, methods: Methods, path: Path, handler: Handler, options: RouteOptions, groups: Sequence[RouteGroup]
    ) -> Route:
        """Add one route that belongs to these groups, the outermost first."""

    def add_route(self, method: Methods, path: Path, handler: Handler, **options: Unpack[RouteOptions]) -> Route:
        """Add one route; see `Route` for the arguments.

        Raises:
            ValueError: for a malformed route, one that is there already, and a name that is taken.
            RuntimeError: after the application has started.
        """
        _check_options(options)
        return self._add(method, path, handler, options, ())

    def add_group(self, group: RouteGroup) -> RouteGroup:
        """Add the routes of a group, including those added to it later. Returns the group.

        Raises:
            TypeError: for anything but a RouteGroup.
            ValueError: for a group that was added before, and for a route that cannot be added.
            RuntimeError: after the application has started.
        """
        from sketch.routing.group import RouteGroup  # RouteGroup is a Registrar itself

        if not isinstance(group, RouteGroup):
            raise TypeError(
                f"expected a RouteGroup, got {group!r:.200}: an application is mounted, app.mount('/prefix', it)"
            )
        group._enter(self)
        return group

    def group(self, prefix: str = "", **options: Any) -> RouteGroup:
        """Add a new group: `api = app.group("/api", middlewares=[signed_in])`; see `RouteGroup` for the options."""
        from sketch.routing.group import RouteGroup  # as above

        return self.add_group(RouteGroup(prefix, **options))

    def add_get(self, path: Path, handler: Handler, **options: Unpack[RouteOptions]) -> Route:
        """Add a route for GET, and for HEAD where no other route takes that."""
        return self.add_route("GET", path, handler, **options)

    def add_post(self, path: Path, handler: Handler, **options: Unpack[RouteOptions]) -> Route:
        """Add a route for POST."""
        return self.add_route("POST", path, handler, **options)

    def add_put(self, path: Path, handler: Handler, **options: Unpack[RouteOptions]) -> Route:
        """Add a route for PUT."""
        return self.add_route("PUT", path, handler, **options)

    def add_patch(self, path: Path, handler: Handler, **options: Unpack[RouteOptions]) -> Route:
        """Add a route for PATCH."""
        return self.add_route("PATCH", path, handler, **options)

    def add_delete(self, path: Path, handler: Handler, **options: Unpack[RouteOptions]) -> Route:
        """Add a route for DELETE."""
        return self.add_route("DELETE", path, handler, **options)

    def add_head(self, path: Path, handler: Handler, **options: Unpack[RouteOptions]) -> Route:
        """Add a route for HEAD."""
        return self.add_route("HEAD", path, handler, **options)

    def add_options(self, path: Path, handler: Handler, **options: Unpack[RouteOptions]) -> Route:
        """Add a route for OPTIONS, in place of the automatic answer."""
        return self.add_route("OPTIONS", path, handler, **options)

    def add_query(self, path: Path, handler: Handler, **options: Unpack[RouteOptions]) -> Route:
        """Add a route for QUERY."""
        return self.add_route("QUERY", path, handler, **options)

    def add_view(self, path: Path, view: Handler, **options: Unpack[RouteOptions]) -> Route:
        """Add a class-based view for the methods it has. A function given here takes every method."""
        return self.add_route(ANY, path, view, **options)

    def add_static(
        self,
        prefix: str,
        directory: str | os.PathLike[str] | None = None,
        *,
        package: str | None = None,
        fallback: str | None = None,
        index: str | None = None,
        precompressed: bool = False,
        cache_control: str | None = "no-cache",
        immutable: str | re.Pattern[str] | None = None,
        response_headers: HeadersArgument = None,
        content_types: Mapping[str, str] | None = None,
        follow_symlinks: bool = False,
        show_dotfiles: bool = False,
        **options: Unpack[RouteOptions],
    ) -> Route:
        """Add a route for the files of a directory, for GET and HEAD: `{prefix}/{path:path}`.

        Everything but a regular file below the directory is a 404; so are `..`, encoded slashes and backslashes, hidden
        files and symbolic links. See `FileResponse` for conditions and ranges.

        Args:
            prefix: `"/static"`, or `"/"`.
            directory: must exist. Its own path may contain symbolic links; they are followed at each request.
            package: the package that the directory is in, `"shop"` or `__name__`; by default it is called `static`.
            fallback: the file that a browser gets which asks for a page that there is not, `"index.html"` of an
                application that routes in the browser. Missing scripts, images and data stay 404, as do missing pages
                with the suffix of another type of file; so does everything for clients that do not name `text/html` in
                `Accept`. All clients get it for the prefix itself.
            index: the file that is sent for its directory, `"index.html"`; a path without a slash at its end is
                redirected (308) to the one with it. Without an index directories are 404. They are never listed.
            precompressed: whether to send `app.js.zst`, `.br` or `.gz` in place of `app.js` to clients that accept that
                coding. Your build makes them; they are trusted to have the same content. `app.js` itself must exist.
            cache_control: the `Cache-Control` of all files; the default makes clients ask each time whether a file has
                changed (304). None for no such field: clients then guess.
            immutable: a regular expression that is searched for in paths below the directory; clients are told that a
                file with a matching path never changes, as with `immutable=r"\\.[0-9a-f]{8}\\."` for `app.1f9c2b3d.js`.
            response_headers: extra header fields of all responses that carry a file.
            content_types: media types by suffix, `{".md": "text/plain"}`, which override `sketch.http.file_types`.
            follow_symlinks: follow links, wherever they lead: a link in the directory can then publish every file
                that the server may read.
            show_dotfiles: send files and directories with names that begin with a dot.
            options: see `Route`.

        Raises:
            ValueError: for a missing directory, package or fallback; else as `add_route`.
            TypeError: without a directory and a package.
        """
        from sketch.files.static import StaticFiles  # not every application has files

        options = {"include_in_schema": False, **options}
        if index is not None:
            options = {"slashes": "redirect", **options}
        files = StaticFiles(
            _static_directory(directory, package),
            index=index,
            fallback=fallback,
            precompressed=precompressed,
            cache_control=cache_control,
            immutable=immutable,
            response_headers=response_headers,
            content_types=content_types,
            follow_symlinks=follow_symlinks,
            show_dotfiles=show_dotfiles,
        )
        return self.add_get(f"{prefix.rstrip('/')}/{{path:path}}", files, **options)

    def add_routes(self, *routes: Any) -> list[Route]:
        """Add many routes.

        Args:
            routes: tuples `("/help/", "/doc/", handler)`, in which functions take every method and views their own;
                `Route` objects, which keep the settings of their groups; or iterables of these.
        """
        added: list[Route] = []
        for item in routes:
            if isinstance(item, Route):
                added.append(self._add_copy(item))
            elif isinstance(item, tuple) and len(item) > 1 and isinstance(item[0], str | re.Pattern):
                added += [self.add_view(path, item[-1]) for path in item[:-1]]
            elif isinstance(item, Iterable) and not isinstance(item, str):
                added += self.add_routes(*item)
            else:
                raise ValueError(f"expected a Route or a tuple of paths and a handler, got {item!r:.200}")
        return added

    def _add_copy(self, route: Route) -> Route:
        conditions = route.conditions
        options = RouteOptions(
            name=route.name,
            middlewares=route.middlewares,
            limits=route.own_limits,
            host=None if conditions is None else conditions.host,
            headers=None if conditions is None else conditions.headers,
            slashes=route.slashes,
            on_disconnect=route.on_disconnect,
            tags=route.tags[sum(len(group.tags) for group in route.groups) :],
            dependencies=route.dependencies,
        )
        for given in (route.answers, route.documentation):
            if given is not None:
                options.update(cast("RouteOptions", given._asdict()))
        return self._add(route.methods, route.path, route.handler, options, route.groups)

    def route(self, *paths: Path, methods: Methods | None = None, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Decorate a handler: `@app.route("/doc", "/help", methods=["GET", "POST"])`. Returns it unchanged.

        Args:
            paths: one or more; a `name` belongs to the first.
            methods: default GET; for a class-based view, the methods it has.
            options: see `Route`.

        Raises:
            TypeError: for what is no path, and for an option that does not exist.
            ValueError: for a malformed route.
        """
        return self._decorate(methods, paths, options)

    def _decorate(self, methods: Methods | None, paths: tuple[Path, ...], options: RouteOptions) -> Callable[[H], H]:
        _check_paths(paths)
        _check_options(options)
        given = methods if methods is None or isinstance(methods, str) else tuple(methods)
        aliases = RouteOptions(**{**options, "name": None})

        def register(handler: H) -> H:
            chosen = _default_methods(handler) if given is None else given
            for path in paths:
                self.add_route(chosen, path, handler, **(options if path is paths[0] else aliases))
            return handler

        return register

    def re_route(
        self, *patterns: Path, methods: Methods | None = None, **options: Unpack[RouteOptions]
    ) -> Callable[[H], H]:
        """Decorate a handler with regular expressions, each for the whole decoded path; otherwise like `route`."""
        return self.route(*map(_compile, patterns), methods=methods, **options)

    def get(self, *paths: Path, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Decorate a handler of GET, and of HEAD where no other route takes that."""
        return self._decorate("GET", paths, options)

    def post(self, *paths: Path, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Decorate a handler of POST."""
        return self._decorate("POST", paths, options)

    def put(self, *paths: Path, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Decorate a handler of PUT."""
        return self._decorate("PUT", paths, options)

    def patch(self, *paths: Path, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Decorate a handler of PATCH."""
        return self._decorate("PATCH", paths, options)

    def delete(self, *paths: Path, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Decorate a handler of DELETE."""
        return self._decorate("DELETE", paths, options)

    def head(self, *paths: Path, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Decorate a handler of HEAD."""
        return self._decorate("HEAD", paths, options)

    def options(self, *paths: Path, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Decorate a handler of OPTIONS, in place of the automatic answer."""
        return self._decorate("OPTIONS", paths, options)

    def query(self, *paths: Path, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """Decorate a handler of QUERY."""
        return self._decorate("QUERY", paths, options)

    def add_websocket(
        self,
        path: Path,
        session: Handler,
        *,
        policy: WebSocketPolicy | None = None,
        subprotocols: Iterable[str] = (),
        **options: Unpack[RouteOptions],
    ) -> Route:
        """Add a route for websockets.

        A handler that decides for itself whether to answer with a `WebSocketResponse` is added by
        `add_route(WEBSOCKET, path, handler)` instead.

        Args:
            path: see `Route`.
            session: `async (ws)`, awaited after the handshake; its other arguments are filled in like a handler's.
            policy: what the websockets may do.
            subprotocols: what the session speaks, the best first; the first that the client offers is used.
            options: see `Route`.

        Raises:
            ValueError: for a malformed route, one that is there already, a name that is taken, a session that is no
                coroutine function, and a subprotocol that is no token.
            TypeError: for a policy that is no WebSocketPolicy, and for one `str` in place of several subprotocols.
            RuntimeError: after the application has started.
        """
        from sketch.routing.session_handler import SessionHandler

        return self.add_route(WEBSOCKET, path, SessionHandler(session, policy, subprotocols), **options)

    def websocket(
        self,
        *paths: Path,
        policy: WebSocketPolicy | None = None,
        subprotocols: Iterable[str] = (),
        **options: Unpack[RouteOptions],
    ) -> Callable[[H], H]:
        """Decorate a session: `@app.websocket("/chat/{room}")`; see `add_websocket`. Returns it unchanged."""
        _check_paths(paths, "websocket")
        _check_options(options)
        offered = tokens("subprotocols", subprotocols)
        aliases = RouteOptions(**{**options, "name": None})

        def register(session: H) -> H:
            for path in paths:
                chosen = options if path is paths[0] else aliases
                self.add_websocket(path, session, policy=policy, subprotocols=offered, **chosen)
            return session

        return register


def _default_methods(handler: object) -> str:
    return ANY if isinstance(handler, type | SelfBinding) else "GET"


def _check_paths(paths: tuple[object, ...], decorator: str = "route") -> None:
    """Report the usual mistakes where they are made: no path, or a method in place of a path."""
    if not paths:
        raise ValueError(f"expected at least one path: @app.{decorator}('/path')")
    for path in paths:
        if not isinstance(path, str | re.Pattern):
            more = ", methods as methods=[...]" if decorator == "route" else ""
            raise TypeError(f"expected a path, got {path!r:.200}: write @app.{decorator}('/path'){more}")
        if isinstance(path, str) and path and not path.startswith("/"):
            raise ValueError(f"expected a path that begins with '/', got {path!r:.200}: give methods as methods=[...]")


def _check_options(options: Mapping[str, Any]) -> None:
    """Refuse an option that no route has; that of a typical slip with the right spelling."""
    for name, value in options.items():
        if name not in RouteOptions.__annotations__:
            known = ", ".join(RouteOptions.__annotations__)
            right = _RIGHT.get(name, "").format(value)
            raise TypeError(f"expected options of {known}, got {name:.200}={value!r:.200}{right}")


_RIGHT = {
    "method": ": write @app.route('/path', methods=[{0!r:.200}]), or add_route({0!r:.200}, '/path', handler)",
    "methods": ": write @app.route('/path', methods={!r:.200})",
    "endpoint": ": write name={!r:.200}",
    "middleware": ": write middlewares=[...]",
    "tag": ": write tags=[{!r:.200}]",
}


def _compile(pattern: Path) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as exc:
        raise ValueError(f"expected a regular expression, got {pattern!r:.200}: {exc}") from None


def _static_directory(directory: str | os.PathLike[str] | None, package: str | None) -> str | os.PathLike[str]:
    if package is not None:
        from sketch.files.packages import directory_of  # few applications ask for it

        return directory_of(package, "static" if directory is None else directory)
    if directory is None:
        raise TypeError("expected a directory, or a package that has one: add_static('/static', package=__name__)")
    return directory
