"""Inputs in the head of a request: the query, header fields, cookies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter
from typing import TYPE_CHECKING, Any

from sketch.binding.defaults import MISSING, find_absent
from sketch.binding.faults import Fault
from sketch.binding.inputs.input import Input, Read
from sketch.binding.sources import Source
from sketch.http.grammar import TOKEN

if TYPE_CHECKING:
    from multidict import MultiDictProxy

    from sketch.binding.fields import FieldsReader
    from sketch.binding.surroundings import Surroundings
    from sketch.request import BaseRequest


def from_head(parameter: Parameter, mark: Source, kind: Any, _: Surroundings) -> Input:
    """Make an input of the query, the header or the cookies."""
    from sketch.binding.fields import find_fields_reader
    from sketch.binding.text.repeated import find_values_reader

    place: Any = mark.place
    name = wire_name(parameter, mark)
    fields = find_fields_reader(kind, place)
    found = Input(parameter.name, place, name, kind, parameter.default, fields)
    if fields is not None:
        found.read = model_reader(found, fields)
    elif (values := find_values_reader(kind)) is not None:
        found.read = repeated_reader(place, name, values, found.default)
    else:
        found.read = _SINGLE[place](name, text_reader(kind), found.default)
    return found


def wire_name(parameter: Parameter, mark: Source) -> str:
    """The name under which clients send an input."""
    if mark.place != "header":
        return mark.alias or parameter.name
    name = (mark.alias or parameter.name.replace("_", "-")).lower()
    if not TOKEN.fullmatch(name):
        raise ValueError(f"expected the name of a header field (RFC 9110 section 5.1), got {name!r:.200}")
    return name


def text_reader(kind: Any) -> Callable[[str], Any]:
    """Make the function that reads a value of a type from text."""
    from sketch.binding.text.reader import find_text_reader

    return str if kind is str else find_text_reader(kind)


def _from_query(name: str, convert: Callable[[str], Any], default: Any) -> Read:
    absent = find_absent(default)

    def read(request: BaseRequest) -> Any:
        values = request.query.getall(name, None)
        if values is None:
            return absent()
        if len(values) > 1:
            raise Fault("expected one value")
        return convert(values[0])

    return read


def _from_header(name: str, convert: Callable[[str], Any], default: Any) -> Read:
    raw, absent = name.encode("latin-1"), find_absent(default)

    def read(request: BaseRequest) -> Any:
        value = request.combined_header(raw)
        return absent() if value is None else convert(value.decode("latin-1"))

    return read


def _from_cookie(name: str, convert: Callable[[str], Any], default: Any) -> Read:
    absent = find_absent(default)

    def read(request: BaseRequest) -> Any:
        value = request.cookies.get(name)
        return absent() if value is None else convert(value)

    return read


_SINGLE = {"query": _from_query, "header": _from_header, "cookie": _from_cookie}


def _query_lists(request: BaseRequest) -> Mapping[str, list[Any]]:
    return lists_of(request.query)


def lists_of(values: MultiDictProxy[Any]) -> Mapping[str, list[Any]]:
    """The values of each name, in their order."""
    lists: dict[str, list[Any]] = {}
    for name, value in values.items():
        lists.setdefault(name, []).append(value)
    return lists


def _header_lists(request: BaseRequest) -> Mapping[str, list[Any]]:
    lists: dict[str, list[Any]] = {}
    for name, value in request.raw_headers:
        lists.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    return lists


def _cookie_lists(request: BaseRequest) -> Mapping[str, list[Any]]:
    return {name: [value] for name, value in request.cookies.items()}


_LISTS: dict[str, Callable[[Any], Mapping[str, list[Any]]]] = {
    "query": _query_lists,
    "header": _header_lists,
    "cookie": _cookie_lists,
    "form": lists_of,
}
"""By place, the values of every name that was sent."""


_ALL: dict[str, Callable[[Any, str], list[Any] | None]] = {
    "query": lambda request, name: request.query.getall(name, None),
    "header": lambda request, name: _header_lists(request).get(name),
    "cookie": lambda request, name: _cookie_lists(request).get(name),
    "form": lambda form, name: form.getall(name, None),
}
"""By place, the values of one name, None if it was not sent."""


def model_reader(found: Input, fields: FieldsReader) -> Read:
    """Make the function that reads a whole model from the fields of a place."""
    if found.default is not MISSING:
        raise ValueError(
            f"expected no default for the model {found.parameter!r:.200}, got {found.default!r:.200}: its fields have"
            " their own, each for what is not sent"
        )
    lists, read_fields = _LISTS[found.place], fields.read
    return lambda source: read_fields(lists(source))


def repeated_reader(place: str, name: str, convert: Callable[[list[str]], Any], default: Any) -> Read:
    """Make the function that reads all values of one name."""
    find, absent = _ALL[place], find_absent(default)

    def read(source: Any) -> Any:
        values = find(source, name)
        return absent() if values is None else convert(values)

    return read
