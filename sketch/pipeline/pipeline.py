"""The pipeline: folds each handler with its middleware once, and takes each request through the result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from sketch.callables import describe
from sketch.context_vars import request_var
from sketch.limits import Limits
from sketch.middleware.chain import Middleware, check, fold
from sketch.middleware.disconnect import while_connected
from sketch.middleware.timeout import within
from sketch.pipeline.boundary import answer_error, unexpected
from sketch.pipeline.finalize import finalize
from sketch.pipeline.resources import attach, release_unsent
from sketch.request import Request
from sketch.response import Response
from sketch.results import Endpoint, as_endpoint, as_response, prepare_response
from sketch.routing import WEBSOCKET, Mount, NoRoute, Route

if TYPE_CHECKING:
    from sketch.application import Application


class Pipeline:
    """Answers the requests of one application.

    Args:
        app: has the routes, middlewares, hooks and error handlers.
    """

    __slots__ = ("_answer", "_app", "_find", "_hooked", "_prefix", "frozen")

    def __init__(self, app: Application) -> None:
        self.frozen = False
        self._app = app
        self._find = app.router.find
        self._answer: Endpoint | None = None
        self._hooked = False  # whether hooks run after the handler
        self._prefix = ""

    # -- folding ----------------------------------------------------------------------------------------------------

    def freeze(self) -> None:
        """Fold the middleware chains of all routes: from here on, requests only read them.

        Raises:
            TypeError: for a middleware that cannot be called as one.
            ValueError: for a path parameter with the same name as one in a prefix.
        """
        app, router = self._app, self._app.router
        check([*app.middlewares, *app.outer_middlewares])
        check(chain.from_iterable(_middlewares(route) for route in router.routes()))
        router.freeze()
        self.frozen = True
        self._prefix = "".join(str(mount.path).rstrip("/") for mount in app.mounts)
        if app.outer_middlewares or app.before_request.receivers or app.parent is not None:
            self._answer = fold(app.outer_middlewares, self._guarded)
        self._hooked = bool(app.after_request.receivers or app.on_response_prepare.receivers)
        for route in (*router.routes(), *router.mounts(), router.options_route, router.slash_route):
            self._fold(route)
        router.missed = self._outward(fold(app.middlewares, _raise_miss))

    def _fold(self, route: Route) -> None:
        """Complete a route: set its limits, its prefix, and its endpoint (the handler in all its middleware)."""
        limits = self._app.limits
        for group in route.groups:
            limits = (group.limits or Limits()).over(limits)
            group.freeze()
        route.limits = limits = (route.own_limits or Limits()).over(limits)
        route.home, route.prefix = self._app, self._prefix
        _check_parameters(route, self._app.mounts)
        middlewares = [*self._app.middlewares, *_middlewares(route)]
        # A handler's response is copied only if something could change it afterwards. (Hooks get it copied anyway.)
        watched = middlewares or any(app.middlewares or app.outer_middlewares for app in _lineage(self._app))
        call = as_endpoint(route.call, route.handler) if watched else route.call
        if limits.handler_timeout is not None:
            call = within(limits.handler_timeout, call)
        if route.on_disconnect == "cancel" and WEBSOCKET not in route.methods:
            call = while_connected(call)
        route.endpoint = self._outward(fold(middlewares, call))

    def _outward(self, endpoint: Endpoint) -> Endpoint:
        """Wrap an endpoint of this application in the mounts and the middleware of the enclosing applications."""
        parent = self._app.parent
        if parent is None:
            return endpoint
        endpoint = fold(parent.middlewares, self._entrance(endpoint, self._app.mounts[-1]))
        return parent.pipeline._outward(endpoint)

    def _entrance(self, endpoint: Endpoint, mount: Mount) -> Endpoint:
        """Make an endpoint that enters this mounted application, calls `endpoint`, and leaves the application again."""

        async def enter(request: Request) -> Response:
            assert self._answer is not None
            place = request.enter(self._app, mount)
            try:
                request.endpoint = endpoint
                response = await self._answer(request)
                return await self._after(request, response) if self._hooked or response.prepares else response
            finally:
                request.leave(place)

        return enter

    # -- requests ---------------------------------------------------------------------------------------------------

    async def handle(self, request: Request) -> Response:
        """Answer a request: see `Application.handle`.

        An exchange owns its context, so `request_var` is never reset: a body that is produced later still sees it.
        """
        app = request.app = self._app
        request_var.set(request)
        if not self.frozen:  # not started, so no application around this one runs it
            app.parent = None
            app.freeze()
        try:
            method = WEBSOCKET if request.is_websocket else request.method
            request.route, request.match_info = route, _ = self._find(method, request.raw_path, request)
            request.endpoint = route.endpoint
        except NoRoute as miss:
            request.match_info, request.miss, request.endpoint = miss.values, miss.answer, miss.router.missed
        response: Response | None = None
        try:
            if self._answer is not None:
                response = await self._answer(request)
            else:
                # The usual case: nothing is around the error boundary, so `_guarded` is inlined and costs no coroutine.
                try:
                    if request.has_body:
                        self._check_announced_length(request)
                    response = await request.endpoint(request)
                    if not isinstance(response, Response) or response.prepares:
                        response = await _settle(request, response)
                except Exception as exc:
                    response = await answer_error(request, exc)
            if self._hooked or response.prepares:
                response = await self._after(request, response)
            if request.files:
                response = attach(request, response)
            finalize(request, response)
        except Exception as exc:
            await release_unsent(request, response)
            response = await _last_answer(request, exc)
        except BaseException:
            await release_unsent(request, response)
            raise
        if response.payload is not response.body or request.files:
            await release_unsent(request, response, keep=response.payload)
        return response

    async def _guarded(self, request: Request) -> Response:
        """The error boundary as an endpoint, for outer middleware, hooks or mounts: turns exceptions into responses."""
        try:
            if request.has_body:
                self._check_announced_length(request)
            early = await self._before(request)
            return await _settle(request, await request.endpoint(request) if early is None else early)
        except Exception as exc:
            return await answer_error(request, exc)

    def _check_announced_length(self, request: Request) -> None:
        """Refuse a body announced as too large, unless the route is a mounted application's, which checks it itself."""
        if request.route is None or request.route.home is self._app:
            request.check_announced_length()

    async def _before(self, request: Request) -> Response | None:
        """Call the hooks before the handler until one returns a response; None if none does."""
        for receiver in self._app.before_request.receivers:
            response = await receiver(request)
            if response is not None:
                return as_response(response, request, receiver)
        return None

    async def _after(self, request: Request, response: Response) -> Response:
        """Call the hooks after the handler; each gets the previous hook's response, and returns None to keep it."""
        response = as_response(response, request, self)
        for receiver in self._app.after_request.receivers:
            changed = await receiver(request, response)
            if changed is not None:
                response = as_response(changed, request, receiver)
        if response.prepares:  # it comes from an outer middleware or a hook
            response = as_response(await prepare_response(request, response), request, self)
        await self._app.on_response_prepare.send(request, response)
        return response


