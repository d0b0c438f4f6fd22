"""The interface between the pipeline and its application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sketch.errors.handlers import ErrorHandlers
from sketch.lifecycle.signals import Signal
from sketch.limits import Limits
from sketch.middleware.chain import Middleware
from sketch.results import Endpoint
from sketch.routing import Mount, Router
from sketch.transport import AccessLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sketch.binding.arguments import Dependency


class PipelineApp(Protocol):
    """What the pipeline needs of its application: what it folds, and what it asks for each request."""

    router: Router
    limits: Limits
    middlewares: list[Middleware]
    outer_middlewares: list[Middleware]
    guards: Sequence[Dependency]
    errors: ErrorHandlers
    before_request: Signal
    after_request: Signal
    on_response_prepare: Signal
    on_finished: Signal
    listened: bool
    observers: list[AccessLog]
    access_log: AccessLog | None
    own_debug: bool
    debug_locally: bool

    @property
    def parent(self) -> PipelineApp | None:
        """The application in which this one is mounted."""
        ...

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """The mounts that lead to this application, the outermost first."""
        ...

    @property
    def pipeline(self) -> OuterPipeline:
        """The application's own pipeline."""
        ...

    def freeze(self) -> None:
        """Refuse changes, and have the pipeline fold the routes."""


class OuterPipeline(Protocol):
    """What the pipeline of a mounted application needs of the one around it."""

    def outward(self, endpoint: Endpoint) -> Endpoint:
        """Wrap an endpoint in the mounts and the middleware of the enclosing applications."""
        ...
