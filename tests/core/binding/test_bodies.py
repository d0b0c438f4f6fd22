"""Which annotations are a body, what their readers return, and what is said of a fault: the place, never the value."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypedDict, TypeVar
from uuid import UUID

import pytest
from hypothesis import given, strategies

from sketch.application import Application
from sketch.binding.bodies import (
    MISSING,
    Member,
    find_json_reader,
    find_object_reader,
    is_body_type,
    is_model,
    read_body,
)
from sketch.binding.faults import Fault, Faults
from sketch.exceptions import HTTPBadRequest, HTTPContentTooLarge, HTTPException, HTTPUnsupportedMediaType
from sketch.limits import Limits
from tests.core.binding.support import bounded
from tests.support.requests import in_loop, make_request

attrs = pytest.importorskip("attrs")
annotated_types = pytest.importorskip("annotated_types")
msgspec = pytest.importorskip("msgspec")
pydantic = pytest.importorskip("pydantic")
T = TypeVar("T")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Struct(msgspec.Struct, rename={"some_id": "someId"}):
    name: Annotated[str, msgspec.Meta(max_length=5)]
    price: Annotated[float, msgspec.Meta(ge=1)] = 1
    colour: Colour = Colour.RED
    some_id: int = 0


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    pass


class Cat(msgspec.Struct, tag="cat"):
    age: int


class Dog(msgspec.Struct, tag="dog"):
    age: int


class Page(msgspec.Struct, Generic[T]):
    items: list[T]


class Model(pydantic.BaseModel):
    name: Annotated[str, pydantic.Field(max_length=5)]
    price: Annotated[float, pydantic.Field(ge=1)] = 1
    colour: Colour = Colour.RED
    some_id: int = pydantic.Field(0, alias="someId")


class StrictModel(pydantic.BaseModel, extra="forbid"):
    pass


class ModelPage(pydantic.BaseModel, Generic[T]):
    items: list[T]


class Root(pydantic.RootModel[list[int]]):
    pass


class Tea(pydantic.BaseModel):
    kind: Literal["tea"]
    cups: int


class Salt(pydantic.BaseModel):
    kind: Literal["salt"]


Ware = Annotated[Tea | Salt, pydantic.Field(discriminator="kind")]


@dataclass
class Data:
    name: str
    price: float = 1


@dataclass
class Bounded:
    count: Annotated[int, annotated_types.Ge(1)]


class Dict(TypedDict):
    name: str


class Tuple(NamedTuple):
    name: str
    price: float = 1


@attrs.define
class Attrs:
    name: str
    price: float = 1


MODELS = [Struct, Model, Data, Dict, Tuple, Attrs, Page[int], ModelPage[int], Root]
Named = NewType("Named", Data)


def messages(text: str | bytes, kind: Any) -> list[tuple[str, str]]:
    with pytest.raises(Faults) as caught:
        find_json_reader(kind)(text if isinstance(text, bytes) else text.encode())
    return [(fault.pointer, fault.message) for fault in caught.value.faults]


# -- which annotations are a body --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MODELS)
def test_models(kind: Any) -> None:
    assert is_model(kind)
    for inside in (kind, list[kind], dict[str, kind], kind | None, Annotated[kind, "doc"], tuple[kind, int]):
        assert is_body_type(inside)


@pytest.mark.parametrize(
    "kind", [dict, dict[str, int], Mapping[str, int], list[dict[str, Any]], Named, Cat | Dog, Ware]
)
def test_what_is_a_body_beside_models(kind: Any) -> None:
    assert not is_model(kind)
    assert is_body_type(kind)


@pytest.mark.parametrize(
    "kind",
    [
        int, str, bytes, float, bool, None, datetime, date, time, timedelta, UUID, Decimal, Colour, Literal["a"], Any,
        int | None, list[int], set[str], tuple[int, ...], Sequence[str], Annotated[int, annotated_types.Gt(1)],
        pydantic.PositiveInt, pydantic.AnyUrl, NewType("Number", int), object,
    ],
)  # fmt: skip
def test_what_is_no_body(kind: Any) -> None:
    assert not is_model(kind)
    assert not is_body_type(kind)


# -- what is read ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Struct, '{"name": "tea", "someId": 2}', Struct("tea", some_id=2)),
        (Model, '{"name": "tea", "price": "2", "someId": 2}', Model(name="tea", price=2, someId=2)),
        (Data, '\ufeff{"name": "tea"}', Data("tea")),
        (Model, '\ufeff{"name": "tea"}', Model(name="tea")),
        (Dict, '{"name": "tea"}', {"name": "tea"}),
        (Tuple, '["tea"]', Tuple("tea")),
        (Attrs, '{"name": "tea"}', Attrs("tea")),
        (Page[int], '{"items": [1]}', Page([1])),
        (ModelPage[int], '{"items": [1]}', ModelPage[int](items=[1])),
        (Root, "[1]", Root([1])),
        (Cat | Dog, '{"type": "dog", "age": 3}', Dog(3)),
        (Ware, '{"kind": "salt"}', Salt(kind="salt")),
        (Bounded, '{"count": 1}', Bounded(1)),
        (Model | None, "null", None),
        (list[Data], '[{"name": "tea"}]', [Data("tea")]),
        (int, "1", 1),
    ],
)
def test_values(kind: Any, text: str, value: Any) -> None:
    assert find_json_reader(kind)(text.encode()) == value


@pytest.mark.parametrize(
    ("kind", "text", "faults"),
    [
        (Struct, '{"name": 1, "price": 0}', [("/name", "expected text")]),
        (Model, '{"name": 1, "price": 0}', [("/name", "expected text"), ("/price", "expected at least 1.0")]),
        (Struct, "{}", [("/name", "is required")]),
        (Model, "{}", [("/name", "is required")]),
        (Struct, '{"name": "t", "price": 0}', [("/price", "expected at least 1.0")]),
        (Struct, '{"name": "too long"}', [("/name", "expected text of at most 5 characters")]),
        (Model, '{"name": "too long"}', [("/name", "expected text of at most 5 characters")]),
        (Struct, '{"name": "t", "colour": "x"}', [("/colour", "expected one of 'red', 'blue'")]),
        (Model, '{"name": "t", "colour": "x"}', [("/colour", "expected one of 'red', 'blue'")]),
        (Struct, '{"name": "t", "someId": "x"}', [("/someId", "expected an integer")]),
        (Model, '{"name": "t", "someId": "x"}', [("/someId", "expected an integer")]),
        (Struct, "[]", [("", "expected an object")]),
        (Model, "[]", [("", "expected an object")]),
        (Strict, '{"a/b~c": 1}', [("/a~1b~0c", "expected no such field")]),
        (StrictModel, '{"a/b~c": 1}', [("/a~1b~0c", "expected no such field")]),
        (Cat | Dog, '{"type": "cow"}', [("/type", "expected one of 'cat', 'dog'")]),
        (Ware, '{"kind": "cow"}', [("/kind", "expected one of 'tea', 'salt'")]),
        (Cat | Dog, "{}", [("/type", "is required")]),
        (Ware, "{}", [("/kind", "is required")]),
        (Cat | Dog, '{"type": "cat", "age": "x"}', [("/age", "expected an integer")]),
        (Ware, '{"kind": "tea", "cups": "x"}', [("/cups", "expected an integer")]),
        (list[Ware], '[{"kind": "tea", "cups": "x"}]', [("/0/cups", "expected an integer")]),
        (dict[str, Ware], '{"tea": {"kind": "tea", "cups": "x"}}', [("/tea/cups", "expected an integer")]),
        (Data, '{"name": "t", "price": "1"}', [("/price", "expected a number")]),
        (Dict, '{"name": 1}', [("/name", "expected text")]),
        (Tuple, '["t", "x"]', [("/1", "expected a number")]),
        (Bounded, '{"count": "1"}', [("/count", "expected an integer")]),
        (Bounded, '{"count": 0}', [("/count", "expected at least 1")]),
        (dict[str, int], '{"a": "x"}', [("", "in one of its members: expected an integer")]),
        (dict[int, int], '{"a": 1}', [("", "in one of its names: expected an integer")]),
        (dict[str, Page[int]], '{"a": {"items": [1, "x"]}}', [("", "in one of its members: expected an integer")]),
        (list[Literal["a", 1]], '["a", "b"]', [("/1", "expected one of 1, 'a'")]),
        (tuple[int, Colour], '[1, "x"]', [("/1", "expected one of 'red', 'blue'")]),
        (int | str | None, "1.5", [("", "expected an integer or text or null")]),
        (UUID, '"x"', [("", "expected a UUID")]),
        (date, '"x"', [("", "expected a date")]),
        (time, '"x"', [("", "expected a time")]),
        (datetime, '"x"', [("", "expected a date and time")]),
        (timedelta, '"x"', [("", "expected a duration")]),
        (Decimal, '"x"', [("", "expected a decimal number")]),
        (bytes, '"x"', [("", "expected text in base64")]),
        (bool, "1", [("", "expected true or false")]),
        (tuple[int, int], "[1]", [("", "expected an array of 2 items")]),
        (Annotated[list[int], msgspec.Meta(min_length=2)], "[1]", [("", "expected an array of at least 2 items")]),
        (Annotated[dict[str, int], msgspec.Meta(max_length=0)], '{"a": 1}',
         [("", "expected an object of at most 0 members")]),
        (Annotated[str, msgspec.Meta(pattern="^a$")], '"x"', [("", "expected text that matches '^a$'")]),
        (Annotated[int, msgspec.Meta(multiple_of=5)], "1", [("", "expected a multiple of 5")]),
        (Annotated[datetime, msgspec.Meta(tz=True)], '"2026-01-01T00:00:00"',
         [("", "expected a date and time with an offset")]),
    ],
)  # fmt: skip
def test_faults(kind: Any, text: str, faults: list[tuple[str, str]]) -> None:
    assert messages(text, kind) == faults


def test_each_kind_of_pydantic_has_words() -> None:
    """Read in the strictest way, a wrong value of each kind is said in words of ours."""
    kinds = [
        int, float, str, bool, bytes, date, time, datetime, timedelta, UUID, Decimal, list[int], set[int], tuple[int],
        dict[str, int], frozenset[int], None, Colour, Literal[1], Model, pydantic.AnyUrl, pydantic.HttpUrl,
        pydantic.PastDate, pydantic.AwareDatetime, pydantic.NaiveDatetime, pydantic.UUID4,
        pydantic.condecimal(max_digits=3, decimal_places=1), pydantic.conlist(int, min_length=9, max_length=9),
        pydantic.constr(min_length=9, pattern="a"), pydantic.conint(multiple_of=7), pydantic.IPvAnyAddress,
    ]  # fmt: skip
    said = []
    texts = ['"7331"', "7331", "[7331]", '{"7331": 7331}', "7331.7331", "true", "null", '"ftp://7331/"', '["7331"]']
    for kind in kinds:
        read = find_json_reader(pydantic.TypeAdapter(kind))
        for text in texts:
            try:
                read(text.encode())
            except Faults as exc:
                said += [fault.message for fault in exc.faults]
    assert len(said) > 100
    for message in said:
        assert message.startswith(("expected ", "is required", "value is not a valid IPv"))
        assert "7331" not in message
        assert "..." not in message


def test_what_the_authors_own_code_raises() -> None:
    def refuse(value: int) -> int:
        if value == 1:
            raise ValueError(f"7331 {value}")
        if value == 2:
            assert value == 3, f"7331 {value}"
        if value == 4:
            raise pydantic_core.PydanticCustomError("even", "choose an odd number")
        raise pydantic_core.PydanticCustomError("even", "not {value}", {"value": value})

    pydantic_core = pytest.importorskip("pydantic_core")
    kind = Annotated[int, pydantic.AfterValidator(refuse)]
    for text, message in (
        ("1", "a valid value"),
        ("2", "a valid value"),
        ("4", "a valid value (even)"),
        ("5", "a valid value (even)"),
    ):
        assert messages(text, kind) == [("", f"expected {message}")]


@pytest.mark.parametrize("kind", [Model, Struct, Data, Root, Bounded, int])
@pytest.mark.parametrize("text", [b"", b"{", b"[NaN]", b"[1] 2", b'{"name": "\xff"}', b"[" * 300 + b"]" * 300])
def test_malformed_text_is_no_fault(kind: Any, text: bytes) -> None:
    with pytest.raises(ValueError) as caught:
        find_json_reader(kind)(text)
    # Nested too deeply, it is well-formed JSON of another type.
    assert text.startswith(b"[[") or not isinstance(caught.value, Fault | Faults)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "1E+999", "9" * 400 + ".0"])
def test_pydantic_gets_no_number_that_no_response_could_hold(text: str) -> None:
    for kind in (pydantic.TypeAdapter(Any), pydantic.TypeAdapter(float)):
        with pytest.raises(ValueError):
            find_json_reader(kind)(f"[{text}]".encode())


def test_many_faults_are_counted() -> None:
    faults = messages(b"[" + b'"x",' * 500 + b"1]", Root)
    assert len(faults) == 101
    assert faults[0] == ("/0", "expected an integer")
    assert faults[100] == ("", "has 400 more faults")
    assert messages(b"[" + b'"x",' * 1001 + b"1]", Root) == [("", "has 1001 faults")]


def test_long_names_end_the_place() -> None:
    text = b'{"%b": {"a": "x"}}' % (b"k" * 100_000)
    assert messages(text, pydantic.TypeAdapter(dict[str, dict[str, int]])) == [("", "expected an integer")]
    assert len(messages(text, Strict)[0][0]) < 200


class Plain:
    pass


@pytest.mark.parametrize("kind", [Plain, list[Plain], Struct | Data | int | Plain])
def test_a_type_that_no_library_reads(kind: Any) -> None:
    with pytest.raises(TypeError, match="expected a type to read JSON as"):
        find_json_reader(kind)


def test_constraints_that_a_struct_would_pass_over() -> None:
    kind = msgspec.defstruct("Kind", [("count", Annotated[int, annotated_types.Ge(1)])])
    with pytest.raises(TypeError, match=r"write msgspec.Meta\(\)"):
        find_json_reader(kind)


KINDS = [Struct, Model, Data, Dict, Tuple, Attrs, Cat | Dog, Ware, Root, dict[str, int], list[Colour], Model | None]
SECRET = "7331"
DATA = strategies.recursive(
    strategies.sampled_from([None, True, 1, -1.5, SECRET, int(SECRET), "red", "tea", "cat"]),
    lambda inner: (
        strategies.lists(inner, max_size=3)
        | strategies.dictionaries(
            strategies.sampled_from(["name", "price", "colour", "type", "kind", "age", "x"]), inner, max_size=4
        )
    ),
    max_leaves=6,
)


@bounded(60)
@given(strategies.sampled_from(KINDS), DATA)
def test_any_type_and_any_text_are_a_value_or_faults_without_the_value(kind: Any, data: Any) -> None:
    said = ""
    try:
        find_json_reader(kind)(json.dumps(data).encode())
    except Faults as exc:
        said = "".join(fault.message for fault in exc.faults)
    assert SECRET not in said


@bounded(50)
@given(strategies.sampled_from(KINDS), strategies.binary(max_size=20))
def test_any_bytes_are_a_value_or_an_error_of_the_client(kind: Any, text: bytes) -> None:
    try:
        find_json_reader(kind)(text)
    except ValueError:
        pass


# -- several values ----------------------------------------------------------------------------------------------------

OBJECTS = [
    {"first": Member(Struct), "second": Member(int, 5)},
    {"first": Member(Model), "second": Member(Model | None, 5)},
    {"first": Member(Model), "second": Member(Struct, 5)},
]


def test_models_of_pydantic_do_not_need_msgspec() -> None:
    """Nor do plain values beside them."""
    code = (
        "import sys; sys.modules['msgspec'] = None\n"
        "from sketch.binding.bodies import Member, find_json_reader, find_object_reader\n"
        "import pydantic\n"
        "class Item(pydantic.BaseModel):\n    name: str\n"
        'text = b\'{"item": {"name": "tea"}, "count": 2}\'\n'
        "for members in ({'item': Member(Item)}, {'item': Member(Item), 'count': Member(int)}):\n"
        "    assert find_object_reader(members)(text)['item'] == Item(name='tea')\n"
        "assert find_json_reader(dict[str, int])(b'{\"a\": 1}') == {'a': 1}\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("members", OBJECTS)
def test_an_object_of_several_values(members: dict[str, Member]) -> None:
    read = find_object_reader(members)
    first = members["first"].kind(name="tea")
    assert read(b'{"first": {"name": "tea"}, "third": [1, {}]}') == {"first": first, "second": 5}
    for text, faults in (
        (b"{}", [("/first", "is required")]),
        (b'{"first": {"name": 1}}', [("/first/name", "expected text")]),
        (b'{"second": "x"}', [("/first", "is required"), ("/second", None)]),
        (b"[]", [("", "expected an object")]),
    ):
        with pytest.raises(Faults) as caught:
            read(text)
        assert [fault.pointer for fault in caught.value.faults] == [pointer for pointer, _ in faults]
        assert all(said in (None, fault.message) for (_, said), fault in zip(faults, caught.value.faults, strict=True))
    for text in (b"", b"{", b'{"first": }'):
        with pytest.raises(ValueError) as malformed:
            read(text)
        assert not isinstance(malformed.value, Faults)


# -- of a request ------------------------------------------------------------------------------------------------------


async def body(text: bytes, kind: str | None = "application/json", **options: Any) -> Any:
    headers = [(b"host", b"x")] if kind is None else [(b"host", b"x"), (b"content-type", kind.encode())]
    request = make_request(method="POST", headers=headers, body=[text], app=Application(limits=Limits(body=100)))
    return await read_body(request, find_json_reader(Model | None), **options)


@in_loop
async def test_media_types() -> None:
    for kind in (
        None,
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/problem+json",
        "text/x+json",
    ):
        assert await body(b"null", kind) is None
    for kind in (
        "text/plain",
        "application/jsonp",
        "application/x-www-form-urlencoded",
        "+json",
        "text/html, a/b+json",
    ):
        with pytest.raises(HTTPUnsupportedMediaType, match="expected a body of application/json"):
            await body(b"null", kind)


@in_loop
async def test_a_body_that_is_missing() -> None:
    for kind in (None, "application/json"):
        with pytest.raises(Fault, match=r"^is required$"):
            await body(b"", kind)
        assert await body(b"", kind, default=5) == 5
    with pytest.raises(Fault, match=r"^is required$"):
        await read_body(make_request(app=Application()), find_json_reader(Model), MISSING)


@in_loop
async def test_errors_of_a_body() -> None:
    error: type[HTTPException]
    for text, error, message in (
        (b"{", HTTPBadRequest, "expected a body in JSON: "),
        (b"[" * 90, HTTPBadRequest, "expected a body in JSON: "),
        (b" " * 101, HTTPContentTooLarge, "100"),
    ):
        with pytest.raises(error, match=message):
            await body(text)
    with pytest.raises(Faults, match=r"^/name: is required$"):
        await body(b"{}")
