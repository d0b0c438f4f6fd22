"""Facts about the callables that users pass: their name, where they are defined, whether they are awaited."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

Work = Callable[[], Any]
"""A function without arguments: a coroutine function, or a plain one, which may block: it is called in a thread."""


def name_of(function: object) -> str:
    """The name of a callable, for messages; its `repr()` if it has none."""
    return getattr(function, "__qualname__", None) or repr(function)


def describe(handler: object) -> str:
    """A handler's name and where it is defined, for messages."""
    inside, place = innermost(handler), find_place(handler)
    name = name_of(inside)
    return f"{name} ({place})" if place else name


def innermost(handler: object) -> object:
    """The callable inside partials and decorators."""
    while isinstance(handler, partial):
        handler = handler.func
    return inspect.unwrap(handler) if callable(handler) else handler


def find_place(handler: object) -> str | None:
    """The file and line where a handler is defined, None if they cannot be found."""
    handler = innermost(handler)
    return _class_place(handler) if isinstance(handler, type) else _code_place(handler)


def _code_place(handler: object) -> str | None:
    code = getattr(handler, "__code__", None)
    if code is None and callable(handler):
        code = getattr(handler.__call__, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else None


def _class_place(handler: type) -> str | None:
    try:
        return f"{inspect.getsourcefile(handler)}:{inspect.getsourcelines(handler)[1]}"
    except (OSError, TypeError):  # no source available: messages have the name alone
        return None


def close_coroutine(value: object) -> bool:
    """Close a coroutine that will not be awaited, which avoids a warning about it; whether the value was one."""
    if not inspect.iscoroutine(value):
        return False
    value.close()
    return True


def is_coroutine_function(handler: object) -> bool:
    """Whether calling a handler returns a coroutine, also for partials and for objects with an async `__call__`."""
    return _calls(inspect.iscoroutinefunction, handler)


def is_async_generator_function(function: object) -> bool:
    """Whether calling a function returns an async generator, also for partials and objects."""
    return _calls(inspect.isasyncgenfunction, function)


def is_generator_function(function: object) -> bool:
    """Whether calling a function runs nothing of it, as it returns a generator of either kind."""
    return _calls(inspect.isgeneratorfunction, function) or is_async_generator_function(function)


def _calls(test: Callable[[Any], bool], function: object) -> bool:
    """Whether a test is true of the function that a call runs: inside partials, of an object its `__call__`."""
    while isinstance(function, partial):
        function = function.func
    if test(function):
        return True
    # Calling a class returns an instance, even if the instances have such a `__call__`.
    return callable(function) and not isinstance(function, type) and test(function.__call__)
