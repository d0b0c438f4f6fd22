"""The call of a typed handler: reads its arguments, calls it, and makes an answer of what it returns."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, get_origin

from sketch.binding.answers.answer import AnswerOptions, find_answer
from sketch.binding.arguments import Arguments
from sketch.binding.bodies import read_body
from sketch.binding.dependencies import complete
from sketch.binding.faults import Fault, Faults
from sketch.binding.plan import Plan
from sketch.binding.resolution import Resolution, resolution_of
from sketch.callables import describe, is_async_generator_function, is_coroutine_function, is_generator_function
from sketch.response import Response

if TYPE_CHECKING:
    from sketch.binding.bound import Handler, Invoke
    from sketch.binding.surroundings import Surroundings
    from sketch.request import BaseRequest

Answer = Callable[[Any, Any], Any]
Caller = Callable[[Any, Any, Any, Any], Awaitable[Any]]
"""`async (function, request, args, kwargs)`"""


class Typed(NamedTuple):
    """The call of a typed function, and what it declares."""

    invoke: Invoke
    arguments: Arguments
    returns: object


def make_invoke(
    function: Handler, decided: Plan, around: Surroundings, returns: Any, options: AnswerOptions | None
) -> Typed | None:
    """Make the call of a typed function; None if neither its parameters nor its result need anything to be done.

    Args:
        function: the handler, or a method of a view.
        decided: the plan of its arguments.
        around: what is known of its route.
        returns: the type that it declares to return.
        options: those of the answers.

    Raises:
        ValueError: for a result of a type that makes no answer, for a generator without one, and for bodies that do
            not go together.
    """
    try:
        arguments = complete(decided, around)
        answer = find_answer(Any if returns is inspect.Parameter.empty else returns, options or AnswerOptions())
    except TypeError as exc:
        raise ValueError(str(exc)) from None
    if is_generator_function(function) and (answer is None or not is_async_generator_function(function)):
        raise ValueError(
            "expected a handler that returns a Response, got a generator: return StreamResponse(...), or declare what"
            " it yields, as `-> AsyncIterator[bytes]`"
        )
    if is_async_generator_function(function):
        _check_stream(returns, arguments)
    if answer is None and options is not None:
        raise ValueError(
            f"expected a handler with a declared result for {options.given()}, got one that returns a Response: declare"
            " what it returns, as `-> dict[str, int]`, or give them to the Response"
        )
    if answer is None and not decided.is_typed:
        return None
    caller = _caller(function)
    make: Callable[[Caller, Arguments, Answer | None], Invoke] = _invoke_at_once
    if arguments.readers is None:
        make = _invoke_in_steps
    elif answer is None and caller is _call and arguments.are_sure and not arguments.has_keywords:
        make = _invoke_directly
    return Typed(make(caller, arguments, answer), arguments, inspect.Parameter.empty if answer is None else returns)


def _check_stream(returns: Any, arguments: Arguments) -> None:
    """Refuse an async generator that declares another type, or needs what ends before it runs, as its head does."""
    if (get_origin(returns) or returns) not in (AsyncIterator, AsyncIterable, AsyncGenerator):
        raise ValueError(
            f"expected the type of an async generator as AsyncIterator[...], got {returns!r:.200}: write what it yields"
            " in the brackets"
        )
    if arguments.has_parts:
        raise ValueError(
            "expected no ResponseParts in a generator, which runs once the head is sent: take them in a dependency, or"
            " return StreamResponse(...)"
        )
    for inner in arguments.ended_with_handler():
        raise ValueError(
            f"expected {describe(inner.function)} to last while the stream is sent, got the scope 'handler', which ends"
            ' before: write `scope="request"`'
        )


def _caller(function: Handler) -> Caller:
    """Make `(function, request, args, kwargs)`, which returns what to await for the result."""
    if is_async_generator_function(function):
        return _generate
    return _call if is_coroutine_function(function) else _run


def _call(function: Handler, _: BaseRequest, args: Any, kwargs: Any) -> Any:
    return function(*args, **kwargs)


async def _generate(function: Handler, _: BaseRequest, args: Any, kwargs: Any) -> Any:
    return function(*args, **kwargs)


async def _run(function: Handler, request: BaseRequest, args: Any, kwargs: Any) -> Any:
    result = await request.app.threads.run(function, *args, **kwargs)
    return await result if inspect.isawaitable(result) else result


def _invoke_directly(_caller: Caller, arguments: Arguments, _answer: Answer | None) -> Invoke:
    """Make the call of a function whose arguments cannot be faulty, and whose result is a response: no more coroutine.

    Most functions with a path parameter are such.
    """
    readers = arguments.readers
    assert readers is not None
    if len(readers) == 1:
        first = readers[0]
        return lambda function, request: function(first(request))
    return lambda function, request: function(*[read(request) for read in readers])


def _invoke_at_once(caller: Caller, arguments: Arguments, answer: Answer | None) -> Invoke:
    """Make the call of a function that needs nothing but the head and the body."""
    readers, body = arguments.readers, arguments.body
    assert readers is not None
    direct = caller is _call and not arguments.has_keywords
    alone = body is not None and len(readers) == 1  # most functions with a body take nothing else

    async def invoke(function: Handler, request: Any) -> Any:
        values: list[Any] | None
        try:
            values = [None] if alone else [read(request) for read in readers]
            if body is not None:
                body.place(values, await read_body(request, body.read, body.default))
        except (Fault, Faults):
            values = None
        if values is None:  # once more, for all faults; not above, where the first would be the context of the error
            resolution = Resolution(request)
            values = resolution.checked(await arguments.fetch(resolution), arguments.all_inputs)
        if direct:
            result = await function(*values)
        else:
            args, kwargs = arguments.split(values)
            result = await caller(function, request, args, kwargs)
        return result if answer is None or isinstance(result, Response) else answer(request, result)

    return invoke


def _invoke_in_steps(caller: Caller, arguments: Arguments, answer: Answer | None) -> Invoke:
    """Make the call of a function that needs the body, a form or what other functions return."""

    async def invoke(function: Handler, request: BaseRequest) -> Any:
        resolution = resolution_of(request)
        try:
            values = resolution.checked(await arguments.fetch(resolution), arguments.all_inputs)
            args, kwargs = arguments.split(values)
            result = await caller(function, request, args, kwargs)
        except BaseException as exc:
            await resolution.leave(exc)
            raise
        await resolution.leave(None)
        if answer is not None and not isinstance(result, Response):
            result = answer(request, result)
        return resolution.complete(result) if isinstance(result, Response) else result

    return invoke
