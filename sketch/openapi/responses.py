"""Responses: what a handler declares to return, what its route adds, and the errors that reading inputs can give."""

from __future__ import annotations

import inspect
from collections import abc
from collections.abc import Mapping
from types import NoneType
from typing import TYPE_CHECKING, Any, Never, NoReturn, Union, get_args, get_origin

from sketch.binding.answers.options import AnswerOptions
from sketch.binding.kinds import Kind, members, unwrap
from sketch.exceptions import HTTPException
from sketch.http.status import PHRASES
from sketch.openapi.generators import Schema
from sketch.openapi.media_types import BYTES, EVENTS, HTML, JSON, JSON_LINES, TEXT
from sketch.response import HTMLResponse, JSONResponse, RedirectResponse, Response, TextResponse
from sketch.streams.json_lines import JSONLinesResponse
from sketch.streams.sse import Event, EventStreamResponse

if TYPE_CHECKING:
    from sketch.openapi.errors import Errors
    from sketch.openapi.schemas import Schemas
    from sketch.openapi.security import Security
    from sketch.openapi.sources import Source

_STREAMS = (abc.AsyncIterator, abc.AsyncIterable, abc.AsyncGenerator)
_RAW = (bytes, bytearray, memoryview)
_UNKNOWN = (Any, object, NoReturn, Never, inspect.Parameter.empty)
"""What says nothing of a result."""
_STRING: Schema = {"type": "string"}
_EVENT: Schema = {
    "title": "Event",
    "description": "One event of the stream, as browsers receive it.",
    "type": "object",
    "properties": {
        "data": _STRING,
        "event": _STRING,
        "id": _STRING,
        "retry": {"type": "integer", "description": "Milliseconds to wait before the next connection."},
    },
}
_KNOWN: dict[type, tuple[str, dict[str, Any]]] = {
    HTMLResponse: ("200", {HTML: {"schema": _STRING}}),
    TextResponse: ("200", {TEXT: {"schema": _STRING}}),
    JSONResponse: ("200", {JSON: {}}),
    EventStreamResponse: ("200", {EVENTS: {}}),
    JSONLinesResponse: ("200", {JSON_LINES: {}}),
}
"""Response classes of which more is known than that they are responses: the usual status, and the content."""


def make_responses(source: Source, schemas: Schemas, errors: Errors, security: Security) -> dict[str, Any]:
    """Describe the responses of an operation, by status."""
    found = _of_result(source, schemas)
    declared = {str(status): each for status, each in (source.documentation.responses or {}).items()}
    found |= errors.of(source, security, without={*found, *declared})
    for status, each in declared.items():
        found[status] = _declared(status, each, found.get(status), schemas, errors)
    if source.method == "head":
        found = {status: _without_content(response) for status, response in found.items()}
    return dict(sorted(found.items()))


def _without_content(response: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in response.items() if name != "content"}


# -- by annotation -----------------------------------------------------------------------------------------------------


def _of_result(source: Source, schemas: Schemas) -> dict[str, Any]:
    options = source.route.answers or AnswerOptions()
    kind = unwrap(source.returns).annotation
    while get_origin(unwrap(kind).bare) in (abc.Awaitable, abc.Coroutine):
        kind = get_args(unwrap(kind).bare)[-1]
    parts = [*members(unwrap(kind))]
    responses = [part.bare for part in parts if _is_response(part.bare)]
    values = [part for part in parts if not _is_response(part.bare)]
    if any(part.bare in _UNKNOWN for part in values):
        values = []
    found: dict[str, Any] = {}
    if values:
        status, content = _of_values(kind, values, options, schemas)
        found[status] = _response(status, content)
    for each in responses:
        _add_response(found, each)
    return found or {"default": {"description": "What the handler answers."}}


def _is_response(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Response | HTTPException)


def _add_response(found: dict[str, Any], kind: type) -> None:
    """Add what is known of a response that the handler makes itself."""
    if kind is RedirectResponse:
        found.setdefault("307", _response("307", {}))
    elif kind in _KNOWN:
        status, content = _KNOWN[kind]
        found.setdefault(status, _response(status, {}))
        found[status] = {**found[status], "content": {**found[status].get("content", {}), **content}}
    elif not issubclass(kind, HTTPException):
        found.setdefault("default", {"description": "A response that the handler makes itself."})


def _of_values(kind: Any, parts: list[Kind], options: AnswerOptions, schemas: Schemas) -> tuple[str, dict[str, Any]]:
    """Return the status and the content of what is made of a handler's result."""
    if all(_is_none(part.bare) for part in parts):
        return str(options.status or 204), {}
    status = str(options.status or 200)
    if len(parts) == 1 and (get_origin(parts[0].bare) or parts[0].bare) in _STREAMS:
        return status, _stream(get_args(parts[0].bare)[0], options, schemas)
    content: dict[str, Any] = {}
    if any(part.bare is str for part in parts):
        content[TEXT] = {"schema": _STRING}
    if any(part.bare in _RAW for part in parts):
        content[BYTES] = {"schema": {"type": "string", "format": "binary"}}
    rest = [part.annotation for part in parts if part.bare is not str and part.bare not in _RAW]
    if rest:
        whole = kind if len(rest) == len([*members(unwrap(kind))]) else Union[tuple(rest)]  # noqa: UP007 - of as many as there are
        content[JSON] = {"schema": _sent(whole, options, schemas)}
    return status, content


def _is_none(kind: Any) -> bool:
    return kind is None or kind is NoneType


def _stream(item: Any, options: AnswerOptions, schemas: Schemas) -> dict[str, Any]:
    kinds = [part.bare for part in members(unwrap(item))]
    # Before OpenAPI 3.2, which has `itemSchema`, the schema of a stream is that of one item.
    if kinds == [Event]:
        return {EVENTS: {"schema": schemas.add("Event", _EVENT)}}
    if all(kind in (str, bytes) for kind in kinds):
        return {TEXT: {"schema": _STRING}} if kinds == [str] else {BYTES: {"schema": {**_STRING, "format": "binary"}}}
    return {JSON_LINES: {"schema": _sent(item, options, schemas)}}


def _sent(kind: Any, options: AnswerOptions, schemas: Schemas) -> Schema:
    by_alias = options.by_alias is not False
    return schemas.of(kind, output=True, by_alias=by_alias, exclude_none=bool(options.exclude_none))


# -- by the route ------------------------------------------------------------------------------------------------------


def _response(status: str, content: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": describe_status(status), **({"content": dict(content)} if content else {})}


def describe_status(status: str) -> str:
    """Return the phrase of a status, or words for a range of them."""
    if status.isdigit():
        return PHRASES.get(int(status), "Another response")
    return {"2XX": "Success", "3XX": "Redirection", "4XX": "Client error", "5XX": "Server error"}.get(
        status, "Another response"
    )


def _declared(status: str, declared: Any, known: Any, schemas: Schemas, errors: Errors) -> dict[str, Any]:
    """Describe a response that the route declares; what it does not say is taken from the one that is known."""
    if isinstance(declared, str):
        return {**(errors.plain(status) if known is None else known), "description": declared}
    if isinstance(declared, Mapping):
        made = {name: value for name, value in declared.items() if name != "model"}
        if "model" in declared:
            made["content"] = {**_json(declared["model"], schemas), **made.get("content", {})}
        return {"description": describe_status(status), **(known or {}), **made}
    return _response(status, _json(declared, schemas))


def _json(kind: Any, schemas: Schemas) -> dict[str, Any]:
    return {} if kind is None else {JSON: {"schema": schemas.of(kind, output=True)}}
