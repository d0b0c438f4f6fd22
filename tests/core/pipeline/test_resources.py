"""Resources that a request holds open until its answer is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sketch.application import Application
from sketch.pipeline.resources import StreamWithResources, attach
from sketch.request import Request
from sketch.response import Response
from sketch.streams.stream import StreamResponse
from sketch.transport import Chunks
from tests.support.requests import answer, in_loop, make_request


class Closable:
    """A resource that notes when it is closed."""

    def __init__(self, log: list[str], name: str = "held", error: type[BaseException] | None = None) -> None:
        self._log = log
        self._name = name
        self._error = error

    async def aclose(self) -> None:
        self._log.append(self._name)
        if self._error is not None:
            raise self._error


async def stream(log: list[str]) -> AsyncIterator[bytes]:
    try:
        yield b"a"
        yield b"b"
    finally:
        log.append("stream")


def holding(*held: Any) -> Request:
    request = make_request(app=Application())
    request.files = held
    return request


@in_loop
async def test_a_stream_keeps_open_what_the_request_holds() -> None:
    log: list[str] = []
    request = holding(Closable(log))
    original = StreamResponse(stream(log))
    response = attach(request, original)
    assert response is not original
    assert request.files == ()
    assert isinstance(response.body, StreamWithResources)
    response.body.claim(request)
    async with Chunks(response.body) as chunks:
        assert [await chunks.next() for _ in range(3)] == [b"a", b"b", b""]
        assert log == ["stream"]
    assert log == ["stream", "held"]


@pytest.mark.parametrize("started", [False, True])
@in_loop
async def test_resources_are_closed_when_the_client_leaves(started: bool) -> None:
    log: list[str] = []
    response = attach(holding(Closable(log)), StreamResponse(stream(log)))
    async with Chunks(response.body) as chunks:  # type: ignore[arg-type]
        if started:
            await chunks.next()
    assert log == (["stream", "held"] if started else ["held"])


@in_loop
async def test_resources_of_an_unsent_stream_are_closed() -> None:
    log: list[str] = []
    request = holding(Closable(log))
    response = attach(request, StreamResponse(stream(log)))
    assert isinstance(response.body, StreamWithResources)
    await response.body.release(request)
    assert log == ["held"]


@in_loop
async def test_everything_is_closed_also_where_closing_fails() -> None:
    log: list[str] = []

    async def broken() -> AsyncIterator[bytes]:
        try:
            yield b"a"
        finally:
            raise ZeroDivisionError

    held = [Closable(log, "1", ValueError), Closable(log, "2", KeyError), Closable(log, "3")]
    response = attach(holding(*held), StreamResponse(broken()))
    body: Any = response.body
    assert await anext(aiter(body)) == b"a"
    with pytest.raises((ZeroDivisionError, ValueError, KeyError)):
        await body.aclose()
    assert log == ["1", "2", "3"]


def test_other_answers_keep_nothing_open() -> None:
    log: list[str] = []
    request = holding(Closable(log))
    response = Response("x")
    assert attach(request, response) is response
    assert len(request.files) == 1


@in_loop
async def test_a_body_does_not_hold_itself() -> None:
    body = stream([])
    request = holding(body)
    response = Response()
    response.body = body
    assert attach(request, response) is response
    await body.aclose()


@in_loop
async def test_a_response_that_is_returned_again_keeps_nothing_of_the_first_request() -> None:
    log: list[str] = []

    class Again:
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"again"

    shared = StreamResponse(Again())
    app = Application()

    @app.get("/")
    async def handler(request: Request) -> Response:
        request.files += (Closable(log),)
        return shared

    first, second = await answer(app), await answer(app)
    for response in (first, second):
        async with Chunks(response.payload) as chunks:  # type: ignore[arg-type]
            assert await chunks.next() == b"again"
    assert log == ["held", "held"]
    assert not isinstance(shared.body, StreamWithResources)


@in_loop
async def test_resources_are_closed_although_closing_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    log: list[str] = []
    app = Application()

    @app.get("/")
    async def handler(request: Request) -> Response:
        request.files = (Closable(log, "1", asyncio.CancelledError), Closable(log, "2", ValueError), Closable(log, "3"))
        return Response()

    with pytest.raises(asyncio.CancelledError):
        await answer(app)
    assert log == ["1", "2", "3"]
    assert "error while closing" in caplog.text


@in_loop
async def test_a_stream_that_starts_afresh_each_time_is_begun_once() -> None:
    log: list[str] = []

    class Afresh:
        def __aiter__(self) -> AsyncIterator[bytes]:
            return stream(log)

    response = attach(holding(Closable(log)), StreamResponse(Afresh()))
    assert isinstance(response.body, StreamWithResources)
    async with Chunks(response.body) as chunks:
        assert [await chunks.next() for _ in range(3)] == [b"a", b"b", b""]
    assert log == ["stream", "held"]
