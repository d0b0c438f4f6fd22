"""Reads JSON as a type by msgspec, and says in the words of sketch what msgspec says of a fault."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from sketch.jsoncodec.completion import find_completion, parts_of
from sketch.jsoncodec.errors import BOM, INVALID, REQUIRED, UNKNOWN, Steps, ValidationError
from sketch.jsoncodec.libraries import library, unsupported
from sketch.jsoncodec.pickling import msgspec_json

Read = Callable[[bytes], Any]


def msgspec_reader(kind: Any, loads: Read) -> Read:
    """Make the function that reads JSON as a type. Arguments and errors are those of `find_reader`."""
    msgspec = library("msgspec")
    try:
        info = library("msgspec.inspect").type_info(kind)
        unknown = next((part for part in parts_of(info, set()) if _is_unknown(part)), None)
        decode = msgspec_json().Decoder(kind, dec_hook=_as_it_is).decode
    except Exception as exc:  # a TypeError, or whatever a part of the type raises when it is evaluated
        raise unsupported(kind, exc) from exc
    if unknown is not None:  # msgspec would refuse every value: the client is not at fault
        raise unsupported(kind, f"no library reads {unknown.cls!r}")

    def read(text: bytes) -> Any:
        try:
            return decode(text)
        except msgspec.ValidationError as exc:
            fault = describe(exc, info)
        except msgspec.DecodeError as exc:  # no ValueError before msgspec 0.21
            if text.startswith(BOM):
                return read(text.removeprefix(BOM))
            raise ValueError(str(exc)) from None
        loads(text)  # msgspec stops at the first fault: what follows may be malformed
        raise ValidationError([fault])

    complete = find_completion(info)
    if complete is None:
        return read

    def read_whole(text: bytes) -> Any:
        value = read(text)
        complete(value)
        return value

    return read_whole


def _is_unknown(part: Any) -> bool:
    return type(part).__name__ == "CustomType" and part.cls is not object


def _as_it_is(_: type, value: Any) -> Any:
    """The value of an `object`, which may be anything that JSON holds, as that of an `Any`."""
    return value


# -- faults ------------------------------------------------------------------------------------------------------------


def describe(error: Exception, info: Any) -> tuple[str, Steps]:
    """Say what msgspec expected, without the input's value, and where.

    Args:
        error: a `msgspec.ValidationError`.
        info: msgspec's description of the type.
    """
    text, at, place = str(error).rpartition(" - at `")
    if not at:
        text, place = place, "$"
    inside, steps = _read_place(place)
    if error.__cause__ is not None:  # raised by the type's own code, which may have put the value into it
        return inside + INVALID, steps
    if found := _FIELD.fullmatch(text):
        problem, name = found.groups()
        return inside + (REQUIRED if problem.startswith("missing") else UNKNOWN), (*steps, name[:_LONGEST])
    if _CHOICE.match(text):
        return inside + _choice(find_choices(info, steps)), steps
    return inside + _message(text), steps


_LONGEST = 100
"""Characters of a name that the client has chosen."""
_STEP = re.compile(r"\.([^.\[`]+)|\[(\d+)\]|(\[\.\.\.\])")
_FIELD = re.compile(r"Object (missing required|contains unknown) field `(.*)`", re.DOTALL)
_CHOICE = re.compile("Invalid (?:enum )?value ")


def _read_place(place: str) -> tuple[str, Steps]:
    """Return words for the keys of a dict, which msgspec does not name, and the steps of a place like `$.items[0]`."""
    words = "in one of its names: " if place.startswith("key` in `") else ""
    steps: list[str | int] = []
    for name, index, other in _STEP.findall(place):
        if other:
            return "in one of its members: ", tuple(steps)
        steps.append(name[:_LONGEST] if name else int(index))
    return words, tuple(steps)


_NOUNS = {
    "int": "an integer",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "null": "null",
    "array": "an array",
    "object": "an object",
    "datetime": "a date and time",
    "date": "a date",
    "time": "a time",
    "duration": "a duration",
    "uuid": "a UUID",
    "decimal": "a decimal number",
    "bytes": "text in base64",
}
_BOUNDS = {">=": "at least", ">": "more than", "<=": "at most", "<": "less than"}
_UNITS = {"str": "characters", "bytes": "bytes", "array": "items", "object": "members"}


def _nouns(found: re.Match[str]) -> str:
    return " or ".join(_NOUNS.get(name, "another value") for name in found[1].split(" | "))


def _length(found: re.Match[str]) -> str:
    kind, bound, number = found.groups()
    return f"{_NOUNS[kind]} of {_BOUNDS[bound]} {number} {_UNITS[kind]}"


_MESSAGES: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    (re.compile(pattern), words)
    for pattern, words in (
        (r"Expected `(?:int|float|decimal)` ([<>]=?) (.+)", lambda found: f"{_BOUNDS[found[1]]} {found[2]}"),
        (r"Expected `(?:int|float)` that's a multiple of (.+)", r"a multiple of \1"),
        (r"Expected `(str|bytes|array|object)` of length ([<>]=) (\d+)", _length),
        (r"Expected `str` matching regex (.+)", r"text that matches \1"),
        (r"Expected `array` of at least length (\d+).*", r"an array of at least \1 items"),
        (r"Expected `array` of at most length (\d+).*", r"an array of at most \1 items"),
        (r"Expected `array` of length (\d+ to \d+|\d+).*", r"an array of \1 items"),
        (r"Expected `(datetime|time)` with a timezone component", lambda found: f"{_NOUNS[found[1]]} with an offset"),
        (
            r"Expected `(datetime|time)` with no timezone component",
            lambda found: f"{_NOUNS[found[1]]} without an offset",
        ),
        (r"Expected `([^`]+)`(?:, got .*)?", _nouns),
        (r"Invalid RFC3339 encoded (datetime|date|time)", _nouns),
        (r"Invalid ISO8601 (duration)", _nouns),
        (r"Invalid (?:epoch )timestamp", "a date and time"),
        (r"Invalid UUID.*", "a UUID"),
        (r"Invalid base64 encoded string", "text in base64"),
        (r"Invalid decimal string", "a decimal number"),
        (r"Integer value out of range", "a smaller integer"),
        (r"Number out of range", "a smaller number"),
        (r"Duration is out of range", "a shorter duration"),
    )
]  # fmt: skip


def _message(text: str) -> str:
    for pattern, words in _MESSAGES:
        found = pattern.fullmatch(text)
        if found is not None:
            return f"expected {found.expand(words) if isinstance(words, str) else words(found):.200}"
    return INVALID


# -- choices -----------------------------------------------------------------------------------------------------------


def _choice(values: list[Any]) -> str:
    return f"expected one of {', '.join(map(repr, values)):.200}" if values else INVALID


def find_choices(info: Any, steps: Steps) -> list[Any]:
    """Return the values that an enum, a Literal or the tag of a union has at a place in a type; none if not found."""
    infos = list(_members(info))
    for number, step in enumerate(steps):
        tags = [part.tag for part in infos if number == len(steps) - 1 and getattr(part, "tag_field", None) == step]
        if tags:
            return tags
        infos = [inner for part in infos for inner in _below(part, step)]
    return [value for part in infos for value in _values(part)]


def _members(info: Any) -> Iterator[Any]:
    while type(info).__name__ == "Metadata":
        info = info.type
    yield from (inner for part in info.types for inner in _members(part)) if hasattr(info, "types") else (info,)


def _below(info: Any, step: str | int) -> Iterator[Any]:
    """Yield what msgspec says of the types at a field or index of a type."""
    if isinstance(step, str) or getattr(info, "array_like", False) or type(info).__name__ == "NamedTupleType":
        for number, field in enumerate(getattr(info, "fields", ())):
            if step in (number, field.encode_name):
                yield from _members(field.type)
    elif hasattr(info, "item_types"):
        yield from _members(info.item_types[step]) if step < len(info.item_types) else ()
    elif hasattr(info, "item_type"):
        yield from _members(info.item_type)


def _values(info: Any) -> list[Any]:
    if type(info).__name__ == "EnumType":
        return [member.value for member in info.cls]
    return list(info.values) if type(info).__name__ == "LiteralType" else []
