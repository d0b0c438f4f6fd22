"""Finds the shape of an annotation."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import abc, deque
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import partial
from importlib import import_module
from pathlib import PurePath
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin
from uuid import UUID

from sketch.binding.answers.records import ABSENT, Field, Members, Record, Row
from sketch.binding.answers.shapes import (
    Anything,
    Array,
    Choice,
    Code,
    Instance,
    Member,
    Scalar,
    Shape,
    Steps,
    Table,
    Union,
)
from sketch.binding.hints import hints_of, typed_dict_hints
from sketch.binding.kinds import Kind, is_alias, members, show, unwrap
from sketch.jsoncodec.completion import inherited_defaults
from sketch.jsoncodec.types import is_pydantic_type, is_typed_dict

S = TypeVar("S", bound=Shape)

_ARRAYS: dict[Any, tuple[type, ...]] = {
    list: (list,),
    set: (set,),
    frozenset: (frozenset,),
    deque: (deque,),
    abc.Sequence: (list, tuple),
    abc.MutableSequence: (list,),
    abc.Set: (set, frozenset),
    abc.MutableSet: (set,),
    abc.Collection: (list, tuple, set, frozenset),
}


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(text) from None


_SCALARS: dict[Any, Callable[[str], Any] | None] = {
    NoneType: None,
    int: None,
    float: None,
    str: None,
    bool: None,
    bytes: None,
    bytearray: None,
    dt.datetime: dt.datetime.fromisoformat,
    dt.date: dt.date.fromisoformat,
    dt.time: dt.time.fromisoformat,
    dt.timedelta: None,
    UUID: UUID,
    Decimal: _decimal,
}


def unknown(kind: Any) -> TypeError:
    """Make the error for an annotation that is no type of what JSON can hold."""
    return TypeError(
        f"expected a type that JSON can hold, got {show(kind)}: declare a Struct, a dataclass, a TypedDict or a model"
        " with what is to be sent; an object that has these attributes may be returned"
    )


def _refuse(kind: Any) -> Shape:
    raise unknown(kind)


class Named(Shape):
    """The shape of an alias, as `type Json = ...`, where it refers to itself."""

    shape: Shape
    """Set once it is known."""

    def __init__(self, noun: str) -> None:
        self.noun = noun

    def test(self, value: str, code: Code) -> str:
        """Write the test: see `Shape`."""
        return f"{code.function(self.shape)}({value})"

    def fit(self, value: Any, at: Steps) -> Any:
        """Return what may be sent: see `Shape`."""
        return self.shape.fit(value, at)


class ShapeFinder:
    """Finds the shapes in one annotation. A class or an alias that refers to itself has one shape.

    Args:
        foreign: finds the shape of a class of pydantic.
    """

    def __init__(self, foreign: Callable[[Any], Shape] = _refuse) -> None:
        self._known: dict[Any, Shape] = {}
        self._foreign = foreign

    def find(self, kind: Any) -> Shape:
        """Find the shape of an annotation, or of a part of it.

        Raises:
            TypeError: for one that is no type of what JSON can hold.
        """
        if not is_alias(kind):
            return self.find_members([*members(unwrap(kind))])
        if kind in self._known:
            return self._known[kind]
        named = self.know(kind, Named(show(kind)))
        named.shape = self.find_members([*members(unwrap(kind))])
        return named.shape

    def find_members(self, parts: list[Kind]) -> Shape:
        """Find the shape of a union of some types, or of a single one."""
        if len(parts) == 1:
            return self.find_bare(parts[0].bare)
        return Union(self.find_bare(part.bare) for part in parts)

    def find_bare(self, bare: Any) -> Shape:
        """Find the shape of a type that is no union and has no metadata."""
        if bare is None:
            bare = NoneType
        if bare in (Any, object):
            return Anything()
        if isinstance(bare, TypeVar):
            return Anything() if bare.__bound__ is None else self.find(bare.__bound__)
        origin, arguments = get_origin(bare) or bare, get_args(bare)
        if origin is Literal:
            return Choice(arguments)
        if origin in _ARRAYS:
            return Array(_ARRAYS[origin], self.find(arguments[0] if arguments else Any))
        if origin is tuple:
            return self._tuple(arguments)
        if origin in (dict, abc.Mapping, abc.MutableMapping):
            key, item = arguments or (Any, Any)
            return Table(self.find(key), self.find(item))
        if not isinstance(origin, type):
            raise unknown(bare)
        return self.find_scalar(origin) or self.find_class(bare, origin)

    def _tuple(self, arguments: tuple[Any, ...]) -> Shape:
        if not arguments:
            return Array((tuple,), Anything())
        if len(arguments) == 2 and arguments[1] is ...:
            return Array((tuple,), self.find(arguments[0]))
        return Row(tuple, [Field("", (), self.find(each)) for each in arguments if each != ()])

    def find_scalar(self, kind: type) -> Shape | None:
        """Find the shape of single values; None for a type of others."""
        if kind in _SCALARS or kind.__name__ == "UnsetType":
            return Scalar(kind, _SCALARS.get(kind))
        if issubclass(kind, Enum):
            return Member(kind)
        return Instance(kind) if issubclass(kind, PurePath) or kind.__module__ == "ipaddress" else None

    def find_class(self, bare: Any, origin: type) -> Shape:
        """Find the shape of a class with fields."""
        if bare in self._known:
            return self._known[bare]
        if is_pydantic_type(origin):
            return self.know(bare, self._foreign(bare))
        if is_typed_dict(origin):
            shape = self.know(bare, Members(show(bare)))
            shape.fields = [*self._typed_dict(bare)]
            return shape
        if issubclass(origin, tuple) and hasattr(origin, "_fields"):
            row = self.know(bare, Row(origin))
            row.fields = tuple(self._named_tuple(bare, origin))
            return row
        for applies, make, closed, describe in _LIBRARIES:
            if applies(origin):
                record = self.know(bare, self.make_record(origin, partial(make, origin), closed=closed))
                record.fields = [
                    Field(name, keys, self.find(kind), default) for name, keys, kind, default in describe(bare, origin)
                ]
                return record
        raise unknown(bare)

    def make_record(self, kind: Any, make: Callable[[dict[str, Any]], Any], *, closed: bool) -> Record:
        """Make the shape of a class with fields, without them."""
        return Record(kind, make, closed=closed, inherited=inherited_defaults(kind), tag=_tag(kind))

    def know(self, kind: Any, shape: S) -> S:
        """Keep the shape of a class while those of its fields are found, which may refer to it."""
        self._known[kind] = shape
        return shape

    def _named_tuple(self, bare: Any, origin: Any) -> Iterator[Field]:
        hints, defaults = hints_of(bare), origin._field_defaults
        for name in origin._fields:
            default = constant(defaults[name]) if name in defaults else None
            yield Field(name, (name,), self.find(hints.get(name, Any)), default)

    def _typed_dict(self, bare: Any) -> Iterator[Field]:
        for name, hint, required in typed_dict_hints(bare):
            yield Field(name, (name,), self.find(hint), None if required else constant(ABSENT))


# -- classes with fields -----------------------------------------------------------------------------------------------

_Fields = Iterator[tuple[str, tuple[str, ...], Any, Callable[[], Any] | None]]
"""The name of each field, its names in a dict, its type, and what makes its default."""


def constant(value: Any) -> Callable[[], Any]:
    """Make the function that returns a value."""
    return lambda: value


def _struct(bare: Any, _: Any) -> _Fields:
    missing = import_module("msgspec").NODEFAULT
    for field in import_module("msgspec.structs").fields(bare):
        default = field.default_factory if field.default is missing else constant(field.default)
        yield field.name, (field.encode_name, field.name), field.type, None if default is missing else default


def _dataclass(bare: Any, origin: Any) -> _Fields:
    hints = hints_of(bare)
    for field in dataclasses.fields(origin):
        default = field.default_factory if field.default is dataclasses.MISSING else constant(field.default)
        yield field.name, (field.name,), hints[field.name], None if default is dataclasses.MISSING else default


def _attrs(bare: Any, origin: Any) -> _Fields:
    hints = hints_of(bare)
    for attribute in origin.__attrs_attrs__:
        if attribute.name[:1] == "_":  # is not sent
            continue
        default, name = attribute.default, attribute.name
        if type(default).__name__ == "Factory":
            factory = None if default.takes_self else default.factory
        else:
            factory = None if type(default).__name__ == "_Nothing" else constant(default)
        yield name, (name,), hints.get(name, Any), factory


def _tag(origin: Any) -> tuple[str, object] | None:
    config = getattr(origin, "__struct_config__", None)
    return None if config is None or config.tag is None else (config.tag_field, config.tag)


def _make_struct(kind: type, values: dict[str, Any]) -> Any:
    return kind(**values)


def _make_bare(kind: type, values: dict[str, Any]) -> Any:
    """Make an object that has nothing but these values: it is sent, and no code of its class runs."""
    made: Any = object.__new__(kind)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


_LIBRARIES: tuple[
    tuple[Callable[[Any], bool], Callable[[type, dict[str, Any]], Any], bool, Callable[[Any, Any], _Fields]], ...
] = (
    (lambda origin: hasattr(origin, "__struct_fields__"), _make_struct, False, _struct),
    (lambda origin: hasattr(origin, "__attrs_attrs__"), _make_bare, True, _attrs),
    (dataclasses.is_dataclass, _make_bare, False, _dataclass),
)
