"""The annotations of classes with fields, with types in place of type variables."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import get_annotations
from typing import Any, Generic, get_args, get_origin, get_type_hints

from sketch.binding.kinds import show, substitute


def hints_of(bare: Any) -> dict[str, Any]:
    """Return the types of the fields of a class and its bases, by name, constraints included.

    Args:
        bare: the class, or a generic one with arguments.

    Raises:
        TypeError: for an annotation that does not exist at run time.
    """
    origin = get_origin(bare) or bare
    try:
        hints, own = get_type_hints(origin, include_extras=True), get_annotations(origin)
    except Exception as exc:  # whatever an annotation raises when it is evaluated
        reason = f"{type(exc).__name__}: {exc}"
        raise TypeError(f"expected annotations that exist at run time, got {show(origin)}: {reason:.200}") from exc
    for base in origin.__dict__.get("__orig_bases__", origin.__bases__):
        if isinstance(get_origin(base) or base, type) and get_origin(base) is not Generic:
            # Of each class by itself: a variable may mean another type in each.
            hints |= {name: hint for name, hint in hints_of(base).items() if name not in own}
    arguments = dict(zip(getattr(origin, "__parameters__", ()), get_args(bare), strict=False))
    return {name: substitute(hint, arguments) for name, hint in hints.items()}


def typed_dict_hints(bare: Any) -> Iterator[tuple[str, Any, bool]]:
    """Yield the names of a TypedDict, their types, and whether they are required. Raises as `hints_of` does."""
    known = (get_origin(bare) or bare).__required_keys__
    for name, hint in hints_of(bare).items():
        required = name in known
        while (mark := getattr(get_origin(hint), "_name", "")) in ("Required", "NotRequired", "ReadOnly"):
            if mark != "ReadOnly":  # where annotations are text, the class has not seen the mark
                required = mark == "Required"
            (hint,) = get_args(hint)
        yield name, hint, required
