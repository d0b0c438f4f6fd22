"""Path converters by the annotation of the handler's parameter, for a path that names none."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from uuid import UUID

from sketch.binding.converters import UUID_, Converter
from sketch.binding.kinds import Kind, own_members, unwrap
from sketch.binding.text.reader import find_form_reader, find_scalar, has_form
from sketch.binding.text.scalars import to_text


def find_path_converter(kind: Any) -> Converter | None:
    """Make the converter of a path parameter by its type. Text of the wrong form does not match.

    Constraints are not in it: a path that breaks one names a resource, but not properly.

    Returns:
        the same object for the same type; None for plain text, and for a type whose text only `find_check` reads.

    Raises:
        TypeError: for a type that text cannot become.
    """
    whole = unwrap(kind)
    if not has_form(whole):
        return None
    parts, _ = own_members(whole)
    return _converter(tuple(part.bare for part in parts))


@lru_cache(maxsize=512)
def _converter(bares: tuple[Any, ...]) -> Converter | None:
    if bares == (str,) or bares == (Any,):
        return None
    if bares == (UUID,):  # one path for one resource: the form without hyphens would be another
        return UUID_
    read = find_form_reader([Kind(bare) for bare in bares])
    return Converter("|".join(f"(?:{_pattern(bare)})" for bare in bares), read, to_text)


def _pattern(bare: Any) -> str:
    scalar = find_scalar(bare)
    assert scalar is not None, "a type with a form is a scalar"
    return scalar.pattern
