"""The schemas of values that are text: in a path, the query, a header field, a cookie, a form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

from sketch.binding.kinds import Kind, own_members, show, unwrap
from sketch.binding.text.constraints import constraints_of, flatten
from sketch.binding.text.reader import has_form
from sketch.binding.text.repeated import container_of
from sketch.jsoncodec import STDLIB
from sketch.openapi.generators import Schema
from sketch.openapi.notes import notes_of
from sketch.openapi.schemas import Schemas

_SCALARS: Mapping[type, Schema] = MappingProxyType(
    {
        str: {"type": "string"},
        int: {"type": "integer"},
        float: {"type": "number"},
        bool: {"type": "boolean"},
        bytes: {"type": "string", "contentEncoding": "base64"},
        date: {"type": "string", "format": "date"},
        datetime: {"type": "string", "format": "date-time"},
        time: {"type": "string", "format": "time"},
        timedelta: {"type": "string", "format": "duration"},
        UUID: {"type": "string", "format": "uuid"},
        # What is taken is more, exponents among it; this is what a client may send in any case.
        Decimal: {"type": "string", "format": "decimal", "pattern": "^[+-]?[0-9]+([.][0-9]+)?$"},
    }
)
_KEYWORDS = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
    "multiple_of": "multipleOf",
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
}
_OF_ARRAYS = {"min_length": "minItems", "max_length": "maxItems"}
_TYPES = {str: "string", int: "integer", bool: "boolean", float: "number"}


def text_schema(kind: Any, schemas: Schemas, *, place: str = "query") -> Schema:
    """Make the schema of the values that one name may have.

    None, which is an empty text or nothing at all, is not in it.

    Args:
        kind: the type, with constraints.
        schemas: for a type that only pydantic reads.
        place: where the values stand. In a header field or a cookie OpenAPI has no form for several lines: one is
            described.
    """
    key = (kind, place)
    try:
        known = schemas.texts.get(key)
    except TypeError:  # constraints may hold a list, which has no hash
        return _text_schema(kind, schemas, place)
    if known is None:
        known = schemas.texts[key] = _text_schema(kind, schemas, place)
    return known


def _text_schema(kind: Any, schemas: Schemas, place: str) -> Schema:
    part = container_of(kind)
    if part is None:
        return _single(unwrap(kind), schemas)
    arguments = get_args(part.bare)
    item = text_schema(arguments[0], schemas) if arguments else {"type": "string"}
    schema: Schema = {"type": "array", "items": item, **_constraints(part, _OF_ARRAYS), **notes_of(part.metadata)}
    if (get_origin(part.bare) or part.bare) is tuple and arguments and arguments[-1] is not ...:
        schema |= {"minItems": len(arguments), "maxItems": len(arguments)}
        if len(set(map(str, arguments))) > 1:
            del schema["items"]
            schema["prefixItems"] = [text_schema(argument, schemas) for argument in arguments]
    if place in ("header", "cookie"):
        schema["maxItems"] = 1
    return schema


def _single(whole: Kind, schemas: Schemas) -> Schema:
    parts, _ = own_members(whole)
    if not has_form(whole):
        return schemas.of(whole.annotation)
    if len(parts) == 1:
        return _scalar(parts[0]) | notes_of(parts[0].metadata)
    return {"anyOf": [_scalar(part) for part in parts], **notes_of(whole.metadata)}


def _scalar(part: Kind) -> Schema:
    bare = part.bare
    if isinstance(bare, type) and issubclass(bare, Enum):
        return {"title": show(bare), **_choices([member.value for member in bare])}
    if get_origin(bare) is Literal:
        return _choices([value.value if isinstance(value, Enum) else value for value in get_args(bare)])
    return {**_SCALARS.get(bare, _SCALARS[str]), **_constraints(part, _KEYWORDS)}


def _choices(values: list[Any]) -> Schema:
    plain = [STDLIB.loads(STDLIB.dumps(value)) for value in values if value is not None]
    types = {_TYPES.get(type(value)) for value in plain}
    kind = types.pop() if len(types) == 1 else None
    return {"enum": plain} if kind is None else {"type": kind, "enum": plain}


def _constraints(part: Kind, keywords: Mapping[str, str]) -> Schema:
    return dict(_keywords(part, keywords))


def _keywords(part: Kind, keywords: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    number = part.bare in (int, float)
    for item in flatten(part.metadata):
        for name, bound in constraints_of(item):
            if name in keywords and number is (name not in ("min_length", "max_length", "pattern")):
                yield keywords[name], getattr(bound, "pattern", bound)
