"""The answer that is made of what a handler returns, by the type that it declares."""

from __future__ import annotations

import json
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
    Sequence,
)
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, NoReturn, TypedDict
from uuid import UUID

import pytest

from sketch.application import Application
from sketch.binding.answers.answer import AnswerOptions, find_answer
from sketch.exceptions import HTTPException, HTTPNotFound
from sketch.request import Request
from sketch.response import HTMLResponse, JSONResponse, RedirectResponse, Response
from tests.support.requests import answer, in_loop, make_request

attrs = pytest.importorskip("attrs")
msgspec = pytest.importorskip("msgspec")
pydantic = pytest.importorskip("pydantic")

TEXT, BYTES, JSON = "text/plain; charset=utf-8", "application/octet-stream", "application/json"


class Struct(msgspec.Struct):
    name: str


@dataclass
class Data:
    name: str


class Model(pydantic.BaseModel):
    name: str


class Dict(TypedDict):
    name: str


@attrs.define
class Attrs:
    name: str


class Colour(Enum):
    RED = "red"


class Plain:
    pass


class Markup(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "other"

    def encode(self, *_: Any) -> bytes:
        return b"other"


def respond(kind: Any, value: Any, app: Application | None = None, **options: Any) -> Response:
    made = find_answer(kind, AnswerOptions(**options))
    assert made is not None
    return made(make_request(app=app or Application()), value)


def refused(kind: Any, value: Any) -> str:
    with pytest.raises(TypeError) as caught:
        respond(kind, value)
    return str(caught.value)


# -- by type -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "status", "content_type", "body"),
    [
        (None, None, 204, None, b""),
        (str, "text", 200, TEXT, b"text"),
        (str, Markup("text"), 200, TEXT, b"text"),
        (bytes, b"raw", 200, BYTES, b"raw"),
        (bytearray, bytearray(b"raw"), 200, BYTES, b"raw"),
        (bytes | memoryview, memoryview(b"raw"), 200, BYTES, b"raw"),
        (NewType("Name", str), "text", 200, TEXT, b"text"),
        (dict, {"a": [1]}, 200, JSON, b'{"a":[1]}'),
        (dict[str, Any], {"a": [1]}, 200, JSON, b'{"a":[1]}'),
        (list, [1], 200, JSON, b"[1]"),
        (list[str], ["a"], 200, JSON, b'["a"]'),
        (int, 5, 200, JSON, b"5"),
        (bool, True, 200, JSON, b"true"),
        (Struct, Struct("tea"), 200, JSON, b'{"name":"tea"}'),
        (Data, Data("tea"), 200, JSON, b'{"name":"tea"}'),
        (Model, Model(name="tea"), 200, JSON, b'{"name":"tea"}'),
        (Dict, {"name": "tea"}, 200, JSON, b'{"name":"tea"}'),
        (Attrs, Attrs("tea"), 200, JSON, b'{"name":"tea"}'),
        (Struct | None, None, 200, JSON, b"null"),
        (Model | None, None, 200, JSON, b"null"),
        (str | None, None, 200, JSON, b"null"),
        (str | None, "text", 200, TEXT, b"text"),
        (str | Struct, "text", 200, TEXT, b"text"),
        (str | Struct, Struct("tea"), 200, JSON, b'{"name":"tea"}'),
        (str | bytes, b"raw", 200, BYTES, b"raw"),
        (Literal["a", "b"], "a", 200, JSON, b'"a"'),
        (Colour, Colour.RED, 200, JSON, b'"red"'),
        (Colour, "red", 200, JSON, b'"red"'),
        (Annotated[list[int], "doc"], [1], 200, JSON, b"[1]"),
        (Awaitable[Struct], Struct("tea"), 200, JSON, b'{"name":"tea"}'),
        (Coroutine[Any, Any, str], "text", 200, TEXT, b"text"),
        (Struct | Response, Struct("tea"), 200, JSON, b'{"name":"tea"}'),
        (Struct | HTTPException, Struct("tea"), 200, JSON, b'{"name":"tea"}'),
    ],
)
def test_by_type(kind: Any, value: Any, status: int, content_type: str | None, body: bytes) -> None:
    response = respond(kind, value)
    assert (response.status, response.content_type, response.body) == (status, content_type, body)


@pytest.mark.parametrize(
    "kind",
    [
        Any, object, Response, JSONResponse, HTTPNotFound, Response | HTTPException, JSONResponse | RedirectResponse,
        Annotated[Response, "doc"], Response | Any, NoReturn,
    ],
)  # fmt: skip
def test_the_rule_of_handlers_that_return_a_response(kind: Any) -> None:
    assert find_answer(kind) is None


