"""The document: every operation of an application, and the components that they share."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sketch.application import Application
from sketch.callables import describe
from sketch.openapi.errors import Errors
from sketch.openapi.notes import split_docstring
from sketch.openapi.parameters import make_body, make_parameters
from sketch.openapi.paths import names_in, shape_of
from sketch.openapi.responses import make_responses
from sketch.openapi.schemas import Schemas
from sketch.openapi.security import check_same, find_security
from sketch.openapi.sources import Source, authored, find_sources
from sketch.routing import Route

logger = logging.getLogger("sketch")

VERSION = "3.1.0"

MakeId = Callable[[Route, str], str]
"""`(route, method)`: makes the id of an operation."""


class DocumentMaker:
    """Makes the document of one application.

    Args:
        info: OpenAPI's Info Object.
        tags: descriptions of tags, by name, in the order in which the document lists them.
        make_id: the ids of operations that have none of their own; by default of method and path.
    """

    def __init__(self, info: Mapping[str, Any], tags: Mapping[str, str], make_id: MakeId | None) -> None:
        self._info = dict(info)
        self._tags = tags
        self._make_id = make_id
        self._schemas = Schemas()
        self._errors = Errors(self._schemas)
        self._security: dict[str, Any] = {}
        self._ids: dict[str, str] = {}

    def make(self, app: Application) -> dict[str, Any]:
        """Make the document, without `servers`.

        Raises:
            ValueError: for an id that two operations have.
            TypeError: for a type that cannot be described.
            RuntimeError: if the library that describes a type is not installed.
        """
        paths: dict[str, dict[str, Any]] = {}
        used: dict[str, None] = {}
        for path, source in _first_of_each(find_sources(app)):
            operation = self._operation(source)
            for parameter, name in zip(operation.get("parameters", ()), names_in(path), strict=False):
                parameter["name"] = name  # those of the path come first
            paths.setdefault(path, {})[source.method] = operation
            used |= dict.fromkeys(operation.get("tags", ()))
        components = {
            "schemas": self._schemas.components(),
            "responses": dict(sorted(self._errors.components.items())),
            "securitySchemes": self._security,
        }
        document: dict[str, Any] = {"openapi": VERSION, "info": self._info, "paths": paths}
        if any(components.values()):
            document["components"] = {name: each for name, each in components.items() if each}
        if tags := self._describe_tags(used):
            document["tags"] = tags
        return document

    def _describe_tags(self, used: Mapping[str, None]) -> list[dict[str, str]]:
        described = [{"name": name, "description": text} for name, text in self._tags.items()]
        return described + [{"name": name} for name in used if name not in self._tags]

    def _operation(self, source: Source) -> dict[str, Any]:
        documentation, security = source.documentation, find_security(source)
        summary, description = _told(source)
        found: dict[str, Any] = {
            "tags": tags_of(source),
            "summary": documentation.summary or summary or _title(source),
            "description": documentation.description or description,
            "operationId": self._id(source),
            "deprecated": documentation.deprecated,
            "parameters": make_parameters(source, self._schemas, security.parameters),
            "requestBody": make_body(source, self._schemas),
            "responses": make_responses(source, self._schemas, self._errors, security),
            "security": [security.requirement] if security.schemes else None,
        }
        self._add_security(source, security.schemes)
        return {name: value for name, value in found.items() if value}

    def _add_security(self, source: Source, schemes: Mapping[str, Any]) -> None:
        for name, scheme in schemes.items():
            check_same(name, self._security.setdefault(name, scheme), scheme, source)

    def _id(self, source: Source) -> str:
        given = source.documentation.operation_id
        if given is not None:
            return self._unique(given, source, given=True)
        make = self._make_id
        return self._unique(make(source.route, source.method) if make else id_of(source), source, given=bool(make))

    def _unique(self, name: str, source: Source, *, given: bool) -> str:
        found, number = name, 1
        while found in self._ids:
            if given:
                raise ValueError(
                    f"expected ids of operations that are unique, got {name!r:.200} of {describe(source.function)} and"
                    f" of {self._ids[name]}"
                )
            number += 1
            found = f"{name}_{number}"
        self._ids[found] = describe(source.function)
        return found


def _first_of_each(sources: Iterable[Source]) -> Iterator[tuple[str, Source]]:
    """Yield the first operation of each path and method, with the path that it is shown under.

    Paths that differ in the names of their parameters alone are one to OpenAPI: it has the names of the first.
    """
    paths: dict[str, str] = {}
    found: dict[tuple[str, str], Source] = {}
    for source in sources:
        path = paths.setdefault(shape_of(source.path), source.path)
        first = found.setdefault((path, source.method), source)
        if first is source:
            yield path, source
        elif [*first.converters.values()] != [*source.converters.values()]:  # else its conditions tell it apart
            method, left, shown = source.method.upper(), source.route.template, first.route.template
            logger.warning("OpenAPI: %s %s is left out: OpenAPI cannot tell it from %s", method, left, shown)


def id_of(source: Source) -> str:
    """Return the id of an operation, of its method and its path alone: `get_teas_number` for `GET /teas/{number}`."""
    return "_".join([source.method, *re.findall("[A-Za-z0-9]+", source.path)])


def tags_of(source: Source) -> list[str]:
    """Return the tags of an operation; without any, the name of its outermost group that has one."""
    names = [group.name for group in source.route.groups if group.name]
    return list(dict.fromkeys(source.route.tags)) or names[:1]


def _told(source: Source) -> tuple[str | None, str | None]:
    """Return the summary and the description of the first docstring."""
    return next((found for each in authored(source) if (found := split_docstring(each))[0]), (None, None))


def _title(source: Source) -> str:
    """Return a summary made of the name of the function, or of the view."""
    name = getattr(authored(source)[-1], "__name__", "")
    words = name.strip("_").replace("_", " ") if name.isidentifier() else ""
    return words.capitalize() or f"{source.method.upper()} {source.path}"
