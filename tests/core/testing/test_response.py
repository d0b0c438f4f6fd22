"""Answers in the test client: read in every way, streamed once, closed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sketch import Event, EventStreamResponse
from sketch.request import Request
from sketch.response import Response
from sketch.streams.stream import StreamResponse
from sketch.testing import TestClient, UnexpectedStatus
from tests.core.testing.support import Endless, serving
from tests.support.requests import in_loop


@in_loop
async def test_answers_can_be_read_in_every_way() -> None:
    async def handler() -> Response:
        return Response("é".encode("latin-1"), content_type="text/plain; charset=latin-1", headers={"X-A": "1"})

    async with TestClient(serving(handler)) as client:
        response = await client.get("/")
        assert response.headers["x-a"] == "1"
        assert await response.text() == "é"
        assert await response.read() == b"\xe9"
        assert [chunk async for chunk in response.stream()] == [b"\xe9"]
        assert "200" in repr(response)


@in_loop
async def test_a_body_is_streamed_once() -> None:
    async def handler() -> Response:
        return StreamResponse(iter([b"a", b"b"]))

    async with TestClient(serving(handler)) as client:
        response = await client.get("/")
        assert [chunk async for chunk in response.stream()] == [b"a", b"b"]
        with pytest.raises(RuntimeError, match="streamed before"):
            await response.read()


@in_loop
async def test_closing_a_response_closes_its_body_once_in_its_task() -> None:
    endless = Endless()
    async with TestClient(serving(endless.handler)) as client:
        async with await client.get("/") as response:
            await anext(response.stream())
        assert endless.closed == endless.tasks
        await response.close()
        assert len(endless.closed) == 1


@in_loop
async def test_statuses() -> None:
    async def handler(request: Request) -> Response:
        return Response("x", status=int(request.path[1:]))

    async with TestClient(serving(handler)) as client:
        for status in (200, 302):
            response = await client.get(f"/{status}")
            assert response.ok
            assert response.raise_for_status() is response
        response = await client.get("/404")
        assert not response.ok
        with pytest.raises(
            UnexpectedStatus, match="expected a status below 400, got 404\ncurl http://testserver/404"
        ) as raised:
            response.raise_for_status()
        assert raised.value.response is response
        assert repr(response) == "<ClientResponse 404: curl http://testserver/404>"
        assert (response.method, str(response.url)) == ("GET", "http://testserver/404")


@in_loop
async def test_lines() -> None:
    async def handler() -> Response:
        async def body() -> AsyncIterator[bytes]:
            for part in (b'{"a": 1}\n{"b"', b": 2}\r\n\n", "grü".encode()[:3], "grü".encode()[3:]):
                yield part

        return StreamResponse(body())

    async with TestClient(serving(handler)) as client:
        response = await client.get("/")
        assert [line async for line in response.lines()] == ['{"a": 1}', '{"b": 2}', "", "grü"]
        read = await client.get("/")
        await read.read()
        assert len([line async for line in read.lines()]) == 4


@in_loop
async def test_events() -> None:
    async def handler() -> Response:
        async def feed() -> AsyncIterator[Event]:
            for number in (1, 2):
                yield Event(str(number), id=str(number))

        return EventStreamResponse(feed())

    async with TestClient(serving(handler)) as client:
        response = await client.get("/")
        assert [(event.id, event.json()) async for event in response.events()] == [("1", 1), ("2", 2)]
