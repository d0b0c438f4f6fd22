"""Documents to be rendered, and a reader of pages."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from sketch.openapi.page import Page


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
