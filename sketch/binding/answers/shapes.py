"""The shape of a declared type: whether a value is exactly of it, and the value as it may be sent if it is not.

A type says what may leave. So a value of another type, a subclass with more fields or an object of a database, is first
made into one that has what the declared type has, and nothing else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import Enum
from typing import Any

from sketch.jsoncodec.values import to_plain

Steps = tuple[Any, ...]
"""Where a value stands: the names and indexes that lead to it."""


class Misfit(TypeError):
    """Raised for a value that is not of the declared type and cannot be made into it.

    Args:
        expected: the type in words.
        value: the value.
        at: where it stands.
    """

    def __init__(self, expected: str, value: object, at: Steps) -> None:
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step!s:.50}" for step in at)
        super().__init__(f"expected {expected} at ${place}, got {value!r:.200}" if place else f"it is no {expected}")


class Code:
    """The source of a test, and the objects that it names."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self.functions: list[str] = []
        self._known: dict[int, str] = {}

    def name(self, value: object) -> str:
        """Return a name for an object."""
        name = f"n{len(self.names)}"
        self.names[name] = value
        return name

    def function(self, shape: Shape) -> str:
        """Return the name of the function that tests a value for a shape; it is written once."""
        name = self._known.get(id(shape))
        if name is None:
            name = self._known[id(shape)] = f"f{len(self._known)}"
            self.functions.append(f"def {name}(v):\n    return {shape.test('v', self)}\n")
        return name


def make_test(shape: Shape) -> Callable[[Any], bool]:
    """Make the function that says whether a value is exactly of a shape. It raises LookupError or AttributeError for
    some that are not."""
    code = Code()
    name = code.function(shape)
    exec("".join(code.functions), code.names)  # noqa: S102 - made of names alone; a tree of calls takes five times as long
    test: Callable[[Any], bool] = code.names[name]
    return test


def passes(test: Callable[[Any], bool], value: Any) -> bool:
    """Whether a value passes a test."""
    try:
        return test(value)
    except Exception:  # a field is missing, or its property fails, which what makes another value of it meets again
        return False


class Shape(ABC):
    """What a value may be."""

    types: frozenset[type] | None = None
    """The exact types of the values, if they decide alone."""

    noun: str
    """What is expected, for messages."""

    @abstractmethod
    def test(self, value: str, code: Code) -> str:
        """Write the expression that tests a value for the shape.

        Args:
            value: the expression that has the value; evaluated more than once.
            code: where the names of the expression are defined.
        """

    def test_each(self, values: str, code: Code) -> str:
        """Write the expression that tests each of some values, which are an iterable."""
        if self.types is not None:
            return f"{code.name(self.types)}.issuperset(map(type, {values}))"
        return f"all(map({code.function(self)}, {values}))"

    @abstractmethod
    def fit(self, value: Any, at: Steps) -> Any:
        """Return the value if it is exactly of the shape, else what is sent in its place.

        Raises:
            Misfit: for a value that cannot be made into one of the shape.
        """


class Anything(Shape):
    """`Any`: whatever JSON can hold."""

    noun = "anything"

    def test(self, value: str, code: Code) -> str:  # noqa: ARG002 - as of every shape
        """Write the test: see `Shape`."""
        return "True"

    def test_each(self, values: str, code: Code) -> str:  # noqa: ARG002 - as of every shape
        """Write the test of some values: see `Shape`."""
        return "True"

    def fit(self, value: Any, at: Steps) -> Any:  # noqa: ARG002 - as of every shape
        """Return what may be sent: see `Shape`."""
        return value


class Scalar(Shape):
    """A type of single values: numbers, text, times.

    Args:
        kind: the type.
        parse: makes a value out of its text in JSON, raises ValueError; None if there is no such text.
    """

    def __init__(self, kind: type, parse: Callable[[str], Any] | None = None) -> None:
        self.kind = kind
        self.types = frozenset({float, int} if kind is float else {kind})
        self.noun = "None" if kind is type(None) else kind.__qualname__
        self._parse = parse

    def test(self, value: str, code: Code) -> str:
        """Write the test: see `Shape`."""
        return _of_types(value, self.types, code)

    def fit(self, value: Any, at: Steps) -> Any:
        """Return what may be sent: see `Shape`."""
        kind = type(value)
        if kind is self.kind or (kind is int and self.kind is float):
            return value
        if isinstance(value, self.kind) and kind is not bool and not _is_datetime_for_date(value, self.kind):
            return to_plain(value)
        if kind is str and self._parse is not None:
            try:
                return self._parse(value)
            except ValueError:
                pass
        raise Misfit(self.noun, value, at)


def _is_datetime_for_date(value: object, kind: type) -> bool:
    return kind.__name__ == "date" and hasattr(value, "hour")


def _of_types(value: str, types: Collection[type] | None, code: Code) -> str:
    assert types is not None
    if len(types) == 1:
        return f"type({value}) is {code.name(*types)}"
    return f"type({value}) in {code.name(types)}"


class Member(Shape):
    """A member of an Enum."""

    def __init__(self, kind: type[Enum]) -> None:
        self.kind = kind
        self.types = frozenset({kind})
        self.noun = kind.__qualname__

    def test(self, value: str, code: Code) -> str:
        """Write the test: see `Shape`."""
        return _of_types(value, self.types, code)

    def fit(self, value: Any, at: Steps) -> Any:
        """Return what may be sent: see `Shape`."""
        if type(value) is self.kind:
            return value
        try:
            return self.kind(value)
        except ValueError:
            raise Misfit(self.noun, value, at) from None


