"""What differs between two documents of an application, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sketch.openapi.paths import shape_of
from sketch.openapi.schema_changes import Change, Resolve, SchemaComparison
from sketch.openapi.sources import METHODS

Document = Mapping[str, Any]


def compare(before: Document, after: Document) -> list[Change]:
    """Return what differs between two documents of OpenAPI 3, those that break clients first.

    `servers` is left out: it says where the application is, not what it does.
    """
    found = [*dict.fromkeys(_Comparison(before, after).compare())]
    if not found and _without_servers(before) != _without_servers(after):
        place = _first_difference(_without_servers(before), _without_servers(after))
        found = [Change("the document", f"differs at {place}, which changes nothing for clients", False)]
    return sorted(found, key=lambda change: not change.breaking)


def _without_servers(document: Document) -> Any:
    return {name: value for name, value in document.items() if name != "servers"}


def _first_difference(before: Any, after: Any, place: str = "") -> str:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            if before.get(name) != after.get(name):
                step = name.replace("~", "~0").replace("/", "~1")
                return _first_difference(before.get(name), after.get(name), f"{place}/{step}")
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        index = next(index for index, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1])
        return _first_difference(before[index], after[index], f"{place}/{index}")
    return place


def _resolver(document: Document) -> Resolve:
    def resolve(value: Any) -> Any:
        for _ in range(20):  # a reference to a reference is rare, and one to itself an error in the document
            reference = value.get("$ref") if isinstance(value, dict) else None
            if not isinstance(reference, str) or not reference.startswith("#/"):
                break
            value = _at(document, reference)
        return value

    return resolve


def _at(document: Document, reference: str) -> Any:
    found: Any = document
    for step in reference[2:].split("/"):
        found = found.get(step.replace("~1", "/").replace("~0", "~"), {})
    return found


class _Comparison:
    """Compares two documents, operation by operation.

    Args:
        before, after: the documents.
    """

    def __init__(self, before: Document, after: Document) -> None:
        self._documents = before, after
        self._before, self._after = _resolver(before), _resolver(after)

    def compare(self) -> Iterator[Change]:
        """Yield what differs."""
        old, new = map(_operations, self._documents)
        for key, (name, _, _) in old.items():
            if key not in new:
                yield Change(name, "is gone", True)
        for key, (name, path, operation) in new.items():
            if key not in old:
                yield Change(name, "is new", False)
                continue
            _, old_path, old_operation = old[key]
            if path != old_path:
                yield Change(name, f"names its path parameters otherwise, was {old_path}", False)
            if operation != old_operation or self._documents[0].get("components") != self._documents[1].get(
                "components"
            ):
                yield from self._of_operation(name, old_operation, operation)
        for member in ("openapi", "info", "tags", "security"):
            if self._documents[0].get(member) != self._documents[1].get(member):
                yield Change("the document", f"has another {member!r}", False)

    def _of_operation(self, name: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
        if before.get("operationId") != after.get("operationId"):
            was, now = before.get("operationId"), after.get("operationId")
            yield Change(name, f"is {now} in generated clients, was {was}", True)
        if before.get("deprecated", False) != after.get("deprecated", False):
            yield Change(name, "is deprecated" if after.get("deprecated") else "is no longer deprecated", False)
        if notes := [each for each in ("summary", "description", "tags") if before.get(each) != after.get(each)]:
            yield Change(name, f"has other notes: {', '.join(notes)}", False)
        yield from self._of_security(name, before.get("security", []), after.get("security", []))
        yield from self._of_parameters(name, before.get("parameters", []), after.get("parameters", []))
        yield from self._of_body(name, self._before(before.get("requestBody")), self._after(after.get("requestBody")))
        yield from self._of_responses(name, before.get("responses", {}), after.get("responses", {}))

    def _of_security(self, name: str, before: list[Any], after: list[Any]) -> Iterator[Change]:
        if before != after:
            names = " or ".join(" and ".join(each) for each in after) or "none"
            yield Change(name, f"needs other credentials: {names}", bool(after) and any(after))

    # -- what clients send ---------------------------------------------------------------------------------------------

    def _of_parameters(self, name: str, before: list[Any], after: list[Any]) -> Iterator[Change]:
        old, new = _by_place(map(self._before, before)), _by_place(map(self._after, after))
        for key in [key for key in old if key not in new]:
            yield Change(f"{name} {' '.join(key)}", "is gone", True)
        for key, parameter in new.items():
            place, required = f"{name} {' '.join(key)}", parameter.get("required", False)
            if key not in old:
                yield Change(place, "is new, and required" if required else "is new", required)
                continue
            if required != old[key].get("required", False):
                yield Change(place, "is required" if required else "may be missing", required)
            if old[key].get("description") != parameter.get("description"):
                yield Change(place, "has another description", False)
            yield from self._sent().compare(place, old[key].get("schema", {}), parameter.get("schema", {}))

    def _sent(self) -> SchemaComparison:
        return SchemaComparison(self._before, self._after, sent=False)

    def _of_body(self, name: str, before: Any, after: Any) -> Iterator[Change]:
        place = f"{name} body"
        if before is None or after is None:
            if after is not None:
                needed = after.get("required", False)
                yield Change(place, "is new, and required" if needed else "is new", needed)
            elif before is not None:
                yield Change(place, "is gone", True)
            return
        if before.get("required", False) != after.get("required", False):
            needed = after.get("required", False)
            yield Change(place, "is required" if needed else "may be missing", needed)
        yield from self._of_content(place, before, after, sent=False)

    def _of_content(self, place: str, before: Any, after: Any, *, sent: bool) -> Iterator[Change]:
        old, new = before.get("content", {}), after.get("content", {})
        for kind in [kind for kind in old if kind not in new]:
            yield Change(place, f"is no longer {kind}", True)
        for kind in [kind for kind in new if kind not in old]:
            yield Change(place, f"may also be {kind}", sent and not old)
        comparison = SchemaComparison(self._before, self._after, sent=sent)
        for kind in [kind for kind in new if kind in old]:
            yield from comparison.compare(place, old[kind].get("schema", {}), new[kind].get("schema", {}))

    # -- what they get -------------------------------------------------------------------------------------------------

    def _of_responses(self, name: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
        for status in [status for status in before if status not in after]:
            yield Change(f"{name} {status}", "is gone", status[0] in "23")
        for status, response in after.items():
            place, new = f"{name} {status}", self._after(response)
            if status not in before:
                yield Change(place, "is new", status[0] in "23")
                continue
            old = self._before(before[status])
            if old.get("description") != new.get("description"):
                yield Change(place, "has another description", False)
            yield from self._of_content(place, old, new, sent=True)


def _operations(document: Document) -> dict[tuple[str, str], tuple[str, str, dict[str, Any]]]:
    """The operations, by path without the names of its parameters, and method: name, path, operation."""
    return {
        (shape_of(path), method): (f"{method.upper()} {path}", path, item[method])
        for path, item in document.get("paths", {}).items()
        for method in METHODS
        if method in item
    }


def _by_place(parameters: Any) -> dict[tuple[str, str], Any]:
    """The parameters by place and name; those of the path by their order, as their names are not sent."""
    found, of_path = {}, 0
    for parameter in parameters:
        place, name = parameter.get("in", ""), parameter.get("name", "")
        if place == "path":
            of_path += 1
            name = f"parameter {of_path}"
        found[place, name] = parameter
    return found
