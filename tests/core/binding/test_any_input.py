"""Any declared signature, any request: a value of the declared type goes in and out, or an error that holds no input.

Annotations are objects here: handlers are made of them.
"""

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, NewType, get_args, get_origin
from urllib.parse import quote, urlencode
from uuid import UUID

import pytest
from annotated_types import Gt, MaxLen
from hypothesis import given, settings, strategies as st
from typing_extensions import TypedDict

from sketch.binding.sources import Body, Cookie, Form, Header, Path, Query
from sketch.request.forms.uploads import UploadedFile
from tests.core.binding.support import FORM, JSON, MULTIPART, run, send, serving
from tests.core.request.forms.support import LAST, field, file

attrs = pytest.importorskip("attrs")
msgspec = pytest.importorskip("msgspec")
pydantic = pytest.importorskip("pydantic")

SECRET = "s3cret"


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Struct(msgspec.Struct):
    n: int
    on: date | None = None
    tags: list[str] = []  # noqa: RUF012 - msgspec copies it


class Closed(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    some_n: Annotated[int, msgspec.Meta(ge=0)] = 5


@dataclass
class Data:
    n: Annotated[int, Gt(0)]
    colour: Colour = Colour.RED


@attrs.define
class Attrs:
    n: float
    text: str = ""


class Dict(TypedDict):
    n: int
    text: str


class Row(NamedTuple):
    n: int
    text: str = ""


class Model(pydantic.BaseModel):
    n: Annotated[int, pydantic.Field(gt=0)]
    text: str = pydantic.Field("", max_length=3)
    inner: "Model | None" = None


class Strict(pydantic.BaseModel, extra="forbid"):
    n: pydantic.PositiveInt = 1
    text: str


class Cat(msgspec.Struct, tag=True):
    n: int


class Dog(msgspec.Struct, tag=True):
    text: str


Number = NewType("Number", int)

Sampled = list[tuple[Any, Any]]
"""Types, each with a value as JSON has it."""

PLAIN: Sampled = [
    (str, "abc"),
    (int, -7),
    (float, 1.5),
    (bool, True),
    (bytes, "YWI="),
    (date, "2024-05-31"),
    (datetime, "2024-05-31T01:02:03Z"),
    (time, "18:00:00"),
    (timedelta, "P1DT2H"),
    (UUID, "00000000-0000-0000-0000-000000000005"),
    (Decimal, "1.50"),
    (Colour, "red"),
    (Literal["a", 1], 1),
    (Number, 5),
    (int | date, "2024-05-31"),
    (Annotated[int, Gt(0)], 7),
    (Annotated[str, MaxLen(3)], "abc"),
    (pydantic.PositiveInt, 7),
    (Annotated[str, pydantic.Field(pattern="^[a-z]+$")], "abc"),
]
OPTIONAL: Sampled = [(int | None, 7), (str | None, ""), (date | None, "2024-05-31"), (Colour | None, "red")]
REPEATED: Sampled = [
    (list[int], [1, -2]),
    (set[Colour], ["red", "blue"]),
    (tuple[date, ...], ["2024-05-31"]),
    (Annotated[list[str], MaxLen(1)], ["abc"]),
]
FLAT: Sampled = [
    (Struct, {"n": 1, "on": "2024-05-31"}),
    (Closed, {"someN": 0}),
    (Data, {"n": 7, "colour": "blue"}),
    (Attrs, {"n": 1.5, "text": "a"}),
    (Dict, {"n": 1, "text": "a"}),
    (Row, {"n": 1, "text": "a"}),
    (Strict, {"n": 1, "text": "a"}),
]
MODELS: Sampled = [
    (Model, {"n": 7, "text": "abc", "inner": {"n": 1}}),
    (Cat | Dog, {"type": "Dog", "text": "abc"}),
    (list[Struct], [{"n": 1}, {"n": 2, "tags": ["a"]}]),
    (dict[str, int], {"a": 1, "b": -7}),
    (Model | None, None),
    (list[Model], [{"n": 7}]),
]
ROW = (Row, [1, "a"])
"""A named tuple has names in text, and none in JSON."""

KINDS: dict[str, Sampled] = {
    "path": [pair for pair in PLAIN if pair[0] is not bytes],
    "query": [*PLAIN, *OPTIONAL, *REPEATED, *FLAT],
    "header": [*PLAIN, *OPTIONAL, *REPEATED],
    "cookie": [*PLAIN, *OPTIONAL],
    "form": [*PLAIN, *OPTIONAL, *REPEATED, *FLAT, (UploadedFile, "")],
    "body": [*PLAIN, *REPEATED, *(pair for pair in FLAT if pair[0] is not Row), ROW, *MODELS],
}
MARKS = {"path": Path, "query": Query, "header": Header, "cookie": Cookie, "form": Form, "body": Body}

# -- requests ----------------------------------------------------------------------------------------------------------

WRITTEN = st.sampled_from(["", SECRET, f"7{SECRET}", f"2024-05-31{SECRET}", "9" * 400, "2024-05-31T01:02:03Z", "-1.5"])
TEXTS = {
    place: WRITTEN | st.text(characters, max_size=8).map(lambda text: text + SECRET)
    for place, characters in {
        "path": st.characters(codec="utf-8"),
        "query": st.characters(codec="utf-8"),
        "form": st.characters(codec="utf-8"),
        "header": st.characters(min_codepoint=33, max_codepoint=255, exclude_categories=["Cc"]),
        "cookie": st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=';"\\'),
    }.items()
}
LEAVES = st.sampled_from([None, True, 0, 7, -1.5, 10**30, "Cat", "Dog", "abc", "2024-05-31", SECRET, f"7{SECRET}"])
NAMES = st.sampled_from(["n", "text", "tags", "on", "colour", "someN", "inner", "type", "a"])
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=6
)
JUNK = st.binary(max_size=20).map(lambda raw: raw + SECRET.encode()) | st.just(b"")


