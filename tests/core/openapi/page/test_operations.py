"""Operations on the reference page."""

from __future__ import annotations

from tests.core.openapi.page.reading import Reader, operation, page


def test_parameters_by_place() -> None:
    schema = {"type": "integer", "minimum": 1, "default": 3}
    read = Reader(
        operation(
            parameters=[
                {"in": "path", "name": "id", "required": True, "schema": schema, "description": "Its number"},
                {"in": "query", "name": "q", "schema": {"type": ["string", "null"]}},
                {"in": "header", "name": "X-Token", "schema": {"type": "array", "items": {"type": "string"}}},
                {"in": "cookie", "name": "seen", "deprecated": True, "schema": {"enum": ["a", 1]}},
            ]
        )
    )
    for expected in (
        "Path",
        "Query",
        "Header fields",
        "Cookies",
        "Its number",
        "≥ 1",
        "string or null",
        "array of string",
    ):
        assert expected in read.texts
    assert read.texts.count("required") == 1
    assert "Deprecated." in read.texts


def test_an_operation_overrides_what_its_path_says() -> None:
    shared = {"in": "query", "name": "q", "description": "of the path"}
    own = {"in": "query", "name": "q", "description": "of the operation"}
    text = Reader(page(paths={"/": {"parameters": [shared], "get": {"parameters": [own]}}})).text
    assert "of the operation" in text
    assert "of the path" not in text


def test_a_body_shows_the_members_of_its_named_schema() -> None:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}}
    markup = page(
        paths={"/": {"post": {"requestBody": {"content": content}}}},
        components={"schemas": {"Item": {"type": "object", "properties": {"price": {"type": "number"}}}}},
    )
    body, _, _ = markup.partition('id="schemas"')
    assert "price" in body


def test_references_that_lead_nowhere_or_in_a_circle() -> None:
    loop = {"$ref": "#/components/responses/Loop"}
    markup = page(
        paths={"/": {"get": {"responses": {"200": loop, "404": {"$ref": "#/components/responses/None"}}}}},
        components={"responses": {"Loop": loop}},
    )
    assert Reader(markup).text.count("404") == 1


def test_which_credentials_an_operation_needs() -> None:
    assert "Needs" not in operation(security=[])
    text = "".join(Reader(operation(security=[{"a": [], "b": []}, {"c": []}, {}])).texts)
    assert "Needs a and b or c or nothing." in text.replace("`", "")
