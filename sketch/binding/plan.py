"""The plan of a handler: what each of its parameters gets, decided once, when its route is added."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from inspect import Parameter
from operator import attrgetter
from types import MethodType
from typing import TYPE_CHECKING, Any, NamedTuple

from sketch.binding.signatures import (
    Unresolved,
    base_of,
    find_wrapped,
    own_parameters,
    partial_parameters,
    show,
    types_in,
)
from sketch.binding.surroundings import Given, Offer, Surroundings, find_request_reader, is_mark
from sketch.keys import Key

if TYPE_CHECKING:
    from inspect import _ParameterKind

    from sketch.binding.sources import Depends, Source as Mark
    from sketch.request import BaseRequest


_VARIABLE = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
_NAMED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


class Constant(NamedTuple):
    """A parameter's default, passed explicitly because another positional argument follows it."""

    value: Any


class Taken(NamedTuple):
    """A value that its type takes from the request by itself: see `find_request_reader`."""

    read: Callable[[BaseRequest], Any]


class Plan(NamedTuple):
    """The source of each argument of a handler.

    It is a `str`, the path parameter of that name; `Given`; a `Constant`; a `Stored` value; one that is `Taken` from
    the request; an `Input` of the client; or `Depends`, what another function returns.
    """

    positional: tuple[Any, ...]
    keywords: tuple[tuple[str, Any], ...]

    @property
    def sources(self) -> list[Any]:
        """All sources, in the order of the arguments."""
        return [*self.positional, *(source for _, source in self.keywords)]

    @property
    def is_typed(self) -> bool:
        """Whether anything has to be read, checked or called to have the arguments."""
        return any(not isinstance(source, str | Given | Constant) or source is Given.PARTS for source in self.sources)

    def arguments(self, request: BaseRequest, websocket: Any = None) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of a plan that is not typed, for one request, or for the session of one websocket."""
        args = [_fetch(source, request, websocket) for source in self.positional]
        return args, {name: _fetch(source, request, websocket) for name, source in self.keywords}


def _fetch(source: Any, request: BaseRequest, websocket: Any) -> Any:
    if isinstance(source, str):
        return request.match_info[source]
    if isinstance(source, Constant):
        return source.value
    if source is Given.REQUEST:
        return request
    return websocket if source is Given.WEBSOCKET else request.app


def plan(function: Callable[..., Any], around: Surroundings) -> Plan:
    """Decide what each parameter of a handler or dependency gets, by the first rule that fits.

    1. A mark in `Annotated`: a `Query()`, `Header()`, ... , a `Depends()`, or a key of the request or the application.
    2. The name of a path parameter: its value, converted to the annotated type.
    3. The annotation `Request`, `WebSocketRequest`, `Application` or `ResponseParts`, also in a union with None: that
       object. `Session`, or another type with `__request_reader__`: what it takes from the request. `UploadedFile`: the
       file of that name in the form.
    4. Any other annotation: text, a number, a date and the like from the query; a model from the body, as JSON. One
       that does not exist at run time counts as none for the names of the next rule, and is refused elsewhere.
    5. The name `request`: the request.
    6. A default: the default.
    7. The first parameter that is left: the request, if no other parameter gets it.

    `**kwargs` gets the path parameters without a parameter of their name; `*args` gets the request if no parameter
    does. Those of a decorator stand for the parameters of the function that it wraps.

    Args:
        function: the callable.
        around: its route.

    Raises:
        ValueError: for a parameter that gets no value, or one of two meanings, and for an annotation that nothing
            supplies.
    """
    parameters = _parameters(function, around)
    sources = _sources(parameters, around)
    for parameter in parameters:
        if sources[parameter.name] is None and parameter.kind not in _VARIABLE:
            known = ", ".join(map(repr, [*around.offer.names, *around.names]))
            raise ValueError(
                f"expected a parameter of {known}, with a type or with a default, got {parameter.name!r:.200}"
            )
    return Plan(tuple(_positional(parameters, sources)), tuple(_keywords(parameters, sources, around.names)))


# -- the source of each parameter -------------------------------------------------------------------------------------


def _sources(parameters: Iterable[Parameter], around: Surroundings) -> dict[str, Any]:
    """The source of each parameter, None for one that gets nothing."""
    subject = around.offer.subject
    sources = {parameter.name: _source(parameter, around) for parameter in parameters}
    if subject not in sources.values():
        left = [parameter for parameter in parameters if sources[parameter.name] is None]
        for kinds in (_NAMED, (Parameter.VAR_POSITIONAL,)):
            if found := next((parameter for parameter in left if parameter.kind in kinds), None):
                return {**sources, found.name: subject}
    return sources


def _source(parameter: Parameter, around: Surroundings) -> Any:
    if parameter.kind in _VARIABLE:
        return None
    if (mark := _find_mark(parameter)) is not None:
        return _marked(parameter, mark, around)
    annotated = parameter.annotation is not Parameter.empty
    if parameter.name in around.names:
        if not annotated or isinstance(parameter.annotation, Unresolved):
            return parameter.name
        if parameter.annotation is str and _take_text(parameter.name, around):
            return parameter.name
        return _input(parameter, None, around)
    if annotated:
        return _annotated(parameter, around)
    if parameter.name in around.offer.names:
        return around.offer.names[parameter.name]
    return None if parameter.default is Parameter.empty else Constant(parameter.default)


def _take_text(name: str, around: Surroundings) -> bool:
    """Choose text for a path parameter; whether the path gives it."""
    if around.written is None:
        return True
    converter = around.written.get(name)
    if converter is None:
        around.choose(name, None)
    return converter is None or converter.convert is str


def _annotated(parameter: Parameter, around: Surroundings) -> Any:
    """The source of a parameter by its annotation.

    Raises:
        ValueError: if nothing supplies such a value.
    """
    if isinstance(parameter.annotation, Unresolved):
        if parameter.name in around.offer.names:
            return around.offer.names[parameter.name]
        raise ValueError(
            f"expected an annotation that exists at run time, got {show(parameter)!r:.200}:"
            f" {parameter.annotation.advice}"
        )
    kinds = types_in(parameter.annotation)
    given = {_given(kind, around.offer) for kind in kinds}
    source: Any = given.pop() if len(given) == 1 else None
    if source is None and len(kinds) == 1 and (read := find_request_reader(kinds[0])) is not None:
        return Taken(read)
    return _input(parameter, None, around) if source is None else source


def _given(kind: object, offer: Offer) -> Given | None:
    # Compared one by one: what stands as annotation may have no hash.
    return next((given for known, given in offer.types.items() if known is kind), None)


# -- marks ------------------------------------------------------------------------------------------------------------


def _find_mark(parameter: Parameter) -> Any:
    """The mark in a parameter's annotation, None if there is none.

    Raises:
        ValueError: for two marks, and for one that stands in another place.
    """
    if is_mark(parameter.default):
        raise ValueError(
            f"expected {parameter.default!r:.200} in the annotation, got it as default of {parameter.name!r:.200}:"
            f" write `{parameter.name}: Annotated[..., {parameter.default!r:.200}]`, and the default behind it"
        )
    found = [item for item in getattr(parameter.annotation, "__metadata__", ()) if is_mark(item)]
    if len(found) > 1:
        raise ValueError(
            f"expected one source, got {found[0]!r:.200} and {found[1]!r:.200} for {parameter.name!r:.200}"
        )
    if found:
        return found[0]() if isinstance(found[0], type) else found[0]
    from typing import get_args  # slow enough to be asked only here

    for member in get_args(parameter.annotation):
        if any(map(is_mark, _metadata_of(member))):
            raise ValueError(
                f"expected the source of {parameter.name!r:.200} around the whole type, got {show(parameter)!r:.200}:"
                " write `Annotated[int | None, Query()]`, not `Annotated[int, Query()] | None`"
            )
    return None


def _metadata_of(kind: Any) -> tuple[Any, ...]:
    from sketch.binding.kinds import unwrap  # not every application has such types

    return unwrap(kind).metadata


def _marked(parameter: Parameter, mark: Any, around: Surroundings) -> Any:
    if isinstance(mark, Key):
        from sketch.binding.inputs import Stored  # not every application has one

        return Stored(mark, parameter.default)
    from sketch.binding.sources import Depends  # not every application has typed handlers

    if isinstance(mark, Depends):
        return _completed(mark, parameter)
    return _input(parameter, mark, around)


def _completed(mark: Depends, parameter: Parameter) -> Depends:
    """Return a mark that names its function: the annotated type, if it named none."""
    if mark.function is not None:
        return mark
    kind = base_of(parameter.annotation)
    if not isinstance(kind, type) or kind.__module__ == "builtins":
        raise ValueError(f"expected what `Depends()` calls for {parameter.name!r:.200}: write `Depends(function)`")
    return type(mark)(kind, use_cache=mark.use_cache, scope=mark.scope)


def _input(parameter: Parameter, mark: Mark | None, around: Surroundings) -> Any:
    from sketch.binding.inputs import find_input  # not every application has typed handlers

    return find_input(parameter, mark, around)


# -- the parameters of a callable -------------------------------------------------------------------------------------


def _parameters(function: Callable[..., Any], around: Surroundings) -> list[Parameter]:
    """A callable's parameters; a decorator's `*args` and `**kwargs` stand for those of the wrapped function."""
    if isinstance(function, partial):
        return partial_parameters(function, _parameters(function.func, around))
    wrapped = find_wrapped(function)
    if wrapped is None and isinstance(function.__call__, MethodType):  # type: ignore[operator]
        return _parameters(function.__call__, around)  # type: ignore[operator]
    own = own_parameters(function)
    if wrapped is None or not any(parameter.kind in _VARIABLE for parameter in own):
        return own
    inner = _parameters(wrapped, around)
    return sorted(_passed_on(own, inner, around), key=attrgetter("kind"))


def _passed_on(own: list[Parameter], inner: list[Parameter], around: Surroundings) -> Iterator[Parameter]:
    """Yield a decorator's own parameters and those that it passes on, in the way in which it does."""
    passes = {parameter.kind for parameter in own} & {*_VARIABLE}
    own = [parameter for parameter in own if parameter.kind not in _VARIABLE]
    yield from own
    taken = {parameter.name for parameter in own}
    inner = [parameter for parameter in inner if parameter.name not in taken]
    sources = _sources(inner, around)
    # A decorator that takes the request passes it on by itself, and may add values of its own.
    given = {source for source in _sources(own, around).values() if isinstance(source, Given)}
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


def _positional(parameters: list[Parameter], sources: dict[str, Any]) -> list[Any]:
    given: list[Any] = []
    for parameter in parameters:
        source = sources[parameter.name]
        if source is not None and parameter.kind not in (Parameter.KEYWORD_ONLY, Parameter.VAR_KEYWORD):
            given.append(source)
    while given and isinstance(given[-1], Constant):
        given.pop()
    return given


def _keywords(
    parameters: list[Parameter], sources: dict[str, Any], names: Collection[str]
) -> Iterable[tuple[str, Any]]:
    for parameter in parameters:
        source = sources[parameter.name]
        if parameter.kind is Parameter.VAR_KEYWORD:
            yield from ((name, name) for name in names if name not in sources)
        elif parameter.kind is Parameter.KEYWORD_ONLY and source is not None and not isinstance(source, Constant):
            yield parameter.name, source
