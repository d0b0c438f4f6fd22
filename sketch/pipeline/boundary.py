"""The error boundary: turns an exception into a response."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from sketch.callables import describe
from sketch.concurrency.containment import as_error, ends_task
from sketch.errors.handlers import ErrorHandlers
from sketch.errors.problems import error_response
from sketch.exceptions import HTTPException, HTTPInternalServerError
from sketch.pipeline.finalize import check_response
from sketch.pipeline.resources import keep_unsent
from sketch.request.local import is_local
from sketch.response import Response
from sketch.results import as_response, must_prepare, prepare_response
from sketch.transport import ClientDisconnected

if TYPE_CHECKING:
    from sketch.pipeline.contract import PipelineApp
    from sketch.request import BaseRequest

logger = logging.getLogger("sketch")

T = TypeVar("T")


async def answer_error(request: BaseRequest, raised: BaseException) -> Response:
    """Make the response for an exception that does not end the task. An error in an error handler is a 500.

    Raises only `ClientDisconnected`, and what ends the task.
    An exception group with one exception counts as that exception, and a group of several `ClientDisconnected` as one
    of them: it makes no difference whether a handler uses a task group.
    """
    exc = as_error(raised)
    while isinstance(exc, ExceptionGroup) and (
        len(exc.exceptions) == 1 or all(isinstance(inner, ClientDisconnected) for inner in exc.exceptions)
    ):
        exc = exc.exceptions[0]
    if isinstance(exc, ClientDisconnected):
        raise exc
    if request.finishing is not None or request.app.watched:
        request.raised = exc
    try:
        return await _answer(request, exc)
    except ClientDisconnected:
        raise
    except BaseException as second:
        if ends_task(second):
            raise
        return unexpected(request, as_error(second))


def _levels(request: BaseRequest) -> Iterator[tuple[ErrorHandlers, PipelineApp]]:
    """The error handlers to ask, nearest first: of the route's groups, its application, and those it is mounted in.

    The groups are skipped for an error in a middleware around the route's application.
    """
    if request.route is not None and request.route.home is request.app:
        for group in reversed(request.route.groups):
            yield group.errors, request.app
    app: PipelineApp | None = request.app
    while app is not None:
        yield app.errors, app
        app = app.parent


async def call_in(
    app: PipelineApp, function: Callable[..., Awaitable[Any]], request: BaseRequest, about: object
) -> Any:
    """Call a handler or listener of `app`, the request's or an enclosing application, with `app` as `request.app`.

    Args:
        app, function: the application and its function.
        request, about: what the function is called with: the request, and an exception or an outcome.
    """
    if app is request.app:
        return await function(request, about)
    place = request.place
    request.move_to(place.in_app(app))
    try:
        return await function(request, about)
    finally:
        request.move_to(place)


async def _answer(request: BaseRequest, exc: Exception) -> Response:
    expected = isinstance(exc, HTTPException)
    for level, app in _levels(request):
        handler = level.find(exc)
        if handler is not None:
            return await checked_answer(request, await call_in(app, handler, request, exc), handler)
        if not expected:
            for receiver in level.exception.receivers:
                result = await call_in(app, receiver, request, exc)
                if result is not None:
                    return await checked_answer(request, result, receiver.function)
    if isinstance(exc, HTTPException):
        # An exception object may be raised many times: its traceback would grow and keep every frame alive.
        exc.__traceback__ = None
        if shows_details(request) and (explained := explained_answer(request, exc)) is not None:
            return explained
        if type(exc).to_response is HTTPException.to_response:  # it checks what it makes its response of
            return as_response(exc, request, exc)
        return await checked_answer(request, exc, type(exc).to_response)
    response = unexpected(request, exc)
    if not shows_details(request):
        for level, app in _levels(request):
            handler = level.find_status(500)
            if handler is not None:
                return await checked_answer(request, await call_in(app, handler, request, exc), handler)
    return response


async def checked_answer(request: BaseRequest, result: object, source: object) -> Response:
    """Make a response that can be sent of what an error handler or hook has returned, or of an exception."""
    response = await prepared(request, as_response(result, request, source))
    attempt(check_response, request, response, lambda _: describe(source))
    return response


async def prepared(request: BaseRequest, response: Response) -> Response:
    """Return a response, or the one that its `prepare` makes."""
    return await prepare_response(request, response) if must_prepare(response, request) else response


def attempt(
    step: Callable[[BaseRequest, Response], T],
    request: BaseRequest,
    response: Response,
    origin: Callable[[BaseRequest], str],
) -> T:
    """Check or finalize a response. An error gets a note of where the response is from, and the body is closed.

    Args:
        step: `check_response` or `finalize`.
        request, response: its arguments.
        origin: returns the text of the note.
    """
    try:
        return step(request, response)
    except Exception as exc:
        keep_unsent(request, response.body)
        exc.add_note(f"in the response of {origin(request)}")
        raise


def shows_details(request: BaseRequest) -> bool:
    """Whether the client is shown the details of errors: debug is on, for everyone or because the request is local."""
    app: PipelineApp | None = request.app
    while app is not None:
        if app.own_debug and (not app.debug_locally or is_local(request)):
            return True
        app = app.parent
    return False


def explained_answer(request: BaseRequest, exc: HTTPException) -> Response | None:
    """Make the response that tells a developer more about an exception; None if there is no more to tell.

    For the 404 that routing has raised it lists the routes, for others what they explain.
    """
    from sketch.errors.debug import explained_response, missed_response  # only developers need it

    try:
        if exc is getattr(request, "miss", None):
            return missed_response(request) if exc.status == 404 else None
        return explained_response(request, exc)
    except Exception:
        logger.exception("the page that explains the error failed itself")
        return None


def unexpected(request: BaseRequest, exc: Exception) -> Response:
    """Log an unexpected error, and make a 500 that says nothing about it unless the application is in debug."""
    request.error = exc
    logger.error("error while handling %s %r", request.method, request.root_path + request.raw_path, exc_info=exc)
    if shows_details(request):
        from sketch.errors.debug import debug_response  # only developers need it

        try:
            return debug_response(request, exc)
        except BaseException as second:
            if ends_task(second):
                raise
            logger.exception("the page that shows the error failed itself", exc_info=as_error(second))
    return error_response(request, HTTPInternalServerError())
