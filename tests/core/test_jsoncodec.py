"""JSON codecs of each library, and typed JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

import pytest

from sketch import jsoncodec
from sketch.application import Application
from sketch.jsoncodec import STDLIB, JSONCodec, ValidationError, json_codec, loads_as
from sketch.response import JSONResponse


@pytest.fixture(params=["stdlib", "orjson", "msgspec"])
def codec(request: pytest.FixtureRequest) -> JSONCodec:
    if request.param != "stdlib":
        pytest.importorskip(request.param)
    return json_codec(request.param)


def test_round_trip(codec: JSONCodec) -> None:
    data = {"a": [1, 2.5, None, True, "é\u2028\U0001f600"], "b": {}}
    assert codec.dumps(data).decode() == '{"a":[1,2.5,null,true,"é\u2028\U0001f600"],"b":{}}'
    assert codec.loads(codec.dumps(data)) == data


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[1,]",
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"[1e999]",
        b"-1e999",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"'a'",
        b"1 2",
    ],
)
def test_malformed_text_is_a_value_error(codec: JSONCodec, text: bytes) -> None:
    with pytest.raises(ValueError):
        codec.loads(text)


def test_unserializable_values_are_refused(codec: JSONCodec) -> None:
    with pytest.raises((TypeError, ValueError)):
        codec.dumps({"a": object()})


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_the_standard_library_writes_no_number_that_json_does_not_have(number: float) -> None:
    with pytest.raises(ValueError):
        STDLIB.dumps(number)


def test_a_lone_surrogate_goes_out_as_it_came() -> None:
    assert STDLIB.dumps(STDLIB.loads(rb'"\ud800"')) == rb'"\ud800"'


def test_a_byte_order_mark_is_passed_over_and_utf16_refused() -> None:
    assert STDLIB.loads(b"\xef\xbb\xbf[1]") == [1]
    with pytest.raises(ValueError):
        STDLIB.loads("[1]".encode("utf-16-le"))


def test_unknown_codec() -> None:
    with pytest.raises(ValueError, match=r"stdlib, orjson, msgspec.*'ujson'"):
        json_codec("ujson")


@pytest.mark.parametrize("name", ["orjson", "msgspec"])
def test_missing_library_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, f"{name}.json", None)
    with pytest.raises(RuntimeError, match=f"pip install {name}"):
        json_codec(name)


def test_a_custom_codec_writes_the_responses_of_its_application() -> None:
    def dumps(data: Any) -> bytes:
        return b"mine"

    app = Application(json=JSONCodec(dumps=dumps, loads=STDLIB.loads))
    assert JSONResponse([]).body == b"[]"
    with app.context():
        assert JSONResponse([]).body == b"mine"


# -- of a type ---------------------------------------------------------------------------------------------------------


@dataclass
class Item:
    name: str
    prices: list[float]


class Order(TypedDict):
    items: list[Item]


@pytest.fixture
def msgspec() -> Any:
    return pytest.importorskip("msgspec")


@pytest.mark.usefixtures("msgspec")
@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (b'{"name": "tea", "prices": [1, 2.5]}', Item, Item("tea", [1, 2.5])),
        (b'{"items": [{"name": "tea", "prices": []}], "more": 1}', Order, {"items": [Item("tea", [])]}),
        (b"[1, 2]", list[int], [1, 2]),
        (b"null", int | None, None),
        (b"{}", Any, {}),
    ],
)
def test_a_type(text: bytes, kind: Any, value: Any) -> None:
    assert loads_as(text, kind) == value


def test_a_struct(msgspec: Any) -> None:
    kind = msgspec.defstruct("Point", [("x", int), ("y", int, 0)])
    assert loads_as(b'{"x": 1}', kind) == kind(1, 0)


@pytest.mark.usefixtures("msgspec")
@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (
            b'{"items": [{"name": "tea", "prices": [1, "2"]}]}',
            Order,
            r"Expected `float`, got `str` - at `\$\.items\[0\]",
        ),
        (b"{}", Item, "missing required field `name`"),
        (b"1", list[int], "Expected `array`, got `int`"),
    ],
)
def test_a_value_of_another_type_is_named_with_its_place(text: bytes, kind: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        loads_as(text, kind)


@pytest.mark.usefixtures("msgspec")
@pytest.mark.parametrize("text", [b"", b"[1", b"[1] 2", b'["\xff"]', b"NaN"])
def test_malformed_text_is_no_validation_error(text: bytes) -> None:
    with pytest.raises(ValueError) as caught:
        loads_as(text, list[Any])
    assert not isinstance(caught.value, ValidationError)


@pytest.mark.usefixtures("msgspec")
def test_a_type_that_cannot_be() -> None:
    """An object could be either of the two."""
    with pytest.raises(TypeError, match="may not contain more than one"):
        loads_as(b"{}", Item | Order)


@pytest.fixture
def forgetful() -> Iterator[None]:
    jsoncodec._decoder.cache_clear()
    yield
    jsoncodec._decoder.cache_clear()


@pytest.mark.usefixtures("forgetful")
def test_a_type_needs_msgspec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    monkeypatch.setitem(sys.modules, "msgspec.json", None)
    with pytest.raises(RuntimeError, match="pip install msgspec"):
        loads_as(b"[]", list[int])
