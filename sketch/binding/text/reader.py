"""Values from the text of a query, a header, a cookie, a form or a path: which function reads a type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

from sketch.binding.faults import Fault, Faults
from sketch.binding.kinds import Kind, own_members, show, unwrap
from sketch.binding.text.choices import find_choices
from sketch.binding.text.constraints import Check, find_checks, flatten
from sketch.binding.text.pydantic_types import (
    find_pydantic_reader,
    is_pydantic_metadata,
    is_pydantic_scalar,
    takes_text,
)
from sketch.binding.text.scalars import SCALARS, Read, Scalar
from sketch.jsoncodec.errors import INVALID, either

_ADVICE = (
    "write str, int, float, bool, bytes, Decimal, UUID, date, datetime, time, timedelta, an Enum, a Literal, a union of"
    " these, or a type of pydantic's own, as Annotated[str, pydantic.AfterValidator(make)]"
)


def find_text_reader(kind: Any) -> Read:
    """Make the function that reads text as a type. It is `str` itself for plain text.

    An empty text is None where the type may be None, "" for `str`, and a fault for other types.

    Args:
        kind: the type, with constraints.

    Raises:
        TypeError: for a type that text cannot become, and for a constraint that does not fit.
    """
    return _reader(unwrap(kind))


def find_check(kind: Any) -> Check | None:
    """Make the function that checks the constraints of a type on a value that a path converter has made.

    It reads the text where there is no converter: see `find_path_converter`.

    Raises:
        TypeError: as `find_text_reader` does.
    """
    whole = unwrap(kind)
    if not has_form(whole):
        return _reader(whole)
    if has_pydantic(whole):
        return find_pydantic_reader(whole)
    parts, _ = own_members(whole)
    checks = [
        find_pydantic_reader(part) if has_pydantic(part) else check
        for part, check in zip(parts, _find_checks(parts), strict=True)
    ]
    if len(parts) == 1:
        return checks[0]
    if not any(checks):
        return None
    return _first_of([_member_check(part.bare, check) for part, check in zip(parts, checks, strict=True)])


def _member_check(bare: Any, check: Check | None) -> Check:
    """Make the check of one member of a union, which raises Fault for a value of another one."""
    choices = {(type(value), value) for value in get_args(bare)} if get_origin(bare) is Literal else None

    def check_member(value: Any) -> Any:
        if type(value) is not bare if choices is None else (type(value), value) not in choices:
            raise Fault(INVALID)
        return value if check is None else check(value)

    return check_member


def has_form(kind: Kind) -> bool:
    """Whether it is known which text a type takes: no code of users or of pydantic reads it."""
    parts, _ = own_members(kind)
    return not any(map(takes_text, flatten(kind.metadata))) and all(
        find_scalar(part.bare) is not None and not any(map(takes_text, flatten(part.metadata))) for part in parts
    )


def find_form_reader(parts: list[Kind], *, optional: bool = False) -> Read:
    """Make the function that reads text as one of some types, without any constraints.

    Args:
        parts: the types.
        optional: whether an empty text is None.

    Raises:
        TypeError: as `find_text_reader` does.
    """
    return _reader_of([_plain(part).read for part in parts], optional=optional)


def find_form(kind: Any) -> Read:
    """Make the function that prepares text for pydantic: as a value where it is known how, else as it is."""
    whole = unwrap(kind)
    parts, optional = own_members(whole)
    if has_form(whole):
        return find_form_reader(parts, optional=optional)
    return (lambda text: text or None) if optional else str


def find_scalar(bare: Any) -> Scalar | None:
    """Return how the values of a plain type, an Enum or a Literal are written; None for other types."""
    if bare is Any or bare is object:
        bare = str
    return (SCALARS.get(bare) if isinstance(bare, type) else None) or find_choices(bare)


# -- members of unions -------------------------------------------------------------------------------------------------


def _reader(kind: Kind) -> Read:
    if has_pydantic(kind):
        return _read_by_pydantic(kind)
    parts, optional = own_members(kind)
    readers = [_member_reader(part, check) for part, check in zip(parts, _find_checks(parts), strict=True)]
    return _reader_of(readers, optional=optional)


def _member_reader(part: Kind, check: Check | None) -> Read:
    if _is_read_by_pydantic(part):
        return _read_by_pydantic(part)
    read = _plain(part).read
    return read if check is None else compose(read, check)


def _find_checks(parts: list[Kind]) -> list[Check | None]:
    return find_checks([Kind(part.bare) if _is_read_by_pydantic(part) else part for part in parts])


def _plain(part: Kind) -> Scalar:
    if scalar := find_scalar(part.bare):
        return scalar
    raise TypeError(f"expected a type that text can become, got {show(part.bare)}: {_ADVICE}")


def _reader_of(readers: list[Read], *, optional: bool) -> Read:
    if not readers:
        raise TypeError(f"expected a type that text can become, got only None: {_ADVICE}")
    read = readers[0] if len(readers) == 1 else _first_of(readers)
    return _or_none(read) if optional else read


def compose(read: Callable[[Any], Any], check: Check) -> Callable[[Any], Any]:
    """Make one function of one that reads and one that checks."""
    return lambda text: check(read(text))


def _or_none(read: Read) -> Read:
    return lambda text: read(text) if text else None


def _first_of(readers: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def read(text: Any) -> Any:
        faults = []
        for reader in readers:
            try:
                return reader(text)
            except (Fault, Faults) as exc:
                faults.append(str(exc))
        raise Fault(either(faults))

    return read


# -- pydantic ----------------------------------------------------------------------------------------------------------


def has_pydantic(kind: Kind) -> bool:
    """Whether a type is annotated with what only pydantic knows."""
    return any(map(is_pydantic_metadata, flatten(kind.metadata)))


def _is_read_by_pydantic(part: Kind) -> bool:
    return has_pydantic(part) or (find_scalar(part.bare) is None and is_pydantic_scalar(part.bare))


def _read_by_pydantic(kind: Kind) -> Read:
    """Read text in our grammar, and let pydantic do the rest; all of it, if it is about the text."""
    parts, optional = own_members(kind)
    validate = find_pydantic_reader(kind)
    if has_form(kind):
        return compose(find_form_reader(parts, optional=optional), validate)
    return (lambda text: validate(text or None)) if optional else validate
