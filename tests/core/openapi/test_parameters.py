"""Parameters and bodies of operations."""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import pytest
from annotated_types import Ge, Gt

from sketch import Application, Body, Cookie, Depends, Form, Header, Path, Query, Response, UploadedFile
from sketch.openapi.parameters import is_checked
from sketch.openapi.sources import Field
from tests.core.openapi.support import document, operation, parameters


def of(handler: Any, path: str = "/", method: str = "POST", **options: Any) -> dict[str, Any]:
    app = Application()
    app.add_route(method, path, handler, **options)
    return operation(app)


def test_every_place() -> None:
    async def handler(
        number: Annotated[int, Path(), Ge(1)],
        q: str,
        words: Annotated[list[str], Query("word")] = [],  # noqa: B006  # is not changed
        x_token: Annotated[str | None, Header()] = None,
        visit: Annotated[int, Cookie("last")] = 3,
    ) -> None: ...

    found = parameters(of(handler, "/{number}"))
    assert found == {
        ("path", "number"): {
            "name": "number",
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "minimum": 1},
        },
        ("query", "q"): {"name": "q", "in": "query", "required": True, "schema": {"type": "string"}},
        ("query", "word"): {
            "name": "word",
            "in": "query",
            "schema": {"type": "array", "items": {"type": "string"}, "default": []},
        },
        ("header", "x-token"): {"name": "x-token", "in": "header", "schema": {"type": "string"}},
        ("cookie", "last"): {"name": "last", "in": "cookie", "schema": {"type": "integer", "default": 3}},
    }


def test_a_model_is_one_parameter_for_each_field() -> None:
    class Client(msgspec.Struct, rename={"agent": "user_agent"}):
        agent: str
        version: Annotated[int, msgspec.Meta(ge=1)] = 1
        tags: list[str] = []

    async def handler(client: Annotated[Client, Query()]) -> None: ...

    found = parameters(of(handler, method="GET"))
    assert [(name, each.get("required", False)) for (_, name), each in found.items()] == [
        ("user_agent", True), ("version", False), ("tags", False),
    ]  # fmt: skip
    assert found["query", "version"]["schema"] == {"type": "integer", "minimum": 1, "default": 1}


def test_path_parameters_that_nothing_takes_are_described_by_the_path() -> None:
    found = parameters(of(lambda: Response(), "/{number:int}/{name}", "GET"))
    assert found["path", "number"]["schema"]["type"] == "integer"
    assert found["path", "name"]["schema"] == {"type": "string", "minLength": 1}


def test_a_written_converter_takes_less_than_the_type() -> None:
    async def handler(number: int, name: str) -> None: ...

    found = parameters(of(handler, "/{number:int}/{name}", "GET"))
    assert found["path", "number"]["schema"] == {"type": "integer", "minimum": 0, "maximum": 10**19 - 1}
    assert found["path", "name"]["schema"] == {"type": "string", "minLength": 1}


def test_header_fields_that_openapi_describes_otherwise() -> None:
    async def handler(
        accept: Annotated[str, Header()],
        authorization: Annotated[str, Header()],
        content_type: Annotated[str, Header()],
    ) -> None: ...

    assert "parameters" not in of(handler, method="GET")


def test_notes_of_a_parameter() -> None:
    meta = msgspec.Meta(description="How many.", examples=[3], extra_json_schema={"deprecated": True})

    async def handler(count: Annotated[int, meta] = 1) -> None: ...

    found = parameters(of(handler, method="GET"))["query", "count"]
    assert (found["description"], found["deprecated"], found["schema"]["examples"]) == ("How many.", True, [3])


def test_a_default_of_a_type_that_is_described_later() -> None:
    import pydantic

    url = pydantic.HttpUrl("http://localhost/")

    async def handler(url: pydantic.HttpUrl = url) -> None: ...

    schema = parameters(of(handler, method="GET"))["query", "url"]["schema"]
    assert schema["default"] == "http://localhost/"
    assert schema["allOf"][0]["format"] == "uri"


def test_a_parameter_that_is_required_anywhere() -> None:
    def dependency(q: int) -> None: ...

    async def handler(q: int = 3) -> None: ...

    found = parameters(of(handler, method="GET", dependencies=[Depends(dependency)]))
    assert found["query", "q"]["required"] is True


# -- bodies ------------------------------------------------------------------------------------------------------------


@dataclass
class Tea:
    name: str


REF = {"$ref": "#/components/schemas/Tea"}


