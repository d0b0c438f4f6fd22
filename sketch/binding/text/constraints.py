"""Constraints in annotations: bounds, lengths, patterns; of annotated_types, `msgspec.Meta` and pydantic's `Field`.

They are found by their classes, and only where the library that defines them is loaded: else there can be none.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from math import inf
from typing import Any, NamedTuple, get_origin

from sketch.binding.faults import Fault
from sketch.binding.kinds import Kind, show
from sketch.binding.text.scalars import to_text

Check = Callable[[Any], Any]
"""Returns the value that it is given, or raises Fault."""


class Constraint(NamedTuple):
    """One constraint of a value.

    Args:
        name: `gt`, `ge`, `lt`, `le`, `multiple_of`, `min_length`, `max_length`, `pattern`, `tz` or `predicate`.
        bound: what the value is compared with.
    """

    name: str
    bound: Any


# -- found in metadata -------------------------------------------------------------------------------------------------

_NAMES = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern", "tz")

_ANNOTATED_TYPES = {
    "Gt": ("gt", "gt"),
    "Ge": ("ge", "ge"),
    "Lt": ("lt", "lt"),
    "Le": ("le", "le"),
    "MultipleOf": ("multiple_of", "multiple_of"),
    "MinLen": ("min_length", "min_length"),
    "MaxLen": ("max_length", "max_length"),
    "Timezone": ("tz", "tz"),
    "Predicate": ("predicate", "func"),
}
"""By class: the name of the constraint, and the attribute with its bound."""


def flatten(metadata: Iterable[Any]) -> Iterator[Any]:
    """Yield metadata with groups opened: `Interval(ge=1, le=9)` is `Ge(1)` and `Le(9)`, so is pydantic's `Field`."""
    for item in metadata:
        if getattr(item, "__is_annotated_types_grouped_metadata__", False) is True:
            yield from flatten(item)
        elif _is_of(item, "pydantic.fields", "FieldInfo"):
            yield from flatten(item.metadata)
        elif item is not None:
            yield item


def constraints_of(item: Any) -> Iterator[Constraint]:
    """Yield the constraints that one object of flat metadata stands for, none if it is of another kind."""
    if _is_of(item, "msgspec", "Meta"):
        for name in _NAMES:
            if (bound := getattr(item, name)) is not None:
                yield Constraint(name, bound)
    elif type(item).__module__ == "annotated_types" and type(item).__name__ in _ANNOTATED_TYPES:
        name, attribute = _ANNOTATED_TYPES[type(item).__name__]
        bound = getattr(item, attribute)
        yield Constraint(name, _aware(bound) if name == "tz" else bound)


def is_of_msgspec(item: Any) -> bool:
    """Whether an object of metadata holds constraints that only msgspec knows, and pydantic passes over."""
    return _is_of(item, "msgspec", "Meta") and any(constraints_of(item))


def _is_of(item: Any, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(item, kind)


def _aware(tz: Any) -> bool:
    """Return annotated_types' `Timezone` as msgspec says it: `...` is any offset, None is none."""
    if tz is not None and tz is not ...:
        raise TypeError(f"expected Timezone(...) for any offset or Timezone(None) for none, got Timezone({tz!r:.200})")
    return tz is ...


# -- as checks ---------------------------------------------------------------------------------------------------------

_NUMBERS = (int, float, Decimal)
_TIMES = (datetime, time)
_ORDERED = (*_NUMBERS, str, bytes, date, *_TIMES, timedelta)
_SIZED = (str, bytes, list, tuple, set, frozenset)

_FITTING: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("gt", "ge", "lt", "le"), _ORDERED),
    "multiple_of": _NUMBERS,
    **dict.fromkeys(("min_length", "max_length"), _SIZED),
    "pattern": (str,),
    "tz": _TIMES,
}


def find_checks(parts: Iterable[Kind]) -> list[Check | None]:
    """Make one check for each member of a union. A constraint of the union applies to the members that can have it.

    Raises:
        TypeError: for a constraint that no member can have.
    """
    held = [(part.bare, [*_constraints(part)]) for part in parts]
    used = [constraint for bare, constraints in held for constraint in constraints if _fits(constraint, bare)]
    for bare, constraints in held:
        for name, bound in constraints:
            if (name, bound) not in used:
                raise TypeError(f"expected constraints that fit {show(bare)}, got {name}={bound!r:.200}")
    return [_join([_check(item, bare) for item in items if _fits(item, bare)]) for bare, items in held]


def _constraints(kind: Kind) -> Iterator[Constraint]:
    for item in flatten(kind.metadata):
        yield from constraints_of(item)


def _fits(constraint: Constraint, bare: Any) -> bool:
    """Whether values of a type can have a constraint; those of every type can have a predicate."""
    name, bound = constraint
    kind = get_origin(bare) or bare
    if name not in _FITTING:
        return True
    return kind in _FITTING[name] and (name not in _COMPARISONS or _is_comparable(bound, kind))


