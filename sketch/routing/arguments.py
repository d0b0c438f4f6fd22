"""Handler arguments: what each parameter of a handler gets, decided once, when its route is added."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from enum import Enum
from functools import partial
from inspect import Parameter
from operator import attrgetter
from types import MethodType
from typing import TYPE_CHECKING, Any, NamedTuple

from sketch.callables import is_coroutine_function, is_generator_function
from sketch.request import BaseRequest, Request, WebSocketRequest
from sketch.routing.signatures import Unresolved, find_wrapped, own_parameters, partial_parameters, show, types_in

if TYPE_CHECKING:
    from inspect import _ParameterKind

    from sketch.websocket import WebSocket

Handler = Callable[..., Any]
Call = Callable[[Any], Awaitable[Any]]
"""A handler with its arguments filled in."""

_VARIABLE = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
_NAMED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


class SelfBinding(ABC):
    """A handler object that knows its methods and fills in its own arguments, as class-based views do."""

    methods: frozenset[str]

    @abstractmethod
    def bind(self, names: Collection[str]) -> Call:
        """Make the call for a route with these path parameters; raises ValueError for a parameter without a value."""

    @abstractmethod
    async def __call__(self, request: Any) -> Any:
        """Answer a request, so that a decorator can wrap this object like a function."""


class Given(Enum):
    """What a handler can be given beside path parameters and defaults."""

    REQUEST = "request"
    WEBSOCKET = "websocket"
    APPLICATION = "application"


class _Constant(NamedTuple):
    """A parameter's default, passed explicitly because another positional argument follows it."""

    value: Any


Source = str | Given | _Constant
"""The source of an argument: the path parameter of that name, what is given, or a default."""

TYPES: dict[type, Given] = {
    Request: Given.REQUEST,
    WebSocketRequest: Given.REQUEST,
    BaseRequest: Given.REQUEST,
}
"""The types that are a source of their own. (`Application` stands above this module, and adds itself.)"""


class Offer(NamedTuple):
    """What handlers of one kind may ask for.

    Args:
        subject: what the one parameter gets that nothing else supplies.
        types: what is given by annotation.
        names: what is given by name, to parameters without an annotation.
    """

    subject: Given
    types: Mapping[type, Given]
    names: Mapping[str, Given]


_FOR_HANDLERS = Offer(Given.REQUEST, TYPES, {"request": Given.REQUEST})


class Plan(NamedTuple):
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
    if source is Given.REQUEST:
        return request
    return websocket if source is Given.WEBSOCKET else request.app


def plan(handler: Handler, names: Collection[str], offer: Offer = _FOR_HANDLERS) -> Plan:
    """Decide what each parameter of a handler gets, by the first rule that fits.

    1. The name of a path parameter: its value.
    2. The annotation `Request`, `WebSocketRequest` or `Application`, also in a union with None: that object.
    3. Any other annotation: refused, whatever the default, as nothing supplies its value. One that does not exist at
       run time counts as none for the names of the next rule, and is refused elsewhere.
    4. The name `request`: the request.
    5. A default: the default.
    6. The first parameter that is left: the request, if no other parameter gets it.

    `**kwargs` gets the path parameters without a parameter of their name; `*args` gets the request if no parameter
    does. Those of a decorator stand for the parameters of the function that it wraps.

    Args:
        handler: the callable.
        names: the names of the path parameters.
        offer: what is given by annotation and by name; its `subject` is the request of rule 6.

    Raises:
        ValueError: for a parameter that gets no value, and for an annotation that nothing supplies.
    """
    if is_generator_function(handler):
        raise ValueError("expected a handler that returns a Response, got a generator: return StreamResponse(...)")
    parameters = _parameters(handler, names, offer)
    sources = _sources(parameters, names, offer)
    for parameter in parameters:
        if sources[parameter.name] is None and parameter.kind not in _VARIABLE:
            known = ", ".join(map(repr, [*offer.names, *names]))
            raise ValueError(f"expected a parameter of {known} or with a default, got {parameter.name!r:.200}")
    return Plan(tuple(_positional(parameters, sources)), tuple(_keywords(parameters, sources, names)))


# -- the source of each parameter -------------------------------------------------------------------------------------


def _sources(parameters: Iterable[Parameter], names: Collection[str], offer: Offer) -> dict[str, Source | None]:
    """The source of each parameter, None for one that gets nothing."""
    sources = {parameter.name: _source(parameter, names, offer) for parameter in parameters}
    if offer.subject not in sources.values():
        left = [parameter for parameter in parameters if sources[parameter.name] is None]
        for kinds in (_NAMED, (Parameter.VAR_POSITIONAL,)):
            if found := next((parameter for parameter in left if parameter.kind in kinds), None):
                return {**sources, found.name: offer.subject}
    return sources


def _source(parameter: Parameter, names: Collection[str], offer: Offer) -> Source | None:
    if parameter.kind in _VARIABLE:
        return None
    if parameter.name in names:
        return parameter.name
    if parameter.annotation is not Parameter.empty:
        return _annotated(parameter, names, offer)
    if parameter.name in offer.names:
        return offer.names[parameter.name]
    return None if parameter.default is Parameter.empty else _Constant(parameter.default)


