"""Reads JSON as a value of a type, by msgspec or by pydantic: whichever library the type belongs to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_origin

from sketch.jsoncodec.libraries import installed, unsupported
from sketch.jsoncodec.types import contains, is_pydantic_type, is_record, needs_pydantic

Read = Callable[[bytes], Any]


def find_reader(kind: Any, loads: Read) -> Read:
    """Make the function that reads JSON as a type.

    Args:
        kind: the type, or a `pydantic.TypeAdapter`.
        loads: reads any JSON strictly.

    Raises:
        TypeError: for a type that no library reads.
        RuntimeError: if the library that reads it is not installed.
    """
    if needs_pydantic(kind) or _has_pydantic_alone(kind):
        if hasattr(get_origin(kind) or kind, "__struct_fields__"):
            raise unsupported(kind, "a Struct has no types of pydantic and annotated_types in it: write msgspec.Meta()")
        from sketch.jsoncodec.by_pydantic import pydantic_reader

        return pydantic_reader(kind, loads, strict=not contains(kind, is_pydantic_type))
    from sketch.jsoncodec.by_msgspec import msgspec_reader

    return msgspec_reader(kind, loads)


def _has_pydantic_alone(kind: Any) -> bool:
    """Whether pydantic reads plain values, as `dict[str, int]`, because msgspec is not installed.

    Classes with fields are msgspec's: pydantic reads some of them by other rules.
    """
    return not (contains(kind, is_record) or installed("msgspec")) and installed("pydantic")
