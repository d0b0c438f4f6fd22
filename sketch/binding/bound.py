"""What becomes of a handler when its route is added: its call, and what it declares."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from sketch.binding.arguments import Arguments

Handler = Callable[..., Any]
Call = Callable[[Any], Awaitable[Any]]
"""A handler with its arguments filled in."""

Invoke = Callable[[Handler, Any], Awaitable[Any]]
"""`async (function, request)`: calls the function, or a method, with the arguments that were planned for it."""


class Bound(NamedTuple):
    """The call of a handler, and what its parameters and its result declare."""

    call: Call
    arguments: tuple[Arguments, ...] = ()
    """Those of a typed handler; of a view, one for each of its methods that is typed."""
    returns: object = inspect.Parameter.empty
    """The declared type of the result, `Parameter.empty` if it is a response, or none is declared."""
    by_method: Mapping[str, Bound] = MappingProxyType({})
    """Of a view, what each of its methods that is typed declares: by the name in Python, `get` or `dispatch`."""
