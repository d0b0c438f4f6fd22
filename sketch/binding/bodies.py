"""Bodies in JSON: which annotations are one, and how it is read as the declared type."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from inspect import Parameter
from typing import TYPE_CHECKING, Any, NamedTuple, get_origin

from sketch.binding.faults import Fault, Faults, to_pointer
from sketch.exceptions import HTTPBadRequest, HTTPUnsupportedMediaType
from sketch.jsoncodec import STDLIB, ValidationError, find_type_reader
from sketch.jsoncodec.errors import REQUIRED
from sketch.jsoncodec.libraries import installed
from sketch.jsoncodec.types import contains, is_pydantic_type, is_record, is_typed_dict, needs_pydantic

if TYPE_CHECKING:
    from sketch.request import Request

Read = Callable[[bytes], Any]


MISSING = Parameter.empty
"""Stands for the default of what is required."""


# -- which annotations are a body --------------------------------------------------------------------------------------


def is_model(kind: Any) -> bool:
    """Whether a type is a class with fields: of msgspec, pydantic or attrs, a dataclass, a TypedDict, a NamedTuple."""
    kind = get_origin(kind) or kind
    return is_record(kind) or (isinstance(kind, type) and hasattr(kind, "model_fields") and is_pydantic_type(kind))


def is_body_type(kind: Any) -> bool:
    """Whether an unmarked parameter with this annotation is the body: one that has a model or an object in it."""
    return contains(kind, lambda part: is_model(part) or _is_mapping(part))


def _is_mapping(kind: Any) -> bool:
    kind = get_origin(kind) or kind
    return isinstance(kind, type) and issubclass(kind, Mapping) and not is_typed_dict(kind)


# -- readers -----------------------------------------------------------------------------------------------------------


def find_json_reader(kind: Any) -> Read:
    """Make the function that reads a body as a type. It raises `Faults`, and ValueError for malformed JSON.

    Raises:
        TypeError: for a type that no library reads.
        RuntimeError: if the library that reads it is not installed.
    """
    read = find_type_reader(kind)

    def read_body(text: bytes) -> Any:
        try:
            return read(text)
        except ValidationError as exc:
            raise _faults(exc) from None

    return read_body


def _faults(exc: ValidationError) -> Faults:
    faults = [Fault(message, to_pointer(steps)) for message, steps in exc.faults]
    rest = Fault(f"has {exc.more} {'more ' if faults else ''}faults")
    return Faults([*faults, rest] if exc.more else faults)


class Member(NamedTuple):
    """One of several values in a body: its type, and its default, `MISSING` for none."""

    kind: Any
    default: Any = MISSING


def find_object_reader(members: Mapping[str, Member]) -> Callable[[bytes], dict[str, Any]]:
    """Make the function that reads a body as an object with these members; others are ignored.

    It reports the faults of all members, and raises as the one of `find_json_reader` does; so does this function.
    """
    readers = {name: (find_json_reader(member.kind), member.default) for name, member in members.items()}
    split = _find_split(members)

    def read(text: bytes) -> dict[str, Any]:
        sent = split(text)
        values: dict[str, Any] = {}
        faults: list[Fault] = []
        for name, (read_member, default) in readers.items():
            if name in sent:
                try:
                    values[name] = read_member(sent[name])
                except Faults as exc:
                    faults += [fault.within(name) for fault in exc.faults]
            elif default is MISSING:
                faults.append(Fault(REQUIRED).within(name))
            else:
                values[name] = default
        if faults:
            raise Faults(faults)
        return values

    return read


def _find_split(members: Mapping[str, Member]) -> Read:
    """Make the function that splits an object into the JSON texts of its members."""
    if any(not needs_pydantic(member.kind) for member in members.values()) and installed("msgspec"):
        return _by_msgspec()  # which is imported: it reads one of them
    return _split


def _by_msgspec() -> Read:
    objects: Any = dict
    read = find_json_reader(objects[str, import_module("msgspec").Raw])
    return lambda text: {name: bytes(raw) for name, raw in read(text).items()}


def _split(text: bytes) -> dict[str, bytes]:
    data = STDLIB.loads(text)
    if not isinstance(data, dict):
        raise Faults([Fault("expected an object")])
    return {name: STDLIB.dumps(value) for name, value in data.items()}


# -- of a request ------------------------------------------------------------------------------------------------------


async def read_body(request: Request, read: Read, default: Any = MISSING) -> Any:
    """Read the body of a request.

    Args:
        request: of which an empty body counts as none.
        read: made by `find_json_reader` or `find_object_reader`.
        default: what is returned for a request without a body, `MISSING` for none.

    Raises:
        Fault, Faults: for a body that is not of the type, or that is missing.
        HTTPUnsupportedMediaType: for a body of another media type than JSON. One without a media type is read as JSON.
        HTTPBadRequest: for malformed JSON. Else as `Request.read()`.
    """
    if request.header(b"content-type") != b"application/json":
        _check_media_type(request.content_type)
    text = await request.read()
    if not text:
        if default is MISSING:
            raise Fault(REQUIRED)
        return default
    try:
        return read(text)
    except (Fault, Faults):
        raise
    except (ValueError, RecursionError) as exc:
        raise HTTPBadRequest(f"expected a body in JSON: {exc}") from None


_JSON = re.compile(r"application/json|[^/\s]+/[^/\s]+\+json")


def _check_media_type(kind: str) -> None:
    if kind and not _JSON.fullmatch(kind):
        raise HTTPUnsupportedMediaType(f"expected a body of application/json, got {kind:.100}")
