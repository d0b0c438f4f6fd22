"""The errors that sketch itself can answer with before a handler is called, as shared components."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from sketch.binding.invalid_input import InvalidInput
from sketch.exceptions import (
    HTTPBadRequest,
    HTTPContentTooLarge,
    HTTPException,
    HTTPForbidden,
    HTTPMethodNotAllowed,
    HTTPNotFound,
    HTTPUnauthorized,
    HTTPUnsupportedMediaType,
)
from sketch.http.status import PHRASES
from sketch.openapi.generators import Schema
from sketch.openapi.media_types import HTML, PROBLEM, TEXT
from sketch.openapi.parameters import is_checked

if TYPE_CHECKING:
    from sketch.openapi.schemas import Schemas
    from sketch.openapi.security import Security
    from sketch.openapi.sources import Source

_PROBLEM: Schema = {
    "title": "Problem",
    "description": "Problem details (RFC 9457).",
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status"],
}
_ERROR: Schema = {
    "type": "object",
    "properties": {
        "in": {"enum": ["path", "query", "header", "cookie", "form", "body"], "description": "Where the value stands."},
        "name": {"type": "string", "description": "Its name there; empty for the whole body."},
        "pointer": {"type": "string", "description": "A JSON pointer into the value (RFC 6901)."},
        "message": {"type": "string", "description": "What was expected."},
    },
    "required": ["in", "name", "pointer", "message"],
}
_INVALID: Schema = {
    **_PROBLEM,
    "title": "InvalidInput",
    "description": "Problem details (RFC 9457) with what is wrong with each value.",
    "properties": {**_PROBLEM["properties"], "errors": {"type": "array", "items": _ERROR, "minItems": 1}},
    "required": [*_PROBLEM["required"], "errors"],
}

_TEXTS = {
    "400": "The request is malformed.",
    "401": "The request has no valid credentials.",
    "403": "The credentials do not allow this.",
    "404": "There is no such resource.",
    "405": "The resource does not have this method.",
    "413": "The body is larger than the server takes.",
    "415": "The body has a media type that is not taken.",
    "422": "A value is missing, or not of the declared type.",
}
_KINDS: dict[str, type[HTTPException]] = {
    "400": HTTPBadRequest,
    "401": HTTPUnauthorized,
    "403": HTTPForbidden,
    "404": HTTPNotFound,
    "405": HTTPMethodNotAllowed,
    "413": HTTPContentTooLarge,
    "415": HTTPUnsupportedMediaType,
    "422": InvalidInput,
}


class Errors:
    """The components of errors, as far as operations refer to them.

    Args:
        schemas: where their schemas are kept.
    """

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self.components: dict[str, Any] = {}
        """The shared responses, by name."""

    def of(self, source: Source, security: Security, without: Collection[str]) -> dict[str, Any]:
        """Return references to the errors that an operation can answer with, by status.

        Args:
            source, security: of the operation.
            without: statuses that are described otherwise.
        """
        statuses = dict.fromkeys([*_statuses(source), *_of_security(security)])
        return {status: self._reference(status, source) for status in statuses if status not in without}

    def plain(self, status: str) -> dict[str, Any]:
        """Return what an HTTPException of a status is answered with; nothing but a description for other statuses."""
        if status[0] not in "45":
            return {"description": _phrase(status)}
        return {"description": _phrase(status), "content": self._content(status)}

    def _reference(self, status: str, source: Source) -> dict[str, Any]:
        name = _KINDS[status].__name__.removeprefix("HTTP")
        if _is_answered_otherwise(_KINDS[status], source):
            name = f"{name}OfApplication"
            self.components[name] = {"description": _TEXTS[status]}
        elif name not in self.components:
            self.components[name] = {"description": _TEXTS[status], "content": self._content(status)}
        return {"$ref": f"#/components/responses/{name}"}

    def _content(self, status: str) -> dict[str, Any]:
        problem = ("InvalidInput", _INVALID) if status == "422" else ("Problem", _PROBLEM)
        text = {"schema": {"type": "string"}}
        return {PROBLEM: {"schema": self._schemas.add(*problem)}, TEXT: text, HTML: text}


def _phrase(status: str) -> str:
    return PHRASES.get(int(status), "Another response") if status.isdigit() else "Another response"


def _statuses(source: Source) -> Iterator[str]:
    """Yield the statuses of the errors that an operation can answer with before its handler is called."""
    places = {each.place for each in source.inputs}
    if source.converters or source.route.conditions is not None:
        yield "404"
    if source.route.conditions is not None:
        yield "405"
    if places & {"form", "body"}:
        yield from ("400", "413", "415")
    elif "query" in places:
        yield "400"  # for more fields than the limits allow
    if "body" in places or any(map(is_checked, source.fields)):
        yield "422"


def _of_security(security: Security) -> Iterator[str]:
    if security.schemes:
        yield "401"
    if any(security.requirement.values()):
        yield "403"


def _is_answered_otherwise(kind: type[HTTPException], source: Source) -> bool:
    """Whether an error handler of the application, or of a group, answers an error in a form of its own."""
    holders: list[Any] = [*source.route.groups, *source.apps]
    return any(holder.errors.find(_example(kind)) is not None for holder in holders)


def _example(kind: type[HTTPException]) -> HTTPException:
    made: Any = kind
    found: HTTPException = made(()) if kind in (InvalidInput, HTTPMethodNotAllowed) else made()
    return found
