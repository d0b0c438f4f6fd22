"""Converts objects to what JSON can hold, one object at a time: for the encoders, which do the rest."""

from __future__ import annotations

import inspect
import math
import sys
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from importlib import import_module
from pathlib import PurePath
from typing import Any
from uuid import UUID

Convert = Callable[[Any], Any]

Place = tuple[Any, object] | None
"""Where a value stands: the place around it, and its key or index there. None for the outermost value."""


def to_plain(value: Any) -> Any:
    """Convert an object that is no `dict`, `list`, `str`, `int`, `float`, `bool` or None to one that is.

    What the result contains may have to be converted, too.

    Raises:
        TypeError: for an object of any other type.
    """
    return _find_converter(value)(value)


def to_plain_data(value: Any, place: Place = None) -> Any:
    """Convert data with all that it contains, keys too. It takes longer than an encoder, and says where a fault is.

    Raises:
        TypeError: for an object that JSON cannot hold, with its type and its place.
        ValueError: for NaN and infinity.
        RecursionError: for data that contains itself, or is nested too deeply.
    """
    if value is None or isinstance(value, str | int):
        return value if value is None or type(value) in (str, int, bool) else to_plain(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(
                f"expected data that JSON can hold, got {value!r:.200} at {_path(place)}: send None instead"
            )
        return float(value)
    if isinstance(value, dict):
        return {_key(key, place): to_plain_data(item, (place, key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain_data(item, (place, index)) for index, item in enumerate(value)]
    return to_plain_data(_converted(value, place), place)


def _converted(value: Any, place: Place) -> Any:
    try:
        convert = _find_converter(value)
    except TypeError as exc:
        raise TypeError(f"{exc} at {_path(place)}: {_advice(value)}") from None
    return convert(value)


def _key(key: Any, place: Place) -> Any:
    """Convert the key of an object; the encoder makes text of numbers, booleans and None."""
    plain = key if isinstance(key, str | int | float | None) else _converted(key, (place, key))
    if isinstance(plain, str | int | float | None):
        return plain
    raise TypeError(
        f"expected keys that JSON can hold, got one of type {_name(type(key))} in {_path(place)}: send text"
    )


def _path(place: Place) -> str:
    """Write a place as `$.items[3].price`."""
    steps: list[str] = []
    while place is not None:
        place, step = place
        steps.append(f"[{step}]" if isinstance(step, int) else f".{step!s:.50}")
    return "$" + "".join(reversed(steps))


def _advice(value: object) -> str:
    if inspect.isawaitable(value):
        return "await it first"
    if isinstance(value, Iterable):
        return "send list() or dict() of it"
    return "convert it to a dict, a list, text or a number first"


def _name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


# -- by type -----------------------------------------------------------------------------------------------------------


def _find_converter(value: object) -> Convert:
    return _converter(type(value))  # type: ignore[arg-type]  # a class can be hashed


@lru_cache(maxsize=1024)
def _converter(kind: type) -> Convert:
    """Choose the function that converts the objects of a class."""
    if issubclass(kind, Enum):
        return lambda value: value.value
    if is_dataclass(kind):
        return _of_attributes([field.name for field in fields(kind)])
    if hasattr(kind, "__get_pydantic_core_schema__"):  # a model, or one of pydantic's own types, such as a URL
        return _by_pydantic(kind)
    if hasattr(kind, "__struct_fields__"):
        return _by_msgspec
    attributes: Any = getattr(kind, "__attrs_attrs__", None)
    if attributes is not None:  # private ones stay out, as with msgspec, which reads such classes
        return _of_attributes([attribute.name for attribute in attributes if attribute.name[:1] != "_"])
    for base, convert in _BASES.items():
        if issubclass(kind, base) and kind is not bool:  # msgspec asks for a boolean that is a key
            return convert
    if kind.__module__ == "ipaddress":  # not imported for this
        return str
    raise TypeError(f"expected data that JSON can hold, got an object of type {_name(kind)}")


def _of_attributes(names: list[str]) -> Convert:
    def convert(value: Any) -> dict[str, Any]:
        found = {name: getattr(value, name) for name in names}
        unset = getattr(sys.modules.get("msgspec"), "UNSET", found)  # stands for a field that was not sent
        return {name: item for name, item in found.items() if item is not unset}

    return convert


def _by_pydantic(kind: type) -> Convert:
    """Convert as the type's own configuration says; the members of a model by the names that it reads."""
    write = import_module("pydantic").TypeAdapter(kind).serializer.to_python

    def convert_other(value: Any) -> Any:
        if type(value) is kind:  # pydantic only reads it
            raise TypeError(f"expected data that JSON can hold, got an object of type {_name(kind)}: convert it first")
        return to_plain(value)

    return lambda value: write(value, mode="json", by_alias=True, fallback=convert_other)


def _by_msgspec(value: Any) -> Any:
    return import_module("msgspec").to_builtins(value, str_keys=True, enc_hook=to_plain)


def _datetime(value: datetime) -> str:
    """Write a time as RFC 3339 does, which has no offsets of seconds."""
    offset = value.utcoffset()
    if offset is not None and offset.seconds % 60:
        value = value.astimezone(UTC)
    return _utc_as_z(datetime.isoformat(value))


def _utc_as_z(text: str) -> str:
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def _timedelta(value: timedelta) -> str:
    """Write a duration as ISO 8601 does, in days and seconds."""
    size = abs(value)
    seconds = f"{size.seconds}.{size.microseconds:06}".rstrip("0") if size.microseconds else str(size.seconds)
    days = f"{size.days}D" if size.days or not size else ""
    rest = f"T{seconds}S" if size.seconds or size.microseconds else ""
    return f"{'-' if value < timedelta() else ''}P{days}{rest}"


_BASES: dict[type | tuple[type, ...], Convert] = {
    str: str.__str__,  # subclasses, which not every library takes; their own `__str__` does not count
    int: int.__int__,
    float: float.__float__,
    datetime: _datetime,  # before `date`, its base
    date: date.isoformat,
    time: lambda value: _utc_as_z(time.isoformat(value)),
    timedelta: _timedelta,
    UUID: str,
    Decimal: str,
    PurePath: str,
    (tuple, set, frozenset, deque): list,
    (bytes, bytearray, memoryview): lambda value: b64encode(value).decode(),  # as JSON of a type is read
}
