"""The reference page: what it shows of a document, and that no text of a document becomes markup."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from sketch.openapi.page import HEADERS, Page, static_file

EVIL = "<script>alert('\"evil\"')</script>&amp;`<b>`"


def document(**parts: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "info": {"title": "Shop", "version": "2"}, "paths": {}, **parts}


def page(root_path: str = "", **parts: Any) -> str:
    return Page(document(**parts), path="/docs", document_path="/openapi.json").render(root_path)


def operation(root_path: str = "", /, **described: Any) -> str:
    return page(root_path, paths={"/items/{id}": {"get": described}})


class Reader(HTMLParser):
    """The tags, identifiers, links and texts of a page; an end without a beginning is an error."""

    VOID = frozenset({"meta", "link", "input", "wbr"})

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(markup)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def values(self, name: str) -> list[str | None]:
        return [value for key, value in self.attributes if key == name]

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def test_a_document_without_operations() -> None:
    read = Reader(page())
    assert "Shop" in read.text
    assert read.tags.count("main") == read.tags.count("h1") == 1


def texts(value: Any) -> Iterator[tuple[list[Any], Any]]:
    """The way to each text of a value, with the text."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from (([key, *way], text) for way, text in texts(inner))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from (([index, *way], text) for way, text in texts(inner))
    elif isinstance(value, str):
        yield [], value


SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "d",
    "required": ["a"],
    "properties": {
        "a": {"type": "string", "format": "f", "pattern": "p", "default": "v", "examples": ["e"], "enum": ["x"]},
        "b": {"type": "array", "items": {"type": "object", "properties": {"c": {"const": "k", "description": "d"}}}},
        "c": {"anyOf": [{"$ref": "#/components/schemas/Other"}, {"type": "null"}], "contentEncoding": "e"},
        "d": {"type": "string", "contentMediaType": "image/png"},
        "e": {"type": "object", "additionalProperties": {"type": "string", "title": "t"}},
    },
}

FULL = document(
    info={"title": "t", "version": "v", "summary": "s", "description": "d\n\n- item\n\n```\ncode\n```\n"},
    tags=[{"name": "g", "description": "d"}],
    paths={
        "/p/{q}": {
            "parameters": [{"in": "path", "name": "q", "required": True, "description": "d", "schema": SCHEMA}],
            "post": {
                "operationId": "o",
                "tags": ["g"],
                "summary": "s",
                "description": "d",
                "security": [{"scheme": []}],
                "parameters": [{"in": "query", "name": "n", "example": "e", "schema": {"description": "d"}}],
                "requestBody": {"description": "d", "content": {"m/t": {"schema": SCHEMA, "example": "e"}}},
                "responses": {
                    "200": {
                        "description": "d",
                        "headers": {"H": {"description": "d", "schema": {"type": "string"}}},
                        "content": {"m/t": {"schema": SCHEMA, "examples": {"a": {"value": {"k": "v"}}}}},
                    }
                },
            },
        }
    },
    components={"schemas": {"Other": SCHEMA}},
)


def evil(way: list[Any]) -> dict[str, Any]:
    """The whole document with a hostile text at one place."""

    def copy(value: Any, rest: list[Any]) -> Any:
        if not rest:
            return EVIL
        if isinstance(value, dict):
            return {key: copy(inner, rest[1:]) if key == rest[0] else inner for key, inner in value.items()}
        return [copy(inner, rest[1:]) if index == rest[0] else inner for index, inner in enumerate(value)]

    result: dict[str, Any] = copy(FULL, way)
    return result


@pytest.mark.parametrize("way", [way for way, _ in texts(FULL)], ids=lambda way: "/".join(map(str, way)))
def test_no_text_becomes_markup(way: list[Any]) -> None:
    markup = Page(evil(way), path="/docs", document_path="/openapi.json").render("")
    read = Reader(markup)
    assert read.tags.count("script") == 1  # its own
    assert "<script>alert" not in markup
    assert not any(name.startswith("on") for name, _ in read.attributes)