class Instance(Shape):
    """Any object of a class whose subclasses add nothing that is sent, as paths."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self.noun = kind.__qualname__

    def test(self, value: str, code: Code) -> str:
        """Write the test: see `Shape`."""
        return f"isinstance({value}, {code.name(self.kind)})"

    def fit(self, value: Any, at: Steps) -> Any:
        """Return what may be sent: see `Shape`."""
        if isinstance(value, self.kind):
            return value
        raise Misfit(self.noun, value, at)


class Choice(Shape):
    """A Literal: one of some values."""

    def __init__(self, values: Iterable[Any]) -> None:
        self._values = list(values)
        self._types = frozenset(map(type, self._values))
        self.noun = f"one of {', '.join(map(repr, self._values))}"

    def test(self, value: str, code: Code) -> str:
        """Write the test: see `Shape`."""
        # By type first: a value of another may have no hash, and 1 equals True.
        pairs = frozenset((type(each), each) for each in self._values)
        of_types = _of_types(value, self._types, code)
        if len(self._types) == 1:
            return f"{of_types} and {value} in {code.name(frozenset(self._values))}"
        return f"{of_types} and (type({value}), {value}) in {code.name(pairs)}"

    def fit(self, value: Any, at: Steps) -> Any:
        """Return what may be sent: see `Shape`."""
        for each in self._values:
            if value == each and isinstance(value, type(each)) and isinstance(value, bool) == isinstance(each, bool):
                return each
        raise Misfit(self.noun, value, at)


# -- containers --------------------------------------------------------------------------------------------------------


class Array(Shape):
    """Any number of values: a list, a set, a tuple.

    Args:
        types: the exact types of the containers.
        item: the shape of each value.
    """

    def __init__(self, types: Iterable[type], item: Shape) -> None:
        self._types = frozenset(types)
        self.item = item

    noun = "list"

    def test(self, value: str, code: Code) -> str:
        """Write the test: see `Shape`."""
        return f"{_of_types(value, self._types, code)} and {self.item.test_each(value, code)}"

    def fit(self, value: Any, at: Steps) -> Any:
        """Return what may be sent: see `Shape`."""
        if isinstance(value, str | bytes | bytearray | memoryview | Mapping) or not isinstance(value, Iterable):
            raise Misfit(self.noun, value, at)
        values = value if type(value) in self._types else list(value)
        return kept(values, [self.item.fit(each, (*at, index)) for index, each in enumerate(values)])


def kept(values: Any, fitted: list[Any]) -> Any:
    """The container itself if all of its values could stay, else a list of what is sent instead."""
    return values if all(map(same, values, fitted)) else fitted


def same(one: object, other: object) -> bool:
    """Whether two values are one object."""
    return one is other


class Table(Shape):
    """A dict: names and values.

    Args:
        key, item: the shapes of the names and of the values.
    """

    noun = "dict"

    def __init__(self, key: Shape, item: Shape) -> None:
        self.key = key
        self.item = item

    def test(self, value: str, code: Code) -> str:
        """Write the test: see `Shape`."""
        keys, values = self.key.test_each(value, code), self.item.test_each(f"{value}.values()", code)
        return f"type({value}) is dict and {keys} and {values}"

    def fit(self, value: Any, at: Steps) -> Any:
        """Return what may be sent: see `Shape`."""
        if not isinstance(value, Mapping):
            raise Misfit(self.noun, value, at)
        pairs = {self.key.fit(key, (*at, key)): self.item.fit(item, (*at, key)) for key, item in value.items()}
        keeps = type(value) is dict and all(map(same, value, pairs)) and all(map(same, value.values(), pairs.values()))
        return value if keeps else pairs


class Union(Shape):
    """One of several shapes."""

    def __init__(self, shapes: Iterable[Shape]) -> None:
        self.shapes = tuple(shapes)
        if all(shape.types is not None for shape in self.shapes):
            self.types = frozenset[type]().union(*(shape.types or () for shape in self.shapes))
        self.noun = " or ".join(shape.noun for shape in self.shapes)

    def test(self, value: str, code: Code) -> str:
        """Write the test: see `Shape`."""
        if self.types is not None:
            return _of_types(value, self.types, code)
        return " or ".join(
            f"({shape.test(value, code) if shape.types else f'{code.function(shape)}({value})'})"
            for shape in self.shapes
        )

    def fit(self, value: Any, at: Steps) -> Any:
        """Return what may be sent: see `Shape`."""
        shapes = sorted(self.shapes, key=lambda shape: _distance(value, shape))
        for shape in shapes:
            try:
                return shape.fit(value, at)
            except Misfit:
                continue
        raise Misfit(self.noun, value, at)


def _distance(value: object, shape: Shape) -> int:
    """How far the class of a value is from that of a shape: 0 for the same, 1 for its base, 1000 for another."""
    bases = type(value).__mro__
    found = [bases.index(kind) for kind in (*(shape.types or ()), getattr(shape, "kind", None)) if kind in bases]
    return min(found, default=1000)
