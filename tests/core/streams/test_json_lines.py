"""JSON lines."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from sketch.application import Application
from sketch.jsoncodec import JSONCodec
from sketch.response import Response
from sketch.streams.json_lines import JSONLinesResponse
from sketch.testing import TestClient
from tests.support.requests import answer, in_loop

ITEMS: list[Any] = [{"a": 1}, "line\nbreak", None, [1, "é"], 0]
LINES = '{"a":1}\n"line\\nbreak"\nnull\n[1,"é"]\n0\n'


async def produced(closed: list[str]) -> AsyncIterator[Any]:
    try:
        for item in ITEMS:
            yield item
    finally:
        closed.append("async")


def made(closed: list[str]) -> Iterator[Any]:
    try:
        yield from ITEMS
    finally:
        closed.append("sync")


def serving(make: Any, **options: Any) -> Application:
    app = Application(**options)

    async def handler() -> Response:
        return JSONLinesResponse(make())

    app.add_get("/", handler)
    return app


@pytest.mark.parametrize("kind", ["async", "sync", "list"])
@in_loop
async def test_lines(kind: str) -> None:
    closed: list[str] = []
    makes = {"async": lambda: produced(closed), "sync": lambda: made(closed), "list": lambda: ITEMS}
    async with TestClient(serving(makes[kind])) as client:
        response = await client.get("/")
        assert response.headers["Content-Type"] == "application/jsonl"
        assert "Content-Length" not in response.headers
        assert await response.text() == LINES
    assert closed == ([] if kind == "list" else [kind])


@in_loop
async def test_each_item_is_a_chunk_of_its_own() -> None:
    async with TestClient(serving(lambda: produced([]))) as client:
        response = await client.get("/")
        assert [json.loads(chunk) async for chunk in response.stream()] == ITEMS


@in_loop
async def test_the_codec_of_the_application() -> None:
    codec = JSONCodec(dumps=lambda data: repr(data).encode(), loads=json.loads)
    async with TestClient(serving(lambda: [None], json=codec)) as client:
        assert await (await client.get("/")).text() == "None\n"


@pytest.mark.parametrize("kind", ["async", "sync"])
@in_loop
async def test_an_unsent_source_is_closed(kind: str) -> None:
    """Also a source that was already started."""
    closed: list[str] = []
    if kind == "async":
        source: Any = produced(closed)
        await anext(source)
    else:
        source = made(closed)
        next(source)
    response = await answer(serving(lambda: source), method="HEAD")
    assert response.payload == b""
    assert closed == [kind]


@in_loop
async def test_an_unserializable_item_breaks_the_stream() -> None:
    async with TestClient(serving(lambda: [1, object(), 2]), raise_errors=False) as client:
        response = await client.get("/")
        with pytest.raises(ConnectionError):
            await response.read()


@in_loop
async def test_a_second_use_is_a_clear_error(caplog: pytest.LogCaptureFixture) -> None:
    response = JSONLinesResponse(ITEMS)
    app = Application()

    async def handler() -> Response:
        return response

    app.add_get("/", handler)
    async with TestClient(app, raise_errors=False) as client:
        assert await (await client.get("/")).text() == LINES
        assert (await client.get("/")).status == 500
    assert "was sent before" in caplog.text


@pytest.mark.parametrize("items", ["text", b"bytes", {"a": 1}, 5, None, produced])
def test_other_sources_are_refused(items: Any) -> None:
    with pytest.raises(TypeError, match="expected an iterable of objects"):
        JSONLinesResponse(items)


@in_loop
async def test_objects_go_as_in_a_json_response() -> None:
    rows = [{"day": date(2026, 1, 2)}, {"id": UUID(int=5)}]
    async with TestClient(serving(lambda: rows)) as client:
        text = await (await client.get("/")).text()
    assert text == '{"day":"2026-01-02"}\n{"id":"00000000-0000-0000-0000-000000000005"}\n'
