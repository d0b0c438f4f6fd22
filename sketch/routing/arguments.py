"""Handler arguments: what each parameter of a handler gets, decided once, when its route is added."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from inspect import Parameter
from types import MethodType
from typing import TYPE_CHECKING, Any

from sketch.callables import is_coroutine_function

if TYPE_CHECKING:
    from sketch.request import BaseRequest
    from sketch.websocket import WebSocket

Handler = Callable[..., Any]
Call = Callable[[Any], Awaitable[Any]]
"""A handler with its arguments filled in."""

_VARIABLE = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


class SelfBinding(ABC):
    """A handler object that knows its methods and fills in its own arguments, as class-based views do."""

    methods: frozenset[str]

    @abstractmethod
    def bind(self, names: Collection[str]) -> Call:
        """Make the call for a route with these path parameters; raises ValueError for a parameter without a value."""

    @abstractmethod
    async def __call__(self, request: Any) -> Any:
        """Answer a request, so that a decorator can wrap this object like a function."""


class _Request:
    """Marks the request in a plan."""


class _Socket:
    """Marks the websocket in a session's plan."""


@dataclass(frozen=True, slots=True)
class _Constant:
    """A parameter's default, passed explicitly because another positional argument follows it."""

    value: Any


Subject = type[_Request] | type[_Socket]
Source = str | Subject | _Constant
"""The source of an argument: the path parameter of that name, the request, the websocket, or a default."""

_NAMES: dict[str, Subject] = {"request": _Request}
_SESSION_NAMES: dict[str, Subject] = {"ws": _Socket, "websocket": _Socket, "request": _Request}


