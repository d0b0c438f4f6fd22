"""The end of an exchange: what is done once the last byte is written, or it is clear that none will be."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from sketch.concurrency.containment import as_error, ends_task
from sketch.concurrency.tasks import await_all
from sketch.lifecycle.background import begin_work
from sketch.pipeline.boundary import call_in
from sketch.pipeline.resources import close_resources

if TYPE_CHECKING:
    from sketch.callables import Work
    from sketch.pipeline.contract import PipelineApp
    from sketch.request import BaseRequest
    from sketch.transport import AccessLog, Outcome

logger = logging.getLogger("sketch")


async def finish(app: PipelineApp, request: BaseRequest, outcome: Outcome, logged: bool) -> None:
    """End an exchange of `app`, the outermost application; see `Application.finished`."""
    note_end(app, request, outcome, logged)
    finishing = request.finishing
    if finishing is None and not app.listened:
        return
    request.finishing = None
    request.reenter()
    calls = _listeners(request, outcome)
    if finishing is not None:
        exits = [partial(leave, outcome.error) for leave in reversed(finishing.exits)]
        closing = partial(close_resources, request, finishing.resources)
        calls = [closing, partial(_begin_background, request, finishing.background), *exits, *calls]
    await await_all(calls, f"the end of {request.method} {request.raw_path!r}")


class Observed(Protocol):
    """What has to be told of the end of an exchange."""

    @property
    def access_log(self) -> AccessLog | None:
        """Writes the access log's line, None without a log."""
        ...

    @property
    def observers(self) -> Sequence[AccessLog]:
        """Are called with each exchange that has ended."""
        ...


def note_end(app: Observed, request: BaseRequest, outcome: Outcome, logged: bool = False) -> None:
    """Tell the observers and the access log of the end of an exchange; see `Application.finished`.

    That is all of it where `request.finishing` is None and `Application.listened` is False: an adapter may do it
    without a coroutine then.
    """
    request.raised = None  # its traceback refers to the request, which would form a cycle
    for observer in app.observers:
        _tell(observer, request, outcome, "error in an observer of")
    if not logged and app.access_log is not None:
        _tell(app.access_log, request, outcome, "error in the access log of")


def log_outcome(access_log: AccessLog | None, request: BaseRequest, outcome: Outcome) -> None:
    """Write the access log's line, if there is a log. An error in it is logged."""
    if access_log is not None:
        _tell(access_log, request, outcome, "error in the access log of")


def _tell(observer: AccessLog, request: BaseRequest, outcome: Outcome, error: str) -> None:
    try:
        observer(request, outcome)
    except BaseException as exc:
        if ends_task(exc):
            raise
        logger.exception("%s %s %r", error, request.method, request.raw_path, exc_info=as_error(exc))


async def _begin_background(request: BaseRequest, functions: Iterable[Work]) -> None:
    occasion = f"{request.method} {request.root_path + request.raw_path!r}"
    for work in functions:
        begin_work(work, occasion, request.app.spawn, request.app.threads)


def _listeners(request: BaseRequest, outcome: Outcome) -> list[Callable[[], Awaitable[Any]]]:
    """The listeners of the application that has answered, then those of the ones around it."""
    app: PipelineApp | None = request.app
    calls: list[Callable[[], Awaitable[Any]]] = []
    while app is not None:
        calls += [partial(call_in, app, listener, request, outcome) for listener in app.on_finished.receivers]
        app = app.parent
    return calls
