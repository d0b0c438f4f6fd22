"""Annotations taken apart: the type itself, and what it is annotated with."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple, NewType, TypeVar, Union, get_args, get_origin

_UNIONS = (Union, types.UnionType)


class Kind(NamedTuple):
    """An annotation without the names that it was given.

    Args:
        bare: the type, which is no `Annotated`, `NewType` or alias.
        metadata: what `Annotated` holds, the innermost first.
    """

    bare: Any
    metadata: tuple[Any, ...] = ()

    @property
    def annotation(self) -> Any:
        """The annotation again, without names."""
        return Annotated[self.bare, *self.metadata] if self.metadata else self.bare


def unwrap(kind: Any) -> Kind:
    """Take an annotation apart: `Annotated`, `NewType`, `type X = ...`."""
    metadata: tuple[Any, ...] = ()
    while True:
        if get_origin(kind) is Annotated:
            kind, metadata = kind.__origin__, kind.__metadata__ + metadata
        elif isinstance(kind, NewType):
            kind = kind.__supertype__
        elif _is_plain_alias(kind):
            kind = kind.__value__
        elif _is_plain_alias(get_origin(kind)):
            kind = substitute(
                get_origin(kind).__value__, dict(zip(kind.__origin__.__type_params__, kind.__args__, strict=True))
            )
        else:
            return Kind(kind, metadata)


def is_alias(kind: Any) -> bool:
    """Whether a type is `X` of `type X = ...`, also with arguments."""
    return _is_plain_alias(kind) or _is_plain_alias(get_origin(kind))


def _is_plain_alias(kind: Any) -> bool:
    return type(kind).__name__ == "TypeAliasType"  # of typing from Python 3.12 on, or of typing_extensions


def substitute(kind: Any, arguments: Mapping[Any, Any]) -> Any:
    """Replace the type variables of an annotation: `list[T]` of `{T: int}` is `list[int]`."""
    if isinstance(kind, TypeVar):
        return arguments.get(kind, kind)
    parameters = getattr(kind, "__parameters__", ())
    if not arguments or not parameters or isinstance(kind, type):
        return kind
    return kind[tuple(arguments.get(parameter, parameter) for parameter in parameters)]


def members(kind: Kind) -> Iterator[Kind]:
    """Yield the members of a union in the order written, those of unions within it too; of another type, itself.

    What the union is annotated with, its members are.
    """
    if get_origin(kind.bare) not in _UNIONS:
        yield kind
        return
    for member in get_args(kind.bare):
        bare, metadata = unwrap(member)
        yield from members(Kind(bare, metadata + kind.metadata))


def own_members(kind: Kind) -> tuple[list[Kind], bool]:
    """Return the members of a union that a client can name, and whether None is another one.

    `msgspec.UnsetType` stands for a value that was not sent.
    """
    parts = [*members(kind)]
    own = [part for part in parts if not _is_none(part.bare) and getattr(part.bare, "__name__", "") != "UnsetType"]
    return own, any(_is_none(part.bare) for part in parts)


def _is_none(bare: Any) -> bool:
    return bare is None or bare is types.NoneType


def show(kind: Any) -> str:
    """Write an annotation as a user would, for messages."""
    return kind.__qualname__ if isinstance(kind, type) and get_origin(kind) is None else f"{kind!r:.200}"
