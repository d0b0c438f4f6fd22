"""How the function of a dependency is called, by its kind, and how what it has opened is left."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from sketch.binding.sources import Scope
from sketch.callables import is_async_generator_function, is_coroutine_function, is_generator_function

if TYPE_CHECKING:
    from sketch.binding.resolution import Resolution

Enter = Callable[..., Awaitable[Any]]
"""`async (resolution, *args, **kwargs)`: returns the value, and keeps its exit."""


def exits(function: Callable[..., Any]) -> bool:
    """Whether a function has an exit: a generator, a context manager, or a class that is one."""
    return is_generator_function(function) or _manager_kind(function) is not None


def _manager_kind(function: Any) -> str | None:
    """Whether what a function returns is entered: "async", "sync", or None.

    An object that merely can be entered is not: what returns a session may leave it to its user to enter.
    """
    function = _inside_partials(function)
    if isinstance(function, type):
        if hasattr(function, "__aenter__") and hasattr(function, "__aexit__"):
            return "async"
        return "sync" if hasattr(function, "__enter__") and hasattr(function, "__exit__") else None
    inner = inspect.unwrap(function)
    if inner is function or is_generator_function(function) or is_coroutine_function(function):
        return None
    if is_async_generator_function(inner):
        return "async"
    return "sync" if is_generator_function(inner) else None


def _inside_partials(function: Any) -> Any:
    while isinstance(function, partial):
        function = function.func
    return function


def find_enter(function: Callable[..., Any], scope: Scope) -> Enter:
    """Make the call of a dependency's function, by its kind."""
    if is_async_generator_function(function):
        return partial(_enter_async, asynccontextmanager(function), scope)
    if is_generator_function(function):
        return partial(_enter_sync, contextmanager(function), scope)
    kind = _manager_kind(function)
    if kind == "async":
        return partial(_enter_async, _entered(function, asynccontextmanager), scope)
    if kind == "sync":
        return partial(_enter_sync, _entered(function, contextmanager), scope)
    if is_coroutine_function(function):
        return partial(_await, function)
    if isinstance(_inside_partials(function), type):
        return partial(_make, function)
    return partial(_call_in_thread, function)


def _entered(function: Callable[..., Any], to_manager: Callable[..., Any]) -> Callable[..., Any]:
    """Make the function that returns a context manager, of one that may return a generator as its decorator does."""
    if isinstance(_inside_partials(function), type):
        return function

    def make(*args: Any, **kwargs: Any) -> Any:
        made = function(*args, **kwargs)
        return to_manager(lambda: made)() if inspect.isgenerator(made) or inspect.isasyncgen(made) else made

    return make


async def _await(function: Callable[..., Any], _: Resolution, /, *args: Any, **kwargs: Any) -> Any:
    return await function(*args, **kwargs)


async def _make(kind: Callable[..., Any], _: Resolution, /, *args: Any, **kwargs: Any) -> Any:
    return kind(*args, **kwargs)


async def _call_in_thread(function: Callable[..., Any], resolution: Resolution, /, *args: Any, **kwargs: Any) -> Any:
    value = await resolution.request.app.threads.run(function, *args, **kwargs)
    return await value if inspect.iscoroutine(value) else value  # its decorator is no coroutine function


async def _enter_async(
    make: Callable[..., Any], scope: Scope, resolution: Resolution, /, *args: Any, **kwargs: Any
) -> Any:
    manager = make(*args, **kwargs)
    value = await manager.__aenter__()

    async def leave(error: BaseException | None) -> None:
        await manager.__aexit__(*_details(error))

    resolution.keep(leave, scope)
    return value


async def _enter_sync(
    make: Callable[..., Any], scope: Scope, resolution: Resolution, /, *args: Any, **kwargs: Any
) -> Any:
    manager = make(*args, **kwargs)
    threads = resolution.request.app.threads
    value = await threads.enter(manager)

    async def leave(error: BaseException | None) -> None:
        await threads.run(manager.__exit__, *_details(error))

    resolution.keep(leave, scope)
    return value


def _details(error: BaseException | None) -> tuple[Any, Any, Any]:
    return (None, None, None) if error is None else (type(error), error, error.__traceback__)