@dataclass
class Parameter:
    """A parameter, and what is sent for it: texts by name, or JSON."""

    name: str
    place: str
    kind: Any
    texts: list[tuple[str, str]]
    value: Any


def written(name: str, sample: Any) -> list[tuple[str, str]]:
    """A value as texts: the fields of a model, the values of a name that is repeated, or a single one."""
    if isinstance(sample, dict):
        return [(field, str(value)) for field, value in sample.items()]
    values = sample if isinstance(sample, list) else [sample]
    return [(name, str(value)) for value in values]


@st.composite
def parameters(draw: Callable[[st.SearchStrategy[Any]], Any]) -> list[Parameter]:
    """Some parameters, most of them with valid input."""
    found = []
    places = [*draw(st.sampled_from([("path", "query", "header", "cookie"), ("query", "form"), ("body", "query")]))]
    for name in "abc"[: draw(st.integers(1, 3))]:
        place = draw(st.sampled_from(places))
        kind, sample = draw(st.sampled_from(KINDS[place]))
        texts, value = written(name, sample), sample
        if draw(st.integers(0, 3)) == 0:
            value = draw(VALUES)
            if place != "body":
                names = {name: 0, **(sample if isinstance(sample, dict) else {})}
                texts = draw(st.lists(st.tuples(st.sampled_from([*names]), TEXTS[place]), max_size=3))
        found.append(Parameter(name, place, kind, texts, value))
    return found


def json_of(found: list[Parameter]) -> bytes:
    """The body: the whole of it, or an object with several values."""
    mine = [each for each in found if each.place == "body"]
    return json.dumps(mine[0].value if len(mine) == 1 else {each.name: each.value for each in mine}).encode()