def _check(constraint: Constraint, bare: Any) -> Check:
    name, bound = constraint
    kind = get_origin(bare) or bare
    return _comparison(name, bound, kind) if name in _COMPARISONS else _MAKERS[name](bound, kind)


def _join(checks: Iterable[Check]) -> Check | None:
    """Make one function of several, None of none."""
    joined: Check | None = None
    for check in checks:
        joined = check if joined is None else _both(joined, check)
    return joined


def _both(first: Check, second: Check) -> Check:
    return lambda value: second(first(value))


def _require(test: Callable[[Any], Any], message: str) -> Check:
    def check(value: Any) -> Any:
        if test(value):
            return value
        raise Fault(message)

    return check


# -- bounds ------------------------------------------------------------------------------------------------------------


def _comparison(name: str, bound: Any, kind: Any) -> Check:
    word, make = _COMPARISONS[name]
    check = make(bound, f"expected {word} {to_text(bound)}")
    return _both(_tz(_is_aware(bound), kind), check) if kind in _TIMES else check


# Written out: a function for the comparison, called by one that raises, would take twice the time.


def _more_than(bound: Any, message: str) -> Check:
    def check(value: Any) -> Any:
        if value > bound:
            return value
        raise Fault(message)

    return check


def _at_least(bound: Any, message: str) -> Check:
    def check(value: Any) -> Any:
        if value >= bound:
            return value
        raise Fault(message)

    return check


def _less_than(bound: Any, message: str) -> Check:
    def check(value: Any) -> Any:
        if value < bound:
            return value
        raise Fault(message)

    return check


def _at_most(bound: Any, message: str) -> Check:
    def check(value: Any) -> Any:
        if value <= bound:
            return value
        raise Fault(message)

    return check


_COMPARISONS: dict[str, tuple[str, Callable[[Any, str], Check]]] = {
    "gt": ("more than", _more_than),
    "ge": ("at least", _at_least),
    "lt": ("less than", _less_than),
    "le": ("at most", _at_most),
}


def _is_comparable(bound: Any, kind: Any) -> bool:
    if kind in _NUMBERS:
        return isinstance(bound, _NUMBERS) and bound == bound  # not NaN
    return isinstance(bound, kind) and isinstance(bound, datetime) == (kind is datetime)


def _is_aware(value: datetime | time) -> bool:
    return value.utcoffset() is not None


def _tz(bound: bool, _kind: Any) -> Check:
    if bound:
        return _require(_is_aware, "expected a time with an offset from UTC, as Z or +02:00")
    return _require(lambda value: not _is_aware(value), "expected a time without an offset from UTC")


def _multiple_of(bound: Any, kind: Any) -> Check:
    if not isinstance(bound, _NUMBERS) or not 0 < bound < inf:
        raise TypeError(f"expected multiple_of to be a number above 0, got {bound!r:.200}")
    message = f"expected a multiple of {bound}"
    if kind is int and isinstance(bound, int):
        return _require(lambda value: not value % bound, message)
    step = Fraction(str(bound))  # what the float was written as, not what it is in base 2
    if kind is not float:
        return _require(lambda value: not Fraction(value) % step, message)
    # As pydantic: a float that was rounded counts as the number that it was rounded from.
    return _require(lambda value: min(Fraction(value) % step, -Fraction(value) % step) <= abs(value) / 1e9, message)


# -- lengths and patterns ----------------------------------------------------------------------------------------------


def _length(word: str, test: Callable[[Any], Callable[[Any], bool]]) -> Callable[[Any, Any], Check]:
    def make(bound: Any, kind: Any) -> Check:
        if not isinstance(bound, int) or bound < 0:
            raise TypeError(f"expected a length to be a number from 0 up, got {bound!r:.200}")
        unit = {str: "character", bytes: "byte"}.get(kind, "value") + ("" if bound == 1 else "s")
        return _require(test(bound), f"expected {'text of ' if kind is str else ''}{word} {bound} {unit}")

    return make


def _pattern(bound: Any, _kind: Any) -> Check:
    search = re.compile(bound).search  # searched for anywhere, as msgspec and pydantic do
    return _require(search, f"expected text that matches {bound}")


def _predicate(bound: Callable[[Any], Any], _kind: Any) -> Check:
    name = getattr(bound, "__name__", type(bound).__name__)

    def test(value: Any) -> bool:
        try:
            return bool(bound(value))
        except ValueError:  # as good as a refusal; its text may hold the value
            return False

    return _require(test, f"expected a value that {name} accepts")


_MAKERS: dict[str, Callable[[Any, Any], Check]] = {
    "multiple_of": _multiple_of,
    "min_length": _length("at least", lambda bound: lambda value: len(value) >= bound),
    "max_length": _length("at most", lambda bound: lambda value: len(value) <= bound),
    "pattern": _pattern,
    "tz": _tz,
    "predicate": _predicate,
}
