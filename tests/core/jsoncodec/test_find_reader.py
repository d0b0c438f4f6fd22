"""Which library reads a type, and what is said of JSON that does not fit it: the place, never the value."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypeVar
from uuid import UUID

import pytest

from sketch.jsoncodec import STDLIB, ValidationError, find_type_reader, loads_as
from sketch.jsoncodec.find_reader import find_reader

pydantic = pytest.importorskip("pydantic")
pydantic_core = pytest.importorskip("pydantic_core")
msgspec = pytest.importorskip("msgspec")
T = TypeVar("T")


class Item(pydantic.BaseModel):
    name: str
    price: float = 0


class Tea(pydantic.BaseModel):
    kind: Literal["tea"]
    cups: int


class Salt(pydantic.BaseModel):
    kind: Literal["salt"]


Ware = Annotated[Tea | Salt, pydantic.Field(discriminator="kind")]


class Page(pydantic.BaseModel, Generic[T]):
    items: list[T]


class Numbers(pydantic.RootModel[list[int]]):
    pass


class Node(pydantic.BaseModel):
    inside: list[Node] = pydantic.Field(default_factory=list)


@dataclass
class Box:
    item: Item
    boxes: list[Box]


class Pair(NamedTuple):
    item: Item
    count: int


Named = NewType("Named", Item)


@pydantic.dataclasses.dataclass
class Counted:
    count: pydantic.PositiveInt


class Other:
    pass


@dataclass
class WithOther:
    other: list[Other]


class Colour(Enum):
    RED = "red"


@dataclass
class Plain:
    name: str


@dataclass
class Even:
    number: int

    def __post_init__(self) -> None:
        if self.number % 2:
            raise ValueError(f"not even: {self.number}")


class Careful(pydantic.BaseModel):
    number: int
    word: str = ""

    @pydantic.field_validator("number")
    @classmethod
    def check(cls, number: int) -> int:
        if number > 9000:
            raise pydantic_core.PydanticCustomError("large", "choose a smaller number")
        if number % 2:
            raise ValueError(f"not even: {number}")
        assert number != 1234, f"not {number}"
        return number


TEA = Tea(kind="tea", cups=2)
ITEM = Item(name="a")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Item, b'{"name": "a", "price": "1.5"}', Item(name="a", price=1.5)),
        (Item, b'\xef\xbb\xbf{"name": "a"}', ITEM),
        (Ware, b'{"kind": "tea", "cups": 2}', TEA),
        (list[Ware], b'[{"kind": "tea", "cups": 2}]', [TEA]),
        (Page[Item], b'{"items": [{"name": "a"}]}', Page[Item](items=[ITEM])),
        (Page[int], b'{"items": [1]}', Page[int](items=[1])),
        (Numbers, b"[1, 2]", Numbers([1, 2])),
        (Item | None, b"null", None),
        (dict[str, Item], b'{"k": {"name": "a"}}', {"k": ITEM}),
        (Node, b'{"inside": [{}]}', Node(inside=[Node()])),
        (Box, b'{"item": {"name": "a"}, "boxes": []}', Box(ITEM, [])),
        (Pair, b'[{"name": "a"}, 1]', Pair(ITEM, 1)),
        (Named, b'{"name": "a"}', ITEM),
        (Counted, b'{"count": 1}', Counted(1)),
        (pydantic.PositiveInt, b"1", 1),
        (pydantic.TypeAdapter(list[Path]), b'["/a"]', [Path("/a")]),
    ],
)
def test_what_pydantic_reads(kind: Any, text: bytes, value: Any) -> None:
    assert loads_as(text, kind) == value


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (Item, b'{"name": 7331}', "expected text - at `$.name`"),
        (Item, b"[]", "expected an object"),
        (Item, b"{}", "is required - at `$.name`"),
        (Ware, b'{"kind": "7331"}', "expected one of 'tea', 'salt' - at `$.kind`"),
        (Ware, b'{"kind": "tea"}', "is required - at `$.cups`"),
        (list[Item], b'[{"name": "a"}, {"name": 7331}]', "expected text - at `$[1].name`"),
        (pydantic.TypeAdapter(UUID), b'"7331"', "expected a UUID"),
        (pydantic.AnyUrl, b'"7331"', "expected a URL"),
        (Counted, b'{"count": -7331}', "expected more than 0 - at `$.count`"),
        (Annotated[int, pydantic.Field(gt=0)], b"-7331", "expected more than 0"),
        (Careful, b'{"number": 7331}', "expected a valid value - at `$.number`"),
        (Careful, b'{"number": 1234}', "expected a valid value - at `$.number`"),
        (Careful, b'{"number": 9002}', "expected a valid value (large) - at `$.number`"),
        (Careful, b'{"number": "a", "word": 7331}', "expected text - at `$.word`"),
        (Colour, b'"7331"', "expected one of 'red'"),
        (list[Colour], b'["7331 - at `$.x` 7331"]', "expected one of 'red' - at `$[0]`"),
        (Literal["a", "b"], b'"7331"', "expected one of 'a', 'b'"),
        (Literal[1, 2], b"7331", "expected one of 1, 2"),
        (dict[str, Even], b'{"7331": {"number": 7331}}', "in one of its members: expected a valid value"),
    ],
)
def test_what_is_said_of_a_fault(kind: Any, text: bytes, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        loads_as(text, kind)
    assert message in str(caught.value)
    assert "7331" not in str(caught.value)


def test_faults_are_counted_before_they_are_described() -> None:
    def said(faults: int) -> str:
        with pytest.raises(ValidationError) as caught:
            loads_as(b"[" + b'"x",' * faults + b"1]", Numbers)
        return str(caught.value)

    assert said(2).count("expected an integer") == 2
    assert said(1000).count("expected an integer") == 10
    assert said(1000).endswith("; and 990 more faults")
    assert said(1001) == "1001 faults"


def test_long_names_are_cut() -> None:
    text = b'{"%b": "x"}' % (b"k" * 100_000)
    for kind in (pydantic.TypeAdapter(dict[str, int]), msgspec.defstruct("S", [], forbid_unknown_fields=True)):
        with pytest.raises(ValidationError) as caught:
            loads_as(text, kind)
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize("text", [b"", b"[1", b"[NaN]", b"[1e999]", b'["\xff"]', b"[" * 300 + b"]" * 300])
def test_malformed_text_is_no_validation_error(text: bytes) -> None:
    with pytest.raises(ValueError) as caught:
        loads_as(text, Numbers)
    assert not isinstance(caught.value, ValidationError)


# -- what no library reads ---------------------------------------------------------------------------------------------


class WithModel(msgspec.Struct):
    item: Item


@pytest.mark.parametrize(
    "kind", [Other, WithOther, list[Other], WithModel, complex, Path, 5, "Nothing", Item | Other, WithOther | Even]
)
def test_a_type_that_no_library_reads_is_the_servers_fault(kind: Any) -> None:
    for text in (b"{}", b"nonsense"):
        with pytest.raises(
            TypeError, match=r"^expected a type to read JSON as, got .*msgspec reads .*; pydantic 2 its"
        ):
            loads_as(text, kind)


def test_a_reader_is_made_once() -> None:
    for kind in (Item, list[Item], Ware, Even):
        assert find_type_reader(kind) is find_type_reader(kind)


@pytest.mark.parametrize(("kind", "name"), [(Item, "pydantic"), (list[Plain], "msgspec")])
def test_a_missing_library_is_named(kind: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(RuntimeError, match=rf"pip install 'sketch-web\[{name}\]'$"):
        find_reader(kind, STDLIB.loads)


def test_pydantic_reads_plain_values_without_msgspec(monkeypatch: pytest.MonkeyPatch) -> None:
    """As strictly."""
    monkeypatch.setitem(sys.modules, "msgspec", None)
    for kind, text, value in [(int, b"1", 1), (dict[str, list[int]], b'{"a": [1]}', {"a": [1]})]:
        assert find_reader(kind, STDLIB.loads)(text) == value
        with pytest.raises(ValidationError):
            find_reader(kind, STDLIB.loads)(b'"1"')
    monkeypatch.setitem(sys.modules, "pydantic", None)
    with pytest.raises(RuntimeError, match=r"pip install 'sketch-web\[msgspec\]'$"):
        find_reader(int, STDLIB.loads)


def test_a_library_is_imported_for_its_own_types_alone() -> None:
    code = (
        "import sys; from dataclasses import make_dataclass; from sketch.jsoncodec import STDLIB, loads_as; "
        "Item = make_dataclass('Item', [('name', str)]); STDLIB.dumps(Item('a')); "
        "assert 'msgspec' not in sys.modules; "
        'loads_as(b\'{"name": "a"}\', Item); '
        "assert 'pydantic' not in sys.modules and 'pydantic_core' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
