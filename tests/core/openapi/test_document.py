"""The document: operations, their ids, tags and texts, and what they share."""

from typing import Any

import pytest

from sketch import Application, Response, RouteGroup, View
from sketch.openapi.document import id_of, tags_of
from sketch.openapi.sources import find_sources
from tests.core.openapi.support import document, operation


def answer() -> Response:
    return Response()


def test_an_application_without_routes() -> None:
    assert document(Application()) == {
        "openapi": "3.1.0",
        "info": {"title": "It", "version": "1"},
        "servers": [{"url": "/"}],
        "paths": {},
    }


def test_the_texts_of_an_operation() -> None:
    app = Application()

    async def list_teas() -> None:
        """List the teas.

        All of them.
        """

    def plain() -> None: ...

    app.add_get("/a", list_teas)
    app.add_get("/b", list_teas, summary="Short", description="Long", deprecated=True)
    app.add_get("/c", plain)
    app.add_get("/d", lambda: Response())
    paths = document(app)["paths"]
    assert (paths["/a"]["get"]["summary"], paths["/a"]["get"]["description"]) == ("List the teas.", "All of them.")
    assert "deprecated" not in paths["/a"]["get"]
    given = paths["/b"]["get"]
    assert (given["summary"], given["description"], given["deprecated"]) == ("Short", "Long", True)
    assert [paths[path]["get"]["summary"] for path in ("/c", "/d")] == ["Plain", "GET /d"]


def test_the_texts_of_a_view() -> None:
    class OpenHours(View):
        async def get(self) -> None: ...

        async def put(self) -> None:
            """Set the hours."""

    app = Application()
    app.add_view("/", OpenHours)
    item = document(app)["paths"]["/"]
    assert (item["get"]["summary"], item["put"]["summary"]) == ("Openhours", "Set the hours.")


def test_ids_are_of_method_and_path_alone() -> None:
    app = Application()
    app.add_route(["GET", "POST"], "/teas/{number:int}/v1.2", answer)
    app.add_get("/", answer)
    assert [id_of(source) for source in find_sources(app)] == [
        "get_teas_number_v1_2", "post_teas_number_v1_2", "get",
    ]  # fmt: skip


def test_ids_that_would_be_the_same() -> None:
    app = Application()
    app.add_get("/a/b", answer)
    app.add_get("/a_b", answer)
    paths = document(app)["paths"]
    assert [item["get"]["operationId"] for item in paths.values()] == ["get_a_b", "get_a_b_2"]


def test_ids_that_are_given() -> None:
    app = Application()
    app.add_get("/a", answer, operation_id="mine")
    app.add_get("/b", answer, name="other")
    paths = document(app, operation_id=lambda route, method: f"{route.name}-{method}")["paths"]
    assert [item["get"]["operationId"] for item in paths.values()] == ["mine", "other-get"]


@pytest.mark.parametrize("settings", [{}, {"operation_id": lambda route, method: "mine"}])
def test_ids_that_are_given_are_unique(settings: dict[str, Any]) -> None:
    app = Application()
    app.add_get("/a", answer, operation_id="mine")
    app.add_get("/b", answer, operation_id=None if settings else "mine")
    with pytest.raises(ValueError, match=r"expected ids of operations that are unique, got 'mine' of answer"):
        document(app, **settings)


def test_tags() -> None:
    app = Application()
    app.add_get("/a", answer, tags=["own", "own"])
    named = RouteGroup("/b", name="shop")
    inner = RouteGroup("/c", name="inner")
    inner.add_get("", answer)
    named.add_group(inner)
    app.add_group(named)
    tagged = RouteGroup("/d", name="other", tags=["tagged"])
    tagged.add_get("", answer, tags=["more"])
    app.add_group(tagged)
    app.add_get("/e", answer)
    assert [tags_of(source) for source in find_sources(app)] == [["own"], ["shop"], ["tagged", "more"], []]
    found = document(app, tags={"shop": "What is sold.", "unused": "Nothing."})
    assert found["tags"] == [
        {"name": "shop", "description": "What is sold."},
        {"name": "unused", "description": "Nothing."},
        {"name": "own"}, {"name": "tagged"}, {"name": "more"},
    ]  # fmt: skip


def test_of_routes_for_the_same_requests_the_first_is_shown() -> None:
    app = Application()
    app.add_get("/", answer, host="a.example", summary="First")
    app.add_get("/", answer, summary="Second")
    assert operation(app)["summary"] == "First"


def test_paths_that_differ_in_the_names_of_their_parameters_are_one(caplog: pytest.LogCaptureFixture) -> None:
    def show(name: str, size: int) -> str:
        return name

    def replace(size: int, number: int, note: str = "") -> None: ...

    app = Application()
    app.add_get("/{name}/{size}", show)
    app.add_put("/{number}/{size}", replace)
    app.add_get("/{number:int}/{size}", show, summary="Left out")
    app.add_get("/{name}/all", show)
    app.add_get("/{name}/{size}", show, host="a.example")
    paths = document(app)["paths"]
    assert [*paths] == ["/{name}/{size}", "/{name}/all"]
    item = paths["/{name}/{size}"]
    assert (item["get"]["summary"], item["put"]["operationId"]) == ("Show", "put_number_size")
    assert [(each["in"], each["name"], each["schema"]["type"]) for each in item["put"]["parameters"]] == [
        ("path", "name", "integer"), ("path", "size", "integer"), ("query", "note", "string")
    ]  # fmt: skip
    assert caplog.messages == [
        "OpenAPI: GET /{number:int}/{size} is left out: OpenAPI cannot tell it from /{name}/{size}"
    ]


def test_options_of_groups() -> None:
    app = Application()
    group = app.group("/old", deprecated=True)
    group.add_get("/a", answer)
    group.add_get("/b", answer, deprecated=False)
    paths = document(app)["paths"]
    assert [item["get"].get("deprecated") for item in paths.values()] == [True, None]
