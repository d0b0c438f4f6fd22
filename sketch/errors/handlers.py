"""Registers error handlers by exception class and by status, and finds the one for an exception."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from sketch.callables import describe, is_coroutine_function, is_generator_function
from sketch.exceptions import HTTPException
from sketch.lifecycle.signals import Signal

if TYPE_CHECKING:
    from sketch.request import BaseRequest

ErrorHandler = Callable[[Any, Any], Any]
"""`async (request, exc) -> Response`. A `def` function is called in a thread, as handlers are."""

H = TypeVar("H", bound=ErrorHandler)


class ErrorHandlers:
    """The error handlers of one group or application, by exception class and by status, and its `exception` hooks.

    The handlers of the route's groups are asked first, the innermost group before the others; then those of the
    application, then those of the applications in which it is mounted. In each of these, a handler for the exception's
    class, or the nearest of its bases, comes before one for the status; for unexpected exceptions the hooks come last.
    An unexpected exception that none answers is logged and becomes a plain 500, or a page with details in debug.
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
        """Return a decorator that adds a handler. A wrong `kind` raises at once: see `add`."""
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
            raise ValueError(f"expected a status from 300 to 599, got {kind!r:.200}: no exception has another")
    elif not (isinstance(kind, type) and issubclass(kind, Exception)):
        raise TypeError(f"expected a status or an exception class, got {kind!r:.200}")


def _check_handler(handler: Callable[..., Any]) -> None:
    if is_generator_function(handler):
        raise TypeError(
            f"expected an error handler `async (request, exc)`, got the generator function {describe(handler)}, "
            "of which no line would run"
        )
    try:
        inspect.signature(handler).bind(None, None)
    except (TypeError, ValueError) as exc:  # ValueError: built-in functions may have no signature
        raise TypeError(f"expected an error handler `async (request, exc)`, got {describe(handler)}: {exc}") from None


def _in_thread(handler: ErrorHandler) -> ErrorHandler:
    @wraps(handler)
    async def call(request: BaseRequest, exc: Exception) -> Any:
        result = await request.app.threads.run(handler, request, exc)
        return await result if inspect.isawaitable(result) else result

    return call
