"""Finds in values of models what pydantic would send although the declared type does not have it.

pydantic writes an object with the fields of the declared type alone, and refuses most values of another type. But it
takes any object with attributes for a model, None for anything, and sends whatever stands for a Literal or a Sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import NoneType
from typing import Annotated, Any, get_origin

from sketch.binding.answers.find_shape import ShapeFinder, constant
from sketch.binding.answers.records import ABSENT, Field, Record, read_fields
from sketch.binding.answers.shapes import Anything, Code, Instance, Misfit, Shape, Steps, Union
from sketch.binding.kinds import Kind, unwrap
from sketch.jsoncodec.types import is_pydantic_type, is_record


def find_guard(kind: Any) -> Shape:
    """Find the shape that holds what pydantic does not check. What it fits is for validation, not to be sent."""
    return _GuardFinder().find(kind)


class _GuardFinder(ShapeFinder):
    """Finds shapes that hold all that pydantic checks for correct.

    Args:
        exact: whether objects must be of the declared class itself. Pydantic before 2.14 writes what is in a NamedTuple
            without looking at its declared types, and so all that a subclass has.
    """

    def __init__(self, *, exact: bool = False) -> None:
        super().__init__()
        self._exact = exact

    def find(self, kind: Any) -> Shape:
        if any(map(_is_code, unwrap(kind).metadata)):
            return Anything()
        return super().find(kind)

    def find_members(self, parts: list[Kind]) -> Shape:
        if len(parts) == 1:
            return super().find_members(parts)
        return _LooseUnion(self._member(part.annotation) for part in parts)

    def find_bare(self, bare: Any) -> Shape:
        try:
            return super().find_bare(bare)
        except TypeError:  # a type that only pydantic knows
            return Anything()

    def _member(self, kind: Any) -> Shape:
        """Find the shape of a member of a union: there, what pydantic checks has to be told from the rest."""
        shape = self.find(kind)
        origin = get_origin(unwrap(kind).bare) or unwrap(kind).bare or NoneType
        return Instance(origin) if isinstance(shape, Anything | _NotNone) and isinstance(origin, type) else shape

    def find_scalar(self, kind: type) -> Shape | None:
        if is_record(kind) or hasattr(kind, "__pydantic_fields__"):
            return None
        return Anything() if kind is NoneType else _NotNone()

    def find_class(self, bare: Any, origin: Any) -> Shape:
        if bare in self._known:
            return self._known[bare]
        if hasattr(origin, "__pydantic_fields__"):
            return self._model(bare, origin)
        if is_pydantic_type(origin):
            return Anything()
        if issubclass(origin, tuple) and not self._exact:
            return self.know(bare, _GuardFinder(exact=True).find(bare))
        return super().find_class(bare, origin)

    def make_record(self, kind: Any, make: Callable[[dict[str, Any]], Any], *, closed: bool) -> Record:  # noqa: ARG002
        return _Loose(kind, keep=True, exact=self._exact)

    def _model(self, bare: Any, model: Any) -> Shape:
        if model.__pydantic_decorators__.model_serializers:
            return self.know(bare, Anything())
        if getattr(model, "__pydantic_root_model__", False):
            root = self.know(bare, _Root(model))
            root.root = self.find(model.__pydantic_fields__["root"].annotation)
            return root
        record = self.know(bare, _Loose(model, keep=self._exact, exact=self._exact))
        record.fields = [*self._fields_of(model)]
        return record

    def _fields_of(self, model: Any) -> Iterator[Field]:
        serializers = model.__pydantic_decorators__.field_serializers.values()
        written = {name for serializer in serializers for name in serializer.info.fields}
        for name, info in model.__pydantic_fields__.items():
            if info.init is False:
                continue
            kind: Any = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
            keys = (info.validation_alias, name) if isinstance(info.validation_alias, str) else (name,)
            yield Field(name, keys, Anything() if written & {name, "*"} else self.find(kind), constant(ABSENT))


def _is_code(metadata: Any) -> bool:
    """Whether metadata has code of the author that decides what a value is, or what is sent."""
    return any(part in type(metadata).__name__ for part in ("Serialize", "Validator"))


class _NotNone(Anything):
    """A type of which pydantic checks the values, None excepted."""

    def test(self, value: str, code: Code) -> str:  # noqa: ARG002 - as of every shape
        return f"{value} is not None"

    def test_each(self, values: str, code: Code) -> str:  # noqa: ARG002 - as of every shape
        return f"None not in {values}"


class _Loose(Record):
    """A class of which pydantic writes the declared fields alone, of objects of its subclasses as well.

    Args:
        kind: the class.
        keep: whether an object of the class may stay, if its fields do; else it is always made anew.
        exact: whether objects of its subclasses are made anew.
    """

    def __init__(self, kind: Any, *, keep: bool = False, exact: bool = False) -> None:
        super().__init__(kind, dict)
        self._keep = keep
        self._exact = exact
        config = getattr(kind, "model_config", None) or getattr(kind, "__pydantic_config__", None) or {}
        self._open = config.get("extra") == "allow"

    def _test_class(self, kind: str) -> str:
        return f"type(v) is {kind}" if self._exact else f"isinstance(v, {kind})"

    def _may_stay(self, value: Any) -> bool:
        return self._keep and (type(value) is self.kind if self._exact else isinstance(value, self.kind))

    def fit(self, value: Any, at: Steps) -> Any:
        values = read_fields(value, self.fields, self.noun, at)
        if self._may_stay(value) and self._keeps(value, values):
            return value
        made = {field.keys[0]: values[field.name] for field in self.fields if field.name in values}
        return {**value, **made} if self._open and isinstance(value, Mapping) else made


class _LooseUnion(Union):
    """A union of what pydantic checks and what it does not."""

    def fit(self, value: Any, at: Steps) -> Any:
        try:
            return super().fit(value, at)
        except Misfit:
            return value  # which validation may convert


class _Root(Shape):
    """A root model: what it stands for is its one value."""

    root: Shape

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self.noun = kind.__qualname__

    def test(self, value: str, code: Code) -> str:
        if value != "v":
            return f"{code.function(self)}({value})"
        return f"isinstance(v, {code.name(self.kind)}) and ({self.root.test('v.root', code)})"

    def fit(self, value: Any, at: Steps) -> Any:
        return self.root.fit(value.root if isinstance(value, self.kind) else value, at)
