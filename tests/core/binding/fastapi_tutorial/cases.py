"""Pages of FastAPI's tutorial as cases: what is written for them in sketch, and what is answered."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from sketch.application import Application
from sketch.testing import TestClient
from tests.core.binding.fastapi_tutorial import in_dataclasses, in_msgspec, in_pydantic
from tests.support.requests import in_loop

LIBRARIES = pytest.mark.parametrize(
    "models", [in_dataclasses, in_msgspec, in_pydantic], ids=["dataclasses", "msgspec", "pydantic"]
)
"""The same models, made with each library."""

STRICT = pytest.mark.parametrize("models", [in_msgspec, in_pydantic], ids=["msgspec", "pydantic"])
"""The libraries whose models can refuse unknown fields."""


class Case(NamedTuple):
    """A request and its answer: the status, and the JSON or the text of the body."""

    method: str
    path: str
    status: int
    expected: Any
    options: dict[str, Any]


def case(method: str) -> Callable[..., Case]:
    """Make `(path, expected, status=200, **options of the client's request)`."""

    def make(path: str, expected: Any, status: int = 200, **options: Any) -> Case:
        return Case(method, path, status, expected, options)

    return make


GET, POST, PUT, PATCH, DELETE = map(case, ("GET", "POST", "PUT", "PATCH", "DELETE"))


class Faulty(NamedTuple):
    """The errors of a 422, each as `(in, name, pointer, message)`."""

    errors: list[tuple[str, str, str, str]]


def faulty(*errors: tuple[str, str, str] | tuple[str, str, str, str]) -> Faulty:
    """Expect a 422 with these errors; the pointer may be left out."""
    return Faulty([(*each[:2], "", each[2]) if len(each) == 3 else each for each in errors])


def page(register: Callable[..., list[Case]]) -> Callable[..., None]:
    """Make a test of a function `(app, **parameters) -> cases`, which registers what the page is about."""

    @wraps(register)
    @in_loop
    async def test(**parameters: ModuleType) -> None:
        app = Application()
        cases = register(app, **parameters)
        async with TestClient(app, headers={"Accept": "application/json"}) as client:
            for each in cases:
                await _check(client, each)

    names = [Parameter(name, Parameter.KEYWORD_ONLY) for name in [*signature(register).parameters][1:]]
    test.__signature__ = signature(register).replace(parameters=names, return_annotation=None)  # type: ignore[attr-defined]
    del test.__wrapped__  # type: ignore[attr-defined] # pytest would ask it for its parameters
    return test


async def _check(client: TestClient, each: Case) -> None:
    response = await client.request(each.method, each.path, **each.options)
    text = await response.text()
    what = f"{each.method} {each.path} {each.options}: {text}"
    expected = each.expected
    assert response.status == (422 if isinstance(expected, Faulty) else each.status), what
    if isinstance(expected, Faulty):
        errors = [tuple(error.values()) for error in (await response.json())["errors"]]
        assert sorted(errors) == sorted(expected.errors), what
    elif callable(expected):
        expected(response)
    elif expected is not ...:
        is_json = response.content_type == "application/json"
        assert (await response.json() if is_json else text) == expected, what
