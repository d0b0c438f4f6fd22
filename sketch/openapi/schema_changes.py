"""What differs between two schemas, and whether that breaks clients."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from typing import Any, NamedTuple

Schema = Any


class Change(NamedTuple):
    """One difference between two documents.

    Args:
        place: of which part of the interface.
        text: what is different.
        breaking: whether a client that was written for the first document may fail with the second.
    """

    place: str
    text: str
    breaking: bool

    def __str__(self) -> str:
        return f"{'breaking' if self.breaking else 'compatible'}: {self.place}: {self.text}"


Resolve = Callable[[Any], Any]
"""Returns what a reference refers to; anything else as it is."""

_LOWER = {"minimum": "a minimum", "exclusiveMinimum": "an exclusive minimum", "minLength": "a minimal length"}
_LOWER |= {"minItems": "a minimal number of items", "minProperties": "a minimal number of members"}
_UPPER = {"maximum": "a maximum", "exclusiveMaximum": "an exclusive maximum", "maxLength": "a maximal length"}
_UPPER |= {"maxItems": "a maximal number of items", "maxProperties": "a maximal number of members"}
_EXACT = ("const", "format", "pattern", "multipleOf", "contentEncoding", "contentMediaType", "uniqueItems")
_NOTES = ("title", "description", "default", "examples", "example", "deprecated")


class SchemaComparison:
    """Compares schemas of two documents.

    Args:
        before, after: resolve the references of each document.
        sent: whether values of the schemas are sent to clients, or by them.
    """

    def __init__(self, before: Resolve, after: Resolve, *, sent: bool) -> None:
        self._before = before
        self._after = after
        self._sent = sent
        self._seen: set[tuple[int, int]] = set()

    def compare(self, place: str, before: Schema, after: Schema) -> Iterator[Change]:
        """Yield what differs."""
        before, after = self._before(before), self._after(after)
        if isinstance(before, dict) and isinstance(after, dict):
            pair = (id(before), id(after))  # parts of the documents, which a schema may lead back to
            if pair in self._seen:
                return
            self._seen.add(pair)
        old, new = _alternatives(before, self._before), _alternatives(after, self._after)
        gone = [each for each in old if each not in new]
        come = [each for each in new if each not in old]
        for each in [each for each in old if each in new]:  # equal, but for what they refer to
            yield from self._compare_one(place, each, each)
        if len(gone) == len(come) == 1:
            yield from self._compare_one(place, gone[0], come[0])
            return
        for each in gone:
            yield Change(place, f"may no longer be {_show(each)}", not self._sent)
        for each in come:
            yield Change(place, f"may also be {_show(each)}", self._sent)

    def _compare_one(self, place: str, before: Schema, after: Schema) -> Iterator[Change]:
        if not isinstance(before, dict) or not isinstance(after, dict):
            if (before in ({}, True)) != (after in ({}, True)):
                yield self._change_of_width(place, f"is {_show(after)}, was {_show(before)}", wider=after in ({}, True))
            return
        if before.get("type") != after.get("type"):
            yield from self._of_type(place, before.get("type"), after.get("type"))
            return
        yield from self._of_enum(place, before, after)
        yield from self._of_bounds(place, before, after)
        for name in _EXACT:
            if before.get(name) != after.get(name):
                yield self._of_keyword(place, name, before.get(name), after.get(name))
        yield from self._of_members(place, before, after)
        yield from self._inside(place, before, after)
        if notes := [name for name in _NOTES if before.get(name) != after.get(name)]:
            yield Change(place, f"has other notes: {', '.join(notes)}", False)

    def _change_of_width(self, place: str, text: str, *, wider: bool) -> Change:
        """Clients may get a value that they do not know, or send one that is no longer taken."""
        return Change(place, text, wider is self._sent)

    def _of_type(self, place: str, before: Any, after: Any) -> Iterator[Change]:
        wider = after is None or (before, after) == ("integer", "number")
        narrower = before is None or (before, after) == ("number", "integer")
        text = f"is {after or 'anything'}, was {before or 'anything'}"
        yield Change(place, text, not (narrower if self._sent else wider))

    def _of_enum(self, place: str, before: Schema, after: Schema) -> Iterator[Change]:
        old, new = before.get("enum"), after.get("enum")
        if old is None or new is None:
            if old != new:
                text = "is no longer one of certain values" if new is None else f"is one of {_show(new)} alone"
                yield self._change_of_width(place, text, wider=new is None)
            return
        if gone := [value for value in old if value not in new]:
            yield self._change_of_width(place, f"may no longer be {_show(gone)}", wider=False)
        if come := [value for value in new if value not in old]:
            yield self._change_of_width(place, f"may also be {_show(come)}", wider=True)

    def _of_bounds(self, place: str, before: Schema, after: Schema) -> Iterator[Change]:
        for bounds, sign in ((_LOWER, 1), (_UPPER, -1)):
            for name, words in bounds.items():
                old, new = before.get(name), after.get(name)
                if old != new:
                    wider = new is None or (old is not None and sign * new < sign * old)
                    text = f"has {words} of {new}" if new is not None else f"has no longer {words}"
                    yield self._change_of_width(place, f"{text}, was {old}" if old is not None else text, wider=wider)

    def _of_keyword(self, place: str, name: str, before: Any, after: Any) -> Change:
        text = f"{name} is {_show(after)}, was {_show(before)}"
        return Change(place, text, not (before is None if self._sent else after is None))

    def _of_members(self, place: str, before: Schema, after: Schema) -> Iterator[Change]:
        old, new = before.get("properties", {}), after.get("properties", {})
        needed_before, needed_after = before.get("required", []), after.get("required", [])
        for name in [name for name in old if name not in new]:
            yield Change(f"{place} {name}", "is gone", True)
        for name in [name for name in new if name not in old]:
            needed = name in needed_after and not self._sent
            yield Change(f"{place} {name}", "is new, and required" if needed else "is new", needed)
        for name in [name for name in new if name in old]:
            if name in needed_before and name not in needed_after:
                yield Change(f"{place} {name}", "may be missing", self._sent)
            elif name in needed_after and name not in needed_before:
                yield Change(f"{place} {name}", "is always there" if self._sent else "is required", not self._sent)
            yield from self.compare(f"{place} {name}", old[name], new[name])

    def _inside(self, place: str, before: Schema, after: Schema) -> Iterator[Change]:
        for name, sign in (("items", "[]"), ("additionalProperties", "{}")):
            yield from self.compare(place + sign, before.get(name, True), after.get(name, True))
        old_items, new_items = before.get("prefixItems", []), after.get("prefixItems", [])
        if len(old_items) != len(new_items):
            yield Change(place, f"begins with {len(new_items)} items of certain types, was {len(old_items)}", True)
        for number, (old, new) in enumerate(zip(old_items, new_items, strict=False)):
            yield from self.compare(f"{place}[{number}]", old, new)
        for old, new in zip_longest(before.get("allOf", ()), after.get("allOf", ()), fillvalue=True):
            yield from self.compare(place, old, new)


def _alternatives(schema: Schema, resolve: Resolve) -> list[Any]:
    """The schemas that a value may be of: the members of a union, the types of one with several."""
    schema = resolve(schema)
    if not isinstance(schema, Mapping):
        return [schema]
    for name in ("anyOf", "oneOf"):
        if name in schema and all(key in (*_NOTES, name, "discriminator") for key in schema):
            return [each for member in schema[name] for each in _alternatives(member, resolve)]
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return [{**schema, "type": kind} for kind in kinds]
    return [schema]


def _show(value: Any) -> str:
    """Write a schema or a value in a few words."""
    if isinstance(value, Mapping):
        named = value.get("title") or value.get("format") or value.get("type")
        if isinstance(named, str):
            return named
    if isinstance(value, list):
        return ", ".join(map(_show, value))
    return "anything" if value in ({}, True) else "absent" if value is None else json.dumps(value)[:100]