@dataclass(frozen=True, slots=True)
class Plan:
    """The source of each argument of a handler."""

    positional: tuple[Source, ...]
    keywords: tuple[tuple[str, Source], ...]

    def arguments(self, request: BaseRequest, websocket: WebSocket | None = None) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments for one request, or for the session of one websocket."""
        args = [_fetch(source, request, websocket) for source in self.positional]
        return args, {name: _fetch(source, request, websocket) for name, source in self.keywords}


def _fetch(source: Source, request: BaseRequest, websocket: WebSocket | None) -> Any:
    if isinstance(source, str):
        return request.match_info[source]
    if isinstance(source, _Constant):
        return source.value
    return request if source is _Request else websocket


def plan(handler: Handler, names: Collection[str], given: Mapping[str, Subject] = _NAMES) -> Plan:
    """Decide what each parameter of a handler gets.

    A parameter with the name of a path parameter gets its value. The parameter `request`, or else the first remaining
    positional one, gets the request. `**kwargs` gets the path parameters without a parameter of their name; `*args`
    gets the request if no other parameter does.

    Args:
        handler: the callable.
        names: the names of the path parameters.
        given: other values by parameter name; the first one takes the role of the request in the rules above.

    Raises:
        ValueError: for a parameter that has no default and gets no value.
    """
    parameters = list(_parameters(handler, names, given))
    sources = {parameter.name: _source(parameter, names, given) for parameter in parameters}
    subject = next(iter(given.values()))
    if subject not in sources.values():
        _give(subject, parameters, sources)
    for parameter in parameters:
        if sources[parameter.name] is None and parameter.kind not in _VARIABLE:
            known = ", ".join(map(repr, [*given, *names]))
            raise ValueError(f"expected a parameter of {known} or with a default, got {parameter.name!r}")
    return Plan(tuple(_positional(parameters, sources)), tuple(_keywords(parameters, sources, names)))


def _source(parameter: Parameter, names: Collection[str], given: Mapping[str, Subject]) -> Source | None:
    if parameter.kind in _VARIABLE:
        return None
    if parameter.name in names:
        return parameter.name
    if parameter.name in given:
        return given[parameter.name]
    return None if parameter.default is Parameter.empty else _Constant(parameter.default)


def _give(subject: Subject, parameters: list[Parameter], sources: dict[str, Source | None]) -> None:
    """Give a request or websocket that no parameter names to the first free positional parameter."""
    for parameter in parameters:
        if sources[parameter.name] is None and parameter.kind in (
            Parameter.POSITIONAL_ONLY,
            Parameter.POSITIONAL_OR_KEYWORD,
            Parameter.VAR_POSITIONAL,
        ):
            sources[parameter.name] = subject
            return


def _positional(parameters: list[Parameter], sources: dict[str, Source | None]) -> list[Source]:
    given: list[Source] = []
    for parameter in parameters:
        source = sources[parameter.name]
        if source is not None and parameter.kind not in (Parameter.KEYWORD_ONLY, Parameter.VAR_KEYWORD):
            given.append(source)
    while given and isinstance(given[-1], _Constant):
        given.pop()
    return given


def _keywords(
    parameters: list[Parameter], sources: dict[str, Source | None], names: Collection[str]
) -> Iterable[tuple[str, Source]]:
    for parameter in parameters:
        source = sources[parameter.name]
        if parameter.kind is Parameter.VAR_KEYWORD:
            yield from ((name, name) for name in names if name not in sources)
        elif parameter.kind is Parameter.KEYWORD_ONLY and source is not None and not isinstance(source, _Constant):
            yield parameter.name, source


def _parameters(handler: Handler, names: Collection[str], given: Mapping[str, Subject]) -> Iterable[Parameter]:
    """Return a callable's parameters; a decorator's `*args, **kwargs` stand for those of the wrapped function."""
    try:
        own = list(inspect.signature(handler, follow_wrapped=False).parameters.values())
    except (ValueError, TypeError) as exc:
        raise ValueError(f"expected a handler with a signature: {exc}") from None
    wrapped = getattr(handler, "__wrapped__", None)
    if wrapped is None or not any(parameter.kind in _VARIABLE for parameter in own):
        return own
    if isinstance(handler, MethodType):  # the wrapped function still has its `self` parameter
        wrapped = MethodType(wrapped, handler.__self__)
    inner = _parameters(wrapped, names, given)
    own = [parameter for parameter in own if parameter.kind not in _VARIABLE]
    return [*own, *_passed_on(own, inner, names, given)] if own else inner


def _passed_on(
    own: list[Parameter], inner: Iterable[Parameter], names: Collection[str], given: Mapping[str, Subject]
) -> Iterable[Parameter]:
    """Yield the parameters that a decorator with its own parameters passes on by keyword."""
    taken = {parameter.name for parameter in own}
    # A decorator that takes the request, or the websocket, passes it on by itself.
    subjects = (None, *given.values())
    has_request = any(_source(parameter, names, given) in subjects for parameter in own)
    for parameter in inner:
        if parameter.kind is Parameter.VAR_KEYWORD:
            yield parameter
        elif parameter.name not in taken and (parameter.name in names or not has_request):
            yield parameter.replace(kind=Parameter.KEYWORD_ONLY)


def bind(handler: Handler, names: Collection[str]) -> Call:
    """Make a handler's call for a route with these path parameters. `def` handlers are called in a thread.

    Raises:
        ValueError: for a parameter without a value, and for generators.
    """
    if isinstance(handler, SelfBinding):
        return handler.bind(names)
    if any(is_generator(handler) for is_generator in (inspect.isgeneratorfunction, inspect.isasyncgenfunction)):
        raise ValueError("expected a handler that returns a Response, got a generator: return StreamResponse(...)")
    decided = plan(handler, names)
    return _awaiting(handler, decided) if is_coroutine_function(handler) else _in_thread(handler, decided)


def _awaiting(handler: Handler, decided: Plan) -> Call:
    # The usual signatures need no loop over the plan and no coroutine around the handler's own.
    shape = decided.positional
    if not decided.keywords:
        if shape == (_Request,):
            return handler
        if not shape:
            return lambda _: handler()
        first = shape[0]
        if len(shape) == 1 and isinstance(first, str):
            return lambda request: handler(request.match_info[first])
        second = shape[-1]
        if len(shape) == 2 and first is _Request and isinstance(second, str):
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


def bind_session(session: Handler, names: Collection[str]) -> Callable[[WebSocket], Awaitable[Any]]:
    """Make a session's call for a websocket route with these path parameters.

    Its arguments are filled in like a handler's, but the websocket takes the role of the request: the parameter `ws`,
    `websocket`, or else the first remaining positional one gets it.

    Raises:
        ValueError: for a parameter without a value, and for anything but a coroutine function.
    """
    if isinstance(session, type) or not is_coroutine_function(session):
        raise ValueError("expected a session `async def (ws)`: a thread cannot wait for messages")
    decided = plan(session, names, _SESSION_NAMES)

    def call(websocket: WebSocket) -> Awaitable[Any]:
        args, kwargs = decided.arguments(websocket.request, websocket)
        result: Awaitable[Any] = session(*args, **kwargs)
        return result

    return call
