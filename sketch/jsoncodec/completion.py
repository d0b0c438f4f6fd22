"""Completes the dataclasses that msgspec reads: it leaves defaults to the class, where its encoder does not look."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_origin

Complete = Callable[[Any], None]

_CONTAINERS: tuple[type, ...] = (list, tuple, set, frozenset)


def parts_of(info: Any, seen: set[int]) -> Iterator[Any]:
    """Yield msgspec's description of a type, and those of all types in it.

    Args:
        seen: the ids of what was yielded.
    """
    if id(info) in seen:
        return
    seen.add(id(info))
    if isinstance(info, tuple):
        for part in info:
            yield from parts_of(part, seen)
    elif type(info).__module__ == "msgspec.inspect":
        yield info
        for name in info.__struct_fields__:
            yield from parts_of(getattr(info, name), seen)


def find_completion(info: Any) -> Complete | None:
    """Make the function that completes a value that msgspec has read; None for a type that needs it nowhere.

    It goes by the classes of the values: code of theirs may have replaced what was read.

    Args:
        info: msgspec's description of the type.
    """
    if not _needs_completion(info):
        return None
    known: dict[type, Complete] = {}

    def complete(value: Any) -> None:
        of_class = known.get(type(value))
        if of_class is not None:
            of_class(value)

    def complete_each(values: Iterable[Any]) -> None:
        for value in values:
            complete(value)

    def complete_table(table: Mapping[Any, Any]) -> None:
        complete_each(table)
        complete_each(table.values())

    known |= {dict: complete_table, **dict.fromkeys(_CONTAINERS, complete_each)}
    for kind, infos in _by_class(info).items():
        known[kind] = complete_each if issubclass(kind, tuple) else _of_class(infos, complete)
    return complete


def _by_class(info: Any) -> dict[type, list[Any]]:
    """Group the classes with fields in a type that need completion: a generic one may be there several times."""
    found: dict[type, list[Any]] = {}
    for part in parts_of(info, set()):
        if hasattr(part, "cls") and hasattr(part, "fields") and _needs_completion(part):
            found.setdefault(_class_of(part), []).append(part)
    return found


def _of_class(infos: list[Any], complete: Complete) -> Complete:
    """Make the function that completes the objects of a class with fields."""
    defaults = _defaults(infos[0])
    names = {field.name for info in infos for field in info.fields if _needs_completion(field.type)}

    def complete_object(value: Any) -> None:
        if defaults:
            value.__dict__.update(defaults | value.__dict__)
        for name in names:
            complete(getattr(value, name, None))

    return complete_object


def _needs_completion(info: Any) -> bool:
    return any(_defaults(part) for part in parts_of(info, set()))


def _defaults(info: Any) -> dict[str, Any]:
    return inherited_defaults(_class_of(info)) if type(info).__name__ == "DataclassType" else {}


def inherited_defaults(kind: Any) -> dict[str, Any]:
    """Return the defaults of a dataclass that its objects may have from the class alone: not those with slots.

    An attrs class has none: its objects are whole.
    """
    if not kind.__dictoffset__ or not is_dataclass(kind):
        return {}
    return {
        field.name: field.default
        for field in fields(kind)
        if field.default is not MISSING and getattr(kind, field.name, MISSING) is field.default
    }


def _class_of(info: Any) -> Any:
    return get_origin(info.cls) or info.cls
