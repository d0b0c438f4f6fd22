"""Finds what a parameter of a handler declares as input."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from sketch.binding.inputs.body import from_body, from_form
from sketch.binding.inputs.file_kinds import is_file
from sketch.binding.inputs.head import from_head
from sketch.binding.inputs.input import Input
from sketch.binding.inputs.path import from_path
from sketch.binding.signatures import show
from sketch.binding.sources import Body, Form, Path, Query, Source
from sketch.binding.surroundings import is_mark
from sketch.response import Response

if TYPE_CHECKING:
    from sketch.binding.surroundings import Surroundings


def find_input(parameter: Parameter, mark: Source | None, around: Surroundings) -> Input:
    """Make the input that a parameter declares.

    Args:
        parameter: with its type as annotation.
        mark: the place that it names, None if it names none.
        around: its route.

    Raises:
        ValueError: for a type that cannot be read from there, and for a place that the route does not have.
        RuntimeError: if the library that reads it is not installed.
    """
    kind = _without_marks(parameter.annotation)
    _check_metadata(parameter, kind)
    if mark is None:
        mark = _implied(parameter, kind, around)
    _check_name(parameter, mark, around)
    try:
        return _MAKERS.get(mark.place, from_head)(parameter, mark, kind, around)
    except TypeError as exc:
        raise ValueError(f"{exc}, as the type of {parameter.name!r:.200}") from None


def _without_marks(annotation: Any) -> Any:
    """The annotation without the source in it; constraints stay."""
    if get_origin(annotation) is not Annotated:
        return annotation
    base, *rest = get_args(annotation)
    rest = [item for item in rest if not is_mark(item)]
    return Annotated[(base, *rest)] if rest else base


def _check_metadata(parameter: Parameter, kind: Any) -> None:
    """Refuse a name or a default in a `Field` of pydantic, which is for the fields of models: it would not count."""
    for item in getattr(kind, "__metadata__", ()):
        if type(item).__name__ == "FieldInfo" and (item.validation_alias is not None or not item.is_required()):
            raise ValueError(
                f"expected the name in the source and the default behind the parameter, got {item!r:.200}: write"
                f" `{parameter.name}: Annotated[..., Query('name')] = default`"
            )


def _implied(parameter: Parameter, kind: Any, around: Surroundings) -> Source:
    """The place of an input that names none.

    Raises:
        ValueError: for a type that may stand in two places, or in none.
    """
    if parameter.name in around.names:
        return Path()
    if is_file(kind):
        return Form()
    from sketch.binding.bodies import is_body_type
    from sketch.binding.text.reader import find_text_reader
    from sketch.binding.text.repeated import find_values_reader

    if isinstance(kind, type) and issubclass(kind, Response):
        raise ValueError(  # noqa: TRY004 - as for every parameter of a route
            f"expected a type that a request can supply, got {show(parameter)!r:.200}: the status, header fields and"
            " cookies of the response to come are `response: ResponseParts`"
        )
    try:
        if is_body_type(kind):
            return Body()
        if find_values_reader(kind) is None:
            find_text_reader(kind)
            return Query()
    except TypeError as exc:
        raise ValueError(
            f"expected a type that a request can supply, got {show(parameter)!r:.200}: {exc}; what another"
            " function returns is `Annotated[..., Depends(function)]`, and a default of another type stands without an"
            " annotation"
        ) from None
    raise ValueError(
        f"expected the source of several values, got {show(parameter)!r:.200}: write `Annotated[..., Query()]` for a"
        " name that is repeated in the query, or `Annotated[..., Body()]` for an array in the body"
    )


def _check_name(parameter: Parameter, mark: Source, around: Surroundings) -> None:
    name = mark.alias or parameter.name
    if mark.place == "path":
        if name not in around.names:
            known = ", ".join(map(repr, around.names)) or "there is none"
            raise ValueError(f"expected the name of a path parameter ({known}), got {name!r:.200}")
    elif parameter.name in around.names:
        raise ValueError(
            f"expected one source for {parameter.name!r:.200}, got a path parameter of that name and {mark!r:.200}:"
            " rename one of them"
        )


_MAKERS: dict[str, Callable[[Parameter, Source, Any, Surroundings], Input]] = {
    "path": from_path,
    "body": from_body,
    "form": from_form,
}
