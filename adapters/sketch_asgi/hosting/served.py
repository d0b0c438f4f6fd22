"""An ASGI application in the place of an `Application`: what our own server serves where it is not ours."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sketch.application import Application
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


class HostedApplication(Application):
    """An application that is nothing but another one's: requests go to it past the router. It is a `Responder`.

    Args:
        app: `async (scope, receive, send)`.
        limits: what clients may ask of it.

    Raises:
        TypeError: for what is no ASGI 3 application.
    """

    def __init__(self, app: ASGIApp, *, limits: Limits | None = None) -> None:
        super().__init__(repr(app), limits=limits)
        self.asgi = app
        self._host = ASGIHost(app)
        self.mount("/", self._host)
        if self.limits.handler_timeout is not None:  # a timeout is of handlers that return
            self.respond = None  # type: ignore[assignment]

    async def startup(self) -> None:
        """Start it. What its lifespan hands out is the state."""
        await super().startup()
        self.state = self._host.state

    async def respond(self, request: Request, answer: Answer) -> None:
        """Let the application write its answer: see `sketch.serving.contract.Responder`."""
        request.app = self
        host = self._host
        conversation = Written(request, answer)
        error: Exception | None = None
        try:
            if request.has_body:
                request.check_announced_length()
            await host.app(http_scope(request, host.state), conversation.receive, conversation.send)
        except Exception as exc:
            error = exc
        finally:
            if conversation.kept:
                conversation.detach()
        if error is not None or conversation.stage != OVER:
            try:
                await self._see_to(conversation, error)
            finally:
                error = None  # it knows this frame: what the application has left would wait for the garbage collector

    async def _see_to(self, conversation: Written, error: Exception | None) -> None:
        """Answer in the application's place, or break its answer off."""
        error = conversation.conclude(error)
        try:
            if error is not None and conversation.stage == PARTS:
                raise error
            if error is not None:
                conversation.reply(await answer_error(conversation.request, error))
        finally:
            error = None  # as above


class WrappedApplication(HostedApplication):
    """An application of ours inside raw ASGI middleware.

    Args:
        app: inside, where its own limits are kept. Outside are the loosest of its routes, for middleware that reads.
        grace: seconds between the order to stop and the end of what still runs then.
    """

    def __init__(self, app: Application, grace: float) -> None:
        super().__init__(app.wrapped(ASGIApplication(app, grace=grace)))
        self._app = app
        self.debug = app.debug

    @property
    def stopping(self) -> Stopping:
        """That of the application inside."""
        return self._app.stopping

    async def startup(self) -> None:
        """Start, and take over the limits."""
        await super().startup()
        self.limits = _loosest(self._app)
        for mount in self.router.mounts():
            mount.limits = self.limits


def _loosest(app: Application) -> Limits:
    """For each bound that of the route which bounds least; how long a handler takes is bounded inside."""
    every = [app.limits, *(route.limits for route in app.router.walk() if route.limits is not None)]
    return replace(
        app.limits,
        body=max(limits.body or 0 for limits in every),
        body_timeout=max(limits.body_timeout or 0 for limits in every),
        write_timeout=max(limits.write_timeout or 0 for limits in every),
        handler_timeout=None,
    )


def as_application(app: Application | ASGIApp) -> Application:
    """An application of ours as it is, and any other in the place of one."""
    return app if is_sketch_application(app) else HostedApplication(app)


def make_served(app: Application | ASGIApp, options: ServeOptions) -> HostedApplication:
    """What our own server serves for an application that is not ours, or has raw ASGI middleware round it."""
    if is_sketch_application(app):
        return WrappedApplication(app, options.shutdown_timeout)
    return HostedApplication(app, limits=options.limits)
