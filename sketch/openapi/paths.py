"""Paths as OpenAPI writes them, and the schemas of what converters take."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from sketch.binding.converters import FLOAT, INT, PATH, STR, UUID_, Converter
from sketch.openapi.generators import Schema
from sketch.routing.template import Parameter, Segment, encode

_OF_CONVERTERS: Mapping[Converter, Schema] = MappingProxyType(
    {
        INT: {"type": "integer", "minimum": 0, "maximum": 10**19 - 1},
        FLOAT: {"type": "number", "minimum": 0},
        UUID_: {"type": "string", "format": "uuid"},
        STR: {"type": "string", "minLength": 1},
        PATH: {"type": "string"},
    }
)
_PARAMETER = re.compile(r"\{([^}]*)\}")
_PYTHON_ALONE = re.compile(r"\(\?(?![:=!])|\\[AZ]|[*+?}]\+")
"""What regular expressions of Python have and those of ECMA-262, which JSON schemas use, have not."""


def write_path(segments: Iterable[Segment]) -> str:
    """Write the path of a template: with the names of its parameters alone, text percent-encoded."""
    return "".join("/" + "".join(_write_part(part) for part in segment.parts) for segment in segments)


def _write_part(part: str | Parameter) -> str:
    if isinstance(part, Parameter):
        return f"{{{part.name}}}"
    return part if part == "." else encode(part)  # beside a parameter it is no segment of its own


def shape_of(path: str) -> str:
    """Return a path without the names of its parameters. Paths of one shape are the same to OpenAPI."""
    return _PARAMETER.sub("{}", path)


def names_in(path: str) -> list[str]:
    """Return the names of the parameters of a path, in their order."""
    return _PARAMETER.findall(path)


def converters_in(segments: Iterable[Segment]) -> dict[str, Converter]:
    """Return the converters of the path's parameters, by name."""
    return {each.name: each.converter for segment in segments for each in segment.parameters}


def converter_schema(converter: Converter) -> Schema:
    """Describe the text that a converter takes."""
    known = _OF_CONVERTERS.get(converter)
    if known is not None:
        return dict(known)
    if _PYTHON_ALONE.search(converter.pattern):
        return {"type": "string"}
    return {"type": "string", "pattern": f"^(?:{converter.pattern})$"}
