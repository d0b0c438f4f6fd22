"""Wraps an ASGI application as an `Application`, so that every backend can serve it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sketch.application import Application
from sketch.concurrency.containment import as_error, ends_task
from sketch.pipeline.boundary import answer_error
from sketch.serving.loading import is_sketch_application
from sketch_asgi.app import ASGIApplication
from sketch_asgi.hosting.answers import Written
from sketch_asgi.hosting.conversation import OVER, PARTS
from sketch_asgi.hosting.host import ASGIHost
from sketch_asgi.hosting.scope import http_scope

if TYPE_CHECKING:
    from sketch.lifecycle.stopping import Stopping
    from sketch.limits import Limits
    from sketch.request import Request
    from sketch.serving.asgi import ASGIApp
    from sketch.serving.contract import Answer
    from sketch.serving.options import ServeOptions
    from sketch.transport import AccessLog


class HostedApplication(Application):
    """An `Application` that passes all requests to a foreign application, past the router. It is a `Responder`.

    Args:
        app: `async (scope, receive, send)`.
        limits: what clients may ask of it.

    Raises:
        TypeError: if `app` is not an ASGI 3 application.
    """

    def __init__(self, app: ASGIApp, *, limits: Limits | None = None) -> None:
        super().__init__(repr(app), limits=limits)
        self.asgi = app
        self._host = ASGIHost(app)
        self.mount("/", self._host)
        if self.limits.handler_timeout is not None:  # the timeout needs a handler that returns
            self.respond = None  # type: ignore[assignment]

    async def startup(self, access_log: AccessLog | None = None) -> None:
        """Start the foreign application. What its lifespan hands out is the state."""
        await super().startup(access_log)
        self.state = self._host.state

    async def respond(self, request: Request, answer: Answer) -> None:
        """Let the foreign application write its response: see `sketch.serving.contract.Responder`."""
        request.app = self
        host = self._host
        conversation = Written(request, answer)
        error: Exception | None = None
        try:
            if request.has_body:
                request.check_announced_length()
            scope = http_scope(request, host.state, hints=True)
            if self.access_log is not None:
                request.inner_scope = scope
            await host.app(scope, conversation.receive, conversation.send)
        except BaseException as exc:
            if ends_task(exc):
                raise
            error = as_error(exc)
        finally:
            if conversation.kept:
                conversation.detach()
        if error is not None or conversation.stage != OVER:
            try:
                await self._see_to(conversation, error)
            finally:
                error = None  # its traceback refers to this frame, which would form a cycle

    async def _see_to(self, conversation: Written, error: Exception | None) -> None:
        """Answer in the application's place, or break its response off."""
        error = conversation.conclude(error)
        try:
            if error is not None and conversation.stage == PARTS:
                raise error
            if error is not None:
                conversation.reply(await answer_error(conversation.request, error))
        finally:
            error = None  # as in `respond`


class WrappedApplication(HostedApplication):
    """A sketch application inside raw ASGI middleware.

    Args:
        app: the sketch application, which keeps its own limits. The middleware gets the loosest limits of its routes.
        grace: seconds from the order to stop until what still runs is ended.
    """

    def __init__(self, app: Application, grace: float) -> None:
        super().__init__(app.wrapped(ASGIApplication(app, grace=grace, signals=False)))
        self._app = app
        self.debug, self.debug_locally = app.debug, app.debug_locally
        self.refusals = app.refusals  # the server's own; the application counts its requests itself

    @property
    def stopping(self) -> Stopping:
        """The `stopping` of the application inside."""
        return self._app.stopping

    async def startup(self, access_log: AccessLog | None = None) -> None:
        """Start, and apply the loosest limits of the application inside."""
        await super().startup(access_log)
        self.limits = _loosest(self._app)
        for mount in self.router.mounts():
            mount.limits = self.limits


def _loosest(app: Application) -> Limits:
    """Return, for each bound, the loosest of all routes. The handler timeout is kept inside."""
    every = [app.limits, *(route.limits for route in app.router.walk() if route.limits is not None)]
    return replace(
        app.limits,
        body=max(limits.body or 0 for limits in every),
        body_timeout=max(limits.body_timeout or 0 for limits in every),
        write_timeout=max(limits.write_timeout or 0 for limits in every),
        handler_timeout=None,
    )


def as_application(app: Application | ASGIApp) -> Application:
    """Return a sketch application as it is, and a foreign application wrapped as one."""
    return app if is_sketch_application(app) else HostedApplication(app)


def make_served(app: Application | ASGIApp, options: ServeOptions) -> HostedApplication:
    """Wrap a foreign application, or a sketch application with its raw ASGI middleware, for the native server."""
    if is_sketch_application(app):
        return WrappedApplication(app, options.shutdown_timeout)
    return HostedApplication(app, limits=options.limits)
