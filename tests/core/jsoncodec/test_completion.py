"""A dataclass that was read has its defaults as its own, so that every codec writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypedDict, TypeVar

import pytest

from sketch.jsoncodec import STDLIB, json_codec, loads_as
from sketch.jsoncodec.by_msgspec import msgspec_reader
from sketch.jsoncodec.completion import find_completion

msgspec = pytest.importorskip("msgspec")

T = TypeVar("T")


@dataclass
class Tea:
    name: str
    price: float = 1.0
    tags: list[str] = field(default_factory=list)
    number: int = field(default=3, init=False)


WHOLE = {"name": "a", "price": 1.0, "tags": [], "number": 3}


@dataclass(frozen=True)
class Leaf:
    name: str = "leaf"


class Pair(NamedTuple):
    tea: Tea
    count: int = 2


class Row(TypedDict, total=False):
    tea: Tea


class Struct(msgspec.Struct):
    tea: Tea
    more: Tea | None = None


@dataclass
class Holder:
    """No default of its own."""

    tea: Tea


@dataclass
class Chain:
    number: int = 1
    next: Chain | None = None


@dataclass
class Box(Generic[T]):
    inside: T
    label: str = "box"


@dataclass(slots=True)
class Slots:
    name: str
    price: float = 1.0


@dataclass
class HalfSlots(Slots):
    count: int = 4


@dataclass
class Changed:
    tea: Any
    other: Leaf
    count: int = 0

    def __post_init__(self) -> None:
        self.tea, self.other, self.count = [self.tea], None, 7  # type: ignore[assignment]


TEA = {"name": "a"}


@pytest.mark.parametrize(
    ("kind", "data", "whole"),
    [
        (Tea, TEA, WHOLE),
        (Leaf, {}, {"name": "leaf"}),
        (list[Tea], [TEA, TEA], [WHOLE, WHOLE]),
        (tuple[int, Tea], [1, TEA], [1, WHOLE]),
        (set[Leaf], [{}], [{"name": "leaf"}]),
        (dict[str, list[Tea]], {"x": [TEA]}, {"x": [WHOLE]}),
        (Tea | None, TEA, WHOLE),
        (Tea | None, None, None),
        (Pair, [TEA], [WHOLE, 2]),
        (Row, {"tea": TEA}, {"tea": WHOLE}),
        (Row, {}, {}),
        (Struct, {"tea": TEA}, {"tea": WHOLE, "more": None}),
        (Holder, {"tea": TEA}, {"tea": WHOLE}),
        (Chain, {"next": {"next": {}}}, {"number": 1, "next": {"number": 1, "next": {"number": 1, "next": None}}}),
        (tuple[Box[Tea], Box[int], Box[str]], [{"inside": TEA}, {"inside": 1}, {"inside": "x"}],
         [{"inside": WHOLE, "label": "box"}, {"inside": 1, "label": "box"}, {"inside": "x", "label": "box"}]),
        (Slots, TEA, {"name": "a", "price": 1.0}),
        (HalfSlots, TEA, {"name": "a", "price": 1.0, "count": 4}),
        (Changed, {"tea": 1, "other": {}}, {"tea": [1], "other": None, "count": 7}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("codec", ["stdlib", "orjson", "msgspec"])
def test_every_codec_writes_the_defaults(kind: Any, data: Any, whole: Any, codec: str) -> None:
    if codec == "orjson":
        pytest.importorskip("orjson")
    value = loads_as(STDLIB.dumps(data), kind)
    assert STDLIB.loads(json_codec(codec).dumps(value)) == whole


def test_what_was_sent_stays() -> None:
    tea = msgspec_reader(Tea, STDLIB.loads)(b'{"name":"a","price":2.5,"number":4}')
    assert vars(tea) == {"name": "a", "price": 2.5, "number": 4, "tags": []}


def test_attrs_classes_are_whole_already_but_may_hold_one() -> None:
    attrs = pytest.importorskip("attrs")

    @attrs.define(slots=False)
    class Kind:
        tea: Tea
        count: int = 1

    kind = loads_as(b'{"tea":{"name":"a"}}', Kind)
    assert vars(kind) == {"tea": kind.tea, "count": 1}
    assert vars(kind.tea) == WHOLE


@pytest.mark.parametrize(
    "kind", [int, list[str], Slots, dict[str, Slots], msgspec.defstruct("S", [("a", int, 1)]), Any]
)
def test_other_types_cost_nothing(kind: Any) -> None:
    info = pytest.importorskip("msgspec.inspect").type_info(kind)
    assert find_completion(info) is None
