"""What msgspec says of a fault, in words of ours, with the place and without the value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple

import pytest

from sketch.jsoncodec import STDLIB, ValidationError
from sketch.jsoncodec.by_msgspec import find_choices, msgspec_reader

msgspec = pytest.importorskip("msgspec")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Pair(NamedTuple):
    count: int
    colour: Colour


@dataclass
class Anything:
    value: object
    more: object | None = None


class Row(msgspec.Struct, array_like=True):
    count: int
    colour: Colour


class Cat(msgspec.Struct, tag="cat"):
    colour: Colour


class Dog(msgspec.Struct, tag="dog", rename={"kind": "theKind"}):
    kind: Literal["big", "small"] = "big"


@dataclass
class Data:
    pet: Cat | Dog
    pets: list[Cat | Dog] | None = None


class Odd(msgspec.Struct):
    number: int

    def __post_init__(self) -> None:
        if not self.number % 2:
            raise ValueError(f"not odd: {self.number}")


def faults(kind: Any, text: bytes) -> Any:
    with pytest.raises(ValidationError) as caught:
        msgspec_reader(kind, STDLIB.loads)(text)
    assert caught.value.more == 0
    return caught.value.faults


@pytest.mark.parametrize(
    ("kind", "text", "message", "steps"),
    [
        (Data, b'{"pet": {"type": "cat", "colour": "x"}}', "expected one of 'red', 'blue'", ("pet", "colour")),
        (Data, b'{"pet": {"type": "dog", "theKind": "x"}}', "expected one of 'big', 'small'", ("pet", "theKind")),
        (Data, b'{"pet": {"type": "x"}}', "expected one of 'cat', 'dog'", ("pet", "type")),
        (Data, b'{"pet": {"type": "dog"}, "pets": [{"type": "x"}]}', "expected one of 'cat', 'dog'",
         ("pets", 0, "type")),
        (Pair, b'[1, "x"]', "expected one of 'red', 'blue'", (1,)),
        (Row, b'[1, "x"]', "expected one of 'red', 'blue'", (1,)),
        (Row, b"[1]", "expected an array of at least 2 items", ()),
        (tuple[int, Colour], b'[1, "x"]', "expected one of 'red', 'blue'", (1,)),
        (list[Colour], b'["x"]', "expected one of 'red', 'blue'", (0,)),
        (dict[str, Colour], b'{"a": "x"}', "in one of its members: expected a valid value", ()),
        (Odd, b'{"number": 7332}', "expected a valid value", ()),
        (list[Odd], b'[{"number": 7332}]', "expected a valid value", (0,)),
        (Annotated[float, msgspec.Meta(lt=3)], b"3", "expected less than 3.0", ()),
        (Annotated[int, msgspec.Meta(le=3)], b"4", "expected at most 3", ()),
        (Annotated[bytes, msgspec.Meta(max_length=1)], b'"cmF3"', "expected text in base64 of at most 1 bytes", ()),
        (Annotated[tuple[int, ...], msgspec.Meta(min_length=2)], b"[1]", "expected an array of at least 2 items", ()),
        (int, b"[]", "expected an integer", ()),
        (int | None, b"[]", "expected an integer or null", ()),
    ],
)  # fmt: skip
def test_faults(kind: Any, text: bytes, message: str, steps: tuple[Any, ...]) -> None:
    assert faults(kind, text) == ((message, steps),)


def test_what_follows_a_fault_may_be_malformed() -> None:
    for text in (b'["x", ', b'["x"] 5', b'["x", NaN]'):
        with pytest.raises(ValueError) as caught:
            msgspec_reader(list[int], STDLIB.loads)(text)
        assert not isinstance(caught.value, ValidationError)


def test_a_byte_order_mark() -> None:
    read = msgspec_reader(list[int], STDLIB.loads)
    assert read(b"\xef\xbb\xbf[1]") == [1]
    with pytest.raises(ValidationError):
        read(b'\xef\xbb\xbf["x"]')


def test_an_object_is_anything() -> None:
    """Type checkers take it for that, and msgspec for a class of the user's own."""
    assert msgspec_reader(dict[str, object], STDLIB.loads)(b'{"a": [1, null], "b": "c"}') == {"a": [1, None], "b": "c"}
    assert msgspec_reader(Anything, STDLIB.loads)(b'{"value": {"a": 1}}') == Anything({"a": 1}, None)


def test_no_choices() -> None:
    info = pytest.importorskip("msgspec.inspect").type_info(Data)
    assert find_choices(info, ()) == []
    assert find_choices(info, ("nothing",)) == []
    assert find_choices(info, ("pet", 5)) == []
