"""Arguments: fetched for one request, dependencies first, then the head, then the form or the body."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from sketch.binding.bodies import MISSING as NO_DEFAULT, Member, find_json_reader, find_object_reader, read_body
from sketch.binding.defaults import MISSING, find_absent
from sketch.binding.entering import Enter, exits, find_enter
from sketch.binding.faults import Fault, Faults
from sketch.binding.inputs import Input, Stored
from sketch.binding.plan import Constant, Plan, Taken
from sketch.binding.resolution import Resolution
from sketch.binding.sources import Scope
from sketch.binding.surroundings import Given
from sketch.callables import describe
from sketch.keys import AppKey

if TYPE_CHECKING:
    from sketch.websocket import WebSocket

Read = Callable[[Any], Any]

Fetched = tuple[list[Any], dict[str, Any]]
"""Positional and keyword arguments."""


FAULTY: Any = object()
"""Stands for the value of a dependency whose inputs are faulty."""

_NONE: Any = object()
"""Stands for a value that was not kept, or not sent."""


class Arguments:
    """The arguments of one function, as its plan says.

    Args:
        planned: the plan.

    Raises:
        ValueError: for a form and a body in one, and for several values that make no object together.
    """

    __slots__ = (
        "_count",
        "_dependencies",
        "_fixed",
        "_form",
        "_heads",
        "_names",
        "_parts",
        "_sockets",
        "body",
        "inputs",
        "readers",
    )

    def __init__(self, planned: Plan) -> None:
        sources = planned.sources
        self._names = tuple(name for name, _ in planned.keywords)
        self._count = len(planned.positional)
        self.inputs = [source for source in sources if isinstance(source, Input)]
        """What the client supplies, that of dependencies left out."""
        self._dependencies = [(index, each) for index, each in enumerate(sources) if isinstance(each, Dependency)]
        self._parts = [index for index, source in enumerate(sources) if source is Given.PARTS]
        self._sockets = [index for index, source in enumerate(sources) if source is Given.WEBSOCKET]
        self._form = _in_place(sources, "form")
        self._heads = _in_place(sources, "path", "query", "header", "cookie")
        self._fixed = [
            (index, _reader(source))
            for index, source in enumerate(sources)
            if not isinstance(source, Input | Dependency) and source is not Given.PARTS
        ]
        body = _in_place(sources, "body")
        self.body = _Body(body) if body else None
        """What is read from the body, None if nothing."""
        self.readers = None if self._waits else [_read_of(source) for source in sources]
        self._check_body()

    def _check_body(self) -> None:
        inputs = self.all_inputs()
        forms = [each.parameter for each in inputs if each.place == "form"]
        bodies = [each.parameter for each in inputs if each.place == "body"]
        if forms and bodies:
            raise ValueError(f"expected a form or a body in JSON, got both: {forms[0]!r:.200} and {bodies[0]!r:.200}")

    @property
    def has_keywords(self) -> bool:
        """Whether arguments are passed by keyword."""
        return bool(self._names)

    @property
    def has_parts(self) -> bool:
        """Whether the function itself adds to the response."""
        return bool(self._parts)

    @property
    def are_sure(self) -> bool:
        """Whether no argument can be faulty: no more is supplied by the client than the path, which has matched."""
        return not self._waits and all(each.sure for each in self.inputs)

    @property
    def _waits(self) -> bool:
        """Whether more than the head and the body is needed."""
        return bool(self._dependencies or self._parts or self._sockets or self._form)

    @property
    def dependencies(self) -> list[Dependency]:
        """The functions that supply values."""
        return [dependency for _, dependency in self._dependencies]

    def ended_with_handler(self) -> list[Dependency]:
        """The dependencies, at any depth, that have an exit in the scope of the handler."""
        found = [each for each in self.dependencies if each.scope == "handler" and exits(each.function)]
        return found + [inner for each in self.dependencies for inner in each.arguments.ended_with_handler()]

    def all_inputs(self) -> list[Input]:
        """What the client supplies, for the function and for what it depends on, each once."""
        found = {id(each): each for each in self.inputs}
        for dependency in self.dependencies:
            found |= {id(each): each for each in dependency.arguments.all_inputs()}
        return [*found.values()]

    def split(self, values: list[Any], websocket: WebSocket | None = None) -> Fetched:
        """Return the positional and the keyword arguments.

        Args:
            values: as they were fetched.
            websocket: of the session.
        """
        for index in self._sockets:
            values[index] = websocket
        count = self._count
        return values[:count], dict(zip(self._names, values[count:], strict=True))

    async def fetch(self, resolution: Resolution) -> list[Any] | None:
        """Return the values for a request, None if an input is faulty, which is noted."""
        request: Any = resolution.request
        values: list[Any] = [None] * (self._count + len(self._names))
        faults = len(resolution.faults)
        faulty = False
        for index, dependency in self._dependencies:
            values[index] = value = await dependency.value(resolution)
            faulty = faulty or value is FAULTY
        if not resolution.faults:  # a key may be one under which a dependency stores, that was not called
            for index, read in self._fixed:
                values[index] = read(request)
        for index in self._parts:
            values[index] = resolution.parts
        _read_each(self._heads, request, values, resolution)
        if faulty:  # one of them may be there to refuse the request: nothing is read for a client that it has not seen
            return None
        if self._form:
            _read_each(self._form, await request.form(), values, resolution)
        if self.body is not None:
            await self.body.fetch(request, values, resolution)
        return None if len(resolution.faults) > faults else values


class Dependency:
    """A function that supplies a value, with the plan of its arguments.

    Args:
        function: as it is given to `Depends`.
        scope: when its exits run.
        use_cache: whether the value is kept for other parameters of the same request.
        arguments: those of the function.
    """

    __slots__ = ("arguments", "enter", "function", "key", "scope", "use_cache")

    def __init__(self, function: Callable[..., Any], scope: Scope, use_cache: bool, arguments: Arguments) -> None:
        self.function = function
        self.scope: Scope = scope
        self.use_cache = use_cache
        self.key = (function, scope)
        self.set_call(function, arguments)

    def set_call(self, function: Callable[..., Any], arguments: Arguments) -> None:
        """Set what is called for the value: the function itself, or in tests another one in its place."""
        self.arguments = arguments
        self.enter: Enter = find_enter(function, self.scope)

    async def value(self, resolution: Resolution) -> Any:
        """Return the value for a request, or FAULTY once an input is: then nothing is called any more."""
        if self.use_cache:
            found = resolution.values.get(self.key, _NONE)
            if found is not _NONE:
                return found
        found = await self.arguments.fetch(resolution)
        if found is None or resolution.faults:
            value = FAULTY
        else:
            args, kwargs = self.arguments.split(found)
            value = await self.enter(resolution, *args, **kwargs)
        if self.use_cache:
            resolution.values[self.key] = value
        return value

    def __repr__(self) -> str:
        return f"<Dependency {describe(self.function)}>"


def _read_each(inputs: Iterable[tuple[int, Input]], source: Any, values: list[Any], resolution: Resolution) -> None:
    for index, each in inputs:
        try:
            values[index] = each.read(source)
        except (Fault, Faults) as exc:
            resolution.note(each, exc)


class _Body:
    """Fetches the inputs that make up the body: one that is the whole body, or several as members of an object.

    Args:
        inputs: the inputs, each with its index among the arguments.
    """

    __slots__ = ("_absent", "_indexes", "_inputs", "default", "place", "read")

    def __init__(self, inputs: list[tuple[int, Input]]) -> None:
        self._inputs = [each for _, each in inputs]
        self._indexes = [index for index, _ in inputs]
        self._absent = [find_absent(each.default) for each in self._inputs]
        first = self._inputs[0]
        self.read: Callable[[bytes], Any]
        """Reads the body as what is declared; raises Faults."""
        self.default: Any
        """What stands for a body that was not sent."""
        self.place: Callable[[list[Any], Any], None]
        """`(values, found)`: puts what was read among the values; raises Faults."""
        if len(inputs) == 1 and not first.embed:
            first.name = ""
            self.read, self.default = find_json_reader(first.kind), _default(first)
            self.place = self._place_whole
        else:
            for each in self._inputs:
                each.embed = True
            self.read = find_object_reader({each.name: Member(each.kind, _default(each)) for each in self._inputs})
            self.default, self.place = None, self._place_members

    def _place_whole(self, values: list[Any], found: Any) -> None:
        values[self._indexes[0]] = self._absent[0]() if found is _NONE else found

    def _place_members(self, values: list[Any], found: dict[str, Any] | None) -> None:
        members = self.read(b"{}") if found is None else found
        for index, each, absent in zip(self._indexes, self._inputs, self._absent, strict=True):
            member = members[each.name]
            values[index] = absent() if member is _NONE else member

    async def fetch(self, request: Any, values: list[Any], resolution: Resolution) -> None:
        """Put what the body holds among the values, and note what is faulty."""
        try:
            self.place(values, await read_body(request, self.read, self.default))
        except (Fault, Faults) as exc:
            resolution.note(self._inputs[0], exc)


def _default(source: Input) -> Any:
    return NO_DEFAULT if source.required else _NONE


def _in_place(sources: list[Any], *places: str) -> list[tuple[int, Input]]:
    return [(index, each) for index, each in enumerate(sources) if isinstance(each, Input) and each.place in places]


def _read_of(source: Any) -> Read:
    """Make the function that reads an argument from a request; None in place of one that is a part of the body."""
    if not isinstance(source, Input):
        return _reader(source)
    return source.read if source.place != "body" else lambda _: None


def _reader(source: Any) -> Read:
    """Make the function that reads what is no input of the client."""
    if isinstance(source, str):
        return lambda request: request.match_info[source]
    if isinstance(source, Constant):
        return lambda _: source.value
    if isinstance(source, Stored):
        return _stored_reader(source)
    if isinstance(source, Taken):
        return source.read
    if source is Given.APPLICATION:
        return lambda request: request.app
    return lambda request: request


def _stored_reader(source: Stored) -> Read:
    key, default = source.key, source.default
    if isinstance(key, AppKey):
        return lambda request: request.app[key] if default is MISSING or key in request.app else default
    return lambda request: request[key] if default is MISSING else request.get(key, default)
