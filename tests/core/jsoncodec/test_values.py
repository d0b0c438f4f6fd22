"""Objects as JSON: those of other libraries, and what the conversion says of the others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from sketch.jsoncodec import JSONCodec, json_codec, loads_as
from sketch.jsoncodec.values import to_plain, to_plain_data


@pytest.fixture(params=["stdlib", "orjson", "msgspec"])
def codec(request: pytest.FixtureRequest) -> JSONCodec:
    if request.param != "stdlib":
        pytest.importorskip(request.param)
    return json_codec(request.param)


def test_one_object_at_a_time() -> None:
    number = UUID(int=1)
    assert to_plain({number}) == [number]
    assert to_plain_data([{number}]) == [[str(number)]]


def test_a_boolean_that_is_a_key_stays_one() -> None:
    """An encoder that asks for it would write 1."""
    with pytest.raises(TypeError, match="of type bool"):
        to_plain(True)


def test_a_zone_with_seconds() -> None:
    """RFC 3339 has no such offset: the same time in UTC."""
    zone = timezone(timedelta(hours=5, seconds=30))
    assert to_plain(datetime(1900, 1, 1, tzinfo=zone)) == "1899-12-31T18:59:30Z"


def test_an_error_of_the_object_itself_comes_through(codec: JSONCodec) -> None:
    class Broken(set[int]):
        def __iter__(self) -> Any:
            raise LookupError("no such row")

    with pytest.raises(LookupError, match="no such row"):
        codec.dumps({"a": Broken({1})})


# -- of other libraries ------------------------------------------------------------------------------------------------


def test_structs(codec: JSONCodec) -> None:
    msgspec = pytest.importorskip("msgspec")
    inner = msgspec.defstruct("Inner", [("at", datetime)], tag="in")
    outer = msgspec.defstruct("Outer", [("some_id", int), ("more", list[Any])], rename="camel")
    text = b'{"someId":1,"more":[{"type":"in","at":"2026-01-02T00:00:00"}]}'
    assert codec.dumps(outer(1, [inner(datetime(2026, 1, 2))])) == text
    assert codec.dumps(loads_as(text, outer)) == text


def test_a_field_that_was_not_sent(codec: JSONCodec) -> None:
    msgspec = pytest.importorskip("msgspec")

    @dataclass
    class Change:
        name: str
        price: Any = msgspec.UNSET

    assert codec.dumps([Change("tea"), Change("tea", None)]) == b'[{"name":"tea"},{"name":"tea","price":null}]'


def test_attrs_classes(codec: JSONCodec) -> None:
    attrs = pytest.importorskip("attrs")
    kind = attrs.make_class("Kind", {"a": attrs.field(type=int), "_b": attrs.field(type=int, default=2)})
    assert codec.dumps([kind(1)]) == b'[{"a":1}]'


@pytest.mark.parametrize(("name", "same"), [("stdlib", True), ("orjson", True), ("msgspec", False)])
def test_what_the_encoder_of_msgspec_sends_otherwise(name: str, same: bool) -> None:
    """It asks nothing about these objects, and to look for them takes longer than to encode."""
    attrs, msgspec = pytest.importorskip("attrs"), pytest.importorskip("msgspec")
    pytest.importorskip("msgspec" if name == "stdlib" else name)

    @attrs.define(slots=False)
    class Kind:
        a: int

    @dataclass
    class Data:
        a: int = 1

    kind, data = Kind(1), msgspec.convert({}, Data)
    kind.b = 2  # type: ignore[attr-defined]
    assert json_codec(name).dumps(kind) == (b'{"a":1}' if same else b'{"a":1,"b":2}')
    assert json_codec(name).dumps(data) == (b'{"a":1}' if same else b"{}")


def test_models(codec: JSONCodec) -> None:
    pydantic = pytest.importorskip("pydantic")

    class Inner(pydantic.BaseModel):
        at: datetime
        secret: pydantic.SecretStr

    class Outer(pydantic.BaseModel):
        some_id: int = pydantic.Field(alias="someId")
        inner: list[Inner]

    class Numbers(pydantic.RootModel[set[int]]):
        pass

    @dataclass
    class Page:
        outer: Outer
        link: Any

    text = b'{"someId":1,"inner":[{"at":"2026-01-02T00:00:00Z","secret":"**********"}]}'
    outer = loads_as(text, Outer)
    assert codec.dumps(outer) == text
    page = {"page": [Page(outer, pydantic.AnyUrl("http://x/y"))], "n": Numbers({1})}
    assert codec.dumps(page) == b'{"page":[{"outer":' + text + b',"link":"http://x/y"}],"n":[1]}'


def test_models_and_structs_in_each_other(codec: JSONCodec) -> None:
    msgspec, pydantic = pytest.importorskip("msgspec"), pytest.importorskip("pydantic")
    struct = msgspec.defstruct("Struct", [("inside", Any)])

    class Model(pydantic.BaseModel):
        inside: Any

    assert codec.dumps(struct(Model(inside=struct({1})))) == b'{"inside":{"inside":{"inside":[1]}}}'


def test_a_type_that_pydantic_only_reads(codec: JSONCodec) -> None:
    core_schema = pytest.importorskip("pydantic_core").core_schema

    class Name:
        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
            return core_schema.no_info_plain_validator_function(lambda value: cls())

    assert isinstance(loads_as(b'"Ada"', Name), Name)
    with pytest.raises((TypeError, ValueError), match=r"got an object of type .*Name: convert it first"):
        codec.dumps([Name()])
