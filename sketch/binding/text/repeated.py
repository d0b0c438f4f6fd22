"""Several texts under one name, as `tag=a&tag=b`: as a list, a tuple or a set."""

from __future__ import annotations

from collections import abc
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any, get_args, get_origin

from sketch.binding.faults import Fault, Faults
from sketch.binding.kinds import Kind, own_members, unwrap
from sketch.binding.text.constraints import Check, find_checks, flatten
from sketch.binding.text.pydantic_types import find_pydantic_reader, takes_text
from sketch.binding.text.reader import find_form, find_text_reader, has_pydantic
from sketch.binding.text.scalars import Read

ReadValues = Callable[[list[str]], Any]
"""Makes a value out of several texts. Raises Fault or Faults, whose pointers begin with the index of a text."""

CONTAINERS = MappingProxyType(
    {
        **{kind: kind for kind in (list, tuple, set, frozenset)},
        **dict.fromkeys((abc.Sequence, abc.MutableSequence, abc.Collection, abc.Iterable), list),
        **dict.fromkeys((abc.Set, abc.MutableSet), set),
    }
)
"""The containers of repeated values, and what is made for each."""

MOST_FAULTS = 100
"""The most texts whose faults are told."""


def find_values_reader(kind: Any) -> ReadValues | None:
    """Make the function that reads the texts of one name as a container of plain values; None for other types.

    Args:
        kind: `list[int]`, `set[str] | None`, `tuple[int, ...]`, `tuple[float, float]`, `Sequence[...]`, with
            constraints of the container and of what is in it.

    Raises:
        TypeError: for a container of what text cannot become, and for a constraint that does not fit.
    """
    part = container_of(kind)
    if part is None:
        return None
    if any(map(takes_text, flatten(part.metadata))):
        return find_pydantic_reader(part)
    read = _elements_reader(part.bare, find_text_reader)
    check = find_pydantic_reader(part) if has_pydantic(part) else _find_check(part)
    return read if check is None else lambda texts: check(read(texts))


def _find_check(part: Kind) -> Check | None:
    return find_checks([Kind(_made(part.bare), part.metadata)])[0]


def find_value_forms(kind: Any) -> ReadValues | None:
    """Make the function that prepares the texts of one name for pydantic; None for a type that is no container."""
    part = container_of(kind)
    if part is None:
        return None
    return list if any(map(takes_text, flatten(part.metadata))) else _elements_reader(part.bare, find_form)


def container_of(kind: Any) -> Kind | None:
    """Return the container that a type is, maybe in a union with None, else None."""
    parts, _ = own_members(unwrap(kind))
    return parts[0] if len(parts) == 1 and _made(parts[0].bare) is not None else None


def _made(bare: Any) -> Any:
    """The class that is made for a container, None for another type."""
    origin = get_origin(bare) or bare
    # Compared one by one: what stands as annotation may have no hash.
    return next((made for known, made in CONTAINERS.items() if known is origin), None)


def _elements_reader(bare: Any, find: Callable[[Any], Read]) -> ReadValues:
    made, arguments = _made(bare), get_args(bare)
    if made is tuple and arguments and arguments[-1] is not ...:
        return _fixed([find(argument) for argument in arguments])
    return _repeated(find(arguments[0] if arguments else str), made)


def _repeated(read: Read, made: Callable[[list[Any]], Any]) -> ReadValues:
    if read is str:
        return made

    def read_all(texts: list[str]) -> Any:
        try:
            return made([read(text) for text in texts])
        except (Fault, Faults):
            pass  # not handled here: the others may be at fault, too
        raise _faults([read] * len(texts), texts)

    return read_all


def _fixed(readers: list[Read]) -> ReadValues:
    count = len(readers)

    def read_all(texts: list[str]) -> Any:
        if len(texts) != count:
            raise Fault(f"expected {count} values")
        try:
            return tuple([read(text) for read, text in zip(readers, texts, strict=True)])
        except (Fault, Faults):
            pass  # as above
        raise _faults(readers, texts)

    return read_all


def _faults(readers: Sequence[Read], texts: list[str]) -> Fault | Faults:
    found: list[Fault] = []
    for index, (read, text) in enumerate(zip(readers, texts, strict=True)):
        try:
            read(text)
        except Fault as fault:
            found.append(fault.within(index))
        except Faults as faults:
            found.extend(fault.within(index) for fault in faults.faults)
        if len(found) >= MOST_FAULTS:
            break
    return found[0] if len(found) == 1 else Faults(found)
