"""Inputs in the path."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter
from typing import TYPE_CHECKING, Any

from sketch.binding.defaults import MISSING
from sketch.binding.faults import Fault
from sketch.binding.inputs.input import Input, Read
from sketch.binding.signatures import base_of, types_in
from sketch.binding.sources import Source
from sketch.exceptions import HTTPNotFound

if TYPE_CHECKING:
    from sketch.binding.surroundings import Surroundings
    from sketch.request import BaseRequest


def from_path(parameter: Parameter, mark: Source, kind: Any, around: Surroundings) -> Input:
    """Make an input of the path; its type may choose the converter."""
    from sketch.binding.text.path_converters import find_path_converter
    from sketch.binding.text.reader import find_check

    name = mark.alias or parameter.name
    found = Input(parameter.name, "path", name, kind, MISSING)
    check = find_check(kind)
    if around.written is None:
        found.read = _text_of_path(name, kind, check)
    elif (converter := around.written.get(name)) is not None:
        _check_written(name, converter, kind)
        gives_text = converter.convert is str and kind is not str
        found.read = _text_of_path(name, kind, check) if gives_text else _value_of_path(name, check)
        found.sure = check is None and not gives_text
    else:
        around.choose(name, find_path_converter(kind))
        found.read = _value_of_path(name, check)
        found.sure = check is None
    return found


def _value_of_path(name: str, check: Callable[[Any], Any] | None) -> Read:
    if check is None:
        return lambda request: request.match_info[name]
    return lambda request: check(request.match_info[name])


def _text_of_path(name: str, kind: Any, check: Callable[[Any], Any] | None) -> Read:
    """Read what a regular expression has matched. Text of the wrong form names no resource."""
    from sketch.binding.text.reader import find_form

    convert = find_form(kind)

    def read(request: BaseRequest) -> Any:
        value = request.match_info[name]
        if isinstance(value, str):  # else a group that did not match, or a value that a converter has made
            try:
                value = convert(value)
            except Fault:
                raise HTTPNotFound from None
        return value if check is None or value is None else check(value)

    return read


def _check_written(name: str, converter: Any, kind: Any) -> None:
    """Refuse a type that the converter in the path never makes. The types of an author's own are not known."""
    from uuid import UUID

    from sketch.binding.converters import FLOAT, INT, PATH, STR, UUID_

    known = [(INT, int), (FLOAT, float), (UUID_, UUID), (STR, str), (PATH, str)]
    made = next((made for each, made in known if each is converter), None)  # equal ones may be known later, in groups
    if made is None or made in types_in(kind) or _is_derived(kind, made):
        return
    raise ValueError(
        f"expected the type that the path gives {name!r:.200}, {made.__name__}, got {base_of(kind)!r:.200}: leave the"
        " converter out of the path, and the type chooses it"
    )


def _is_derived(kind: Any, made: type) -> bool:
    """Whether a type is another name for the one that is made: a NewType, or an alias."""
    kind = base_of(kind)
    while (inner := getattr(kind, "__supertype__", None) or getattr(kind, "__value__", None)) is not None:
        kind = base_of(inner)
    return kind is made
