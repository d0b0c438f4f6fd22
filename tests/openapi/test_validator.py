"""The documents are what OpenAPI 3.1 says a document is."""

from __future__ import annotations

from typing import Any

import pytest

from sketch.openapi import OPENAPI
from tests.contract.typed_app import make_typed_app
from tests.docs.test_examples import load

validator = pytest.importorskip("openapi_spec_validator")


def documents() -> dict[str, Any]:
    return {
        "the example": load("teashop").app[OPENAPI].document(),
        "the contract suite": make_typed_app()[OPENAPI].document("/api"),
    }


@pytest.mark.parametrize("name", ["the example", "the contract suite"])
def test_a_document_is_valid(name: str) -> None:
    validator.validate(documents()[name], cls=validator.OpenAPIV31SpecValidator)


def test_the_validator_finds_what_is_wrong() -> None:
    document = documents()["the example"]
    document["paths"]["/teas"]["get"]["parameters"].append({"name": "q", "in": "nowhere"})
    assert [*validator.OpenAPIV31SpecValidator(document).iter_errors()] != []
