"""Inputs in the body: JSON, the fields of a form, and its files."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args

from sketch.binding.defaults import MISSING, find_absent
from sketch.binding.faults import Fault
from sketch.binding.inputs.file_kinds import is_file, is_file_list
from sketch.binding.inputs.head import model_reader, repeated_reader, text_reader, wire_name
from sketch.binding.inputs.input import Input, Read
from sketch.binding.signatures import base_of, show, types_in
from sketch.binding.sources import Body, Source

if TYPE_CHECKING:
    from multidict import MultiDictProxy

    from sketch.binding.surroundings import Surroundings


def from_body(parameter: Parameter, mark: Source, kind: Any, around: Surroundings) -> Input:
    """Make an input of the body in JSON."""
    _check_has_body(parameter, around)
    found = Input(parameter.name, "body", mark.alias or parameter.name, kind, parameter.default)
    found.embed = isinstance(mark, Body) and (mark.embed or mark.alias is not None)
    return found


def from_form(parameter: Parameter, mark: Source, kind: Any, around: Surroundings) -> Input:
    """Make an input of a form: a field, several of a name, a model of fields, or files."""
    from sketch.binding.fields import find_fields_reader
    from sketch.binding.text.repeated import find_values_reader

    _check_has_body(parameter, around)
    name = wire_name(parameter, mark)
    files = is_file(kind)
    fields = None if files else find_fields_reader(kind, "form")
    found = Input(parameter.name, "form", name, kind, parameter.default, fields)
    if fields is not None:
        found.read = model_reader(found, fields)
    elif files:
        found.read = file_reader(name, kind, found.default)
    elif (values := find_values_reader(kind)) is not None:
        found.read = repeated_reader("form", name, _texts_only(values), found.default)
    else:
        found.read = _form_field(name, text_reader(kind), found.default)
    return found


def _check_has_body(parameter: Parameter, around: Surroundings) -> None:
    if without := sorted({"GET", "HEAD"} & {*around.methods}):
        raise ValueError(
            f"expected no body on {' and '.join(without)} (RFC 9110 section 9.3.1), got {show(parameter)!r:.200}: take"
            " it from the query by `Annotated[..., Query()]`, or use POST or QUERY"
        )
    if around.is_websocket:
        raise ValueError(f"expected no body in the handshake of a websocket, got {show(parameter)!r:.200}")


def _form_field(name: str, convert: Callable[[str], Any], default: Any) -> Read:
    absent = find_absent(default)

    def read(form: MultiDictProxy[Any]) -> Any:
        values = form.getall(name, None)
        if values is None:
            return absent()
        if len(values) > 1:
            raise Fault("expected one value")
        return convert(_text(values[0]))

    return read


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Fault("expected text, not a file")
    return value


def _texts_only(convert: Callable[[list[str]], Any]) -> Callable[[list[Any]], Any]:
    return lambda values: convert(list(map(_text, values)))


def file_reader(name: str, kind: Any, default: Any) -> Read:
    """Make the reader of files. Raises RuntimeError without the parser: the route could not answer a request."""
    from sketch.request.forms.events import parser  # not every application has forms

    parser()
    several = is_file_list(types_in(kind)[0])
    optional = NoneType in get_args(base_of(kind))
    absent = find_absent(None if optional and default is MISSING else default)

    def read(form: MultiDictProxy[Any]) -> Any:
        values = [value for value in form.getall(name, ()) if value or isinstance(value, str)]
        if not values:  # a browser sends an empty file without a name where none was chosen
            return absent()
        if any(isinstance(value, str) for value in values):
            raise Fault("expected a file")
        if several:
            return values
        if len(values) > 1:
            raise Fault("expected one file")
        return values[0]

    return read
