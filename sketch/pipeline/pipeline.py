"""The pipeline: folds each handler with its middleware once, and takes each request through the result."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from sketch.binding.bound import Call
from sketch.callables import describe
from sketch.concurrency.containment import ends_task
from sketch.concurrency.contexts import Variables, set_variables
from sketch.context_vars import set_request
from sketch.exceptions import HTTPException
from sketch.middleware.chain import Folder, Middleware, check
from sketch.pipeline.boundary import answer_error, attempt, checked_answer, prepared, unexpected
from sketch.pipeline.finalize import check_response, finalize, is_sendable
from sketch.pipeline.resources import keep_unsent
from sketch.request import BaseRequest, Request
from sketch.response import READY, Response
from sketch.results import Endpoint, as_endpoint, as_response
from sketch.routing import WEBSOCKET, Mount, NoRoute, Route
from sketch.routing.route import Found
from sketch.transport import ClientDisconnected, WireResponse

if TYPE_CHECKING:
    from sketch.pipeline.contract import PipelineApp

Find = Callable[[str, str, BaseRequest], Found]
"""Finds the route for a method, or `WEBSOCKET`, and a path: see `Router.find`."""

logger = logging.getLogger("sketch")


class Pipeline:
    """Answers the requests of one application.

    Args:
        app: has the routes, middlewares, hooks and error handlers.
    """

    __slots__ = (
        "_answer",
        "_app",
        "_find",
        "_folder",
        "_hooked",
        "_in_steps",
        "_late",
        "_prefix",
        "_request_app",
        "_variables",
        "_wraps",
        "frozen",
    )

    def __init__(self, app: PipelineApp) -> None:
        self.frozen = False
        self._app = app
        self._request_app: Any = app  # the same, as `request.app` takes it: an `Application`, which stands above
        self._find: Find = app.router.find
        self._wraps: list[Callable[[Find], Find]] = []  # around `_find`, the innermost first
        self._folder = Folder()
        self._answer: Endpoint | None = None
        self._hooked = False  # whether hooks run after the handler
        self._late = False  # whether hooks or outer middlewares may change what comes out of the error boundary
        self._variables: Variables = ()
        self._in_steps = False  # whether there is anything around the error boundary
        self._prefix = ""

    def __getstate__(self) -> object:
        """Refuse to be pickled after the start, when it depends on the event loop and the server.

        Raises:
            TypeError: after the application was started, or has answered a request.
        """
        if self.frozen:
            raise TypeError(
                f"expected an application before its start to pickle, got {self._app!r:.200}: "
                "pickle it before, or make it anew in the other process, by a function"
            )
        return super().__getstate__()

    def wrap_find(self, wrap: Callable[[Find], Find]) -> None:
        """Wrap the function that finds the route of each request, which every request begins with.

        An adapter notes the route there, and metrics count. To wrap it by the same function again changes nothing.
        """
        if wrap not in self._wraps:
            self._wraps.append(wrap)
            self._find = wrap(self._find)

    # -- folding ----------------------------------------------------------------------------------------------------

    def freeze(self) -> None:
        """Fold the middleware chains of all routes: from here on, requests only read them.

        Raises:
            TypeError: for a middleware that cannot be called as one.
            ValueError: for a path parameter with the same name as one in a prefix.
        """
        app, router = self._app, self._app.router
        check(app.middlewares)
        check(app.outer_middlewares, outer=True)
        check(chain.from_iterable(_middlewares(route) for route in router.routes()))
        router.freeze()
        self.frozen = True
        self._prefix = "".join(str(mount.path).rstrip("/") for mount in app.mounts)
        if app.outer_middlewares or app.before_request.receivers or app.parent is not None:
            self._answer = self._folder.fold(app.outer_middlewares, self._guarded)
        self._hooked = bool(app.after_request.receivers or app.on_response_prepare.receivers)
        self._late = self._hooked or bool(app.outer_middlewares)
        self._in_steps = self._answer is not None or self._hooked
        for route in (*router.routes(), *router.mounts()):
            self._fold(route, self._guarded_call(route))
        for route in (router.options_route, router.slash_route):
            self._fold(route, route.call)
        router.missed = self.outward(self._folder.fold(app.middlewares, _raise_miss))

    def _guarded_call(self, route: Route) -> Call:
        """Wrap the call of a route's handler in the guards of the applications, the outermost first, and its own."""
        if isinstance(route, Mount) and route.app is not None:  # its application's routes have the guards
            return route.call
        guards = [*chain.from_iterable(app.guards for app in reversed([*_lineage(self._app)])), *route.guards]
        if not guards:
            return route.call
        from sketch.binding.guards import guarded  # not every application has one

        return guarded(route.call, guards)

    def _fold(self, route: Route, call: Call) -> None:
        """Complete a route: set its limits, its prefix, and its endpoint (the handler in all its middleware).

        Args:
            route: the route.
            call: calls its handler, and its guards before.
        """
        limits = self._app.limits
        for group in route.groups:
            limits = group.limits.over(limits) if group.limits else limits
            group.freeze()
        route.limits = limits = route.own_limits.over(limits) if route.own_limits else limits
        route.home, route.prefix = self._app, self._prefix
        _check_parameters(route, self._app.mounts)
        middlewares = [*self._app.middlewares, *_middlewares(route)]
        # A handler's response is copied only if something could change it afterwards. (Hooks get it copied anyway.)
        changeable = middlewares or any(app.middlewares or app.outer_middlewares for app in _lineage(self._app))
        if changeable:
            call = as_endpoint(call, route.handler)
        if limits.handler_timeout is not None:
            from sketch.middleware.timeout import within  # few routes have a timeout

            call = within(limits.handler_timeout, call)
        if route.on_disconnect == "cancel" and WEBSOCKET not in route.methods:
            from sketch.middleware.disconnect import while_connected  # few routes ask for it

            call = while_connected(call)
        route.endpoint = self.outward(self._folder.fold(middlewares, call))

    def outward(self, endpoint: Endpoint) -> Endpoint:
        """Wrap an endpoint of this application in the mounts and the middleware of the enclosing applications."""
        parent = self._app.parent
        if parent is None:
            return endpoint
        endpoint = self._folder.fold(parent.middlewares, self._entrance(endpoint, self._app.mounts[-1]))
        return parent.pipeline.outward(endpoint)

    def _entrance(self, endpoint: Endpoint, mount: Mount) -> Endpoint:
        """Make an endpoint that enters this mounted application, calls `endpoint`, and leaves the application again."""

        async def enter(request: BaseRequest) -> Response:
            assert self._answer is not None
            place = request.enter(self._request_app, mount)
            try:
                request.endpoint = endpoint
                response = await self._answer(request)
                if self._late:
                    if self._hooked or response.prepares:
                        response = await self._settle(request, response)
                    attempt(check_response, request, response, self._late_origin)
                return response
            finally:
                request.move_to(place)

        return enter

    def set_first(self, variables: Variables) -> None:
        """Set these context variables at the begin of each request: its task may know nothing of the start's."""
        self._variables = variables
        self._in_steps = self._in_steps or bool(variables)

    # -- requests ---------------------------------------------------------------------------------------------------

    async def handle(self, request: BaseRequest) -> WireResponse:
        """Answer a request: see `Application.handle`.

        An exchange owns its context, so `request_var` is never reset: a body that is produced later still sees it.
        """
        if not self.frozen:  # not started, so no application around this one runs it
            self._request_app.parent = None
            self._app.freeze()
        if self._in_steps:
            return await self.handle_in_steps(request)
        # The usual application, with nothing around the error boundary: the steps below without a call for each.
        # What is called or tested has a plain name here: methods of `self` that are values, and values of a class, are
        # looked up in ten times the time.
        request.app = self._request_app
        set_request(request)
        response: Response | None = None
        try:
            try:
                try:
                    find, method = self._find, request.method
                    if type(request) is not Request and request.is_websocket:
                        method = WEBSOCKET
                    route, request.match_info = find(method, request.raw_path, request)
                    request.route = route
                    endpoint = request.endpoint = route.endpoint
                except NoRoute as miss:
                    request.match_info, request.miss = miss.values, miss.answer
                    endpoint = request.endpoint = miss.router.missed
                if request.has_body:
                    self._check_announced_length(request)
                response = await endpoint(request)
                if type(response) not in READY and (not isinstance(response, Response) or response.prepares):
                    response = await _complete(request, response)
            except BaseException as exc:
                if ends_task(exc):
                    raise
                response = await answer_error(request, exc)
            return finalize(request, response)
        except BaseException as exc:
            if ends_task(exc):
                _keep_unsent(request, response)
                raise
            exc.add_note(f"in the response of {_origin(request)}")
            return await self._answer_last(request, response, exc)

    async def handle_in_steps(self, request: BaseRequest) -> WireResponse:
        """Answer a request as `handle` does, in any application: find, answer, settle, finalize."""
        if self._variables:
            set_variables(self._variables)
        request.app = self._request_app
        set_request(request)
        response: Response | None = None
        try:
            self._find_endpoint(request)
            response = await (self._answer or self._guarded)(request)
            if self._hooked or response.prepares:
                response = await self._settle(request, response)
            return attempt(finalize, request, response, self._late_origin)
        except BaseException as exc:
            if ends_task(exc):
                _keep_unsent(request, response)
                raise
            return await self._answer_last(request, response, exc)

    def _find_endpoint(self, request: BaseRequest) -> None:
        """Find the endpoint of the matched route, or the one that raises the 404 or 405."""
        try:
            method = WEBSOCKET if request.is_websocket else request.method
            request.route, request.match_info = route, _ = self._find(method, request.raw_path, request)
            request.endpoint = route.endpoint
        except NoRoute as miss:
            request.match_info, request.miss, request.endpoint = miss.values, miss.answer, miss.router.missed

    async def _guarded(self, request: BaseRequest) -> Response:
        """The error boundary as an endpoint, for outer middleware, hooks or mounts: turns exceptions into responses."""
        try:
            if request.has_body:
                self._check_announced_length(request)
            response = await self._before(request) if self._app.before_request.receivers else None
            if response is None:
                response = await request.endpoint(request)
            if not isinstance(response, Response) or response.prepares:
                response = await _complete(request, response)
            if not is_sendable(response):
                attempt(check_response, request, response, _origin)
            return response
        except BaseException as exc:
            if ends_task(exc):
                raise
            return await answer_error(request, exc)

    def _check_announced_length(self, request: BaseRequest) -> None:
        """Refuse a body announced as too large, unless the route is a mounted application's, which checks it itself."""
        route = request.route
        if route is None or route.home is self._app:
            cast("Request", request).check_announced_length()  # no handshake has a body

    async def _before(self, request: BaseRequest) -> Response | None:
        """Call the hooks before the handler until one returns a response; None if none does."""
        for receiver in self._app.before_request.receivers:
            response = await receiver(request)
            if response is not None:
                return await checked_answer(request, response, receiver.function)
        return None

    async def _settle(self, request: BaseRequest, response: Response) -> Response:
        """Call the hooks after the handler; each gets the previous hook's response, and returns None to keep it."""
        if self._hooked:
            response = as_response(response, request, self)
            for receiver in self._app.after_request.receivers:
                changed = await receiver(request, response)
                if changed is not None:
                    response = as_response(changed, request, receiver)
        if response.prepares:  # it may come from an outer middleware or a hook
            response = as_response(await prepared(request, response), request, self)
        if self._hooked:
            await self._app.on_response_prepare.send(request, response)
        return response

    async def refuse(self, request: BaseRequest, exc: HTTPException) -> Response:
        """Make the answer of an outer middleware that refuses a request, by the error handlers as for a handler's.

        If it raised the exception, the outer middlewares around it would not see the answer.
        """
        return await answer_error(request, exc)

    def _late_origin(self, _: BaseRequest) -> str:
        """What changes responses outside the error boundary, for an error about one: only one of these did it."""
        app = self._app
        names = map(describe, [*app.outer_middlewares, *app.after_request, *app.on_response_prepare])
        return f"the application, changed outside the handler by one of: {', '.join(names)}"

    async def _answer_last(self, request: BaseRequest, failed: Response | None, exc: BaseException) -> WireResponse:
        """Answer an error outside the boundary: in a hook, an outer middleware, or `finalize`.

        Nothing outside may see this response, but the hooks that prepare every response.
        """
        _keep_unsent(request, failed)
        response = await answer_error(request, exc)
        for hook in self._app.on_response_prepare.receivers:
            response = await _try_hook(hook, request, response)
        try:
            return finalize(request, response)
        except Exception as second:  # what an error handler has streamed is used up by another request
            keep_unsent(request, response.body)
            return finalize(request, unexpected(request, second))


