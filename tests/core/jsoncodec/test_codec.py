"""JSON codecs of each library, and typed JSON."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag, StrEnum
from ipaddress import ip_address
from pathlib import PurePosixPath
from typing import Any, ClassVar, NamedTuple, TypedDict
from uuid import UUID

import pytest

from sketch.application import Application
from sketch.jsoncodec import STDLIB, JSONCodec, ValidationError, codec as codec_module, json_codec, loads_as
from sketch.response import JSONResponse


@dataclass
class Item:
    name: str
    prices: list[float]
    _noted: bool = True
    kind: ClassVar[str] = "item"


@dataclass(slots=True)
class Box:
    items: list[Item] = field(default_factory=list)


class Point(NamedTuple):
    x: int
    y: str


class Colour(Enum):
    RED = "red"
    PAIR = (1, 2)
    NOTHING = None


class Word(StrEnum):
    YES = "yes"


class Grade(IntEnum):
    ONE = 1


class Access(IntFlag):
    READ = 1
    WRITE = 2


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "another"


class Whole(int):
    pass


class Real(float):
    pass


class Later(datetime):
    pass


NOON = datetime(2026, 1, 2, 12, 30, 1)
EAST = timezone(timedelta(hours=5, minutes=30))
NUMBER = UUID("00000000-0000-0000-0000-000000000005")

VALUES: list[Any] = [
    (Item("tea", [1.5]), '{"name":"tea","prices":[1.5],"_noted":true}'),
    (Box([Item("tea", [])]), '{"items":[{"name":"tea","prices":[],"_noted":true}]}'),
    (Point(1, "a"), '[1,"a"]'),
    ((1, (2,)), "[1,[2]]"),
    ({1}, "[1]"),
    (frozenset({"a"}), '["a"]'),
    (deque([1, 2]), "[1,2]"),
    (OrderedDict(b=1, a=2), '{"b":1,"a":2}'),
    (NOON, '"2026-01-02T12:30:01"'),
    (NOON.replace(tzinfo=UTC), '"2026-01-02T12:30:01Z"'),
    (NOON.replace(tzinfo=UTC, microsecond=500), '"2026-01-02T12:30:01.000500Z"'),
    (NOON.replace(tzinfo=EAST), '"2026-01-02T12:30:01+05:30"'),
    (Later(2026, 1, 2), '"2026-01-02T00:00:00"'),
    (date(2026, 1, 2), '"2026-01-02"'),
    (time(1, 2, 3), '"01:02:03"'),
    (time(1, 2, 3, tzinfo=UTC), '"01:02:03Z"'),
    (timedelta(), '"P0D"'),
    (timedelta(days=400), '"P400D"'),
    (timedelta(hours=2, seconds=3.5), '"PT7203.5S"'),
    (-timedelta(days=1, seconds=5), '"-P1DT5S"'),
    (NUMBER, f'"{NUMBER}"'),
    (Decimal("1.10"), '"1.10"'),
    (Colour.RED, '"red"'),
    (Colour.PAIR, "[1,2]"),
    (Colour.NOTHING, "null"),
    (Word.YES, '"yes"'),
    (Grade.ONE, "1"),
    (Access.READ | Access.WRITE, "3"),
    (Text("text"), '"text"'),
    (Whole(5), "5"),
    (Real(1.5), "1.5"),
    (PurePosixPath("/a/b"), '"/a/b"'),
    (ip_address("::1"), '"::1"'),
    (b"tea", '"dGVh"'),
    (bytearray(b"tea"), '"dGVh"'),
    (memoryview(b"tea"), '"dGVh"'),
]
KEYS: list[Any] = [
    (1, "1"), (2**70, str(2**70)), (1.5, "1.5"), (True, "true"), (None, "null"), (NUMBER, str(NUMBER)),
    (Colour.RED, "red"), (Word.YES, "yes"), (Grade.ONE, "1"), (Text("text"), "text"), (Whole(5), "5"),
    (date(2026, 1, 2), "2026-01-02"), (NOON.replace(tzinfo=UTC), "2026-01-02T12:30:01Z"), (Decimal("1.0"), "1.0"),
]  # fmt: skip
FAULTS: list[Any] = [
    (object(), "got an object of type object at $: convert it to a dict, a list, text or a number first"),
    ({"a": [1, {"b": 1j}]}, "got an object of type complex at $.a[1].b: convert it"),
    ([Box], "got an object of type type at $[0]"),
    ([Box([object()])], "got an object of type object at $[0].items[0]"),  # type: ignore[list-item]
    ({"a": (x for x in "ab")}, "got an object of type generator at $.a: send list() or dict() of it"),
    ([asyncio.Event()], "got an object of type asyncio.locks.Event at $[0]"),
    ({"a": {(1, 2): 3}}, "got one of type tuple in $.a: send text"),
    ({"a": {Colour.PAIR: 3}}, "got one of type"),
    ({object(): 3}, "got an object of type object at $.<object"),
]


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


def test_a_lone_surrogate_goes_out_as_it_came(codec: JSONCodec) -> None:
    assert codec.dumps(codec.loads(rb'["\ud800", {"\udc00": 1}]')) == rb'["\ud800",{"\udc00":1}]'


def test_a_byte_order_mark_is_passed_over_and_utf16_refused(codec: JSONCodec) -> None:
    assert codec.loads(b"\xef\xbb\xbf[1]") == [1]
    with pytest.raises(ValueError):
        codec.loads("[1]".encode("utf-16-le"))


@pytest.mark.parametrize("text", ["[1]", '"\u00e9"', '"\ufeff"', "", " [1]"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf", b"\xef\xbb\xbf" * 2, b"\xef\xbb", b"\xef", b"\xff"])
def test_the_mark_is_passed_over_as_utf_8_sig_does(mark: bytes, text: str) -> None:
    raw = mark + text.encode()
    try:
        expected = json.loads(raw.decode("utf-8-sig"))
    except ValueError:
        with pytest.raises(ValueError):
            STDLIB.loads(raw)
    else:
        assert STDLIB.loads(raw) == expected


def test_the_last_of_several_members_of_one_name_is_read(codec: JSONCodec) -> None:
    assert codec.loads(b'{"a": 1, "a": 2}') == {"a": 2}


def test_a_number_that_no_response_could_hold_is_not_repeated(codec: JSONCodec) -> None:
    with pytest.raises(ValueError) as caught:
        codec.loads(b"1" * 400 + b".0")
    assert len(str(caught.value)) < 200


def test_deep_nesting(codec: JSONCodec) -> None:
    """What is read can be sent, and what is too deep to read is refused, never a crash."""
    text = b"[" * 500 + b"]" * 500
    assert codec.dumps(codec.loads(text)) == text
    with pytest.raises((ValueError, RecursionError)):
        codec.loads(b"[" * 100_000)


# -- what is sent ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_what_is_sent(codec: JSONCodec, value: Any, text: str) -> None:
    assert codec.dumps([value]).decode() == f"[{text}]"
    assert codec.dumps({"a": {"b": value}}).decode() == f'{{"a":{{"b":{text}}}}}'


@pytest.mark.parametrize(("key", "text"), KEYS)
def test_keys(codec: JSONCodec, key: Any, text: str) -> None:
    assert codec.dumps([{key: 1}, None]).decode() == f'[{{"{text}":1}},null]'


@pytest.mark.parametrize(("data", "message"), FAULTS)
def test_what_cannot_be_sent_is_named_with_its_place(codec: JSONCodec, data: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match="^expected .*" + re.escape(message)) as caught:
        codec.dumps(data)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_data_that_contains_itself(codec: JSONCodec) -> None:
    ring: list[Any] = []
    ring.append({"ring": ring})
    with pytest.raises(ValueError, match="expected data that JSON can hold, got some that contains itself"):
        codec.dumps(ring)


def test_a_coroutine_was_not_awaited(codec: JSONCodec) -> None:
    async def read() -> None: ...

    coroutine = read()
    with pytest.raises(TypeError, match=r"got an object of type coroutine at \$\.a: await it first"):
        codec.dumps({"a": coroutine})
    coroutine.close()


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_json_does_not_have(codec: JSONCodec, number: float) -> None:
    """The default codec refuses it. The faster libraries write null, and cannot be told to refuse it."""
    if codec is STDLIB:
        with pytest.raises(ValueError, match=rf"got {number} at \$\.a\[1\]: send None instead"):
            codec.dumps({"a": [1, number]})
    else:
        assert codec.dumps({"a": [1, number]}) == b'{"a":[1,null]}'


@pytest.mark.parametrize(("name", "read"), [("stdlib", int), ("orjson", float), ("msgspec", int)])
def test_integers_beyond_64_bits(name: str, read: type) -> None:
    """All write them, and orjson alone reads the nearest float."""
    if name != "stdlib":
        pytest.importorskip(name)
    codec = json_codec(name)
    assert codec.loads(b"18446744073709551615") == 2**64 - 1
    for number in (2**64, -(2**63) - 1, 2**200):
        assert codec.dumps(number) == str(number).encode()
        assert codec.loads(str(number).encode()) == read(number)


def test_attributes_that_are_no_fields_stay_inside(codec: JSONCodec) -> None:
    item = Item("tea", [1.5])
    item.secret = "x"  # type: ignore[attr-defined]
    assert codec.dumps(item) == b'{"name":"tea","prices":[1.5],"_noted":true}'


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
            r"expected a number - at `\$\.items\[0\]\.prices\[1\]",
        ),
        (b"{}", Item, r"is required - at `\$\.name`"),
        (b"1", list[int], "expected an array"),
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
    codec_module._decoder.cache_clear()
    yield
    codec_module._decoder.cache_clear()


@pytest.mark.usefixtures("forgetful")
def test_a_type_needs_msgspec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    monkeypatch.setitem(sys.modules, "msgspec.json", None)
    with pytest.raises(RuntimeError, match=r"pip install 'sketch-web\[msgspec\]'"):
        loads_as(b"{}", Order)
