"""Values of types that pydantic knows as JSON; tests/core/binding/test_leaks.py says what must not leave."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sketch.binding.answers.options import AnswerOptions
from sketch.binding.answers.pydantic_answers import Foreign, PydanticWriter
from sketch.binding.answers.shapes import Misfit

pydantic = pytest.importorskip("pydantic")


class Model(pydantic.BaseModel):
    some_id: int = pydantic.Field(alias="someId")


class More(Model):
    password: str = "hunter2"


class Open(pydantic.BaseModel, extra="allow"):
    id: int


@pytest.mark.parametrize(
    "value", [Model(someId=1), More(someId=1), {"someId": 1, "x": 2}, {"some_id": 1}, SimpleNamespace(some_id=1, x=2)]
)
def test_values(value: Any) -> None:
    assert PydanticWriter(Model, AnswerOptions()).find_write()(value) == b'{"someId":1}'
    assert PydanticWriter(Model, AnswerOptions(by_alias=False)).find_write()(value) == b'{"some_id":1}'
    assert Foreign(Model, AnswerOptions()).fit(value, ()) == {"someId": 1}


def test_a_model_that_allows_other_members() -> None:
    write = PydanticWriter(Open, AnswerOptions()).find_write()
    assert write(Open(id=1, more=2)) == b'{"id":1,"more":2}'
    assert write({"id": 1, "more": 2}) == b'{"id":1,"more":2}'
    assert write(SimpleNamespace(id=1, more=2)) == b'{"id":1}'


def test_what_is_refused() -> None:
    for value in (5, None, {}, {"someId": "x"}, Model.model_construct(some_id="x"), SimpleNamespace(x=1)):
        with pytest.raises(TypeError):
            PydanticWriter(Model, AnswerOptions()).find_write()(value)
        with pytest.raises(Misfit):
            Foreign(Model, AnswerOptions()).fit(value, ())


def test_a_type_that_pydantic_does_not_know() -> None:
    class Plain: ...

    with pytest.raises(TypeError, match=r"expected a type that pydantic knows, got .*Plain"):
        PydanticWriter(Plain, AnswerOptions())
