"""Components: one name for one meaning."""

from __future__ import annotations

from typing import Any

from sketch.openapi.components import Components


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def test_equal_schemas_share_a_name() -> None:
    components = Components()
    first = components.add_all({"Tea": {"type": "object"}}, "one")
    second = components.add_all({"Tea": {"type": "object"}}, "two")
    assert first(ref("Tea")) == second(ref("Tea")) == ref("Tea")
    assert components.schemas == {"Tea": {"type": "object"}}


def test_other_schemas_of_a_name_get_a_word_behind_it() -> None:
    components = Components()
    components.add_all({"Tea": {"type": "object"}, "Tea-two": {"type": "null"}}, "one")
    rename = components.add_all({"Tea": {"type": "integer"}}, "two")
    assert rename({"anyOf": [ref("Tea")]}) == {"anyOf": [ref("Tea-two2")]}
    assert components.schemas["Tea-two2"] == {"type": "integer"}


def test_equal_schemas_that_refer_to_others() -> None:
    components = Components()
    page: dict[str, Any] = {"items": ref("Tea")}
    components.add_all({"Tea": {"type": "object"}, "Page": page, "Maker": {"type": "null"}}, "one")
    rename = components.add_all({"Tea": {"type": "integer"}, "Page": page, "Maker": {"type": "null"}}, "two")
    assert rename([ref("Page"), ref("Maker")]) == [ref("Page-two"), ref("Maker")]
    assert components.schemas["Page-two"] == {"items": ref("Tea-two")}
    assert components.schemas["Page"] == page


def test_references_of_a_discriminator_are_renamed() -> None:
    components = Components()
    components.add_all({"Cat": {"type": "object"}}, "one")
    rename = components.add_all({"Cat": {"type": "integer"}}, "two")
    mapping = {"cat": "#/components/schemas/Cat"}
    renamed = rename({"discriminator": {"propertyName": "pet", "mapping": mapping}})
    assert renamed["discriminator"]["mapping"] == {"cat": "#/components/schemas/Cat-two"}


def test_a_property_of_the_name_mapping_is_none() -> None:
    rename = Components().add_all({}, "one")
    schema = {"properties": {"mapping": {"type": "string"}, "$ref": {"type": "string"}}}
    assert rename(schema) == schema


def test_an_enum_is_the_same_with_and_without_its_type() -> None:
    components = Components()
    components.add_all({"Kind": {"title": "Kind", "enum": ["a"]}}, "one")
    components.add_all({"Kind": {"title": "Kind", "enum": ["a"], "type": "string"}}, "two")
    assert list(components.schemas) == ["Kind"]
    components.add_all({"Kind": {"title": "Kind", "enum": ["b"]}}, "three")
    assert list(components.schemas) == ["Kind", "Kind-three"]


def test_a_variant_of_a_model_says_so_in_any_case() -> None:
    components = Components()
    schemas: dict[str, Any] = {"Tea": {"properties": {}}, "Kind": {"enum": [1]}}
    rename = components.add_all(schemas, "ByName", variant=True)
    assert rename(ref("Tea")) == ref("Tea-ByName")
    assert list(components.schemas) == ["Tea-ByName", "Kind"]


def test_names_have_only_what_openapi_allows() -> None:
    components = Components()
    rename = components.add_all({"Page[int]": {"type": "object"}}, "one")
    assert rename(ref("Page[int]")) == ref("Page_int_")


def test_a_single_schema() -> None:
    components = Components()
    assert components.add("Problem", {"type": "object"}) == "Problem"
    assert components.add("Problem", {"type": "object"}) == "Problem"
    assert components.add("Problem", {"type": "null"}) == "Problem2"
