"""The errors that an operation can answer with before its handler is called."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from annotated_types import Ge

from sketch import Application, Body, Form, InvalidInput, Request, Response
from tests.core.openapi.support import document, operation


async def plain(request: Request) -> Response:
    return Response()


async def query(q: int) -> None: ...


async def path(number: int) -> None: ...


async def bounded(number: Annotated[int, Ge(1)]) -> None: ...


async def body(tea: dict[str, int]) -> None: ...


async def form(title: Annotated[str, Form()]) -> None: ...


@pytest.mark.parametrize(
    ("handler", "template", "statuses"),
    [
        (plain, "/", set()),
        (plain, "/{number}", {"404"}),
        (query, "/", {"400", "422"}),
        (path, "/{number}", {"404"}),
        (bounded, "/{number}", {"404", "422"}),
        (body, "/", {"400", "413", "415", "422"}),
        (form, "/", {"400", "413", "415", "422"}),
    ],
)
def test_the_errors_that_reading_inputs_gives(handler: Any, template: str, statuses: set[str]) -> None:
    app = Application()
    app.add_post(template, handler)
    responses = operation(app)["responses"]
    assert {status for status in responses if status.startswith("4")} == statuses
    assert all("$ref" in responses[status] for status in statuses), "they are shared"


def test_a_route_with_conditions_may_not_be_found() -> None:
    app = Application()
    app.add_get("/", plain, host="example.com")
    assert {"404", "405"} <= set(operation(app)["responses"])


def test_the_forms_in_which_errors_come() -> None:
    app = Application()
    app.add_post("/", body)
    components = document(app)["components"]
    content = components["responses"]["BadRequest"]["content"]
    assert content == {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
        "text/plain": {"schema": {"type": "string"}},
        "text/html": {"schema": {"type": "string"}},
    }
    invalid = components["responses"]["InvalidInput"]["content"]["application/problem+json"]["schema"]
    assert invalid == {"$ref": "#/components/schemas/InvalidInput"}
    assert "errors" in components["schemas"]["InvalidInput"]["required"]


@pytest.mark.parametrize("kind", [422, InvalidInput])
@pytest.mark.parametrize("where", ["application", "group", "parent"])
def test_an_error_that_is_answered_in_another_form(kind: Any, where: str) -> None:
    parent, app = Application("parent"), Application("app")
    parent.mount("/app", app)
    app.parent = parent
    group = app.group("/group")
    group.add_post("", body)
    holder: Any = {"application": app, "group": group, "parent": parent}[where]

    @holder.error_handler(kind)
    async def answer(request: Request, exc: Exception) -> Response:
        return Response(status=422)

    found = document(app)
    responses = found["paths"]["/group"]["post"]["responses"]
    assert responses["422"] == {"$ref": "#/components/responses/InvalidInputOfApplication"}
    assert "content" not in found["components"]["responses"]["InvalidInputOfApplication"]
    assert responses["400"] == {"$ref": "#/components/responses/BadRequest"}


def test_models_of_the_same_names_keep_theirs() -> None:
    from dataclasses import make_dataclass

    Problem = make_dataclass("Problem", [("text", str)])

    async def handler(problem: Annotated[Problem, Body()]) -> None: ...  # type: ignore[valid-type]

    handler.__annotations__["problem"] = Problem
    app = Application()
    app.add_post("/", handler)
    schemas = document(app)["components"]["schemas"]
    assert schemas["Problem"]["required"] == ["text"]
    assert "status" in schemas["Problem2"]["required"]
