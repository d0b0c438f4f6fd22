"""Operations: the routes of an application and of what is mounted in it, each method with all that it declares."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from sketch.application import Application
from sketch.binding.arguments import Arguments, Dependency
from sketch.binding.bound import Bound
from sketch.binding.converters import Converter
from sketch.binding.kinds import unwrap
from sketch.binding.signatures import returned_type
from sketch.callables import innermost
from sketch.openapi.notes import notes_of
from sketch.openapi.paths import converters_in, write_path
from sketch.routing.documentation import Documentation
from sketch.routing.route import ANY, Route
from sketch.routing.template import Segment, Template
from sketch.routing.views import ViewHandler

if TYPE_CHECKING:
    from sketch.binding.inputs import Input

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
"""The methods that OpenAPI 3.1 has words for."""

_OF_ANY = ("get", "put", "post", "delete", "patch")
"""What is shown of a route for every method."""

NOTHING = Documentation()


class Field(NamedTuple):
    """One name that the client may send: an input, or a field of a model that is read from several names.

    Args:
        place: where it stands.
        name: as it is sent.
        kind: its type, with constraints.
        required: whether a request without it is faulty.
        default: what it is then.
        info: what describes it beside its type.
    """

    place: str
    name: str
    kind: Any
    required: bool
    default: Any
    info: Any = None

    @property
    def notes(self) -> dict[str, Any]:
        """What is said of it: title, description, examples, deprecation."""
        return notes_of([*unwrap(self.kind).metadata, self.info])


@dataclass(eq=False)
class Source:
    """One operation: a method of a route.

    Args:
        route: the route.
        method: in lower case.
        path: as OpenAPI writes it, from the root of the documented application.
        converters: of the path parameters, those of mounts included.
        apps: the applications that lead to the route, the outermost first.
        function: the handler, or the method of a view.
        bound: what it declares.
        guards: the dependencies that are called before it.
    """

    route: Route
    method: str
    path: str
    converters: dict[str, Converter]
    apps: Sequence[Application]
    function: Any
    bound: Bound
    guards: Sequence[Dependency]

    @property
    def documentation(self) -> Documentation:
        """The options of the route about its documentation."""
        return self.route.documentation or NOTHING

    @property
    def arguments(self) -> Sequence[Arguments]:
        """What the handler takes, and its guards."""
        return (*self.bound.arguments, *(guard.arguments for guard in self.guards))

    @cached_property
    def inputs(self) -> list[Input]:
        """What the client supplies, each once."""
        found = {id(each): each for arguments in self.arguments for each in arguments.all_inputs()}
        return [*found.values()]

    @cached_property
    def fields(self) -> list[Field]:
        """What the client may send, each name of a place once; a body is none."""
        found: dict[tuple[str, str], Field] = {}
        for field in chain.from_iterable(map(_fields, self.inputs)):
            known = found.get(field[:2])
            if known is None or (field.required and not known.required):
                found[field[:2]] = field
        return [*found.values()]

    @cached_property
    def dependencies(self) -> list[Dependency]:
        """All functions that are called for values or as guards, at any depth, each once, guards first."""
        found: dict[int, Dependency] = {}

        def add(dependency: Dependency) -> None:
            if id(dependency) not in found:
                found[id(dependency)] = dependency
                for inner in dependency.arguments.dependencies:
                    add(inner)

        for guard in self.guards:
            add(guard)
        for arguments in self.bound.arguments:
            for dependency in arguments.dependencies:
                add(dependency)
        return [*found.values()]

    @property
    def returns(self) -> Any:
        """The declared type of the result, also that of a response; `Parameter.empty` for none."""
        if self.bound.returns is not inspect.Parameter.empty:
            return self.bound.returns
        try:
            return returned_type(self.function)
        except ValueError:  # it does not exist at run time, and is of no use here
            return inspect.Parameter.empty


def _fields(each: Input) -> Iterator[Field]:
    if each.fields is not None:
        for field in each.fields.fields:
            yield Field(each.place, field.wire, field.kind, field.required, field.default, field.info)
    elif each.place != "body":
        yield Field(each.place, each.name, each.kind, each.required, each.default)


def find_sources(app: Application) -> Iterator[Source]:
    """Yield the operations of an application, in the order in which routes were added, then those of its mounts.

    Left out are websockets, regular expressions as paths, methods that OpenAPI has no word for, foreign applications,
    and routes with `include_in_schema=False`.
    """
    outside: list[Application] = []
    outer = app.parent
    while outer is not None:
        outside.insert(0, outer)
        outer = outer.parent
    yield from _find(app, outside, [])


def _find(app: Application, outside: Sequence[Application], prefix: Sequence[Segment]) -> Iterator[Source]:
    apps = [*outside, app]
    guards = [guard for each in apps for guard in each.guards]
    for route in app.router.routes():
        shown = route.documentation is None or route.documentation.include_in_schema is not False
        if isinstance(route.matcher, Template) and shown and not route.is_websocket:
            yield from _operations(route, [*prefix, *route.matcher.segments], apps, [*guards, *route.guards])
    for mount in app.router.mounts():
        if isinstance(mount.app, Application):
            yield from _find(mount.app, apps, [*prefix, *mount.segments])


def _operations(
    route: Route, segments: Sequence[Segment], apps: Sequence[Application], guards: Sequence[Dependency]
) -> Iterator[Source]:
    path, converters = write_path(segments), converters_in(segments)
    methods = _OF_ANY if ANY in route.methods else [method for method in METHODS if method.upper() in route.methods]
    for method in methods:
        function, bound = _of_method(route, method)
        yield Source(route, method, path, converters, apps, function, bound, guards)


def _of_method(route: Route, method: str) -> tuple[Any, Bound]:
    """Return what answers a method, and what it declares."""
    handler = route.handler
    if not isinstance(handler, ViewHandler):
        return handler, route.bound
    of_view = route.bound.by_method
    dispatch, own = of_view.get("dispatch"), of_view.get(method)
    arguments = [each for bound in (dispatch, own) if bound is not None for each in bound.arguments]
    returns = inspect.Parameter.empty if own is None else own.returns
    return getattr(handler.view, method, handler.view), Bound(route.call, tuple(arguments), returns)


def authored(source: Source) -> list[Any]:
    """The functions and classes that say what an operation does, by name and docstring, the most specific first."""
    handler = source.route.handler
    return [innermost(source.function), *([handler.view] if isinstance(handler, ViewHandler) else [])]
