"""Handlers that return, or yield, an async iterator."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from sketch.application import Application
from sketch.binding.answers.answer import AnswerOptions, find_answer
from sketch.exceptions import HTTPConflict
from sketch.request import Request
from sketch.response import Response
from sketch.streams.sse import Event, EventStreamResponse
from sketch.streams.stream import StreamResponse
from sketch.testing import TestClient
from tests.support.requests import in_loop, make_request

msgspec = pytest.importorskip("msgspec")
pydantic = pytest.importorskip("pydantic")


class Struct(msgspec.Struct):
    name: str


class StructMore(Struct):
    password: str = "hunter2"


@dataclass
class Data:
    name: str


class Model(pydantic.BaseModel):
    name: str


class ModelMore(Model):
    password: str = "hunter2"


class Source:
    """An async iterator that counts its ends."""

    def __init__(self, *items: Any) -> None:
        self.items = list(items)
        self.closed = 0

    def __aiter__(self) -> Source:
        return self

    async def __anext__(self) -> Any:
        if not self.items:
            raise StopAsyncIteration
        return self.items.pop(0)

    async def aclose(self) -> None:
        self.closed += 1


def respond(kind: Any, value: Any, **options: Any) -> Response:
    made = find_answer(kind, AnswerOptions(**options))
    assert made is not None
    return made(make_request(app=Application()), value)


async def read(response: Response) -> bytes:
    assert not isinstance(response.body, bytes)
    return b"".join([chunk async for chunk in response.body])


@pytest.mark.parametrize(
    ("kind", "items", "content_type", "body"),
    [
        (AsyncIterator[bytes], [b"a", b"b"], "application/octet-stream", b"ab"),
        (AsyncGenerator[bytes, None], [b"a", b"b"], "application/octet-stream", b"ab"),
        (AsyncIterable[str], ["a", "\u20ac"], "text/plain; charset=utf-8", b"a\xe2\x82\xac"),
        (AsyncIterator[str | bytes], ["a", b"b"], "application/octet-stream", b"ab"),
        (AsyncIterator[int], [1, 2], "application/jsonl", b"1\n2\n"),
        (AsyncIterator[dict[str, int]], [{"a": 1}], "application/jsonl", b'{"a":1}\n'),
        (AsyncIterator[str | int], ["a", 1], "application/jsonl", b'"a"\n1\n'),
        (AsyncIterator[Any], ["a", [1]], "application/jsonl", b'"a"\n[1]\n'),
        (AsyncIterator[Struct], [StructMore("a"), {"name": "b", "x": 1}], "application/jsonl",
         b'{"name":"a"}\n{"name":"b"}\n'),
        (AsyncIterator[Data | None], [Data("a"), None], "application/jsonl", b'{"name":"a"}\nnull\n'),
        (AsyncIterator[Model], [ModelMore(name="a"), {"name": "b", "x": 1}], "application/jsonl",
         b'{"name":"a"}\n{"name":"b"}\n'),
    ],
)  # fmt: skip
def test_by_the_type_of_the_items(kind: Any, items: list[Any], content_type: str, body: bytes) -> None:
    @in_loop
    async def run() -> None:
        response = respond(kind, Source(*items), status=201)
        assert isinstance(response, StreamResponse)
        assert (response.status, response.content_type) == (201, content_type)
        assert await read(response) == body

    run()


@in_loop
async def test_events() -> None:
    response = respond(AsyncIterator[Event], Source(Event("a"), Event({"b": 1})))
    assert isinstance(response, EventStreamResponse)
    assert response.content_type == "text/event-stream"
    assert await read(response) == b'data: a\n\ndata: {"b":1}\n\n'
    for options in ({"status": 201}, {"exclude_none": True}):
        with pytest.raises(TypeError, match="expected no options for events, which browsers take with 200 alone, got "):
            find_answer(AsyncIterator[Event], AnswerOptions(**options))  # type: ignore[arg-type]


@in_loop
async def test_options_of_models() -> None:
    kind = pydantic.create_model("Kind", name=(str | None, None))
    assert await read(respond(AsyncIterator[kind], Source(kind()), exclude_none=True)) == b"{}\n"


@in_loop
async def test_the_source_is_closed() -> None:
    for kind in (AsyncIterator[bytes], AsyncIterator[Struct], AsyncIterator[Event]):
        source = Source(b"a")
        response = respond(kind, source)
        await response.body.aclose()  # type: ignore[union-attr]
        assert source.closed == 1


@pytest.mark.parametrize(
    ("kind", "item", "message"),
    [
        (AsyncIterator[Struct], 5, r"expected .*Struct.* from .*, as it declares, got 5: it is no Struct"),
        (AsyncIterator[Model], 5, r"expected .*Model.* from .*, as it declares, got 5: it is no Model"),
        (AsyncIterator[bytes], 5, r"expected .*bytes.* from .*, as it declares, got 5"),
        (AsyncIterator[str], [1], r"expected .*str.* from .*, as it declares, got \[1\]"),
    ],
)
def test_an_item_of_another_type_names_the_handler(kind: Any, item: Any, message: str) -> None:
    @in_loop
    async def run() -> None:
        with pytest.raises(TypeError, match=message):
            await read(respond(kind, Source(item)))

    run()


def test_what_is_no_iterator() -> None:
    for kind in (AsyncIterator[bytes], AsyncIterator[Struct], AsyncIterator[Event]):
        with pytest.raises(TypeError, match=r"expected .*AsyncIterator.* from "):
            respond(kind, [b"a"])
        ready = Response("ready")
        assert respond(kind, ready) is ready
        assert respond(kind, HTTPConflict()).status == 409


@in_loop
async def test_on_the_way_to_a_client() -> None:
    app = Application()
    made = find_answer(AsyncIterator[Struct])
    assert made is not None

    async def items() -> AsyncIterator[Struct]:
        yield Struct("a")
        yield StructMore("b")

    @app.get("/")
    async def stream(request: Request) -> Response:
        assert made is not None
        return made(request, items())

    async with TestClient(app) as client:
        response = await client.get("/")
        assert response.headers["Content-Type"] == "application/jsonl"
        lines = (await response.text()).splitlines()
        assert [json.loads(line) for line in lines] == [{"name": "a"}, {"name": "b"}]
