"""The fields of a model: of a Struct, a dataclass, a TypedDict, a NamedTuple, an attrs class, or of pydantic 2."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from inspect import Parameter
from typing import Annotated, Any, Literal, NamedTuple, get_origin

from sketch.binding.faults import Fault, Faults
from sketch.binding.hints import hints_of, typed_dict_hints
from sketch.binding.kinds import show, unwrap
from sketch.binding.text.pydantic_types import find_validator
from sketch.jsoncodec.errors import INVALID
from sketch.jsoncodec.types import is_typed_dict

MISSING = Parameter.empty
"""Stands for the default of what is required."""

FACTORY: Any = object()
"""Stands for a default that is made anew each time."""


Extra = Literal["ignore", "forbid", "allow"]


class Field(NamedTuple):
    """A field of a model.

    Args:
        name: in the model.
        key: the name by which `Model.make` takes its value.
        names: those that clients may send, the first one is told to them.
        kind: its type, with constraints.
        default: its default, FACTORY, or MISSING if it is required.
        raw: whether code of the model reads the text itself.
        info: what describes it beside its type, as pydantic's `FieldInfo`.
    """

    name: str
    key: str
    names: tuple[str, ...]
    kind: Any
    default: Any = MISSING
    raw: bool = False
    info: Any = None


class Model(NamedTuple):
    """A class with fields.

    Args:
        fields: in their order.
        make: makes the object out of values by their keys, without those that were not sent. Raises Faults, whose
            pointers begin with a key.
        extra: whether names that it does not have are ignored, refused, or given to `make`.
        checks: whether `make` checks constraints, and tells what is wrong with all fields and which are missing.
        closed: whether names that it does not have are refused, if by `make`.
    """

    fields: tuple[Field, ...]
    make: Callable[[dict[str, Any]], Any]
    extra: Extra = "ignore"
    checks: bool = False
    closed: bool = False


def find_model(kind: Any) -> Model | None:
    """Describe a model; None for a type that is none.

    Raises:
        TypeError: for a model that cannot be described; the message says what to write instead.
    """
    bare = unwrap(kind).bare
    origin = get_origin(bare) or bare
    if not isinstance(origin, type):
        return None
    if hasattr(origin, "__pydantic_fields__"):
        return None if getattr(origin, "__pydantic_root_model__", False) else _pydantic(kind, origin)
    for applies, describe in _LIBRARIES:
        if applies(origin):
            extra = _extra(origin)
            return Model(tuple(describe(bare, origin)), _maker(origin), extra, closed=extra == "forbid")
    return None


def _extra(origin: Any) -> Extra:
    config = getattr(origin, "__struct_config__", None)
    return "forbid" if config is not None and config.forbid_unknown_fields else "ignore"


def _maker(origin: Any) -> Callable[[dict[str, Any]], Any]:
    if is_typed_dict(origin):
        return lambda values: values

    def make(values: dict[str, Any]) -> Any:
        try:
            return origin(**values)
        except (ValueError, TypeError):  # of its own checks: every value is of the declared type
            pass
        raise Faults([Fault(INVALID)])

    return make


# -- msgspec, the standard library, attrs -----------------------------------------------------------------------------


def _struct(bare: Any, _origin: Any) -> Iterator[Field]:
    missing = import_module("msgspec").NODEFAULT
    for field in import_module("msgspec.structs").fields(bare):
        default = MISSING if field.required else FACTORY if field.default is missing else field.default
        yield Field(field.name, field.name, (field.encode_name,), field.type, default)


def _dataclass(bare: Any, origin: Any) -> Iterator[Field]:
    hints = hints_of(bare)
    for field in origin.__dataclass_fields__.values():  # with those that only `__post_init__` gets
        hint = hints[field.name]
        if isinstance(hint, dataclasses.InitVar):
            hint = hint.type
        elif not field.init or field not in dataclasses.fields(origin):
            continue
        default = MISSING if field.default is dataclasses.MISSING else field.default
        if field.default_factory is not dataclasses.MISSING:
            default = FACTORY
        yield Field(field.name, field.name, (field.name,), hint, default)


def _typed_dict(bare: Any, _origin: Any) -> Iterator[Field]:
    for name, hint, required in typed_dict_hints(bare):
        yield Field(name, name, (name,), hint, MISSING if required else FACTORY)


def _named_tuple(bare: Any, origin: Any) -> Iterator[Field]:
    hints, defaults = hints_of(bare), origin._field_defaults
    for name in origin._fields:
        yield Field(name, name, (name,), hints.get(name, str), defaults.get(name, MISSING))


def _attrs(bare: Any, origin: Any) -> Iterator[Field]:
    hints = hints_of(bare)
    for attribute in origin.__attrs_attrs__:
        if attribute.init:
            default = attribute.default
            if type(default).__name__ == "Factory":
                default = FACTORY
            elif type(default).__name__ == "_Nothing":
                default = MISSING
            yield Field(attribute.name, attribute.alias, (attribute.alias,), hints.get(attribute.name, str), default)


_LIBRARIES: tuple[tuple[Callable[[Any], bool], Callable[[Any, Any], Iterator[Field]]], ...] = (
    (lambda origin: hasattr(origin, "__struct_fields__"), _struct),
    (lambda origin: hasattr(origin, "__attrs_attrs__"), _attrs),
    (dataclasses.is_dataclass, _dataclass),
    (is_typed_dict, _typed_dict),
    (lambda origin: issubclass(origin, tuple) and hasattr(origin, "_fields"), _named_tuple),
)


# -- pydantic ---------------------------------------------------------------------------------------------------------


def _pydantic(kind: Any, origin: Any) -> Model:
    if not origin.__pydantic_complete__:  # it refers to what was defined after it
        _rebuild(origin)
    make = find_validator(kind)
    config: Mapping[str, Any] = getattr(origin, "model_config", None) or getattr(origin, "__pydantic_config__", {})
    extra: Extra = config.get("extra") or "ignore"
    if any(validator.info.mode != "after" for validator in origin.__pydantic_decorators__.model_validators.values()):
        extra = "allow"  # it reads everything that was sent, and pydantic ignores or refuses what is left
    closed = config.get("extra") == "forbid"
    return Model(tuple(_pydantic_fields(origin, config)), make, extra, checks=True, closed=closed)


def _rebuild(origin: Any) -> None:
    rebuild = getattr(origin, "model_rebuild", None) or partial(
        import_module("pydantic.dataclasses").rebuild_dataclass, origin
    )
    try:
        rebuild()
    except Exception as exc:  # of pydantic's own classes
        reason = str(exc).partition("\n")[0]
        raise TypeError(f"expected annotations that exist at run time, got {show(origin)}: {reason:.200}") from exc


def _pydantic_fields(origin: Any, config: Mapping[str, Any]) -> Iterator[Field]:
    first = {*_read_first(origin)}
    for name, info in origin.__pydantic_fields__.items():
        if info.init is False:
            continue
        names = _aliases(name, info, config)
        hint = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
        default = MISSING if info.is_required() else FACTORY if info.default_factory is not None else info.default
        yield Field(name, names[0], names, hint, default, not first.isdisjoint((name, "*")), info)


def _read_first(origin: Any) -> Iterator[str]:
    """Yield the names of the fields that validators of the model read before pydantic does."""
    for validator in origin.__pydantic_decorators__.field_validators.values():
        if validator.info.mode != "after":
            yield from validator.info.fields


def _aliases(name: str, info: Any, config: Mapping[str, Any]) -> tuple[str, ...]:
    alias = info.validation_alias
    if alias is None:
        return (name,)
    choices = alias.choices if hasattr(alias, "choices") else [alias]
    names = [found for choice in choices if (found := _alias(choice)) is not None]
    if len(names) < len(choices):
        raise TypeError(f"expected aliases that are names, got {alias!r:.200} of {name!r:.200}")
    by_name = config.get("populate_by_name") or config.get("validate_by_name")
    if config.get("validate_by_alias") is False:
        return (name,)
    return (*names, name) if by_name else tuple(names)


def _alias(choice: Any) -> str | None:
    """The name that an alias is, None for a path of several steps."""
    path = getattr(choice, "path", [choice])
    return path[0] if len(path) == 1 and isinstance(path[0], str) else None
