"""Paths as OpenAPI writes them, and what converters take."""

from __future__ import annotations

import re

import pytest

from sketch.binding.converters import CONVERTERS, Converter
from sketch.openapi.paths import converter_schema, converters_in, write_path
from sketch.routing.template import Template


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/", "/"),
        ("/teas/", "/teas/"),
        ("/teas/{number:int}", "/teas/{number}"),
        ("/files/{rest:path}", "/files/{rest}"),
        ("/v{major:int}.{minor:int}/x", "/v{major}.{minor}/x"),
        ("/{word:[a-z]{2}}", "/{word}"),
        ("/grün/a b", "/gr%C3%BCn/a%20b"),
        ("/a%7Bb", "/a%7Bb"),
    ],
)
def test_the_path_of_a_template(template: str, path: str) -> None:
    assert write_path(Template(template, CONVERTERS).segments) == path


def test_the_converters_of_a_template() -> None:
    found = converters_in(Template("/{a:int}/v{b}", CONVERTERS).segments)
    assert found == {"a": CONVERTERS["int"], "b": CONVERTERS["str"]}


@pytest.mark.parametrize("name", CONVERTERS)
def test_a_value_of_each_converter_is_described(name: str) -> None:
    schema = converter_schema(CONVERTERS[name])
    assert schema["type"] == {"int": "integer", "float": "number"}.get(name, "string")
    schema["changed"] = True
    assert "changed" not in converter_schema(CONVERTERS[name]), "each gets its own"


@pytest.mark.parametrize(
    ("pattern", "described"),
    [("[0-9a-f]{4}", True), ("a|b", True), ("(?:a)(?=b)", True), ("(?i:x)", False), (r"x\Z", False), ("x++", False)],
)
def test_a_pattern_is_told_where_both_languages_have_it(pattern: str, described: bool) -> None:
    schema = converter_schema(Converter(pattern) if re.compile(pattern) else Converter(""))
    assert schema.get("pattern") == (f"^(?:{pattern})$" if described else None)
