"""The schemas of the types that a document speaks of, each described once by the library that reads it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from sketch.binding.kinds import members, show, unwrap
from sketch.jsoncodec.libraries import installed
from sketch.jsoncodec.types import is_pydantic_type
from sketch.openapi.components import Components
from sketch.openapi.generators import (
    PREFIX,
    Described,
    Schema,
    Wanted,
    by_msgspec,
    by_pydantic,
    is_for_pydantic,
    is_split,
    of_class,
)

logger = logging.getLogger("sketch")

_FOREIGN = "foreign:"

_Open = tuple[Wanted, Schema]
"""A type, and the schema that is still to be filled in."""


class Schemas:
    """Collects types, and describes them all at once: so that each name stands for one of them."""

    def __init__(self) -> None:
        self._wanted: dict[Any, tuple[Wanted, Schema]] = {}
        self._libraries: dict[Any, bool] = {}
        self.texts: dict[Any, Schema] = {}
        """What `text_schema` has described so far."""
        self._own: dict[str, tuple[Schema, Schema]] = {}

    def of(self, kind: Any, *, output: bool = False, by_alias: bool = True, exclude_none: bool = False) -> Schema:
        """Return the schema of a type. It is empty until `components` is called, which fills it in.

        Args:
            kind: the type.
            output: whether values are sent, or received: models of pydantic may have other fields then.
            by_alias, exclude_none: how models of pydantic are sent.

        Raises:
            RuntimeError: if the library that describes it is not installed.
        """
        if self._is_for_pydantic(kind):
            wanted = Wanted(kind, output, by_alias, exclude_none)
        elif output and is_split(kind):
            return {"anyOf": [self.of(part.annotation, output=True) for part in members(unwrap(kind))]}
        else:
            wanted = Wanted(kind)
        return self._wanted.setdefault(_key(wanted), (wanted, {}))[1]

    def _is_for_pydantic(self, kind: Any) -> bool:
        try:
            known = self._libraries.get(kind)
        except TypeError:  # constraints may hold a list, which has no hash
            return is_for_pydantic(kind)
        if known is None:
            known = self._libraries[kind] = is_for_pydantic(kind)
        return known

    def add(self, name: str, schema: Schema) -> Schema:
        """Add a component that is no type. Returns a reference, which is complete once `components` was called."""
        return self._own.setdefault(name, (schema, {}))[1]

    def components(self) -> dict[str, Schema]:
        """Describe all types, and return the components by name, in alphabetical order.

        A type that no library describes may be anything; a warning is logged.
        """
        components, inside = Components(), list[tuple[Wanted, Schema]]()

        def add_foreign(kind: Any) -> Schema:
            inside.append((Wanted(kind, output=True), {} if is_pydantic_type(kind) else of_class(kind)))
            return {"$ref": f"{_FOREIGN}{len(inside) - 1}"}

        of_msgspec: list[_Open] = []
        of_pydantic: list[_Open] = []
        for wanted, schema in self._wanted.values():
            (of_pydantic if self._is_for_pydantic(wanted.kind) else of_msgspec).append((wanted, schema))
        found = by_msgspec([wanted.kind for wanted, _ in of_msgspec], add_foreign)
        left = _fill(of_msgspec, found, components, "msgspec")
        of_pydantic += [each for each in inside if is_pydantic_type(each[0].kind)]
        if installed("pydantic"):
            of_pydantic, left = [*of_pydantic, *left], []
        for wanted, _ in [*left, *_describe(of_pydantic, components)]:
            logger.warning("OpenAPI: %s is described as anything: no library describes it", show(wanted.kind))
        for name, (schema, reference) in self._own.items():
            reference["$ref"] = PREFIX + components.add(name, schema)
        for schema in [*components.schemas.values(), *(schema for _, schema in of_msgspec)]:
            _replace_foreign(schema, lambda index: inside[index][1])
        return dict(sorted(components.schemas.items()))


def _key(wanted: Wanted) -> Any:
    try:
        hash(wanted)
    except TypeError:  # constraints may hold a list
        return (id(wanted.kind), *wanted[1:])
    return wanted


def _describe(wanted: list[_Open], components: Components) -> list[_Open]:
    """Describe types by pydantic, which takes one setting of aliases at a time. Returns those that it does not know."""
    left: list[_Open] = []
    for by_alias in (True, False):
        for exclude_none in (False, True):
            some = [each for each in wanted if each[0][2:] == (by_alias, exclude_none)]
            found = by_pydantic([each for each, _ in some], by_alias=by_alias, exclude_none=exclude_none)
            variant = f"{'' if by_alias else 'ByName'}{'WithoutNone' if exclude_none else ''}"
            left += _fill(some, found, components, variant or "pydantic", variant=bool(variant))
    return left


def _fill(
    wanted: list[_Open], found: Described, components: Components, word: str, *, variant: bool = False
) -> list[_Open]:
    """Fill in what a generator has found, and return the rest."""
    rename = components.add_all(found.components, word, variant=variant)
    left: list[_Open] = []
    for each, described in zip(wanted, found.schemas, strict=True):
        if described is None:
            left.append(each)
        else:
            each[1].update(rename(described))
    return left


def _replace_foreign(schema: Any, find: Callable[[int], Schema]) -> None:
    """Put the schemas of classes that another library describes in their places."""
    if isinstance(schema, list):
        for item in schema:
            _replace_foreign(item, find)
    elif isinstance(schema, dict):
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference.startswith(_FOREIGN):
            del schema["$ref"]
            schema.update(find(int(reference.removeprefix(_FOREIGN))))
        for item in schema.values():
            _replace_foreign(item, find)
