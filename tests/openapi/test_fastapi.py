"""The same twenty routes, documented by FastAPI and by sketch, compared field by field."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sketch.openapi import OPENAPI
from tests.openapi.support import ABSENT, differences

pytest.importorskip("fastapi")
pytest.importorskip("multipart")
pytest.importorskip("python_multipart")

from tests.openapi.twenty import make_ours, make_theirs

COMING_FROM = Path(__file__).parents[2] / "docs" / "coming-from.md"

RULES: dict[str, Callable[[str, Any, Any], bool]] = {
    "ids of operations are made of method and path": lambda at, *_: at.endswith("/operationId"),
    "the description of a success is the phrase of its status": lambda at, *_: bool(
        re.search("/responses/2../description$", at)
    ),
    "errors are `400`, `404`, `413`, `415` and `422`, in the three forms that clients may accept": lambda at, *_: bool(
        re.search("/responses/4..(/|$)", at)
    ),
    "parameters, bodies and answers have no titles made of their names": lambda at, theirs, ours: (
        at.endswith("/title") and ours == ABSENT
    ),
    "`required` is left out where it is false": lambda at, theirs, ours: (
        at.endswith("/required") and (theirs, ours) == (False, ABSENT)
    ),
    "a default of None stays in models": lambda at, theirs, ours: (
        at.endswith("/default") and (theirs, ours) == (ABSENT, None)
    ),
    "a parameter that may be None is not null: no client can send that": lambda at, *_: (
        "/query:kind/schema/" in at and at.startswith("/paths/~1four/")
    ),
    "`-> str` is answered as `text/plain`": lambda at, *_: bool(
        re.fullmatch("/paths/~1eighteen/get/responses/200/content/(application~1json|text~1plain)/schema/.*", at)
    ),
    "files have `format: binary`": lambda at, *_: bool(re.search("/picture/(format|contentMediaType)$", at)),
    "all tags are listed, also those that are not described": lambda at, *_: at.startswith("/tags/"),
    "text in a path is not empty": lambda at, theirs, ours: at.endswith("/minLength") and (theirs, ours) == (ABSENT, 1),
    "a Literal in an answer has no `type` beside its `enum`": lambda at, theirs, ours: (
        at.startswith("/paths/~1twenty~1") and at.endswith("/200/content/application~1json/schema/type")
    ),
}
"""What differs, by the sentence that says so in the documentation."""


@pytest.fixture(scope="module")
def found() -> list[tuple[str, Any, Any]]:
    return [*differences(make_theirs().openapi(), make_ours()[OPENAPI].document())]


def test_every_difference_is_named(found: list[tuple[str, Any, Any]]) -> None:
    assert [each for each in found if not any(rule(*each) for rule in RULES.values())] == []


@pytest.mark.parametrize("text", RULES)
def test_every_name_is_of_a_difference(text: str, found: list[tuple[str, Any, Any]]) -> None:
    assert any(RULES[text](*each) for each in found), "nothing differs any more: remove the rule"
    assert text in COMING_FROM.read_text(), "the documentation does not say so"


def test_all_twenty_are_compared() -> None:
    documents = make_theirs().openapi(), make_ours()[OPENAPI].document()
    operations = [[(path, method) for path, item in each["paths"].items() for method in item] for each in documents]
    assert sorted(operations[0]) == sorted(operations[1])
    assert len(operations[0]) == 20
    assert documents[0]["components"]["securitySchemes"] == documents[1]["components"]["securitySchemes"]