def test_a_body_in_json() -> None:
    async def handler(tea: Tea) -> None: ...

    assert of(handler)["requestBody"] == {"required": True, "content": {"application/json": {"schema": REF}}}


def test_a_body_that_may_be_missing() -> None:
    async def handler(tea: Tea | None = None) -> None: ...

    body = of(handler)["requestBody"]
    assert "required" not in body
    assert body["content"]["application/json"]["schema"] == {"anyOf": [REF, {"type": "null"}]}


def test_several_bodies_are_members_of_one_object() -> None:
    async def handler(
        tea: Tea, count: Annotated[int, Body(), Gt(0)], note: Annotated[str, Body("remark")] = ""
    ) -> None: ...

    assert of(handler)["requestBody"]["content"]["application/json"]["schema"] == {
        "type": "object",
        "properties": {
            "tea": REF,
            "count": {"type": "integer", "exclusiveMinimum": 0},
            "remark": {"allOf": [{"type": "string"}], "default": ""},
        },
        "required": ["tea", "count"],
    }


def test_bodies_of_several_functions_are_all_read() -> None:
    def dependency(item: Annotated[int, Body(embed=True)]) -> None: ...

    async def handler(tea: Tea) -> None: ...

    schema = of(handler, dependencies=[Depends(dependency)])["requestBody"]["content"]["application/json"]["schema"]
    assert schema["allOf"][0] == REF
    assert schema["allOf"][1]["required"] == ["item"]


def test_a_form() -> None:
    async def handler(title: Annotated[str, Form()], counts: Annotated[list[int], Form("count")] = []) -> None: ...  # noqa: B006

    assert of(handler)["requestBody"] == {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "title": {"type": "string"},
                        "count": {"type": "array", "items": {"type": "integer"}, "default": []},
                    },
                    "required": ["title"],
                }
            }
        },
    }


def test_a_form_with_files_and_a_model() -> None:
    @dataclass
    class Label:
        title: str
        pictures: list[UploadedFile]
        small: UploadedFile | None = None

    async def handler(
        label: Annotated[Label, Form()], scan: UploadedFile | None, pages: list[UploadedFile]
    ) -> None: ...

    content = of(handler)["requestBody"]["content"]
    assert list(content) == ["multipart/form-data"]
    schema = content["multipart/form-data"]["schema"]
    binary = {"type": "string", "format": "binary"}
    assert schema["properties"] == {
        "title": {"type": "string"},
        "pictures": {"type": "array", "items": binary},
        "small": binary,
        "scan": binary,
        "pages": {"type": "array", "items": binary},
    }


def test_no_body() -> None:
    assert "requestBody" not in of(lambda: Response())


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (Field("query", "q", str, False, ""), True),
        (Field("path", "n", int, True, None), False),
        (Field("path", "n", Annotated[int, Ge(0)], True, None), True),
        (Field("header", "h", str, False, ""), False),
        (Field("header", "h", int, False, 1), True),
    ],
)
def test_what_may_be_refused(field: Field, expected: bool) -> None:
    assert is_checked(field) is expected


def test_a_required_header_may_be_refused() -> None:
    async def handler(x_token: Annotated[str, Header()]) -> None: ...

    assert "422" in of(handler, method="GET")["responses"]
    assert "InvalidInput" in document_of(handler)["components"]["responses"]


def document_of(handler: Any) -> dict[str, Any]:
    app = Application()
    app.add_get("/", handler)
    return document(app)


def test_what_pydantic_says_of_fields_is_said_of_parameters_and_of_form_fields() -> None:
    import pydantic

    class Paging(pydantic.BaseModel):
        limit: int = pydantic.Field(10, le=50, description="How many.", examples=[3])
        words: list[str] = pydantic.Field([], title="Words", deprecated="use q")

    def search(paging: Annotated[Paging, Query()]) -> None: ...

    def save(
        paging: Annotated[Paging, Form()], file: Annotated[UploadedFile, msgspec.Meta(description="It.")]
    ) -> None: ...

    limit = {"type": "integer", "maximum": 50, "description": "How many.", "examples": [3], "default": 10}
    words = {"type": "array", "items": {"type": "string"}, "title": "Words", "deprecated": True, "default": []}
    found = parameters(of(search, method="GET"))
    assert found["query", "limit"]["schema"] == limit
    assert found["query", "limit"]["description"] == "How many."
    assert found["query", "words"]["schema"] == words
    assert found["query", "words"]["deprecated"] is True
    form = of(save)["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert form == {
        "limit": limit,
        "words": words,
        "file": {"type": "string", "format": "binary", "description": "It."},
    }
