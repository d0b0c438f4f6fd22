"""Answers in the test client: read in every way, streamed once, closed."""

from __future__ import annotations

import pytest

from sketch.response import Response
from sketch.streams.stream import StreamResponse
from sketch.testing import TestClient
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
