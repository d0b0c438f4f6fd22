"""`Metrics`: counts what an application does, and shows it to Prometheus."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from sketch.application import Application
from sketch.exceptions import HTTPMethodNotAllowed, HTTPNotFound, HTTPServiceUnavailable
from sketch.keys import AppKey
from sketch.observability.metrics.counting import Counting
from sketch.observability.metrics.exposition import TEXT, Exposition
from sketch.observability.metrics.figures import Figures
from sketch.observability.metrics.lag import LagMeter
from sketch.observability.permission import Allow, Permission
from sketch.request import Request
from sketch.response import Response
from sketch.streams.stream import StreamResponse

__all__ = ["METRICS", "Metrics"]


class Metrics:
    """Counts the requests of an application by route template, method and status class, for Prometheus.

        Metrics().attach(app)

    The option `metrics_bind` serves them at an address of their own; with workers, those of all workers added up.

    Raises:
        ImportError: without prometheus-client; it says what to install.
    """

    def __init__(self) -> None:
        check_installed()
        self.figures = Figures()
        """What the requests of this process have come to. In a worker, what the parent does not know yet."""
        self.counting = Counting(self.figures)
        self.gather: Callable[[], AsyncIterator[bytes]] = self._gather
        """Yields the text in slices. The worker of a parent asks the parent, which knows the figures of all."""
        self.listener: Callable[[Exposition], AbstractAsyncContextManager[Any]] | None = None
        """Serves the text at an address of its own while the application runs. Set by `metrics_bind`."""
        self.exposition = Exposition(lambda: self.gather())
        self._app: Application | None = None
        self._permission: Permission | None = None

    def attach(self, app: Application, *, path: str | None = None, allow: Allow | None = None) -> None:
        """Count the requests of an application, which has not started, with those of all that is mounted in it.

        Args:
            app: the outermost application.
            path: where it shows them itself: `"/metrics"`. Without it they are only where `metrics_bind` says.
            allow: which requests may see them there: networks or a function, see `Permission`. Others get a 404.
                It has no default.

        Raises:
            RuntimeError: after the start of the application, and if metrics are attached already.
            TypeError: for a path without `allow`, and the other way round.
            ValueError: if the application has a route with this path.
        """
        if self._app is not None or METRICS in app:
            raise RuntimeError(f"expected one Metrics for one application, got another for {app!r:.200}")
        if app.pipeline.frozen:
            raise RuntimeError(f"expected Metrics before the application starts, got them after, for {app!r:.200}")
        if (path is None) != (allow is None):
            raise TypeError(
                "expected path and allow together: the metrics of an application are not for every client, got "
                f"path={path!r:.200}, allow={allow!r:.200}"
            )
        if path is not None and allow is not None:
            self._permission = Permission(allow)
            # Every method, so that a 405 does not tell the others that it is there.
            app.add_route("*", path, self._answer, include_in_schema=False)
        app.observers.append(self.counting.finished)
        app.refusals.append(self.counting.refused)
        app.pipeline.wrap_find(self.counting.wrap_find)
        app.cleanup_ctx.append(self._live)
        app[METRICS] = self
        self._app = app

    async def _live(self, _: Application) -> AsyncIterator[None]:
        """Measure the event loop's lag, and listen, from before the first request until after the last."""
        if self.gather == self._gather:  # now: the first that asks shall not hold up the event loop
            import_module("sketch.observability.metrics.families")
        async with nullcontext() if self.listener is None else self.listener(self.exposition):
            meter = LagMeter(self.figures)
            try:
                yield
            finally:
                meter.stop()

    async def _gather(self) -> AsyncIterator[bytes]:
        from sketch.observability.metrics.families import Workers, slices  # a worker of a parent needs no formats

        ready = self._app is not None and not self._app.stopping.announced
        for text in slices(self.figures, self.counting.active, Workers(ready=int(ready))):
            yield text

    async def _answer(self, request: Request) -> Response:
        if self._permission is None or not await self._permission.allows(request):
            raise HTTPNotFound
        if request.method not in ("GET", "HEAD"):
            raise HTTPMethodNotAllowed(["GET", "HEAD"])
        return await show(self.exposition)


async def show(exposition: Exposition) -> Response:
    """Return the text as a response.

    Raises:
        HTTPServiceUnavailable: if the parent of the workers does not answer.
    """
    try:
        blocks = await exposition.blocks()
    except ConnectionError as exc:
        raise HTTPServiceUnavailable("the metrics cannot be read now") from exc
    length = sum(map(len, blocks))
    headers = {"Content-Length": str(length), "Cache-Control": "no-store"}
    return StreamResponse(_each(blocks), headers=headers, content_type=TEXT)


async def _each(blocks: list[bytes]) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


def check_installed() -> None:
    """Check that prometheus-client is installed.

    Raises:
        ImportError: it says what to install.
    """
    if find_spec("prometheus_client") is None:  # workers have no use for it, so it is not imported here
        raise ImportError("metrics need prometheus-client: pip install 'sketch-web[metrics]'")


METRICS = AppKey[Metrics]("sketch.metrics")
"""The `Metrics` of an application."""
