"""What a route says about itself to documents of the application, beside what its handler declares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

Responses = Mapping[Any, Any]
"""By status, what a response is: a text, which describes it; the type of its body in JSON, None for no body; or a
mapping with `description`, `model` (the type) and further members of an OpenAPI Response Object."""

_STATUS = "[1-5][0-9][0-9]|[1-5]XX|default"


class Documentation(NamedTuple):
    """The options of a route about its documentation; None stands for an option that is not given.

    Args:
        summary: one line; by default the first paragraph of the handler's docstring.
        description: in CommonMark; by default the rest of the docstring, up to a form feed.
        operation_id: the name that generated clients give the operation; unique in the document.
        deprecated: whether clients should stop using it.
        responses: further responses, by status.
        include_in_schema: whether documents show the route, by default True.
    """

    summary: str | None = None
    description: str | None = None
    operation_id: str | None = None
    deprecated: bool | None = None
    responses: Responses | None = None
    include_in_schema: bool | None = None


def checked(given: Mapping[str, Any]) -> Documentation:
    """Make the documentation of a route, of the options that it was given.

    Raises:
        TypeError: for an option of another type.
        ValueError: for what is no status.
    """
    for name, kind in _TYPES.items():
        if name in given and not isinstance(given[name], kind):
            raise TypeError(f"expected {name} to be a {kind.__name__}, got {given[name]!r:.200}")
    for status in given.get("responses", ()):
        if not re.fullmatch(_STATUS, str(status)):
            raise ValueError(f"expected responses by status, as 404, '4XX' or 'default', got {status!r:.200}")
    return Documentation(**given)


_TYPES: dict[str, type] = {
    **dict.fromkeys(("summary", "description", "operation_id"), str),
    **dict.fromkeys(("deprecated", "include_in_schema"), bool),
    "responses": Mapping,
}
