"""From an exception to an answer: the one place where errors become responses."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from sketch.exceptions import HTTPException, HTTPInternalServerError
from sketch.middleware.chain import own
from sketch.response import Response
from sketch.signals import Signal
from sketch.transport import ClientDisconnected

if TYPE_CHECKING:
    from sketch.request import Request

logger = logging.getLogger("sketch")

ErrorHandler = Callable[["Request", Any], Awaitable[Response]]
"""`async (request, exc) -> Response`."""

H = TypeVar("H", bound=ErrorHandler)


class ErrorHandlers:
    """Error handlers by exception class and by status, and what happens without one.

    A handler for the exception's class, or the nearest of its bases, comes before one for the status. What no handler
    and no `exception` hook answers is logged and becomes a plain 500, or a page with details in debug.
    """

    def __init__(self) -> None:
        self.exception = Signal("exception", "request", "exc")
        self._by_class: dict[type[Exception], ErrorHandler] = {}
        self._by_status: dict[int, ErrorHandler] = {}
        self._frozen = False

    def add(self, kind: int | type[Exception], handler: ErrorHandler) -> None:
        """Register a handler.

        Raises:
            TypeError: for anything but a status or an exception class.
            RuntimeError: after the application has started.
        """
        if self._frozen:
            raise RuntimeError("expected error handlers to be registered before the application starts")
        if isinstance(kind, int):
            self._by_status[kind] = handler
        elif isinstance(kind, type) and issubclass(kind, Exception):
            self._by_class[kind] = handler
        else:
            raise TypeError(f"expected a status or an exception class, got {kind!r}")

    def register(self, kind: int | type[Exception]) -> Callable[[H], H]:
        """The decorator that adds a handler."""

        def decorate(handler: H) -> H:
            self.add(kind, handler)
            return handler

        return decorate

    def freeze(self) -> None:
        """Refuse changes from now on."""
        self._frozen = True
        self.exception.freeze()

    async def answer(self, request: Request, exc: Exception) -> Response:
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
            response = await self._answer(request, exc)
            return await response.prepare(request) if response.prepares else response
        except ClientDisconnected:
            raise
        except Exception as second:
            return unexpected(request, second)

    async def _answer(self, request: Request, exc: Exception) -> Response:
        handler = self._find(exc)
        if handler is None and not isinstance(exc, HTTPException):
            for receiver in self.exception.receivers:
                result = await receiver(request, exc)
                if result is not None:
                    return own(result, request, receiver)
            response = unexpected(request, exc)
            handler = self._by_status.get(500)
            if handler is None or request.app.debug:
                return response
        if handler is not None:
            return own(await handler(request, exc), request, handler)
        # An exception object may be raised a thousand times: its traceback would grow and keep every frame alive.
        exc.__traceback__ = None
        return own(exc, request, self)

    def _find(self, exc: Exception) -> ErrorHandler | None:
        for kind in type(exc).__mro__:
            handler = self._by_class.get(kind)
            if handler is not None:
                return handler
        return self._by_status.get(exc.status) if isinstance(exc, HTTPException) else None


def unexpected(request: Request, exc: Exception) -> Response:
    """Log an error that nobody expected. To the client it says nothing, unless the application is in debug."""
    request.error = exc
    logger.error("error while handling %s %r", request.method, request.raw_path, exc_info=exc)
    if not request.app.debug:
        return HTTPInternalServerError().to_response()
    from sketch.debug import debug_response  # only developers need it

    return debug_response(request, exc)
