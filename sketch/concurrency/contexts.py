"""Carries context variables from one context to another: from a thread to its caller, from the start to a request."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from typing import Any

from sketch.callables import name_of

Variables = tuple[tuple[ContextVar[Any], Any], ...]
"""Context variables, each with its value."""

_MISSING: Any = object()


def changed_since(before: Context) -> Variables:
    """Return the variables of the current context that have another value in `before`, or none there."""
    items = copy_context().items()
    return tuple((variable, value) for variable, value in items if before.get(variable, _MISSING) is not value)


def set_variables(variables: Variables) -> None:
    """Set the variables in the current context."""
    for variable, value in variables:
        variable.set(value)


class Recorded:
    """A function that returns its result together with the context variables that it has set."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.__qualname__ = name_of(function)

    def __call__(self, *arguments: Any) -> tuple[Any, Variables]:
        """Call the function. Raises what it does."""
        before = copy_context()
        return self._function(*arguments), changed_since(before)