def test_responses_and_errors_that_are_returned_all_the_same() -> None:
    page = HTMLResponse("<p>")
    for kind in (Struct | Response, Struct, Model, str, None, dict):
        assert respond(kind, page) is page
        response = respond(kind, HTTPNotFound("none", headers={"X-A": "1"}))
        assert (response.status, response.body, response.headers["X-A"]) == (404, b"none", "1")


def test_an_error_is_no_object_of_the_declared_type() -> None:
    status = pydantic.create_model("Status", status=(int, ...))
    struct = msgspec.defstruct("Status", [("status", int)])
    for kind in (status, struct):
        assert respond(kind, HTTPNotFound()).status == 404


def test_the_response_belongs_to_the_request() -> None:
    for kind, value in ((Struct, Struct("tea")), (Model, Model(name="a")), (str, "a"), (bytes, b"a"), (None, None)):
        request = make_request(app=Application())
        made = find_answer(kind)
        assert made is not None
        assert made(request, value).owner is request


# -- what JSON looks like ----------------------------------------------------------------------------------------------

WRITTEN: list[tuple[Any, Any, Any]] = [
    (datetime, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
    (datetime, datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
    (date, date(2026, 1, 2), "2026-01-02"),
    (time, time(3, 4, 5), "03:04:05"),
    (UUID, UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    (Decimal, Decimal("1.10"), "1.10"),
    (Colour, Colour.RED, "red"),
    (float, 1, 1),
    (Path, Path("/a"), "/a"),
]


@pytest.mark.parametrize(("kind", "value", "text"), WRITTEN)
@pytest.mark.parametrize("codec", ["stdlib", "orjson", "msgspec"])
def test_it_looks_alike_in_every_family(kind: Any, value: Any, text: Any, codec: str) -> None:
    app = Application(json=codec)
    data = dataclass(type("D", (), {"__annotations__": {"a": kind}}))
    attr = attrs.make_class("A", {"a": attrs.field(type=kind)})
    struct = msgspec.defstruct("S", [("a", kind)])
    table = TypedDict("T", {"a": kind})  # type: ignore[misc]  # noqa: UP013
    model = pydantic.create_model("M", a=(kind, ...))
    for declared, made in (
        (data, data(value)),
        (attr, attr(value)),
        (struct, struct(value)),
        (table, {"a": value}),
        (model, model(a=value)),
        (dict, {"a": value}),
        (dict[str, kind], {"a": value}),
    ):
        body = respond(declared, made, app).body
        assert isinstance(body, bytes)
        assert json.loads(body) == {"a": text}
    body = respond(list[kind], [value], app).body
    assert isinstance(body, bytes)
    assert json.loads(body) == [text]


def test_durations_and_bytes() -> None:
    """pydantic writes them in a way of its own, which its configuration changes."""
    for kind, value, text in ((timedelta, timedelta(days=1, seconds=5), "P1DT5S"), (bytes, b"raw", "cmF3")):
        for declared in (msgspec.defstruct("S", [("a", kind)]), attrs.make_class("A", {"a": attrs.field(type=kind)})):
            body = respond(declared, declared(value)).body
            assert isinstance(body, bytes)
            assert json.loads(body) == {"a": text}


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_what_does_not_convert_names_the_handler() -> None:
    app = Application()

    @app.get("/{case}")
    async def find(request: Request) -> Response:
        made = find_answer(list[Struct] | None)
        assert made is not None
        return made(request, {"one": 5, "two": [{"name": 5}]}[request.match_info["case"]])

    async def ask(case: str) -> str:
        errors: list[str] = []

        @app.error_handler(TypeError)
        async def note(_: Request, exc: TypeError) -> Response:
            errors.append(str(exc))
            return Response()

        await answer(app, f"/{case}")
        return errors[0]

    in_loop(lambda: check(ask))()


async def check(ask: Any) -> None:
    said = await ask("one")
    assert "test_what_does_not_convert_names_the_handler.<locals>.find" in said
    assert "expected list" in said


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (Struct, 5, "got 5: it is no Struct"),
        (Struct, None, "got None: it is no Struct"),
        (Struct, {}, "got {}: it is no Struct with 'name'"),
        (Struct, Struct(5), "expected str at $.name, got 5"),
        (list[Struct], [Struct("a"), Struct(5)], "expected str at $[1].name, got 5"),
        (dict[str, list[Data]], {"k": [Data([])]}, "expected str at $.k[0].name, got []"),
        (Struct | Data, 5, "it is no Struct or Data"),
        (list, "text", "it is no list"),
        (list[int], {"a": 1}, "it is no list"),
        (dict, [1], "it is no dict"),
        (int, "1", "it is no int"),
        (int, True, "it is no int"),
        (float, "x", "it is no float"),
        (date, datetime(2026, 1, 2), "it is no date"),
        (Literal["a", "b"], "c", "it is no one of 'a', 'b'"),
        (Literal[1], True, "it is no one of 1"),
        (Colour, "blue", "it is no Colour"),
        (tuple[int, str], (1,), "it is no tuple of 2 values"),
        (str, 5, "declare what it returns"),
        (None, "x", "declare what it returns"),
        (Model, 5, "it is no Model"),
        (Model, {"name": 5}, "expected Model: 1 validation error"),
        (dict, {"a": Plain()}, "expected data that JSON can hold"),
        (dict, {"a": {1: {(1, 2): 3}}}, "expected keys that JSON can hold"),
    ],
)
def test_what_is_refused(kind: Any, value: Any, reason: str) -> None:
    said = refused(kind, value)
    assert reason in said
    assert said.startswith("expected ")


def test_what_is_not_awaited() -> None:
    async def find() -> None: ...

    for kind in (Struct, Model, str, None, dict):
        assert refused(kind, find()).endswith("did it forget to await it?")


def test_long_values_are_cut() -> None:
    assert len(refused(Struct, "x" * 10_000)) < 500


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Iterator[int], r"expected a type that says how it is sent, got .*Iterator.*: declare list\[\.\.\.\] and"),
        (Generator[int, None, None], "expected a type that says how it is sent"),
        (Iterable[int], "expected a type that says how it is sent"),
        (AsyncIterator[int] | None, "expected .*AsyncIterator.* alone, got it in a union"),
        (AsyncIterator, r"expected the type of what is yielded, got .*: declare AsyncIterator\[bytes\]"),
        (Plain, "expected a type that JSON can hold, got Plain: declare a Struct, a dataclass, a TypedDict or a model"),
        (list[Plain], "expected a type that JSON can hold"),
        (dict[str, Plain], "expected a type that JSON can hold"),
        (Plain | None, "expected a type that JSON can hold"),
        ("Later", "expected a type that JSON can hold"),
        (5, "expected a type that JSON can hold"),
        (AsyncIterator[Plain], "expected a type that JSON can hold"),
        (pydantic.create_model, "expected a type that JSON can hold"),
    ],
)
def test_types_that_make_no_answer(kind: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        find_answer(kind)


# -- options -----------------------------------------------------------------------------------------------------------


class Aliased(pydantic.BaseModel):
    some_id: int = pydantic.Field(1, serialization_alias="someId")
    note: str | None = None


def test_options_of_models() -> None:
    for options, value, sent in (
        ({}, Aliased(), {"someId": 1, "note": None}),
        ({"by_alias": False}, Aliased(), {"some_id": 1, "note": None}),
        ({"exclude_unset": True}, Aliased(note="a"), {"note": "a"}),
        ({"exclude_defaults": True}, Aliased(some_id=1, note="a"), {"note": "a"}),
        ({"exclude_none": True}, Aliased(), {"someId": 1}),
    ):
        for kind, holding, result in ((Aliased, value, sent), (list[Aliased], [value], [sent])):
            body = respond(kind, holding, **options).body
            assert isinstance(body, bytes)
            assert json.loads(body) == result


def test_a_status() -> None:
    for kind, value in ((Struct, Struct("a")), (str, "a"), (bytes, b"a"), (None, None), (Model, Model(name="a"))):
        assert respond(kind, value, status=201).status == 201
    assert respond(None, None, status=304).status == 304
    for kind in (Struct, str, list[int], Struct | None):
        with pytest.raises(ValueError, match=r"expected a status with a body, got 204: declare `-> None`"):
            find_answer(kind, AnswerOptions(status=204))
    with pytest.raises(ValueError, match="200 to 599"):
        find_answer(Struct, AnswerOptions(status=100))
    with pytest.raises(TypeError):
        find_answer(Struct, AnswerOptions(status="201"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "kind", [Struct, Data, dict, list[int], str, None, AsyncIterator[bytes], AsyncIterator[Struct]]
)
@pytest.mark.parametrize("option", ["by_alias", "exclude_unset", "exclude_defaults", "exclude_none"])
def test_options_that_a_type_cannot_have(kind: Any, option: str) -> None:
    with pytest.raises(TypeError, match=f"expected {option}=True for "):
        find_answer(kind, AnswerOptions(**{option: True}))


# -- generic containers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [AsyncIterator[bytes], AsyncIterable[bytes], AsyncGenerator[bytes, None]])
def test_streams_are_found(kind: Any) -> None:
    assert find_answer(kind) is not None


def test_sequences() -> None:
    for value in ([1], (1,)):
        assert respond(Sequence[int], value).body == b"[1]"
