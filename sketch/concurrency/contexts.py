"""Carries context variables from one context to another: from a thread to its caller, from the start to a request."""

from __future__ import annotations

from contextvars import Context, ContextVar, copy_context
from typing import Any

Variables = tuple[tuple[ContextVar[Any], Any], ...]
"""Context variables, each with its value."""

_MISSING: Any = object()


def changed_since(before: Context, after: Context | None = None) -> Variables:
    """Return the variables of a context, by default the current one, with another value in `before`, or none there."""
    items = (copy_context() if after is None else after).items()
    return tuple((variable, value) for variable, value in items if before.get(variable, _MISSING) is not value)


def set_variables(variables: Variables) -> None:
    """Set the variables in the current context."""
    for variable, value in variables:
        variable.set(value)
