"""The call of a handler for a request, made of its plan when its route is added."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from functools import partial
from typing import TYPE_CHECKING, Any

from sketch.binding.bound import Bound, Call, Handler
from sketch.binding.plan import Plan, plan
from sketch.binding.signatures import returned_type
from sketch.binding.surroundings import Given, Surroundings
from sketch.callables import is_coroutine_function, is_generator_function

if TYPE_CHECKING:
    from sketch.binding.answers.answer import AnswerOptions
    from sketch.binding.typed import Typed
    from sketch.request import BaseRequest


class SelfBinding(ABC):
    """A handler object that knows its methods and fills in its own arguments, as class-based views do."""

    methods: frozenset[str]

    @abstractmethod
    def bind(self, around: Surroundings, options: AnswerOptions | None = None) -> Bound:
        """Make the call for a route; raises ValueError for a parameter without a value."""

    @abstractmethod
    async def __call__(self, request: Any) -> Any:
        """Answer a request, so that a decorator can wrap this object like a function."""


def bind(handler: Handler, around: Surroundings, options: AnswerOptions | None = None) -> Bound:
    """Make a handler's call for a route. `def` handlers are called in a thread.

    Args:
        handler: the callable.
        around: what is known of its route.
        options: those of the answers that are made of what it returns.

    Raises:
        ValueError: for a parameter without a value, and for generators without a type.
    """
    if isinstance(handler, SelfBinding):
        return handler.bind(around, options)
    decided = plan(handler, around)
    typed = bind_typed(handler, decided, around, options)
    if typed is not None:
        return Bound(partial(typed.invoke, handler), (typed.arguments,), typed.returns)
    return Bound(_awaiting(handler, decided) if is_coroutine_function(handler) else _in_thread(handler, decided))


def bind_typed(function: Handler, decided: Plan, around: Surroundings, options: AnswerOptions | None) -> Typed | None:
    """Make the call of a function whose parameters or result declare types; None for one that declares none.

    Raises:
        ValueError: for a result of a type that makes no answer.
    """
    returns = returned_type(function)
    generates = is_generator_function(function)
    if not decided.is_typed and not generates and options is None and _says_nothing(returns):
        return None
    from sketch.binding.typed import make_invoke  # not every application has typed handlers

    return make_invoke(function, decided, around, returns, options)


def _says_nothing(returns: object) -> bool:
    """Whether a declared result is a response, or none is declared."""
    from sketch.response import Response

    return returns is inspect.Parameter.empty or (isinstance(returns, type) and issubclass(returns, Response))


def _awaiting(handler: Handler, decided: Plan) -> Call:
    # The usual signatures need no loop over the plan and no coroutine around the handler's own.
    shape = decided.positional
    if not decided.keywords:
        if shape == (Given.REQUEST,):
            return handler
        if not shape:
            return lambda _: handler()
        first = shape[0]
        if len(shape) == 1 and isinstance(first, str):
            return lambda request: handler(request.match_info[first])
        second = shape[-1]
        if len(shape) == 2 and first is Given.REQUEST and isinstance(second, str):
            return lambda request: handler(request, request.match_info[second])

    def call(request: BaseRequest) -> Awaitable[Any]:
        args, kwargs = decided.arguments(request)
        result: Awaitable[Any] = handler(*args, **kwargs)
        return result

    return call


def _in_thread(handler: Handler, decided: Plan) -> Call:
    async def call(request: BaseRequest) -> Any:
        args, kwargs = decided.arguments(request)
        result = await request.app.threads.run(handler, *args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    return call
