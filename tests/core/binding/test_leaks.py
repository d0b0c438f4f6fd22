"""What goes out through a declared type has its fields and no other, whatever holds them, for each library."""

from __future__ import annotations

import json
from collections import OrderedDict, UserDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType, SimpleNamespace
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

import pytest
from hypothesis import given, strategies
from typing_extensions import NotRequired, TypedDict  # noqa: UP035 - pydantic asks for it before Python 3.12

from sketch.application import Application
from sketch.binding.answers.answer import find_answer
from sketch.response import Response
from tests.core.binding.support import bounded
from tests.support.requests import make_request

attrs = pytest.importorskip("attrs")
msgspec = pytest.importorskip("msgspec")
pydantic = pytest.importorskip("pydantic")
T = TypeVar("T")

SECRET = "hunter2"


class Struct(msgspec.Struct):
    id: int
    name: str = "tea"


class StructMore(Struct):
    password: str = SECRET


class Renamed(msgspec.Struct, rename="camel", tag="renamed"):
    some_id: int


class RenamedMore(Renamed, tag="more"):
    password: str = SECRET


class Closed(msgspec.Struct, forbid_unknown_fields=True, array_like=True):
    id: int


class ClosedMore(Closed):
    password: str = SECRET


@dataclass
class Data:
    id: int
    name: str = "tea"


@dataclass
class DataMore(Data):
    password: str = SECRET


@dataclass(frozen=True, slots=True)
class Slots:
    id: int
    name: str = "tea"


@dataclass(frozen=True, slots=True)
class SlotsMore(Slots):
    password: str = SECRET


@attrs.define
class Attrs:
    id: int
    name: str = "tea"


@attrs.define
class AttrsMore(Attrs):
    password: str = SECRET


@attrs.define(slots=False)
class OpenAttrs:
    id: int
    name: str = "tea"
    _key: str = SECRET


@attrs.define(slots=False)
class OpenAttrsMore(OpenAttrs):
    password: str = SECRET


class Model(pydantic.BaseModel):
    id: int
    name: str = "tea"


class ModelMore(Model):
    password: str = SECRET


class Aliased(pydantic.BaseModel):
    id: int = pydantic.Field(alias="theId")


class AliasedMore(Aliased):
    password: str = SECRET


@pydantic.dataclasses.dataclass
class ModelData:
    id: int
    name: str = "tea"


@pydantic.dataclasses.dataclass
class ModelDataMore(ModelData):
    password: str = SECRET


class Dict(TypedDict):
    id: int
    name: NotRequired[str]


class Row(NamedTuple):
    id: int
    name: str = "tea"


class RowMore(Row):
    password = SECRET


def orm(**values: Any) -> Any:
    return SimpleNamespace(password=SECRET, **values)


# Each declared class, what a value of exactly the class is, and a value of a class with more in it.
EXACT: list[tuple[Any, Any, Any]] = [
    (Struct, Struct(1), StructMore(1)),
    (Renamed, Renamed(1), RenamedMore(1)),
    (Closed, Closed(1), ClosedMore(1)),
    (Data, Data(1), DataMore(1)),
    (Slots, Slots(1), SlotsMore(1)),
    (Attrs, Attrs(1), AttrsMore(1)),
    (OpenAttrs, OpenAttrs(1), OpenAttrsMore(1)),
    (Model, Model(id=1), ModelMore(id=1)),
    (Aliased, Aliased(theId=1), AliasedMore(theId=1)),
    (ModelData, ModelData(1), ModelDataMore(1)),
    (Dict, {"id": 1}, {"id": 1, "password": SECRET}),
    (Row, Row(1), RowMore(1)),
]
CLASSES = [kind for kind, _, _ in EXACT]
TEXTS = {kind: json.dumps(value) for kind, value in [
    (Struct, {"id": 1, "name": "tea"}), (Renamed, {"type": "renamed", "someId": 1}), (Closed, [1]),
    (Data, {"id": 1, "name": "tea"}), (Slots, {"id": 1, "name": "tea"}), (Attrs, {"id": 1, "name": "tea"}),
    (OpenAttrs, {"id": 1, "name": "tea"}), (Model, {"id": 1, "name": "tea"}), (Aliased, {"theId": 1}),
    (ModelData, {"id": 1, "name": "tea"}), (Dict, {"id": 1}), (Row, [1, "tea"]),
]}  # fmt: skip


