"""The shapes of classes with fields, and of tuples of certain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from keyword import iskeyword
from typing import Any

from sketch.binding.answers.shapes import Code, Misfit, Shape, Steps, kept, same


class Field:
    """A field of a class.

    Args:
        name: the attribute.
        keys: the names in a dict that stands for an object of the class.
        shape: of its values.
        default: makes the value that it has in an object that lacks it; None if it is required.
    """

    __slots__ = ("default", "keys", "name", "shape")

    def __init__(self, name: str, keys: Sequence[str], shape: Shape, default: Callable[[], Any] | None = None) -> None:
        self.name = name
        self.keys = keys
        self.shape = shape
        self.default = default


def read_fields(value: Any, fields: Iterable[Field], noun: str, at: Steps) -> dict[str, Any]:
    """Return the values of fields, as they are sent, of a dict by names, of another object by attributes.

    Raises:
        Misfit: for a value that lacks one, or has one of another type.
    """
    sent = {field.name: (field, _find(value, field)) for field in fields}
    if sent and not isinstance(value, Mapping) and all(each is ABSENT for _, each in sent.values()):
        raise Misfit(noun, value, at)  # an object of something else: its defaults would be sent
    found: dict[str, Any] = {}
    for name, (field, each) in sent.items():
        if each is ABSENT and field.default is None:
            raise Misfit(f"{noun} with {name!r}", value, at)
        each = field.default() if each is ABSENT and field.default is not None else each
        if each is not ABSENT:
            found[name] = field.shape.fit(each, (*at, name))
    return found


ABSENT: Any = object()
"""Stands for the value of a field that an object does not have."""


def _find(value: Any, field: Field) -> Any:
    if isinstance(value, Mapping):
        return next((value[key] for key in field.keys if key in value), ABSENT)
    return getattr(value, field.name, ABSENT)


class Record(Shape):
    """A class with fields: of msgspec, attrs, or a dataclass.

    Args:
        kind: the class.
        make: makes an object of the class out of the values of its fields.
        closed: whether the encoder sends attributes that are no fields, so that they must be looked for.
        inherited: the fields whose defaults are the class's, where the encoder does not look.
        tag: the name and the value that tell the class from others in a union; None for none.
    """

    fields: Sequence[Field] = ()
    """Set once those of all classes that refer to each other are known."""

    def __init__(
        self,
        kind: type,
        make: Callable[[dict[str, Any]], Any],
        *,
        closed: bool = False,
        inherited: Iterable[str] = (),
        tag: tuple[str, object] | None = None,
    ) -> None:
        self.kind = kind
        self._inherited = frozenset(inherited)
        self.tag = tag
        self._make = make
        self._closed = closed and bool(kind.__dictoffset__)
        self.noun = kind.__qualname__

    def test(self, value: str, code: Code) -> str:
        """Write the test: see `Shape`."""
        if value != "v":
            return f"{code.function(self)}({value})"
        tests = [f"({field.shape.test(_attribute(field.name), code)})" for field in self.fields]
        tests = [test for test in tests if test != "(True)"]
        if self._closed:
            tests.append(f"v.__dict__.keys() <= {code.name(frozenset(field.name for field in self.fields))}")
        if self._inherited:
            tests.append(f"v.__dict__.keys() >= {code.name(self._inherited)}")
        return " and ".join([self._test_class(code.name(self.kind)), *tests])

    def _test_class(self, kind: str) -> str:
        return f"type(v) is {kind}"

    def fit(self, value: Any, at: Steps) -> Any:
        """Return what may be sent: see `Shape`."""
        if self.tag is not None and isinstance(value, Mapping) and value.get(self.tag[0], self.tag[1]) != self.tag[1]:
            raise Misfit(self.noun, value, at)
        values = read_fields(value, self.fields, self.noun, at)
        if type(value) is self.kind and self._keeps(value, values):
            return value
        return self._make(values)

    def _keeps(self, value: Any, values: Mapping[str, Any]) -> bool:
        if self._closed and not value.__dict__.keys() <= values.keys():
            return False
        if self._inherited and not value.__dict__.keys() >= self._inherited:
            return False
        return all(getattr(value, name, ABSENT) is each for name, each in values.items())


def _attribute(name: str) -> str:
    return f"v.{name}" if name.isidentifier() and not iskeyword(name) else f"getattr(v, {name!r})"


class Members(Shape):
    """A TypedDict."""

    fields: Sequence[Field] = ()

    def __init__(self, noun: str) -> None:
        self.noun = noun

    def test(self, value: str, code: Code) -> str:
        """Write the test: see `Shape`."""
        if value != "v":
            return f"{code.function(self)}({value})"
        names = code.name(frozenset(field.name for field in self.fields))
        return " and ".join(["type(v) is dict", f"v.keys() <= {names}", *self._tests(code)])

    def _tests(self, code: Code) -> Iterator[str]:
        for field in self.fields:
            test = f"({field.shape.test(f'v[{field.name!r}]', code)})"
            if field.default is not None:
                yield f"({field.name!r} not in v or {test})"
            else:
                yield f"{field.name!r} in v" if test == "(True)" else test

    def fit(self, value: Any, at: Steps) -> Any:
        """Return what may be sent: see `Shape`."""
        values = read_fields(value, self.fields, self.noun, at)
        keeps = type(value) is dict and value.keys() == values.keys()
        return value if keeps and all(map(same, map(value.get, values), values.values())) else values


class Row(Shape):
    """A tuple of certain values, or a NamedTuple.

    Args:
        kind: `tuple`, or the NamedTuple.
        fields: its values; those of a tuple have no names. Those of a NamedTuple may be set later.
    """

    def __init__(self, kind: type, fields: Iterable[Field] = ()) -> None:
        self.kind = kind
        self.fields = tuple(fields)
        self.noun = f"tuple of {len(self.fields)} values" if kind is tuple else kind.__qualname__

    def test(self, value: str, code: Code) -> str:
        """Write the test: see `Shape`."""
        if self.kind is not tuple and value != "v":  # a class may refer to itself
            return f"{code.function(self)}({value})"
        tests = [field.shape.test(f"{value}[{index}]", code) for index, field in enumerate(self.fields)]
        exact = [f"type({value}) is {code.name(self.kind)}", f"len({value}) == {len(self.fields)}"]
        return " and ".join([*exact, *(f"({test})" for test in tests)])

    def fit(self, value: Any, at: Steps) -> Any:
        """Return what may be sent: see `Shape`."""
        if not isinstance(value, tuple | list):
            if self.kind is tuple:
                raise Misfit(self.noun, value, at)
            return list(read_fields(value, self.fields, self.noun, at).values())
        if len(value) != len(self.fields):
            raise Misfit(self.noun, value, at)
        fitted = [
            field.shape.fit(each, (*at, index))
            for index, (field, each) in enumerate(zip(self.fields, value, strict=True))
        ]
        return kept(value, fitted) if type(value) is self.kind else fitted
