"""The components of a document: schemas by name, where generators may have chosen the same name for different ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sketch.openapi.generators import PREFIX, Schema

_OTHER = re.compile(r"[^A-Za-z0-9._-]")


class Components:
    """Schemas by unique names."""

    def __init__(self) -> None:
        self.schemas: dict[str, Schema] = {}

    def add_all(self, schemas: Mapping[str, Schema], word: str, *, variant: bool = False) -> Callable[[Any], Any]:
        """Add schemas that refer to each other. A name that has another meaning already gets a word behind it.

        Args:
            schemas: by their names so far.
            word: of the generator.
            variant: whether these are not the usual schemas of the classes: then the word says so in any case.

        Returns:
            the function that makes a copy of a schema with the names that they have now.
        """
        clashing = self._clashing(schemas, variant)
        names = {name: self._free(f"{name}-{word}") if name in clashing else _clean(name) for name in schemas}

        def rename(schema: Any) -> Any:
            return _renamed(schema, names)

        for name, schema in schemas.items():
            self.schemas[names[name]] = {**self.schemas.get(names[name], {}), **rename(schema)}
        return rename

    def _clashing(self, schemas: Mapping[str, Schema], variant: bool) -> set[str]:
        """The names that stand for something else already, or refer to such names."""
        clashing = {name for name, schema in schemas.items() if not self._agrees(_clean(name), schema, variant)}
        while True:
            more = {
                name
                for name, schema in schemas.items()
                if name not in clashing
                and _clean(name) in self.schemas
                and not clashing.isdisjoint(_references(schema))
            }
            if not more:
                return clashing
            clashing |= more

    def _agrees(self, name: str, schema: Schema, variant: bool) -> bool:
        known = self.schemas.get(name)
        if known is None:
            return not (variant and "properties" in schema)
        return known == schema or _is_choice(known, schema)

    def _free(self, name: str) -> str:
        name = _clean(name)
        number, found = 1, name
        while found in self.schemas:
            number += 1
            found = f"{name}{number}"
        return found

    def add(self, name: str, schema: Schema) -> str:
        """Add a schema that no generator has made. Returns its name, which has a number behind it if it is taken."""
        if self.schemas.get(name) != schema:
            name = self._free(name)
        self.schemas[name] = schema
        return name


def _is_choice(known: Schema, schema: Schema) -> bool:
    """Whether two schemas are of the same Enum: generators differ in whether they name the type of the values."""
    return "enum" in known and all(known.get(name) == schema.get(name) for name in ("title", "enum", "description"))


def _clean(name: str) -> str:
    return _OTHER.sub("_", name)


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        reference = schema.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix(PREFIX)
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _renamed(schema: Any, names: Mapping[str, str]) -> Any:
    if isinstance(schema, dict):
        return {key: _renamed_member(key, value, names) for key, value in schema.items()}
    return [_renamed(value, names) for value in schema] if isinstance(schema, list | tuple) else schema


def _renamed_member(key: str, value: Any, names: Mapping[str, str]) -> Any:
    if key == "$ref" and isinstance(value, str):
        return _reference(value, names)
    if key == "mapping" and isinstance(value, dict) and all(isinstance(each, str) for each in value.values()):
        return {tag: _reference(each, names) for tag, each in value.items()}
    return _renamed(value, names)


def _reference(reference: str, names: Mapping[str, str]) -> str:
    name = reference.removeprefix(PREFIX)
    return PREFIX + names.get(name, name) if name != reference else reference
