"""Reads JSON as a value of a type, by msgspec or by pydantic: whichever library the type belongs to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from importlib import import_module
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

from sketch.jsoncodec.errors import ValidationError

Read = Callable[[bytes], Any]

MOST_FAULTS = 10
"""The most faults that are named."""
_COUNTED = 1000  # a body of some MiB may have millions of faults, each of which takes a KiB to describe

_ADVICE = (
    "msgspec reads dataclasses, TypedDicts, NamedTuples, attrs classes, enums, msgspec.Struct and containers of these; "
    "pydantic 2 its models and every type with one in it; for any other type give a pydantic.TypeAdapter of it"
)


def find_reader(kind: Any, loads: Read) -> Read:
    """Make the function that reads JSON as a type.

    Args:
        kind: the type, or a `pydantic.TypeAdapter`.
        loads: reads any JSON strictly.

    Raises:
        TypeError: for a type that no library reads.
        RuntimeError: if the library that reads it is not installed.
    """
    return _pydantic_reader(kind, loads) if _has_pydantic(kind, {}) else _msgspec_reader(kind)


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as exc:
        advice = f"which is not installed: pip install {name.partition('.')[0]}"
        raise RuntimeError(f"reading JSON of a type needs the package {name}, {advice}") from exc


def _unsupported(kind: Any, reason: object) -> TypeError:
    reason = str(reason).partition("\n")[0]
    return TypeError(f"expected a type to read JSON as, got {kind!r:.200}: {reason:.200}. {_ADVICE}")


# -- msgspec -----------------------------------------------------------------------------------------------------------


def _msgspec_reader(kind: Any) -> Read:
    msgspec = _library("msgspec")
    try:
        unknown = next(_custom_types(_library("msgspec.inspect").type_info(kind), set()), None)
        decode = _library("msgspec.json").Decoder(kind).decode
    except Exception as exc:  # a TypeError, or whatever a part of the type raises when it is evaluated
        raise _unsupported(kind, exc) from exc
    if unknown is not None:  # msgspec would refuse every value: the client is not at fault
        raise _unsupported(kind, f"no library reads {unknown.cls!r}")

    def read(text: bytes) -> Any:
        try:
            return decode(text)
        except msgspec.ValidationError as exc:
            raise ValidationError(_without_value(exc)) from None
        except msgspec.DecodeError as exc:  # no ValueError before msgspec 0.21
            raise ValueError(str(exc)) from None

    return read


def _custom_types(info: Any, seen: set[int]) -> Iterator[Any]:
    """Yield the types in msgspec's description of a type that it leaves to hooks."""
    if id(info) in seen:
        return
    seen.add(id(info))
    if type(info).__name__ == "CustomType":
        yield info
    elif isinstance(info, tuple):
        for part in info:
            yield from _custom_types(part, seen)
    elif type(info).__module__ == "msgspec.inspect":
        for name in info.__struct_fields__:
            yield from _custom_types(getattr(info, name), seen)


_VALUE = re.compile(r"(Invalid (?:enum )?value) .*", re.DOTALL)


def _without_value(exc: Exception) -> str:
    """Return msgspec's message without the input's value."""
    text, at, place = str(exc).rpartition(" - at `")
    if not at:
        text, place = place, ""
    if exc.__cause__ is not None:  # raised by the type's own code, which may have put the value into it
        text = "Invalid value"
    text = _VALUE.sub(r"\1", text)
    return f"{text:.200}{at}{place:.200}"


# -- pydantic ----------------------------------------------------------------------------------------------------------


def _has_pydantic(kind: Any, seen: dict[int, Any]) -> bool:
    """Whether a type is one of pydantic's, or contains one. `seen` keeps what was looked at, so that ids are unique."""
    if id(kind) in seen:
        return False
    seen[id(kind)] = kind
    # Constraints like `Gt(0)` are of the package annotated_types, which msgspec would pass over.
    if type(kind).__module__.partition(".")[0] in ("pydantic", "annotated_types"):
        return True
    if hasattr(kind, "__get_pydantic_core_schema__") or hasattr(kind, "__pydantic_validator__"):
        return True
    return any(_has_pydantic(part, seen) for part in _parts(kind))


def _parts(kind: Any) -> Iterator[Any]:
    """Yield the types that a type is made of, and what it is annotated with."""
    yield from get_args(kind)
    inner = getattr(kind, "__supertype__", None) or getattr(kind, "__value__", None)  # of NewType, of an alias
    if inner is not None:
        yield inner
    made = get_origin(kind) or kind
    if is_dataclass(made) or is_typeddict(made) or hasattr(made, "_fields"):
        try:
            yield from get_type_hints(made, include_extras=True).values()
        except Exception:  # a name that is not defined: the library that reads the type says it
            return


def _pydantic_reader(kind: Any, loads: Read) -> Read:
    pydantic, core = _library("pydantic"), _library("pydantic_core")
    try:
        adapter = kind if isinstance(kind, pydantic.TypeAdapter) else pydantic.TypeAdapter(kind)
    except Exception as exc:  # of several classes, none of them common
        raise _unsupported(kind, exc) from exc
    validate = adapter.validate_json

    def read(text: bytes) -> Any:
        loads(text)  # pydantic also takes NaN, Infinity, and numbers that no response could hold
        try:
            return validate(text)
        except core.ValidationError as exc:
            raise _described(exc) from None

    return read


def _described(error: Any) -> ValueError:
    count: int = error.error_count()
    if count > _COUNTED:
        return ValidationError(f"{count} faults")
    faults = error.errors(include_url=False, include_input=False)
    if faults[0]["type"] == "json_invalid" and not faults[0]["loc"]:
        return ValueError(faults[0]["msg"])  # nested more deeply than pydantic reads
    rest = [f"and {count - MOST_FAULTS} more faults"] if count > MOST_FAULTS else []
    return ValidationError("; ".join([*map(_fault, faults[:MOST_FAULTS]), *rest]))


def _fault(fault: Any) -> str:
    """Describe a fault as msgspec does."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step:.50}" for step in fault["loc"])
    place = "".join(steps)
    return f"{_message(fault):.200} - at `${place:.200}`" if place else f"{_message(fault):.200}"


def _message(fault: Any) -> str:
    """Return pydantic's message, without what it quotes of the input, and without the text of a foreign exception."""
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "union_tag_invalid":
        return f"Expected the tag {context['discriminator']} to be one of {context['expected_tags']}"
    if kind in ("value_error", "assertion_error") or "error" in context:
        text = re.split("[,:]", fault["msg"], maxsplit=1)[0]
        return "Invalid value" if text in ("Value error", "Assertion failed") else text
    message: str = fault["msg"]
    return message