@pytest.mark.parametrize("place", ["path", "schema", "property", "media type", "status", "header"])
def test_no_name_becomes_markup(place: str) -> None:
    name = {place: EVIL}.get
    schema = {"type": "object", "properties": {name("property", "a"): {"type": "string"}}}
    content = {name("media type", "m/t"): {"schema": schema}}
    answers = {name("status", "200"): {"description": "d", "headers": {name("header", "h"): {}}, "content": content}}
    markup = page(
        paths={name("path", "/p"): {"get": {"responses": answers}}},
        components={"schemas": {name("schema", "S"): schema}},
    )
    read = Reader(markup)
    assert read.tags.count("script") == 1
    assert "<script>alert" not in markup
    assert EVIL in "".join(read.texts)


def test_identifiers_are_unique_and_links_lead_somewhere() -> None:
    read = Reader(Page(FULL, path="/docs", document_path="/openapi.json").render(""))
    identifiers = read.values("id")
    assert len(identifiers) == len(set(identifiers))
    inner = [value[1:] for value in read.values("href") if value is not None and value.startswith("#")]
    assert inner
    assert set(inner) <= set(identifiers)


def test_the_path_of_the_application() -> None:
    read = Reader(page("/shop's"))
    assert ("data-base", "/shop's") in read.attributes
    assert {"/shop's/docs/page.css", "/shop's/openapi.json"} <= set(read.values("href"))
    assert read.values("src") == ["/shop's/docs/page.js"]


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


def test_a_schema_inside_itself() -> None:
    node: dict[str, Any] = {"type": "object", "properties": {}}
    node["properties"]["next"] = {"$ref": "#/components/schemas/Node"}
    assert Reader(page(components={"schemas": {"Node": node}})).text.count("next") == 1


def test_unnamed_objects_inside_objects_end() -> None:
    inner: dict[str, Any] = {"type": "string"}
    for _ in range(100):
        inner = {"type": "object", "properties": {"deeper": inner}}
    assert 5 <= Reader(page(components={"schemas": {"Deep": inner}})).text.count("deeper") <= 10


def test_operations_stand_under_their_first_tag_and_described_tags_come_first() -> None:
    paths = {
        "/a": {"get": {"tags": ["late", "early"]}},
        "/b": {"get": {"tags": ["early"]}},
        "/c": {"get": {}},
    }
    tags = [{"name": "early", "description": "Said of it."}, {"name": "unused"}]
    read = Reader(page(paths=paths, tags=tags))
    titles = [text for text in read.texts if text in {"early", "late", "unused", "Operations"}]
    assert titles == ["early", "late", "Operations"] * 2  # the contents, then the sections


def test_which_credentials_an_operation_needs() -> None:
    assert "Needs" not in operation(security=[])
    text = "".join(Reader(operation(security=[{"a": [], "b": []}, {"c": []}, {}])).texts)
    assert "Needs a and b or c or nothing." in text.replace("`", "")


def test_prose() -> None:
    described = "One `a < b`,\nstill one.\n\n- first\n  goes on\n- second\n\n```python\nx = 1\n\ny = 2\n```\nlast"
    markup = operation(description=described)
    assert "<p>One <code>a &lt; b</code>,\nstill one.</p><ul><li>first goes on</li><li>second</li></ul>" in markup
    assert '<pre tabindex="0">x = 1\n\ny = 2</pre><p>last</p>' in markup


def test_nothing_is_inline_and_nothing_is_loaded_from_elsewhere() -> None:
    read = Reader(Page(FULL, path="/docs", document_path="/openapi.json").render(""))
    assert "style" not in read.tags
    assert read.values("style") == []
    assert all(
        value is None or value.startswith(("/", "#", "data:,")) for value in read.values("href") + read.values("src")
    )
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'")
    for name in ("page.css", "page.js"):
        assert "http://" not in static_file(name)
        assert "innerHTML" not in static_file(name)


def test_three_hundred_operations_are_rendered_quickly_and_small() -> None:
    paths = {f"/{index}": FULL["paths"]["/p/{q}"] for index in range(300)}
    markup = page(paths=paths, components=FULL["components"])
    assert len(markup) < 3 << 20
