"""The generators of JSON schemas that msgspec and pydantic have, called for many types at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import PurePath
from typing import Any, NamedTuple, get_origin

from sketch.binding.kinds import own_members, show, unwrap
from sketch.jsoncodec.libraries import installed, library
from sketch.jsoncodec.types import contains, needs_pydantic

Schema = dict[str, Any]

PREFIX = "#/components/schemas/"
"""What references to components begin with."""


class Wanted(NamedTuple):
    """A type to describe.

    Args:
        kind: the type.
        output: whether its values are sent, or received.
        by_alias: whether the fields of pydantic models are sent by their aliases.
        exclude_none: whether fields that are None are left out.
    """

    kind: Any
    output: bool = False
    by_alias: bool = True
    exclude_none: bool = False


class Described(NamedTuple):
    """What a generator says of some types.

    Args:
        schemas: of each type, in their order; None for one that the library does not know.
        components: the schemas of the classes in them, by name, to which they refer.
    """

    schemas: list[Schema | None]
    components: dict[str, Schema]


def is_for_pydantic(kind: Any) -> bool:
    """Whether pydantic describes a type, or msgspec. It is the one that reads it, where both are installed.

    Raises:
        RuntimeError: if the one that could is not installed.
    """
    if needs_pydantic(kind) and not contains(kind, _is_unknown_to_pydantic):
        return True
    if installed("msgspec"):
        return False
    if installed("pydantic") and not contains(kind, _is_unknown_to_pydantic):
        return True
    raise RuntimeError(
        f"describing {show(kind)} needs the package msgspec, or pydantic, which are not installed:"
        " pip install 'sketch-web[msgspec]'"
    )


def _is_unknown_to_pydantic(kind: Any) -> bool:
    kind = get_origin(kind) or kind
    return hasattr(kind, "__struct_fields__") or hasattr(kind, "__attrs_attrs__")


# -- msgspec -----------------------------------------------------------------------------------------------------------


def by_msgspec(kinds: Sequence[Any], foreign: Callable[[Any], Schema]) -> Described:
    """Describe types by msgspec.

    Args:
        kinds: the types.
        foreign: describes the classes in them that msgspec does not read; never by an empty schema.
    """
    if not kinds:
        return Described([], {})

    def generate(some: Sequence[Any]) -> Described:
        generator = library("msgspec.json").schema_components
        schemas, components = generator(some, schema_hook=foreign, ref_template=PREFIX + "{name}")
        return Described(list(schemas), components)

    try:
        return generate(kinds)
    except Exception:  # whatever it raises for the type of a user
        known = [_is_described(kind, generate) for kind in kinds]
    found = generate([kind for kind, is_known in zip(kinds, known, strict=True) if is_known])
    schemas = iter(found.schemas)
    return Described([next(schemas) if is_known else None for is_known in known], found.components)


def _is_described(kind: Any, generate: Callable[[Sequence[Any]], Described]) -> bool:
    try:
        generate([kind])
    except Exception:  # as above: another library may know it
        return False
    return True


def is_split(kind: Any) -> bool:
    """Whether msgspec refuses a union that can be sent, though not be told apart when it is read."""
    if len(own_members(unwrap(kind))[0]) < 2:
        return False
    try:
        library("msgspec.inspect").type_info(kind)
    except TypeError:
        return True
    return False


def of_class(kind: Any) -> Schema:
    """Describe a class that is sent, but that msgspec does not read; an empty schema for one of which all is open."""
    if kind is deque:
        return {"type": "array"}
    if not isinstance(kind, type):
        return {}
    if kind.__module__ == "ipaddress":
        return {"type": "string", "format": kind.__name__[:4].lower()} if "Address" in kind.__name__ else _TEXT
    return _TEXT if issubclass(kind, PurePath) else {}


_TEXT = {"type": "string"}


# -- pydantic ----------------------------------------------------------------------------------------------------------


def by_pydantic(wanted: Sequence[Wanted], *, by_alias: bool, exclude_none: bool) -> Described:
    """Describe types by pydantic."""
    if not wanted:
        return Described([], {})
    keys = [(index, "serialization" if each.output else "validation") for index, each in enumerate(wanted)]
    adapters = {key: _adapter(each.kind) for key, each in zip(keys, wanted, strict=True)}
    schemas, definitions = library("pydantic").TypeAdapter.json_schemas(
        [(*key, adapter) for key, adapter in adapters.items() if adapter is not None],
        by_alias=by_alias,
        ref_template=PREFIX + "{model}",
        schema_generator=_generator(exclude_none),
    )
    return Described([schemas.get(key) for key in keys], definitions.get("$defs", {}))


def _adapter(kind: Any) -> Any:
    try:
        return library("pydantic").TypeAdapter(kind)
    except Exception:  # of several classes, none of them common: it does not know the type
        return None


@cache
def _generator(exclude_none: bool) -> type:
    """Make pydantic's generator for types that it can validate, but not describe: anything may be one."""
    base: Any = library("pydantic.json_schema").GenerateJsonSchema

    class Generator(base):  # type: ignore[misc]
        ignored_warning_kinds = frozenset({"skipped-choice", "non-serializable-default", "skipped-discriminator"})

        def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> Schema:  # noqa: ARG002
            return {}

        def field_is_required(self, field: Any, total: bool) -> bool:
            required: bool = super().field_is_required(field, total)
            return required and not (exclude_none and self.mode == "serialization" and _is_nullable(field))

    return Generator


def _is_nullable(field: Any) -> bool:
    schema = field.get("schema", {})
    while "schema" in schema and schema.get("type") not in ("nullable", "any"):
        schema = schema["schema"]
    return schema.get("type") in ("nullable", "any")
