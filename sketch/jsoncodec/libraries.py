"""The libraries that know types: imported when a type of theirs is used, and named where one is missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_ADVICE = (
    "msgspec reads dataclasses, TypedDicts, NamedTuples, attrs classes, enums, msgspec.Struct and containers of these; "
    "pydantic 2 its models and every type with one in it; for any other type give a pydantic.TypeAdapter of it"
)
_EXTRAS = ("msgspec", "pydantic")


def library(name: str) -> Any:
    """Import a library.

    Raises:
        RuntimeError: if it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as exc:
        package = name.partition(".")[0]
        wanted = f"'sketch-web[{package}]'" if package in _EXTRAS else package
        advice = f"which is not installed: pip install {wanted}"
        raise RuntimeError(f"reading JSON of a type needs the package {name}, {advice}") from exc


def installed(name: str) -> bool:
    """Whether a library can be imported."""
    try:
        import_module(name)
    except ModuleNotFoundError:
        return False
    return True


def unsupported(kind: Any, reason: object) -> TypeError:
    """Make the error for a type that no library reads."""
    reason = str(reason).partition("\n")[0]
    return TypeError(f"expected a type to read JSON as, got {kind!r:.200}: {reason:.200}. {_ADVICE}")