def sent(kind: Any, value: Any, json_codec: str = "stdlib") -> Any:
    """The JSON that is sent for a value; None for one that is refused."""
    answer = find_answer(kind)
    assert answer is not None
    try:
        response = answer(make_request(app=Application(json=json_codec)), value)
    except TypeError:
        return None
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


def others(kind: Any, exact: Any, more: Any) -> dict[str, Any]:
    """Values that are not exactly of a class, but have all that it has, and more."""
    fields = {"id": 1, "some_id": 1, "someId": 1, "theId": 1, "password": SECRET}
    found: dict[str, Any] = {
        "subclass": more,
        "dict": fields,
        "mapping": MappingProxyType(fields),
        "user dict": UserDict(fields),
        "ordered": OrderedDict(fields),
    }
    found["orm"] = orm(id=1, some_id=1)
    if kind not in (Dict, Row, Slots, Attrs, Struct, Renamed, Closed, Model, Aliased):
        exact.password = SECRET
        found["attribute"] = exact
    return found


CASES = [
    pytest.param(kind, value, id=f"{kind.__name__}-{name}")
    for kind, exact, more in EXACT
    for name, value in others(kind, exact, more).items()
]


@pytest.mark.parametrize(("kind", "exact", "_"), EXACT)
def test_a_value_of_the_class(kind: Any, exact: Any, _: Any) -> None:
    assert sent(kind, exact) == json.loads(TEXTS[kind])


@pytest.mark.parametrize(("kind", "value"), CASES)
def test_a_value_of_another_class(kind: Any, value: Any) -> None:
    assert sent(kind, value) == json.loads(TEXTS[kind])


@pytest.mark.parametrize(("kind", "value"), CASES)
def test_in_containers(kind: Any, value: Any) -> None:
    one = json.loads(TEXTS[kind])
    for container, holding, result in (
        (list[kind], [value, value], [one, one]),
        (list[kind], (value,), [one]),
        (list[kind], deque([value]), [one]),
        (dict[str, kind], {"k": value}, {"k": one}),
        (tuple[kind, ...], (value,), [one]),
        (tuple[int, kind], (1, value), [1, one]),
        (Sequence[kind], [value], [one]),
        (Mapping[str, kind], {"k": value}, {"k": one}),
        (kind | None, value, one),
        (kind | int, value, one),
        (list[kind | None], [None, value], [None, one]),
        (dict[str, list[kind]], {"k": [value]}, {"k": [one]}),
        (Annotated[kind, "doc"], value, one),
    ):
        assert sent(container, holding) == result


# -- in fields ---------------------------------------------------------------------------------------------------------


def holders(kind: Any) -> list[tuple[Any, Any]]:
    """Classes with fields of a class, and what makes an object of one out of the value of each."""
    data = dataclass(type("Holder", (), {"__annotations__": {"one": kind, "many": list[kind]}}))
    attr = attrs.make_class("Holder", {"one": attrs.field(type=kind), "many": attrs.field(type=list[kind])})
    row = NamedTuple("Holder", [("one", kind), ("many", list[kind])])  # type: ignore[misc]  # noqa: UP014
    table = TypedDict("Holder", {"one": kind, "many": list[kind]})  # type: ignore[misc]  # noqa: UP013
    found = [(data, data), (attr, attr), (row, row), (table, lambda one, many: {"one": one, "many": many})]
    struct = msgspec.defstruct("Holder", [("one", kind), ("many", list[kind])])
    found.append((struct, struct))
    if not hasattr(kind, "__struct_fields__") and not hasattr(kind, "__attrs_attrs__"):  # pydantic does not know them
        model = pydantic.create_model("Holder", one=kind, many=list[kind])
        found.append((model, lambda one, many: model.model_construct(one=one, many=many)))
    return found


