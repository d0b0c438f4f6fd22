"""From an exception to an answer: the one place where errors become responses."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Iterator
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from sketch.callables import describe, is_coroutine_function
from sketch.errors.problems import error_response
from sketch.exceptions import HTTPException, HTTPInternalServerError
from sketch.lifecycle.signals import Signal
from sketch.middleware.chain import own, prepared
from sketch.response import Response
from sketch.transport import ClientDisconnected

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.request import Request

logger = logging.getLogger("sketch")

ErrorHandler = Callable[["Request", Any], Any]
"""`async (request, exc) -> Response`. One by `def` is called in a thread, as handlers are."""

H = TypeVar("H", bound=ErrorHandler)


class ErrorHandlers:
    """The error handlers of one group or application, by exception class and by status, and its `exception` hooks.

    The handlers of the route's groups are asked first, the innermost before the others; then those of the application,
    then those of the applications in which it is mounted. Of one of these, a handler for the exception's class, or the
    nearest of its bases, comes before one for the status, and for unexpected exceptions the hooks come last. What
    nobody answers is logged and becomes a plain 500, or a page with details in debug.
    """

    def __init__(self) -> None:
        self.exception = Signal("exception", "request", "exc")
        self._by_class: dict[type[Exception], ErrorHandler] = {}
        self._by_status: dict[int, ErrorHandler] = {}
        self._frozen = False

    def add(self, kind: int | type[Exception], handler: ErrorHandler) -> None:
        """Register a handler.

        Raises:
            TypeError: for anything but a status or an exception class, and for what cannot be called with
                `(request, exc)`.
            ValueError: for a status that no HTTPException has.
            RuntimeError: after the application has started.
        """
        if self._frozen:
            raise RuntimeError("expected error handlers to be registered before the application starts")
        _check_kind(kind)
        _check_handler(handler)
        awaited = handler if is_coroutine_function(handler) else _in_thread(handler)
        if isinstance(kind, int):
            self._by_status[kind] = awaited
        else:
            self._by_class[kind] = awaited

    def register(self, kind: int | type[Exception]) -> Callable[[H], H]:
        """The decorator that adds a handler. What is wrong with `kind` is raised at once: see `add`."""
        _check_kind(kind)

        def decorate(handler: H) -> H:
            self.add(kind, handler)
            return handler

        return decorate

    def freeze(self) -> None:
        """Refuse changes from now on."""
        self._frozen = True
        self.exception.freeze()

    def find(self, exc: Exception) -> ErrorHandler | None:
        """The handler for an exception: for its class, else its nearest base, else its status."""
        for kind in type(exc).__mro__:
            handler = self._by_class.get(kind)
            if handler is not None:
                return handler
        return self._by_status.get(exc.status) if isinstance(exc, HTTPException) else None

    def find_status(self, status: int) -> ErrorHandler | None:
        """The handler for a status."""
        return self._by_status.get(status)


def _check_kind(kind: object) -> None:
    if isinstance(kind, int) and not isinstance(kind, bool):
        if not 300 <= kind <= 599:
            raise ValueError(f"expected a status from 300 to 599, got {kind!r}: no exception has another")
    elif not (isinstance(kind, type) and issubclass(kind, Exception)):
        raise TypeError(f"expected a status or an exception class, got {kind!r}")


def _check_handler(handler: Callable[..., Any]) -> None:
    try:
        inspect.signature(handler).bind(None, None)
    except TypeError as exc:
        raise TypeError(f"expected an error handler `async (request, exc)`, got {describe(handler)}: {exc}") from None


def _in_thread(handler: ErrorHandler) -> ErrorHandler:
    @wraps(handler)
    async def call(request: Request, exc: Exception) -> Any:
        result = await request.app.threads.run(handler, request, exc)
        return await result if inspect.isawaitable(result) else result

    return call


async def answer_error(request: Request, exc: Exception) -> Response:
    """The response for an exception. Never raises but `ClientDisconnected`: an error in a handler is a plain 500.

    A group that holds one exception counts as that exception, and so does one of many that all say that the client
    has left: it does not matter whether a handler works in a task group.
    """
    while isinstance(exc, ExceptionGroup) and (
        len(exc.exceptions) == 1 or all(isinstance(inner, ClientDisconnected) for inner in exc.exceptions)
    ):
        exc = exc.exceptions[0]
    if isinstance(exc, ClientDisconnected):
        raise exc
    try:
        response = await _answer(request, exc)
        return await prepared(request, response) if response.prepares else response
    except ClientDisconnected:
        raise
    except Exception as second:
        return unexpected(request, second)


def _levels(request: Request) -> Iterator[tuple[ErrorHandlers, Application]]:
    """Whose handlers are asked, the nearest first: the route's groups, its application, those it is mounted in.

    An error outside a mounted application, in a middleware round it, is no affair of the groups inside.
    """
    if request.route is not None and request.route.home is request.app:
        for group in reversed(request.route.groups):
            yield group.errors, request.app
    app: Application | None = request.app
    while app is not None:
        yield app.errors, app
        app = app.parent


async def _ask(handler: Callable[..., Awaitable[Any]], request: Request, exc: Exception, app: Application) -> Any:
    """What a handler answers, as the application whose handler it is: it may be one round that of the request."""
    if app is request.app:
        return await handler(request, exc)
    place = request.place
    request.leave(request.place_in(app))
    try:
        return await handler(request, exc)
    finally:
        request.leave(place)


async def _answer(request: Request, exc: Exception) -> Response:
    expected = isinstance(exc, HTTPException)
    for level, app in _levels(request):
        handler = level.find(exc)
        if handler is not None:
            return own(await _ask(handler, request, exc, app), request, handler)
        if not expected:
            for receiver in level.exception.receivers:
                result = await _ask(receiver, request, exc, app)
                if result is not None:
                    return own(result, request, receiver)
    if isinstance(exc, HTTPException):
        # An exception object may be raised a thousand times: its traceback would grow and keep every frame alive.
        exc.__traceback__ = None
        return own(exc, request, _answer)
    response = unexpected(request, exc)
    if not request.app.debug:
        for level, app in _levels(request):
            handler = level.find_status(500)
            if handler is not None:
                return own(await _ask(handler, request, exc, app), request, handler)
    return response


def unexpected(request: Request, exc: Exception) -> Response:
    """Log an error that nobody expected. To the client it says nothing, unless the application is in debug."""
    request.error = exc
    logger.error("error while handling %s %r", request.method, request.root_path + request.raw_path, exc_info=exc)
    if request.app.debug:
        from sketch.errors.debug import debug_response  # only developers need it

        try:
            return debug_response(request, exc)
        except Exception:
            logger.exception("the page that shows the error failed itself")
    return error_response(request, HTTPInternalServerError())
