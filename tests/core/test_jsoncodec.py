"""JSON, by whichever library."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from sketch.application import Application
from sketch.jsoncodec import STDLIB, JSONCodec, json_codec
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
    "text", [b"", b"{", b"[1,]", b"NaN", b"[Infinity]", b"-Infinity", b'"\xff"', b'"\xed\xa0\x80"', b"'a'", b"1 2"]
)
def test_malformed_text_is_a_value_error(codec: JSONCodec, text: bytes) -> None:
    with pytest.raises(ValueError):
        codec.loads(text)


def test_what_json_cannot_hold(codec: JSONCodec) -> None:
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


def test_a_codec_of_ones_own_writes_the_responses_of_its_application() -> None:
    def dumps(data: Any) -> bytes:
        return b"mine"

    app = Application(json=JSONCodec(dumps=dumps, loads=STDLIB.loads))
    assert JSONResponse([]).body == b"[]"
    with app.context():
        assert JSONResponse([]).body == b"mine"