def _lineage(app: Application | None) -> Iterator[Application]:
    """An application and the applications around it, the outermost last."""
    while app is not None:
        yield app
        app = app.parent


def _middlewares(route: Route) -> list[Middleware]:
    """The middlewares of a route's groups, then the route's own."""
    return [*chain.from_iterable(group.middlewares for group in route.groups), *route.middlewares]


def _check_parameters(route: Route, mounts: Iterable[Mount]) -> None:
    """Refuse two parameters of one name in one path: a handler could see only one, and no URL could be made."""
    for mount in mounts:
        if shared := sorted({*mount.parameters} & {*route.parameters}):
            raise ValueError(
                f"expected unique parameter names, got {', '.join(map(repr, shared))} in {route.template!r}"
                f" of {describe(route.handler)} and in the prefix {mount.template!r}"
            )


async def _settle(request: Request, result: object) -> Response:
    """Turn a handler's result into a response that can be sent."""
    response = (
        result
        if isinstance(result, Response)
        else as_response(result, request, request.route and request.route.handler)
    )
    return await prepare_response(request, response) if response.prepares else response


async def _raise_miss(request: Request) -> Response:
    """The endpoint for a request that no route matches: raises the 404 or 405, so that middleware sees it."""
    raise request.miss


async def _last_answer(request: Request, exc: Exception) -> Response:
    """Make the response for an error outside the boundary: in a hook, an outer middleware, or `finalize`."""
    response = await answer_error(request, exc)
    try:
        finalize(request, response)
    except Exception as second:  # the response of an error handler cannot be finalized either
        await release_unsent(request, response)
        response = unexpected(request, second)
        finalize(request, response)
    return response
