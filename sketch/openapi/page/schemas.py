"""JSON schemas as HTML: a type in one line, the members of an object as a table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, TypeAlias, cast
from urllib.parse import quote

from sketch.openapi.page.prose import inline

Schema: TypeAlias = Mapping[str, Any]

_REFERENCE = "#/components/schemas/"
_DEEPEST = 6
"""Objects inside objects without a name of their own, shown up to this depth; deeper ones are ``object``."""

_LIMITS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "multipleOf": "a multiple of {}",
    "minLength": "length ≥ {}",
    "maxLength": "length ≤ {}",
    "minItems": "items ≥ {}",
    "maxItems": "items ≤ {}",
    "minProperties": "members ≥ {}",
    "maxProperties": "members ≤ {}",
    "pattern": "matches {}",
    "contentEncoding": "encoded as {}",
}


def anchor(name: str) -> str:
    """The identifier of a named schema on the page, for ``id`` and behind ``#``."""
    return f"schema-{quote(name, safe='')}"


def value(example: Any) -> str:
    """A value as JSON in one line."""
    return f"<code>{escape(json.dumps(example, ensure_ascii=False))}</code>"


def code_block(example: Any) -> str:
    """A value as JSON in lines; a text as it is."""
    text = example if isinstance(example, str) else json.dumps(example, ensure_ascii=False, indent=2)
    return f'<pre tabindex="0">{escape(text)}</pre>'


def type_of(schema: Schema | bool) -> str:
    """A schema's type in one line, named schemas as links."""
    if isinstance(schema, bool):
        return "any value" if schema else "no value"
    if reference := schema.get("$ref"):
        return _named(str(reference))
    if "const" in schema:
        return value(schema["const"])
    if "enum" in schema:
        return " or ".join(map(value, schema["enum"]))
    for key, between in (("anyOf", " or "), ("oneOf", " or "), ("allOf", " and ")):
        if key in schema:
            return between.join(dict.fromkeys(map(type_of, schema[key])))
    return _plain(schema)


def _named(reference: str) -> str:
    name = reference.removeprefix(_REFERENCE).replace("~1", "/").replace("~0", "~")
    return f'<a href="#{anchor(name)}">{escape(name)}</a>'


def _plain(schema: Schema) -> str:
    """The type of a schema that neither refers nor combines."""
    kinds = schema.get("type", "object" if "properties" in schema else "any value")
    names = [kinds] if isinstance(kinds, str) else list(kinds)
    return " or ".join(_kind(name, schema) for name in names)


def _kind(name: str, schema: Schema) -> str:
    if name == "array":
        return _array(schema)
    values = schema.get("additionalProperties")
    if name == "object" and isinstance(values, dict) and values and not schema.get("properties"):
        return f"object of {type_of(cast(Schema, values))}"
    return escape(_text(schema) if name == "string" else f"{name} ({schema['format']})" if "format" in schema else name)


def _text(schema: Schema) -> str:
    """The name of a kind of string: most have a format, some are the bytes of a file."""
    if schema.get("format") == "binary" or "contentMediaType" in schema:
        return f"file ({schema['contentMediaType']})" if "contentMediaType" in schema else "file"
    return f"string ({schema['format']})" if "format" in schema else "string"


def _array(schema: Schema) -> str:
    items: list[Schema | bool] = list(schema.get("prefixItems", ()))
    if items:
        return f"array of {', '.join(map(type_of, items))}"
    return f"array of {type_of(schema['items'])}" if "items" in schema else "array"


def limits_of(schema: Schema) -> list[str]:
    """What a value must keep to beside its type, each as a short text, escaped."""
    found = [escape(words.format(schema[key])) for key, words in _LIMITS.items() if key in schema]
    if schema.get("uniqueItems"):
        found.append("no item twice")
    if schema.get("additionalProperties") is False:
        found.append("no other members")
    return found


def remarks(schema: Schema | bool) -> str:
    """What is said of a schema beside its type: description, limits, default, examples."""
    if isinstance(schema, bool):
        return ""
    return "".join(f"<span>{text}</span>" for text in _remarks(schema))


def _remarks(schema: Schema) -> Iterator[str]:
    if schema.get("deprecated"):
        yield "<em>Deprecated.</em>"
    if description := schema.get("description"):
        yield inline(str(description))
    yield from limits_of(schema)
    yield from (text for part in _alternatives(schema) for text in limits_of(part))
    if "default" in schema:
        yield f"Default: {value(schema['default'])}"
    for example in schema.get("examples", ()):
        yield f"Example: {value(example)}"
    if schema.get("readOnly"):
        yield "Only in answers."
    if schema.get("writeOnly"):
        yield "Only in requests."


def _alternatives(schema: Schema) -> Iterator[Schema]:
    """The unnamed schemas that a value may have instead, ``null`` aside."""
    for key in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(key, ()):
            if isinstance(part, dict) and "$ref" not in part:
                yield cast(Schema, part)


def members(schema: Schema | bool, depth: int = 0) -> str:
    """The members of an object as a table, those of unnamed objects inside it too; nothing for another schema."""
    inner = _object_of(schema)
    if inner is None or depth > _DEEPEST:
        return ""
    required = inner.get("required", ())
    rows = [_member(name, part, name in required, depth) for name, part in inner["properties"].items()]
    return f'<table class="members">{_HEAD}<tbody>{"".join(rows)}</tbody></table>'


_HEAD = '<thead><tr><th scope="col">Name</th><th scope="col">Type</th><th scope="col">What it is</th></tr></thead>'


def row(name: str, kind: str, about: str, *, required: bool = False, note: str = "") -> str:
    """A row of a table of names: parameters, members, header fields. ``kind``, ``about`` and ``note`` are HTML."""
    must = '<small class="required">required</small>' if required else ""
    return f'<tr><th scope="row"><code>{escape(name)}</code>{note}{must}</th><td>{kind}</td><td>{about}</td></tr>'


def table(rows: list[str]) -> str:
    """Rows of names under their heads."""
    return f'<table class="members">{_HEAD}<tbody>{"".join(rows)}</tbody></table>'


def _member(name: str, schema: Schema | bool, required: bool, depth: int) -> str:
    return row(name, type_of(schema), remarks(schema) + members(schema, depth + 1), required=required)


def _object_of(schema: Schema | bool) -> Schema | None:
    """The unnamed object that a schema is or is an array of."""
    if isinstance(schema, bool) or "$ref" in schema:
        return None
    if isinstance(schema.get("properties"), dict):
        return schema
    items = schema.get("items")
    if isinstance(items, dict):
        return _object_of(cast(Schema, items))
    found = [inner for part in _alternatives(schema) if (inner := _object_of(part)) is not None]
    return found[0] if len(found) == 1 else None


def section(name: str, schema: Schema | bool) -> str:
    """A named schema: its type, what is said of it, its members."""
    about = remarks(schema)
    return (
        f'<section class="schema" id="{anchor(name)}"><h3>{escape(name)}</h3>'
        f'<p class="type">{type_of(schema)}</p>'
        + (f'<p class="about">{about}</p>' if about else "")
        + f"{members(schema)}</section>"
    )
