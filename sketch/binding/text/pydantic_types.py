"""Types that only pydantic reads, and what only pydantic checks: from text, or from a value that was read from it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from sketch.binding.faults import Fault, Faults, to_pointer
from sketch.binding.kinds import Kind, show
from sketch.binding.text.constraints import is_of_msgspec
from sketch.jsoncodec.by_pydantic import describe
from sketch.jsoncodec.errors import INVALID

_TAKES_TEXT = ("BeforeValidator", "WrapValidator", "PlainValidator", "Json", "EncodedStr", "EncodedBytes")


def is_pydantic_scalar(bare: Any) -> bool:
    """Whether pydantic reads a type, as `HttpUrl`, from a single text: it is no model with fields."""
    return hasattr(bare, "__get_pydantic_core_schema__") and (
        not hasattr(bare, "__pydantic_fields__") or getattr(bare, "__pydantic_root_model__", False)
    )


def is_pydantic_metadata(item: Any) -> bool:
    """Whether only pydantic knows what an object of flat metadata means."""
    kind = type(item)
    return kind.__name__ != "Strict" and (  # what is read here is of the exact type already
        kind.__module__.partition(".")[0] == "pydantic" or hasattr(item, "__get_pydantic_core_schema__")
    )


def takes_text(item: Any) -> bool:
    """Whether such metadata wants the text itself, not the value that was read from it: code of users may."""
    kind = type(item)
    of_users = kind.__module__.partition(".")[0] != "pydantic"
    return is_pydantic_metadata(item) and (of_users or kind.__name__ in _TAKES_TEXT)


def find_pydantic_reader(kind: Kind) -> Callable[[Any], Any]:
    """Make the function that reads text, or a value, by pydantic. It raises Fault or Faults.

    Raises:
        TypeError: for a type that pydantic does not read.
    """
    if any(map(is_of_msgspec, kind.metadata)):
        raise TypeError(
            f"expected the constraints of one library, got {show(kind.annotation)}: pydantic's or msgspec's"
        )
    validate = find_validator(kind.annotation)

    def read(value: Any) -> Any:
        try:
            return validate(value)
        except Faults as faults:
            if len(faults.faults) != 1:
                raise
            fault = faults.faults[0]
        raise fault

    return read


def find_validator(annotation: Any) -> Callable[[Any], Any]:
    """Make the function that validates Python objects as a type. It raises Faults.

    Raises:
        TypeError: for a type that pydantic does not read.
    """
    error = import_module("pydantic_core").ValidationError
    try:
        validate = import_module("pydantic").TypeAdapter(annotation).validate_python
    except Exception as exc:  # of several classes, none of them common, and ImportError for what needs a package
        reason = str(exc).partition("\n")[0]
        raise TypeError(f"expected a type that pydantic reads, got {show(annotation)}: {reason:.200}") from exc

    def read(value: Any) -> Any:
        try:
            return validate(value)
        except error as exc:
            faults = _faults(exc, value, annotation)
        raise Faults(faults)

    return read


def _faults(error: Any, value: Any, annotation: Any) -> list[Fault]:
    faults = getattr(describe(error, value, annotation), "faults", ())
    return [Fault(message, to_pointer(steps)) for message, steps in faults] or [Fault(INVALID)]
