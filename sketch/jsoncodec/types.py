"""Looks into types: whether they are made of some others, and which library they belong to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from typing import Any, get_args, get_origin, get_type_hints


def needs_pydantic(kind: Any) -> bool:
    """Whether pydantic has to read a type: one with a type of pydantic in it, or with constraints of annotated_types.

    msgspec would pass over those constraints.
    """
    return contains(kind, lambda part: is_pydantic_type(part) or _root_of(part) == "annotated_types")


def is_pydantic_type(kind: Any) -> bool:
    """Whether a type is one of pydantic's, or one that describes itself to pydantic."""
    return (
        _root_of(kind) == "pydantic"
        or hasattr(kind, "__get_pydantic_core_schema__")
        or hasattr(kind, "__pydantic_validator__")
    )


def contains(kind: Any, test: Callable[[Any], bool]) -> bool:
    """Whether a test is true of a type, or of a part of it: an item, a field, what it is annotated with."""
    return _contains(kind, test, {})


def _contains(kind: Any, test: Callable[[Any], bool], seen: dict[int, Any]) -> bool:
    """The same; `seen` keeps what was looked at, so that ids are unique."""
    if id(kind) in seen:
        return False
    seen[id(kind)] = kind
    return test(kind) or any(_contains(part, test, seen) for part in _parts(kind))


def _root_of(value: object) -> str:
    return type(value).__module__.partition(".")[0]


def _parts(kind: Any) -> Iterator[Any]:
    """Yield the types that a type is made of, and what it is annotated with."""
    yield from get_args(kind)
    inner = getattr(kind, "__supertype__", None) or getattr(kind, "__value__", None)  # of NewType, of an alias
    if inner is not None:
        yield inner
    for field in getattr(kind, "__pydantic_fields__", {}).values():
        yield from (field.annotation, *field.metadata)
    made = get_origin(kind) or kind
    if is_record(made):
        try:
            yield from get_type_hints(made, include_extras=True).values()
        except Exception:  # a name that is not defined: the library that reads the type says it
            return


def is_record(kind: Any) -> bool:
    """Whether a class has annotated fields: a Struct, a dataclass, a TypedDict, a NamedTuple, an attrs class."""
    if not isinstance(kind, type):
        return False
    if is_typed_dict(kind):
        return True
    named = issubclass(kind, tuple) and hasattr(kind, "_fields")
    return named or is_dataclass(kind) or hasattr(kind, "__struct_fields__") or hasattr(kind, "__attrs_attrs__")


def is_typed_dict(kind: Any) -> bool:
    """Whether a class is a TypedDict, of the standard library or of typing_extensions."""
    return isinstance(kind, type) and issubclass(kind, dict) and hasattr(kind, "__required_keys__")
