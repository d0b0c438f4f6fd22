"""The application: registers routes, middleware and hooks, starts and stops. Its pipeline answers the requests."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from sketch.binding.surroundings import TYPES, Given, Surroundings
from sketch.checks import check_flags
from sketch.concurrency.threads import Threads
from sketch.context_vars import app_var, request_var
from sketch.entries import Entries
from sketch.errors.handlers import ErrorHandler, ErrorHandlers
from sketch.jsoncodec import JSONCodec, json_codec
from sketch.keys import AppKey, Values
from sketch.lifecycle.lifecycle import Lifecycle, Lifespan, report_threads
from sketch.lifecycle.signals import Signal
from sketch.lifecycle.stopping import Stopping
from sketch.limits import DEFAULT_LIMITS, Limits
from sketch.middleware.chain import Frozen, Middleware, check
from sketch.pipeline.finish import finish
from sketch.pipeline.pipeline import Pipeline
from sketch.request import BaseRequest
from sketch.routing import Handler, Mount, Registrar, Route, RouteOptions, Router
from sketch.routing.mount import ForeignHandler
from sketch.routing.names import url_to
from sketch.routing.route import Methods, Path, Slashes, check_options, make_guards
from sketch.transport import AccessLog, Outcome, WireResponse

if TYPE_CHECKING:
    from asyncio import Task

    from yarl import URL

    from sketch.binding.sources import Depends
    from sketch.routing.group import RouteGroup

logger = logging.getLogger("sketch")

H = TypeVar("H", bound=ErrorHandler)
T = TypeVar("T")


class Application(Registrar, Entries):
    """A web application: routes, middleware, hooks, and `handle`, the function from a request to a response.

    Args:
        name: the name in logs. (An event loop, which older code passes here, is ignored.)
        middlewares: around every handler, and around 404 and 405; the first is the outermost. They see exceptions.
        outer_middlewares: around the error handling, so they always get a response, also for an error.
        limits: bounds of each request; a bound left None takes its default.
        lifespan: `async (app)` generator or context manager around the application's life; a mapping that it yields
            is the initial content of `request.state`.
        slashes: the response to a path that differs from a route's only in a trailing slash: with `"strict"` a 404,
            with `"redirect"` a 308 to the route's path.
        debug: show the details of unexpected errors to every client. Not for production.
        json: `"stdlib"`, `"orjson"`, `"msgspec"` or a `JSONCodec`.
        threads: how many `def` handlers may run at once.
        dependencies: guards of all routes, as `Depends(function)`, those of mounted applications included; see `Route`.

    Further attributes may be set at any time: `app.db = pool`, read as `request.app.db`; or, with a type, by an
    `AppKey`: `app[DB] = pool`. Every request sees what is set before the start or in a start-up hook.

    Raises:
        TypeError: for limits, a JSON codec and `debug` of another type, for what is no middleware, and for an outer
            middleware in the list of the others.
        ValueError: for an unknown value of `slashes` or `json`.
    """

    def __init__(
        self,
        name: object = None,
        *,
        middlewares: Iterable[Middleware] | None = (),
        outer_middlewares: Iterable[Middleware] | None = (),
        limits: Limits | None = None,
        lifespan: Lifespan | None = None,
        slashes: Slashes = "strict",
        debug: bool = False,
        json: str | JSONCodec = "stdlib",
        threads: int = 40,
        dependencies: Iterable[Depends] = (),
    ) -> None:
        check_options(limits, (), slashes)
        Entries.__init__(self)
        self.name = name if isinstance(name, str) else "sketch"
        self.debug = debug
        self.debug_locally = False
        """Whether debug, where it is on, is so for local requests only: what `reload` turns on."""
        self.json = json_codec(json)
        self._own_limits = limits or Limits()
        self.limits = self._own_limits.over(DEFAULT_LIMITS)
        self.middlewares = check(middlewares)
        self.outer_middlewares = check(outer_middlewares, outer=True)
        self.guards = make_guards(dependencies, Surroundings(()))
        self.router = Router(slashes)
        self.parent: Application | None = None
        """The application in which this one is mounted; None while it runs by itself."""
        self.state: dict[str, Any] = {}
        self.threads = Threads(threads, f"{self.name}-handler")
        self.errors = ErrorHandlers()
        self.before_request = Signal("before_request", "request")
        self.after_request = Signal("after_request", "request", "response")
        self.on_response_prepare = Signal("on_response_prepare", "request", "response")
        self.on_finished = Signal("on_finished", "request", "outcome")
        """Functions called with `(request, outcome)` once an exchange is over, however it has ended; see `Outcome`."""
        self.observers: list[AccessLog] = []
        """Plain functions called with `(request, outcome)` once an exchange is over, of this application or of one
        mounted in it, before everything else that is done then. They must not wait; an error in one is logged. Only in
        the outermost application."""
        self.refusals: list[Callable[[int], object]] = []
        """Plain functions called with the status of each refusal: of what has not become a request. As `observers`."""
        self.access_log: AccessLog | None = None
        """Writes the access log's line, None without a log: what the server has given to `startup`."""
        self.listened = False
        """Whether `on_finished` of this application, of one mounted here or of one around it has functions."""
        self.watched = False
        """Whether each exchange has to be reported to `finished`: it is listened to, or there is an access log."""
        self._values = Values(AppKey)
        self._lifecycle = Lifecycle(self, lifespan)
        self._mount: Mount | None = None
        self.pipeline = Pipeline(self)

    # -- registration -----------------------------------------------------------------------------------------------

    def _add(
        self, methods: Methods, path: Path, handler: Handler, options: RouteOptions, groups: Sequence[RouteGroup]
    ) -> Route:
        return self.router._add(methods, path, handler, options, groups)

    def mount(self, prefix: str, app: Any, *, name: str | None = None, host: str | None = None) -> None:
        """Give every path below a prefix to another application, which starts and stops with this one.

        A mounted `Application` keeps its own hooks, middlewares, error handlers and state. Its hooks and middlewares
        run inside those of this one; an error that its error handlers do not answer goes to those of this one. It is
        started after this one and stopped before it. While it handles a request, `request.app` is the mounted
        application, and the prefix is part of `request.root_path`, not of `request.path`.

        Args:
            prefix: like a route's path, without a trailing slash; may hold parameters; `"/"` takes everything that no
                route of this application takes.
            app: an `Application`, or a foreign ASGI 3 application, which may be mounted at several places of this one.
            name: the prefix of its route names: `app.url_for("admin:users")`.
            host: take only requests for this host; see `Route`.

        Raises:
            ValueError: for a malformed prefix, a prefix that is taken, an application that is mounted already, and one
                that contains this one.
            RuntimeError: after this application has started.
        """
        if isinstance(app, Application):
            if app._mount is not None:
                raise ValueError(f"expected an application that is mounted once, got {app!r:.200} again")
            if self._is_inside(app):
                raise ValueError(
                    f"expected an application to mount in {self!r}, got {app!r:.200}, which it is a part of"
                )
            mount = Mount(prefix, app.handle, app, name=name, host=host, converters=self.router.converters)
            self.router.mount(mount)
            app._mount = mount
            app.parent = self
            self._lifecycle.parts.append(_Mounted(app, self))
        else:
            from sketch.serving.registry import load_host

            # A foreign application mounted at several places, say for two hosts, is started once.
            hosted: Any = next((part for part in self._lifecycle.parts if part.app is app), None) or load_host()(app)
            handler = ForeignHandler(self, hosted)
            self.router.mount(Mount(prefix, handler, name=name, host=host, converters=self.router.converters))
            if hosted not in self._lifecycle.parts:
                self._lifecycle.parts.append(hosted)

    add_subapp = mount

    def _is_inside(self, app: Application) -> bool:
        """Whether `app` is this application, or contains it at any depth."""
        return self is app or (self.parent is not None and self.parent._is_inside(app))

    @property
    def on_startup(self) -> Signal:
        """Hooks called with `(app)`, in order, after the contexts are entered and before the first request."""
        return self._lifecycle.on_startup

    @property
    def on_shutdown(self) -> Signal:
        """Hooks called with `(app)`, in order, when the server was told to stop and requests still run."""
        return self._lifecycle.on_shutdown

    @property
    def on_cleanup(self) -> Signal:
        """Hooks called with `(app)`, in reverse order, after the last request, also when the start failed."""
        return self._lifecycle.on_cleanup

    @property
    def cleanup_ctx(self) -> Signal:
        """Async generator functions `(app)` with one `yield`: start-up code before it, clean-up code after it."""
        return self._lifecycle.cleanup_ctx

    @property
    def exception(self) -> Signal:
        """Hooks called with `(request, exc)` for unexpected exceptions; a response that one returns is sent."""
        return self.errors.exception

    @property
    def debug(self) -> bool:
        """Whether clients see details of unexpected errors: if this or an enclosing application has debug on."""
        return self.own_debug or (self.parent is not None and self.parent.debug)

    @debug.setter
    def debug(self, debug: bool) -> None:
        check_flags(debug=debug)
        self.own_debug = debug

    @property
    def stopping(self) -> Stopping:
        """The order to stop: a new object at each start; a mounted application has that of its parent."""
        return self._lifecycle.stopping if self.parent is None else self.parent.stopping

    on_before_request = property(lambda self: self.before_request, doc="The same object as `before_request`.")
    on_after_request = property(lambda self: self.after_request, doc="The same object as `after_request`.")
    on_exception = property(lambda self: self.exception, doc="The same object as `exception`.")

    def on_event(self, name: str) -> Signal:
        """Return the signal of a name, for use as a decorator: `@app.on_event("startup")`.

        Raises:
            ValueError: for an unknown name.
        """
        names = (
            "startup", "shutdown", "cleanup", "before_request", "after_request", "exception", "response_prepare",
            "finished",
        )  # fmt: skip
        if name not in names:
            raise ValueError(f"expected an event of {', '.join(names)}, got {name!r:.200}")
        signal: Signal = getattr(self, f"on_{name}")
        return signal

    def error_handler(self, kind: int | type[Exception]) -> Callable[[H], H]:
        """Register `async (request, exc) -> Response` for a status or an exception class: `@app.error_handler(404)`."""
        return self.errors.register(kind)

    # -- lifecycle --------------------------------------------------------------------------------------------------

    async def startup(self, access_log: AccessLog | None = None) -> None:
        """Enter the contexts, call the start-up hooks, start mounted applications; then freeze routes and middleware.

        Hooks are frozen, too. If a hook raises, everything started before is cleaned up, and the error is raised.

        Args:
            access_log: called with each request and its outcome until the end of the application; None: no log.
        """
        await self._start(None, access_log)

    async def _start(self, parent: Application | None, access_log: AccessLog | None = None) -> None:
        """Start alone (`parent` is None), or mounted in `parent`, which then freezes both."""
        self._lifecycle.check_ended()
        self.parent, self.access_log = parent, access_log
        with self.context():
            try:
                await self._lifecycle.startup(self.freeze if parent is None else None)
            except BaseException:
                report_threads(self.threads, "handler")
                raise
            self.pipeline.set_first(self._lifecycle.variables)

    async def shutdown(self) -> None:
        """Set `stopping` and call the shutdown hooks, while requests may still run."""
        with self.context():
            await self._lifecycle.shutdown()

    async def cleanup(self) -> None:
        """Call the clean-up hooks and leave the contexts, in reverse order, after the last request."""
        with self.context():
            try:
                await self._lifecycle.cleanup()
            finally:
                report_threads(self.threads, "handler")

    def freeze(self) -> None:
        """Refuse changes from here on and prepare for requests, in mounted applications too.

        Raises:
            TypeError: for a middleware that cannot be called as one.
            RuntimeError: for ASGI middleware around a mounted application, and for observers of one.
        """
        if self.parent is not None and self._wrappers:
            raise RuntimeError(
                f"expected ASGI middleware around the outermost application, got some around {self!r:.200}"
            )
        if self.parent is not None and (self.observers or self.refusals):
            raise RuntimeError(f"expected metrics of the outermost application, got some of {self!r:.200}")
        self.limits = self._own_limits.over(DEFAULT_LIMITS if self.parent is None else self.parent.limits)
        for signal in (
            self.on_startup, self.on_shutdown, self.on_cleanup, self.cleanup_ctx,
            self.before_request, self.after_request, self.on_response_prepare, self.on_finished,
        ):  # fmt: skip
            signal.freeze()
        self.errors.freeze()
        self.listened = (self.parent is not None and self.parent.listened) or self._has_listeners()
        watched = self.listened or bool(self.observers) or self.access_log is not None
        self.watched = (self.parent is not None and self.parent.watched) or watched
        self.pipeline.freeze()
        self.middlewares, self.outer_middlewares = Frozen(self.middlewares), Frozen(self.outer_middlewares)
        for mount in self.router.mounts():
            if isinstance(mount.app, Application):
                mount.app.parent = self
                mount.app.freeze()

    def _has_listeners(self) -> bool:
        mounted = (mount.app for mount in self.router.mounts() if isinstance(mount.app, Application))
        return bool(self.on_finished) or any(app._has_listeners() for app in mounted)

    # -- values by key ----------------------------------------------------------------------------------------------

    def __getitem__(self, key: AppKey[T]) -> T:
        return self._values[key]

    def __setitem__(self, key: AppKey[T], value: T) -> None:
        self._values[key] = value

    def __delitem__(self, key: AppKey[Any]) -> None:
        del self._values[key]

    def __contains__(self, key: AppKey[Any]) -> bool:
        return key in self._values

    # -- background -------------------------------------------------------------------------------------------------

    def spawn(self, coroutine: Coroutine[Any, Any, T], *, name: str | None = None, endless: bool = False) -> Task[T]:
        """Start a background task in a hook, a handler, or anywhere in the event loop: `app.spawn(refresh())`.

        A failure is logged at once, with the name. At the end of the application, after the last request and before
        the clean-up hooks, tasks get the rest of the grace period to end by themselves; then they are cancelled. A task
        sees the context variables of the code that spawned it: in a handler's task, `current_request` is its request.

        Args:
            coroutine: what a coroutine function returns.
            name: the name in the log; by default the function's.
            endless: the task never ends by itself: it is cancelled at once after the last request.

        Raises:
            RuntimeError: in a thread that is neither the event loop's nor of a `def` handler or hook, and after the
                end of the application.
            TypeError: for anything but a coroutine.
        """
        return self._lifecycle.background.spawn(coroutine, name, endless)

    # -- mounted ----------------------------------------------------------------------------------------------------

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """The mounts that lead to this application, the outermost first; empty while it runs by itself."""
        if self.parent is None or self._mount is None:
            return ()
        return (*self.parent.mounts, self._mount)

    def url_for(self, name: str, /, **parameters: Any) -> URL:
        """Build the path to a route or mount by its name, with all prefixes; in a request, `root_path` included.

        Args:
            name: the route's name; in a mounted application, the mount's name comes before it, `"admin:users"`, unless
                the mount has none.
            parameters: the values for the path and its prefixes.

        Raises:
            LookupError: if there is no such name.
            ValueError: for a missing, unknown or unsuitable parameter.
        """
        routes = (*self.mounts, *self.router.chain(name))
        return url_to(routes, parameters, request_var.get())

    @contextmanager
    def context(self) -> Iterator[None]:
        """Make this application the `current_app` in a script or a test."""
        token = app_var.set(self)
        try:
            yield
        finally:
            app_var.reset(token)

    @contextmanager
    def request_context(self, request: BaseRequest) -> Iterator[None]:
        """Make `request` the `current_request`, and this application the `current_app`, in a test."""
        request.app = self
        token = request_var.set(request)
        try:
            with self.context():
                yield
        finally:
            request_var.reset(token)

    # -- requests ---------------------------------------------------------------------------------------------------

    @property
    def handle(self) -> Callable[[BaseRequest], Awaitable[WireResponse]]:
        """`async (request) -> WireResponse`: answers a request with a value of its own, which adapters write as it is.

        Every exception becomes a response; only `ClientDisconnected` and cancellation pass through.
        """
        return self.pipeline.handle

    def finished(self, request: BaseRequest, outcome: Outcome, *, logged: bool = False) -> Coroutine[Any, Any, None]:
        """Do what is to be done once an exchange is over. Each adapter awaits it once, in the exchange's task.

        In this order: write the access log's line, close what the request holds open, start the background work, leave
        what was entered for the handler (the last first), call the `on_finished` listeners. An error in one is logged,
        and the others go on. Where `request.finishing` is None and `watched` False, there is nothing to do, and an
        adapter need not call it.

        Args:
            request, outcome: of the exchange.
            logged: whether the access log has its line already, because a foreign application goes on after its answer.
        """
        return finish(self, request, outcome, logged)

    def __repr__(self) -> str:
        return f"<Application {self.name}>"


TYPES[Application] = Given.APPLICATION


class _Mounted:
    """A mounted application as a part of its parent's lifecycle: starts and stops with the parent."""

    __slots__ = ("app", "parent")

    def __init__(self, app: Application, parent: Application) -> None:
        self.app = app
        self.parent = parent

    async def startup(self) -> None:
        await self.app._start(self.parent)

    async def shutdown(self) -> None:
        await self.app.shutdown()

    async def cleanup(self, _stopping: Stopping, /) -> None:
        await self.app.cleanup()