@pytest.mark.parametrize(("kind", "value"), CASES)
def test_in_fields(kind: Any, value: Any) -> None:
    one = json.loads(TEXTS[kind])
    for holder, make in holders(kind):
        result: Any = {"one": one, "many": [one]}
        result = [one, [one]] if issubclass(holder, tuple) else result
        made = sent(holder, make(value, [value]))
        assert made == result, f"{holder} of {kind}"


# -- whatever a field holds --------------------------------------------------------------------------------------------


GARBAGE = [
    {"password": SECRET}, [{"password": SECRET}], {"a": {"password": SECRET}}, StructMore(1), DataMore(1), AttrsMore(1),
    ModelMore(id=1), orm(a=1), [ModelMore(id=1)], [StructMore(1)], RowMore(1), (SECRET,), {SECRET},
]  # fmt: skip
KINDS = [
    int, float, bool, None, bytes, int | None, Literal["a"], Literal["a", 1], Literal["a"] | None, list[int],
    dict[str, int], tuple[int, ...], tuple[int, str], Sequence[int], Mapping[str, int], frozenset[int], set[int],
    list[Literal[1]],    dict[str, Literal[1]], Sequence[Literal[1]],
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_garbage_in_a_field(kind: Any) -> None:
    struct = msgspec.defstruct("S", [("a", kind)])
    data = dataclass(type("D", (), {"__annotations__": {"a": kind}}))
    attr = attrs.make_class("A", {"a": attrs.field(type=kind or type(None))})
    table = TypedDict("T", {"a": kind})  # type: ignore[misc]  # noqa: UP013
    row = NamedTuple("R", [("a", kind)])  # type: ignore[misc]  # noqa: UP014
    model = pydantic.create_model("M", a=(kind, ...))
    for value in GARBAGE:
        for declared, made in (
            (kind, value),
            (struct, struct(value)),
            (data, data(value)),
            (attr, attr(value)),
            (table, {"a": value}),
            (row, row(value)),
            (model, model.model_construct(a=value)),
            (list[model], [model.model_construct(a=value)]),  # type: ignore[valid-type]
        ):
            answered = sent(declared, made)
            assert SECRET not in str(answered) or answered is None, (declared, made)


def test_a_model_with_garbage_is_made_anew() -> None:
    class Kind(pydantic.BaseModel):
        inner: Model
        tag: Literal["a"] = "a"

    value = Kind(inner=Model(id=1))
    value.inner = {"id": 2, "password": SECRET}
    assert sent(Kind, value) == {"inner": {"id": 2, "name": "tea"}, "tag": "a"}
    value.tag = StructMore(1)  # type: ignore[assignment]
    assert sent(Kind, value) is None


class Node(msgspec.Struct):
    item: Struct
    nodes: list[Node] = msgspec.field(default_factory=list)
    by_name: dict[str, Node] = msgspec.field(default_factory=dict)


@dataclass
class Tree:
    item: Model
    trees: list[Tree] = field(default_factory=list)


class ModelTree(pydantic.BaseModel):
    item: Model
    tag: Literal["a"] = "a"
    trees: list[ModelTree] = pydantic.Field(default_factory=list)


def test_classes_that_refer_to_themselves() -> None:
    assert sent(Node, Node(Struct(1), [Node(StructMore(2))], {"k": Node(StructMore(3))})) == {
        "item": {"id": 1, "name": "tea"},
        "nodes": [{"item": {"id": 2, "name": "tea"}, "nodes": [], "by_name": {}}],
        "by_name": {"k": {"item": {"id": 3, "name": "tea"}, "nodes": [], "by_name": {}}},
    }
    item = {"id": 1, "name": "tea"}
    assert sent(Tree, Tree(ModelMore(id=1), [Tree(ModelMore(id=1))])) == {
        "item": item, "trees": [{"item": item, "trees": []}],
    }  # fmt: skip
    assert sent(ModelTree, ModelTree(item=ModelMore(id=1), trees=[ModelTree(item=ModelMore(id=1))])) == {
        "item": item, "tag": "a", "trees": [{"item": item, "tag": "a", "trees": []}],
    }  # fmt: skip


class Page(msgspec.Struct, Generic[T]):
    items: list[T]


@dataclass
class DataPage(Generic[T]):
    items: list[T]


class ModelPage(pydantic.BaseModel, Generic[T]):
    items: list[T]


class Items(pydantic.RootModel[list[Model]]):
    pass


def test_generic_classes() -> None:
    one = {"items": [{"id": 1, "name": "tea"}]}
    assert sent(Page[Struct], Page([StructMore(1)])) == one
    assert sent(DataPage[Struct], DataPage([StructMore(1)])) == one
    assert sent(DataPage[Model], DataPage([ModelMore(id=1)])) == one
    assert sent(ModelPage[Model], ModelPage[Model](items=[ModelMore(id=1)])) == one
    assert sent(ModelPage[Model], ModelPage(items=[ModelMore(id=1)])) == one
    assert sent(Items, [ModelMore(id=1)]) == one["items"]


class Cat(msgspec.Struct, tag="cat"):
    id: int


class CatMore(Cat, tag="more"):
    password: str = SECRET


class Dog(msgspec.Struct, tag="dog"):
    id: int


class Tea(pydantic.BaseModel):
    kind: Literal["tea"] = "tea"
    cups: int


class TeaMore(Tea):
    password: str = SECRET


class Salt(pydantic.BaseModel):
    kind: Literal["salt"] = "salt"


def test_unions() -> None:
    cat = {"type": "cat", "id": 1}
    assert sent(Cat | Dog, CatMore(1)) == cat
    assert sent(Cat | Dog, {"type": "cat", "id": 1, "password": SECRET}) == cat
    assert sent(Cat | Dog, {"type": "dog", "id": 1, "password": SECRET}) == {"type": "dog", "id": 1}
    assert sent(list[Cat | Dog | None], [None, CatMore(1)]) == [None, cat]
    tea = {"kind": "tea", "cups": 1}
    for kind in (Tea | Salt, Annotated[Tea | Salt, pydantic.Field(discriminator="kind")]):
        for value in (TeaMore(cups=1), {"kind": "tea", "cups": 1, "password": SECRET}):
            assert sent(kind, value) == tea
    assert sent(Tea | Cat, TeaMore(cups=1)) == tea
    assert sent(Tea | Cat, CatMore(1)) == cat
    assert sent(Model | Data | Struct, DataMore(1)) == {"id": 1, "name": "tea"}


# -- any value ---------------------------------------------------------------------------------------------------------

VALUES = strategies.recursive(
    strategies.sampled_from([None, True, 1, 1.5, "text", b"raw"]),
    lambda inner: (
        strategies.lists(inner, max_size=2)
        | strategies.dictionaries(strategies.sampled_from(["id", "name", "password"]), inner, max_size=3)
        | strategies.builds(StructMore, inner, inner)
        | strategies.builds(DataMore, inner, inner)
        | strategies.builds(AttrsMore, inner, inner)
        | strategies.builds(RowMore, inner, inner)
        | strategies.builds(lambda a, b: ModelMore.model_construct(id=a, name=b), inner, inner)
        | strategies.builds(lambda a, b: orm(id=a, name=b), inner, inner)
    ),
    max_leaves=5,
)
READ_AS = {kind: msgspec.json.Decoder(kind).decode for kind in (Struct, Data, Attrs, Dict, Row, Page[Struct])}
READ_AS |= {kind: pydantic.TypeAdapter(kind).validate_json for kind in (Model, ModelPage[Model])}
ANSWERS = {kind: find_answer(kind) for kind in READ_AS}


@bounded(100)
@given(strategies.sampled_from(list(READ_AS)), VALUES)
def test_what_goes_out_is_of_the_declared_type(kind: Any, value: Any) -> None:
    answer = ANSWERS[kind]
    assert answer is not None
    value = {"items": [value]} if "Page" in str(kind) else value
    response: Response | None = None
    try:
        response = answer(make_request(app=Application()), value)
    except TypeError:
        return
    text = response.body
    assert isinstance(text, bytes)
    READ_AS[kind](text)
    assert SECRET.encode() not in text
    assert b"password" not in text
