"""Documents made comparable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

ABSENT = "absent"
_LEFT_OUT = ("components", "servers")


def resolve(document: Mapping[str, Any], value: Any, seen: tuple[str, ...] = ()) -> Any:
    """Put what references refer to in their places; one inside of itself stays."""
    if isinstance(value, list):
        return [resolve(document, each, seen) for each in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        seen = (*seen, reference)
        value = {**found, **{name: each for name, each in value.items() if name != "$ref"}}
    return {name: resolve(document, each, seen) for name, each in value.items()}


def flatten(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the places of a document and what stands there; parameters have their places and names as steps."""
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from flatten(each, f"{at}/{name.replace('/', '~1')}")
    elif isinstance(value, list) and value:
        for index, each in enumerate(value):
            is_parameter = isinstance(each, dict) and "in" in each
            yield from flatten(each, f"{at}/{each['in']}:{each['name']}" if is_parameter else f"{at}/{index}")
    else:
        yield at, value


def differences(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield where two documents differ, with what stands there in each. Names of components do not count."""
    first, second = (
        dict(flatten({name: resolve(each, part) for name, part in each.items() if name not in _LEFT_OUT}))
        for each in (theirs, ours)
    )
    for at in sorted({*first, *second}):
        pair = first.get(at, ABSENT), second.get(at, ABSENT)
        if pair[0] != pair[1]:
            yield at, *pair
