"""The text of values that are one of a few: the members of an Enum, by their values, and those of a Literal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum, Flag
from functools import partial
from typing import Any, Literal, get_args, get_origin

from sketch.binding.faults import Fault
from sketch.binding.kinds import show
from sketch.binding.text.scalars import SCALARS, Read, Scalar, to_text

MISSING: Any = object()
_MOST_SHOWN = 20

Pick = Callable[[Any], Any]
"""Returns the choice that a value stands for, MISSING if it stands for none."""


def find_choices(bare: Any) -> Scalar | None:
    """Make the scalar of an Enum or a Literal; None for any other type.

    Raises:
        TypeError: for a choice that no text can name.
    """
    if isinstance(bare, type) and issubclass(bare, Enum):
        return _enum(bare)
    return _literal(get_args(bare)) if get_origin(bare) is Literal else None


def _enum(kind: type[Enum]) -> Scalar:
    choices = [(member.value, member) for member in kind]
    picks: dict[type, Pick] = dict.fromkeys([type(value) for value, _ in choices], partial(_member, kind))
    if issubclass(kind, Flag):
        picks = {int: partial(_member, kind)}
    elif kind._missing_.__func__ is Enum._missing_.__func__:  # type: ignore[attr-defined]
        picks.pop(str, None)  # all its texts are known
    return _scalar(show(kind), choices, picks)


def _member(kind: type[Enum], value: Any) -> Any:
    try:
        return kind(value)  # which asks its `_missing_`, too
    except ValueError:
        return MISSING


def _literal(values: Iterable[Any]) -> Scalar:
    choices = [(value.value if isinstance(value, Enum) else value, value) for value in values]
    tables: dict[type, dict[Any, Any]] = {}  # by type, as 1 and True are equal
    for plain, value in choices:
        tables.setdefault(type(plain), {}).setdefault(plain, value)
    tables.pop(str, None)
    tables.pop(type(None), None)
    return _scalar("Literal", choices, {kind: partial(_of, table) for kind, table in tables.items()})


def _of(table: Mapping[Any, Any], value: Any) -> Any:
    return table.get(value, MISSING)


def _scalar(name: str, choices: list[tuple[Any, Any]], picks: Mapping[type, Pick]) -> Scalar:
    """Make the scalar of some choices.

    Args:
        name: of the type.
        choices: plain values, and the choices that they stand for.
        picks: by type, how to find the choice of a value whose text can be written in more than one way.
    """
    if not choices and not picks:
        raise TypeError(f"expected {name} to have members, got none")
    texts: dict[str, Any] = {}
    for plain, choice in choices:
        texts.setdefault(_text(name, plain), choice)
    named = f"one of {', '.join(map(repr, list(texts)[:_MOST_SHOWN]))}{', ...' if len(texts) > _MOST_SHOWN else ''}"
    patterns = [*map(re.escape, texts), *[SCALARS[kind].pattern for kind in picks]]
    reads = [(SCALARS[kind].read, pick) for kind, pick in picks.items()]
    return Scalar(named, "|".join(patterns), _reader(texts, reads, f"expected {named}"))


def _text(name: str, plain: Any) -> str:
    if plain is None:
        return ""
    if type(plain) not in SCALARS:
        raise TypeError(f"expected the values of {name} to be text, numbers or other scalars, got {plain!r:.200}")
    return to_text(plain)


def _reader(texts: Mapping[str, Any], others: list[tuple[Read, Pick]], message: str) -> Read:
    get = texts.get

    def read(text: str) -> Any:
        choice = get(text, MISSING)
        if choice is MISSING and others:
            choice = next((found for found in _picked(text, others) if found is not MISSING), MISSING)
        if choice is MISSING:
            raise Fault(message)
        return choice

    return read


def _picked(text: str, others: list[tuple[Read, Pick]]) -> Iterator[Any]:
    for read, pick in others:
        try:
            value = read(text)
        except Fault:
            continue
        yield pick(value)