def _annotated(parameter: Parameter, names: Collection[str], offer: Offer) -> Source:
    """The source of a parameter by its annotation.

    Raises:
        ValueError: if nothing supplies such a value.
    """
    if isinstance(parameter.annotation, Unresolved):
        if parameter.name in offer.names:
            return offer.names[parameter.name]
        raise ValueError(
            f"expected an annotation that exists at run time, got {show(parameter)!r:.200}: import it at the top of its"
            " module, not under TYPE_CHECKING"
        )
    given = {_given(kind, offer) for kind in types_in(parameter.annotation)}
    source = given.pop() if len(given) == 1 else None
    if source is None:
        types = " or ".join({given: kind.__name__ for kind, given in reversed(list(offer.types.items()))}.values())
        advice = "" if parameter.default is Parameter.empty else "; to keep the default, leave the annotation out"
        raise ValueError(
            f"expected the name of a path parameter ({', '.join(names) or 'there is none'}) or the type {types}, got"
            f" {show(parameter)!r:.200}: take it from the request, as request.query or await request.json(){advice}"
        )
    return source


def _given(kind: object, offer: Offer) -> Given | None:
    # Compared one by one: what stands as annotation may have no hash.
    return next((given for known, given in offer.types.items() if known is kind), None)


# -- the parameters of a callable -------------------------------------------------------------------------------------


def _parameters(handler: Handler, names: Collection[str], offer: Offer) -> list[Parameter]:
    """A callable's parameters; a decorator's `*args` and `**kwargs` stand for those of the wrapped function."""
    if isinstance(handler, partial):
        return partial_parameters(handler, _parameters(handler.func, names, offer))
    wrapped = find_wrapped(handler)
    if wrapped is None and isinstance(handler.__call__, MethodType):  # type: ignore[operator]
        return _parameters(handler.__call__, names, offer)  # type: ignore[operator]
    own = own_parameters(handler)
    if wrapped is None or not any(parameter.kind in _VARIABLE for parameter in own):
        return own
    inner = _parameters(wrapped, names, offer)
    return sorted(_passed_on(own, inner, names, offer), key=attrgetter("kind"))


def _passed_on(
    own: list[Parameter], inner: list[Parameter], names: Collection[str], offer: Offer
) -> Iterator[Parameter]:
    """Yield a decorator's own parameters and those that it passes on, in the way in which it does."""
    passes = {parameter.kind for parameter in own} & {*_VARIABLE}
    own = [parameter for parameter in own if parameter.kind not in _VARIABLE]
    yield from own
    taken = {parameter.name for parameter in own}
    inner = [parameter for parameter in inner if parameter.name not in taken]
    sources = _sources(inner, names, offer)
    # A decorator that takes the request passes it on by itself, and may add values of its own.
    given = {source for source in _sources(own, names, offer).values() if isinstance(source, Given)}
    for parameter in inner:
        if parameter.kind in _VARIABLE:
            if parameter.kind in passes:
                yield parameter
        elif not given or sources[parameter.name] not in (None, *given):
            yield from _as_passed(parameter, passes, by_keyword=bool(own))


def _as_passed(parameter: Parameter, passes: set[_ParameterKind], *, by_keyword: bool) -> Iterator[Parameter]:
    """Yield the parameter as one of the decorator.

    Args:
        parameter: of the wrapped function.
        passes: which of `*args` and `**kwargs` the decorator has.
        by_keyword: whether to prefer the second, as positions may differ.
    """
    by_keyword = Parameter.VAR_KEYWORD in passes and (by_keyword or Parameter.VAR_POSITIONAL not in passes)
    if by_keyword and parameter.kind is Parameter.POSITIONAL_OR_KEYWORD:
        parameter = parameter.replace(kind=Parameter.KEYWORD_ONLY)
    by = Parameter.VAR_KEYWORD if parameter.kind is Parameter.KEYWORD_ONLY else Parameter.VAR_POSITIONAL
    if by in passes:
        yield parameter
    elif parameter.default is Parameter.empty:
        star = "**kwargs" if by is Parameter.VAR_KEYWORD else "*args"
        raise ValueError(f"expected a decorator with {star}, which {parameter.name!r} of the wrapped function needs")


# -- the plan ---------------------------------------------------------------------------------------------------------


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


def bind(handler: Handler, names: Collection[str]) -> Call:
    """Make a handler's call for a route with these path parameters. `def` handlers are called in a thread.

    Raises:
        ValueError: for a parameter without a value, and for generators.
    """
    if isinstance(handler, SelfBinding):
        return handler.bind(names)
    decided = plan(handler, names)
    return _awaiting(handler, decided) if is_coroutine_function(handler) else _in_thread(handler, decided)


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


def bind_session(session: Handler, names: Collection[str]) -> Callable[[WebSocket], Awaitable[Any]]:
    """Make a session's call for a websocket route with these path parameters.

    Its arguments are filled in like a handler's, but the websocket takes the role of the request: the parameter `ws`,
    `websocket`, or else the first remaining positional one gets it.

    Raises:
        ValueError: for a parameter without a value, and for anything but a coroutine function.
    """
    if isinstance(session, type) or not is_coroutine_function(session):
        raise ValueError("expected a session `async def (ws)`: a thread cannot wait for messages")
    decided = plan(session, names, _for_sessions())

    def call(websocket: WebSocket) -> Awaitable[Any]:
        args, kwargs = decided.arguments(websocket.request, websocket)
        result: Awaitable[Any] = session(*args, **kwargs)
        return result

    return call


def _for_sessions() -> Offer:
    from sketch.websocket.socket import WebSocket  # not every application has websockets

    socket, request = Given.WEBSOCKET, Given.REQUEST
    return Offer(socket, {WebSocket: socket, **TYPES}, {"ws": socket, "websocket": socket, "request": request})