def multipart_of(fields: list[tuple[str, str]], found: list[Parameter]) -> bytes:
    files = [each.name for each in found if each.kind is UploadedFile]
    parts = [field(name, text.encode()) for name, text in fields if name not in files]
    return b"".join([*parts, *(file(name, SECRET, SECRET.encode()) for name in files), LAST])


# -- handlers ----------------------------------------------------------------------------------------------------------


def make_handler(found: list[Parameter], got: list[Any]) -> tuple[Callable[..., Any], Any]:
    """A handler with these parameters that returns the value of the first one that is no file, and the type of that."""
    returned = next((each for each in found if each.kind is not UploadedFile), None)
    kind = None if returned is None else returned.kind

    async def handler(**values: Any) -> Any:
        got.append(None if returned is None else values[returned.name])
        return got[0]

    handler.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                each.name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[each.kind, MARKS[each.place]()]
            )
            for each in found
        ],
        return_annotation=kind,
    )
    return handler, kind


@cache
def reader_of(kind: Any) -> Callable[[bytes], Any]:
    """What reads JSON of a type, by the library of the type alone."""
    if "pydantic" in repr(kind) or "Model" in repr(kind) or kind is Strict:
        read: Callable[[bytes], Any] = pydantic.TypeAdapter(kind).validate_json
        return read
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]  # msgspec knows no constraints of annotated_types
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(kind).decode
    return decode


@settings(max_examples=200, deadline=None)
@given(parameters(), st.none() | st.none() | st.none() | JUNK, st.booleans(), st.booleans())
def test_any_signature_and_any_request(
    found: list[Parameter], junk: bytes | None, multipart: bool, problem: bool
) -> None:
    got: list[Any] = []
    handler, kind = make_handler(found, got)
    places = {each.place for each in found}
    texts = {place: [pair for each in found if each.place == place for pair in each.texts] for place in MARKS}
    named = [each.name for each in found if each.place == "path"]
    values = [next((text for name, text in texts["path"] if name == each), "") for each in named]
    path = "/" + "".join(f"x/{{{name}}}/" for name in named)
    target = "/" + "".join(f"x/{quote(value, safe='')}/" for value in values)
    headers = [(name.encode(), text.encode("latin-1")) for name, text in texts["header"]]
    headers += [(b"cookie", "; ".join(f"{name}={text}" for name, text in texts["cookie"]).encode())]
    headers += [(b"accept", b"application/json" if problem else b"*/*")]
    body = None
    if "form" in places:
        body = multipart_of(texts["form"], found) if multipart else urlencode(texts["form"]).encode()
        headers.append(MULTIPART if multipart else FORM)
    elif "body" in places:
        body = json_of(found)
        headers.append(JSON)
    if body is not None and junk is not None:
        body = junk
    method = "GET" if body is None else "POST"
    app = serving(handler, path, method)
    wire = run(send(app, f"{target}?{urlencode(texts['query'])}", *headers, method=method, content=body))

    assert isinstance(wire.payload, bytes)
    if wire.status in (200, 204):
        check_result(dict(wire.fields).get(b"content-type", b"").decode(), wire.payload, kind, got[0])
        return
    assert not got
    told = junk is not None and "form" in places and not multipart  # a name without a value: names are told
    assert told or SECRET.encode() not in wire.payload
    assert wire.status == 422 or (wire.status == 404 and named) or (wire.status == 400 and junk is not None)
    if wire.status == 422 and problem:
        for error in json.loads(wire.payload)["errors"]:
            assert error["in"] in places
            assert error["message"]


def check_result(content_type: str, sent: bytes, kind: Any, value: Any) -> None:
    """What was sent is what the handler was given, as its type reads it."""
    if content_type.startswith("text/plain"):
        assert sent.decode() == value
    elif content_type == "application/octet-stream":
        assert sent == value
    elif kind is None:
        assert (sent, content_type) == (b"", "")
    else:
        assert content_type == "application/json"
        assert reader_of(kind)(sent) == value
