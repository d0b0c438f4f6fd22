"""Parameters and request bodies: what the client supplies, as OpenAPI describes it."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sketch.binding.fields import is_upload
from sketch.binding.inputs.file_kinds import is_file, is_file_list
from sketch.binding.kinds import unwrap
from sketch.binding.signatures import types_in
from sketch.binding.text.repeated import container_of
from sketch.openapi.generators import Schema
from sketch.openapi.media_types import JSON, MULTIPART, URLENCODED
from sketch.openapi.notes import default_of, notes_of
from sketch.openapi.paths import converter_schema
from sketch.openapi.sources import Field, Source
from sketch.openapi.text_schemas import text_schema

if TYPE_CHECKING:
    from sketch.binding.inputs import Input
    from sketch.openapi.schemas import Schemas

_NOT_PARAMETERS = ("accept", "authorization", "content-type")
"""Header fields that OpenAPI describes by other means, and ignores as parameters."""


def make_parameters(source: Source, schemas: Schemas, hidden: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """Describe the parameters of an operation, those of the path first.

    Args:
        source: the operation.
        schemas: where types are described.
        hidden: the places and names that security schemes describe.
    """
    fields = {field[:2]: field for field in source.fields if field.place != "form"}
    made = [
        _parameter(fields.pop(("path", name), Field("path", name, None, True, None)), schemas, converter_schema(each))
        for name, each in source.converters.items()
    ]
    left_out = {*hidden, *(("header", name) for name in _NOT_PARAMETERS)}
    made += [_parameter(field, schemas) for key, field in fields.items() if key not in left_out and key[0] != "path"]
    return made


def _parameter(field: Field, schemas: Schemas, of_path: Schema | None = None) -> dict[str, Any]:
    if field.kind is None:
        assert of_path is not None
        schema = of_path
    else:
        schema = _schema(field, schemas)
        if of_path is not None and schema.get("type") == of_path["type"] and "pattern" not in of_path:
            schema = {**of_path, **schema}  # the converter takes less than the type
    made: dict[str, Any] = {"name": field.name, "in": field.place}
    notes = {} if field.kind is None else field.notes
    if "description" in notes:
        made["description"] = notes["description"]
    if field.required:
        made["required"] = True
    if notes.get("deprecated"):
        made["deprecated"] = True
    return {**made, "schema": schema}


def _schema(field: Field, schemas: Schemas) -> Schema:
    return _with(text_schema(field.kind, schemas, place=field.place), {**notes_of([field.info]), **_default_of(field)})


def _default_of(field: Field | Input) -> Schema:
    return {} if field.required else default_of(field.default)


def _with(schema: Schema, more: Schema) -> Schema:
    if not more:
        return schema
    return {**schema, **more} if schema else {"allOf": [schema], **more}  # it is filled in later


# -- bodies ------------------------------------------------------------------------------------------------------------


def make_body(source: Source, schemas: Schemas) -> dict[str, Any] | None:
    """Describe the request body of an operation; None if it has none."""
    form = [field for field in source.fields if field.place == "form"]
    if form:
        return _form(form, schemas)
    # Each function has a body of its own, all are read from the same bytes.
    bodies = [each for each in source.inputs if each.place == "body"]
    if not bodies:
        return None
    whole = [each for each in bodies if not each.embed]
    schemas_of = [_whole(each, schemas) for each in whole]
    members = [each for each in bodies if each.embed]
    if members:
        schemas_of.append(_object(members, schemas))
    schema = schemas_of[0] if len(schemas_of) == 1 else {"allOf": schemas_of}
    body: dict[str, Any] = {"content": {JSON: {"schema": schema}}}
    required = any(each.required for each in bodies)
    return {"required": True, **body} if required else body


def _whole(each: Input, schemas: Schemas) -> Schema:
    return schemas.of(each.kind)


def _object(members: Iterable[Input], schemas: Schemas) -> Schema:
    properties = {each.name: _with(schemas.of(each.kind), _default_of(each)) for each in members}
    required = [each.name for each in members if each.required]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _form(fields: Iterable[Field], schemas: Schemas) -> dict[str, Any]:
    properties = {field.name: _form_schema(field, schemas) for field in fields}
    required = [field.name for field in fields if field.required]
    schema = {"type": "object", "properties": properties, **({"required": required} if required else {})}
    files = any(_is_file(field.kind) for field in fields)
    # Without files either encoding is taken; the shorter one is enough, and generators of clients stumble over both.
    return {
        **({"required": True} if required else {}),
        "content": {MULTIPART if files else URLENCODED: {"schema": schema}},
    }


def _is_file(kind: Any) -> bool:
    return is_file(kind) or is_upload(kind)


def _form_schema(field: Field, schemas: Schemas) -> Schema:
    if not _is_file(field.kind):
        return _schema(field, schemas)
    item = {"type": "string", "format": "binary"}  # what generators of clients know best
    several = any(map(is_file_list, types_in(field.kind))) or container_of(field.kind) is not None
    return {**({"type": "array", "items": item} if several else item), **field.notes}


def is_checked(field: Field) -> bool:
    """Whether a value, or its absence, may be refused with a 422."""
    if field.place == "path":
        whole = unwrap(field.kind)
        return bool(whole.metadata)
    if field.place in ("header", "cookie") and field.kind is str:
        return field.required and field.default is inspect.Parameter.empty
    return True