def _lineage(app: PipelineApp | None) -> Iterator[PipelineApp]:
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
                f"expected unique parameter names, got {', '.join(map(repr, shared))} in {route.template!r:.200}"
                f" of {describe(route.handler)} and in the prefix {mount.template!r}"
            )


async def _complete(request: BaseRequest, result: object) -> Response:
    """Turn a handler's result into a response that can be sent."""
    response = (
        result
        if isinstance(result, Response)
        else as_response(result, request, request.route and request.route.handler)
    )
    return await prepared(request, response) if response.prepares else response


def _origin(request: BaseRequest) -> str:
    """What a response that comes from inside the error boundary is from, for an error about it."""
    if request.route is None:
        return "a middleware, to a path without a route"
    return f"{describe(request.route.handler)}, as the middlewares around it have left it"


async def _raise_miss(request: BaseRequest) -> Response:
    """The endpoint for a request that no route matches: raises the 404 or 405, so that middleware sees it."""
    raise request.miss


def _keep_unsent(request: BaseRequest, response: Response | None) -> None:
    if response is not None:
        keep_unsent(request, response.body)


async def _try_hook(hook: Any, request: BaseRequest, response: Response) -> Response:
    """Return what a hook that prepares responses makes of this one; the same response, and a log line, if it fails."""
    changed = response.copy()
    changed.owner = request
    try:
        await hook(request, changed)
        check_response(request, changed)
    except ClientDisconnected:
        raise
    except BaseException as exc:
        if ends_task(exc):
            raise
        place = request.root_path + request.raw_path
        logger.exception("%s cannot prepare the answer to %s %r", describe(hook.function), request.method, place)
        return response
    return changed
