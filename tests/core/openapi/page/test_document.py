"""The reference page: what it shows of a document, and that no text of a document becomes markup."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from sketch.openapi.page import HEADERS, Page
from tests.core.openapi.page.reading import FULL, Reader, page

EVIL = "<script>alert('\"evil\"')</script>&amp;`<b>`"


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
        text = (files("sketch.openapi.page") / "static" / name).read_text("utf-8")
        assert "http://" not in text
        assert "innerHTML" not in text


def test_three_hundred_operations_are_rendered_quickly_and_small() -> None:
    paths = {f"/{index}": FULL["paths"]["/p/{q}"] for index in range(300)}
    markup = page(paths=paths, components=FULL["components"])
    assert len(markup) < 3 << 20
