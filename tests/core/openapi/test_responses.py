"""The responses of operations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NoReturn

import pytest
from annotated_types import Ge

from sketch import (
    Application,
    Event,
    EventStreamResponse,
    HTMLResponse,
    HTTPNotFound,
    JSONResponse,
    RedirectResponse,
    Response,
    TextResponse,
)
from sketch.openapi import media_types
from sketch.openapi.responses import describe_status
from tests.core.openapi.support import document, operation


@dataclass
class Tea:
    name: str


REF = {"$ref": "#/components/schemas/Tea"}
STRING = {"type": "string"}
OTHER = {"description": "A response that the handler makes itself."}


def responses(kind: Any, method: str = "GET", **options: Any) -> dict[str, Any]:
    async def handler() -> Any: ...

    async def generate() -> Any:
        yield None

    made: Any = generate if "Iterator" in str(kind) else handler
    made.__annotations__["return"] = kind
    app = Application()
    app.add_route(method, "/", made, **options)
    found: dict[str, Any] = operation(app)["responses"]
    return found


def ok(**content: Any) -> dict[str, Any]:
    return {"200": {"description": "OK", "content": {name.replace("_", "/"): each for name, each in content.items()}}}


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (None, {"204": {"description": "No Content"}}),
        (str, ok(text_plain={"schema": STRING})),
        (
            bytes,
            {
                "200": {
                    "description": "OK",
                    "content": {"application/octet-stream": {"schema": {**STRING, "format": "binary"}}},
                }
            },
        ),
        (Tea, ok(application_json={"schema": REF})),
        (Tea | None, ok(application_json={"schema": {"anyOf": [REF, {"type": "null"}]}})),
        (Annotated[int, Ge(3)], ok(application_json={"schema": {"type": "integer", "minimum": 3}})),
        (
            list[Tea] | str,
            ok(text_plain={"schema": STRING}, application_json={"schema": {"type": "array", "items": REF}}),
        ),
        (Literal["a"], ok(application_json={"schema": {"enum": ["a"]}})),
        (Tea | Response, {**ok(application_json={"schema": REF}), "default": OTHER}),
        (Tea | HTTPNotFound, ok(application_json={"schema": REF})),
        (
            Tea | RedirectResponse,
            {**ok(application_json={"schema": REF}), "307": {"description": "Temporary Redirect"}},
        ),
        (HTMLResponse, ok(text_html={"schema": STRING})),
        (TextResponse, ok(text_plain={"schema": STRING})),
        (JSONResponse | HTMLResponse, ok(application_json={}, text_html={"schema": STRING})),
        (Response, {"default": OTHER}),
        (Any, {"default": {"description": "What the handler answers."}}),
        (NoReturn, {"default": {"description": "What the handler answers."}}),
    ],
    ids=str,
)
def test_by_annotation(kind: Any, found: dict[str, Any]) -> None:
    assert responses(kind) == found


def test_streams() -> None:
    events = responses(AsyncIterator[Event])["200"]["content"]
    assert events == {"text/event-stream": {"schema": {"$ref": "#/components/schemas/Event"}}}
    assert responses(AsyncIterator[Tea])["200"]["content"] == {"application/jsonl": {"schema": REF}}
    assert responses(AsyncIterator[str])["200"]["content"] == {"text/plain": {"schema": STRING}}
    assert list(responses(AsyncIterator[bytes | str])["200"]["content"]) == ["application/octet-stream"]
    assert responses(EventStreamResponse)["200"]["content"] == {"text/event-stream": {}}


def test_the_status_of_the_route() -> None:
    assert list(responses(Tea, status=201)) == ["201"]
    assert responses(None, status=202) == {"202": {"description": "Accepted"}}


def test_head_has_no_content() -> None:
    assert responses(Tea, "HEAD") == {"200": {"description": "OK"}}


def test_declared_responses() -> None:
    declared = {
        200: "The tea.",
        404: "There is none.",
        409: Tea,
        202: None,
        418: {"description": "Short and stout.", "headers": {"X-Pot": {"schema": STRING}}},
        "5XX": {"model": Tea, "content": {"text/plain": {}}},
        299: "Odd.",
    }
    found = responses(Tea, responses=declared)
    assert found["200"] == {"description": "The tea.", "content": {"application/json": {"schema": REF}}}
    assert found["404"]["description"] == "There is none."
    assert list(found["404"]["content"]) == ["application/problem+json", "text/plain", "text/html"]
    assert found["409"] == {"description": "Conflict", "content": {"application/json": {"schema": REF}}}
    assert found["202"] == {"description": "Accepted"}
    assert found["418"] == declared[418]
    assert found["5XX"] == {
        "description": "Server error",
        "content": {"application/json": {"schema": REF}, "text/plain": {}},
    }
    assert found["299"] == {"description": "Odd."}
    assert list(found) == sorted(found)


def test_a_declared_error_takes_the_place_of_a_shared_one() -> None:
    async def show(number: int) -> Tea: ...

    app = Application()
    group = app.group("", responses={404: "There is no such tea.", 503: "Closed."})
    group.add_get("/{number}", show, responses={503: "Closed today."})
    found = document(app)
    responses = found["paths"]["/{number}"]["get"]["responses"]
    assert responses["404"]["description"] == "There is no such tea."
    assert responses["503"]["description"] == "Closed today."
    assert "NotFound" not in found["components"].get("responses", {})


def test_phrases() -> None:
    assert (describe_status("404"), describe_status("4XX")) == ("Not Found", "Client error")
    assert describe_status("299") == describe_status("default") == "Another response"


def test_media_types_have_no_parameters() -> None:
    names = [name for name in vars(media_types) if name.isupper() and not name.startswith("_")]
    assert {"TEXT", "HTML", "JSON", "PROBLEM", "JSON_LINES"} <= set(names)
    assert [name for name in names if ";" in getattr(media_types, name)] == []
