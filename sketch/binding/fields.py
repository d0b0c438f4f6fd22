"""Whole models out of the fields of a query, a form, the cookies or the headers of a request."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, get_args

from sketch.binding.faults import Fault, Faults, to_pointer
from sketch.binding.kinds import own_members, show, unwrap
from sketch.binding.models import MISSING, Field, Model, find_model
from sketch.binding.text.reader import find_form, find_text_reader
from sketch.binding.text.repeated import container_of, find_value_forms, find_values_reader
from sketch.binding.text.scalars import Read
from sketch.jsoncodec.errors import REQUIRED, UNKNOWN

Place = Literal["query", "header", "cookie", "form"]
Sent = Mapping[str, list[Any]]
"""The values of every name that was sent: text, in forms also `UploadedFile`. Header names are in lower case."""

_Convert = Callable[[list[Any]], Any]

_MOST_UNKNOWN = 10


class FieldSpec(NamedTuple):
    """A field of a model, as clients see it.

    Args:
        name: in the model.
        wire: the name that clients send.
        kind: its type, with constraints.
        repeated: whether it takes several values of that name.
        required: whether it has to be sent.
        default: `inspect.Parameter.empty` if it is required, `models.FACTORY` if it is made anew each time.
        info: what describes it beside its type, as pydantic's `FieldInfo`.
    """

    name: str
    wire: str
    kind: Any
    repeated: bool
    required: bool
    default: Any
    info: Any = None


class FieldsReader(NamedTuple):
    """How a model is read.

    Args:
        fields: in their order.
        read: makes the model. Raises Faults, whose pointers begin with the name that clients send.
    """

    fields: tuple[FieldSpec, ...]
    read: Callable[[Sent], Any]


class _Reading(NamedTuple):
    """How one field is read.

    Args:
        wires: the names that may be sent.
        key: the field's in the model.
        convert: makes one value of those that were sent.
        required: whether it is a fault if none was, which the model does not find itself.
    """

    wires: tuple[str, ...]
    key: str
    convert: _Convert
    required: bool


def find_fields_reader(kind: Any, place: Place) -> FieldsReader | None:
    """Make the function that reads a model from the fields of a place; None for a type that is no model.

    In headers, underscores of a field's name are hyphens, and case does not count; an alias stays as it is.

    Raises:
        TypeError: for a model with a field that text cannot become, for a constraint that does not fit, and for a model
            of headers that forbids others: every request has some.
    """
    model = find_model(kind)
    if model is None:
        return None
    if model.closed and place == "header":
        raise TypeError(
            f"expected a model of headers that ignores others, got {show(kind)}, which forbids them: every request has"
            " a Host, and clients add what they like; leave out forbid_unknown_fields=True or extra='forbid'"
        )
    try:
        readings = [_reading(field, model, place) for field in model.fields]
    except TypeError as exc:
        raise TypeError(f"expected a model with fields of plain values, got {show(kind)}: {exc}") from None
    specs = [_spec(field, reading) for field, reading in zip(model.fields, readings, strict=True)]
    return FieldsReader(tuple(specs), _reader(model, readings))


# -- one field ---------------------------------------------------------------------------------------------------------


def _reading(field: Field, model: Model, place: Place) -> _Reading:
    wires = tuple(_wire(name, field, place) for name in field.names)
    required = field.default is MISSING and not model.checks
    return _Reading(wires, field.key, _convert(field, model, place), required)


def _wire(name: str, field: Field, place: Place) -> str:
    if place != "header":
        return name
    return (name.replace("_", "-") if name == field.name else name).lower()


def _spec(field: Field, reading: _Reading) -> FieldSpec:
    repeated = container_of(field.kind) is not None
    required = field.default is MISSING
    return FieldSpec(field.name, reading.wires[0], field.kind, repeated, required, field.default, field.info)


def _convert(field: Field, model: Model, place: Place) -> _Convert:
    """Make the function that reads the values of one field."""
    if place == "form" and is_upload(field.kind):
        return _files(field.kind)
    convert = _repeated(field, model) or _one(_single(field, model), place)
    return _texts(convert) if place == "form" else convert


def _repeated(field: Field, model: Model) -> _Convert | None:
    if field.raw:
        return list if container_of(field.kind) else None
    read = find_values_reader(field.kind)  # also for pydantic: it raises for what text cannot become
    return find_value_forms(field.kind) if read and model.checks else read


def _single(field: Field, model: Model) -> Read:
    if field.raw:
        return str
    read = find_text_reader(field.kind)  # as above
    return find_form(field.kind) if model.checks else read


def _one(read: Read, place: Place) -> _Convert:
    if place == "header":  # several lines are one value (RFC 9110 section 5.2)
        return lambda values: read(", ".join(values))

    def convert(values: list[Any]) -> Any:
        if len(values) > 1:
            raise Fault("expected one value")
        return read(values[0])

    return convert


# -- files -------------------------------------------------------------------------------------------------------------


def _texts(convert: _Convert) -> _Convert:
    def convert_texts(values: list[Any]) -> Any:
        for value in values:
            if not isinstance(value, str):
                raise Fault("expected text, not a file")
        return convert(values)

    return convert_texts


def is_upload(kind: Any) -> bool:
    """Whether a type is `UploadedFile` or a container of it, maybe in a union with None."""
    module = sys.modules.get("sketch.request.forms.uploads")  # loaded, if anything is of its type
    part = container_of(kind)
    parts = own_members(unwrap(get_args(part.bare)[0]) if part and get_args(part.bare) else unwrap(kind))[0]
    return module is not None and [part.bare for part in parts] == [module.UploadedFile]


def _files(kind: Any) -> _Convert:
    container, (_, optional) = container_of(kind), own_members(unwrap(kind))

    def convert(values: list[Any]) -> Any:
        if any(isinstance(value, str) for value in values):
            raise Fault("expected a file")
        chosen = [value for value in values if value]  # a browser sends an empty one where none was chosen
        if container is not None:
            return chosen
        if len(chosen) > 1:
            raise Fault("expected one file")
        return chosen[0] if chosen else None if optional else MISSING

    return convert


# -- all of them -------------------------------------------------------------------------------------------------------


def _reader(model: Model, readings: list[_Reading]) -> Callable[[Sent], Any]:
    take_others, make = _others(model, readings), _maker(model, readings)

    def read(sent: Sent) -> Any:
        values: dict[str, Any] = {}
        faults: list[Fault] = []
        for wires, key, convert, required in readings:
            wire = wires[0] if len(wires) == 1 else _first_sent(wires, sent)
            try:
                value = convert(sent[wire]) if wire in sent else MISSING
                if value is not MISSING:
                    values[key] = value
                elif required:
                    raise Fault(REQUIRED)
            except (Fault, Faults) as exc:
                faults.extend(_within(wire, exc))
        if take_others is not None:
            values = take_others(sent, faults) | values
        return make(values, faults)

    return read


def _first_sent(wires: tuple[str, ...], sent: Sent) -> str:
    return next((wire for wire in wires if wire in sent), wires[0])


def _within(wire: str, fault: Fault | Faults) -> list[Fault]:
    return [each.within(wire) for each in (fault.faults if isinstance(fault, Faults) else [fault])]


def _others(model: Model, readings: list[_Reading]) -> Callable[[Sent, list[Fault]], dict[str, Any]] | None:
    """Make the function that takes what the model has no field for; None if that is ignored."""
    if model.extra == "ignore":
        return None
    known, keys = {wire for reading in readings for wire in reading.wires}, {reading.key for reading in readings}

    def take(sent: Sent, faults: list[Fault]) -> dict[str, Any]:
        others = {name: values for name, values in sent.items() if name not in known}
        if model.extra == "forbid":
            faults.extend(Fault(UNKNOWN).within(name) for name in list(others)[:_MOST_UNKNOWN])
            return {}
        # A header field `user_id` is none of the model's: that is `user-id`.
        return {name: found[0] if len(found) == 1 else found for name, found in others.items() if name not in keys}

    return take


def _maker(model: Model, readings: list[_Reading]) -> Callable[[dict[str, Any], list[Fault]], Any]:
    """Make the function that makes the model, or raises the faults that are known and those that the model finds."""
    make, checks = model.make, model.checks
    told = {to_pointer([reading.key]): to_pointer([reading.wires[0]]) for reading in readings}

    def make_or_raise(values: dict[str, Any], faults: list[Fault]) -> Any:
        if faults and not checks:
            raise Faults(faults)
        try:
            made = make(values)
        except Faults as exc:
            others = [_renamed(fault, told) for fault in exc.faults]
        else:
            if not faults:
                return made
            others = []
        raise Faults([*faults, *_news(others, faults)])

    return make_or_raise


def _step(pointer: str) -> str:
    """The first step of a pointer; "" if it has none."""
    return pointer[: len(pointer[1:].partition("/")[0]) + 1]


def _renamed(fault: Fault, told: Mapping[str, str]) -> Fault:
    step = _step(fault.pointer)
    return Fault(fault.message, told.get(step, step) + fault.pointer[len(step) :])


def _news(others: list[Fault], faults: list[Fault]) -> list[Fault]:
    """What the model finds beside known faults: not what follows from a field that it was not given."""
    if not faults:
        return others
    faulty = {_step(fault.pointer) for fault in faults}
    return [fault for fault in others if fault.pointer and _step(fault.pointer) not in faulty]
