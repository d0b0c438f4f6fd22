"""Bodies and files that a request holds open until its exchange is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from sketch.application import Application
from sketch.pipeline.resources import close_resources, keep_unsent, release_to_adapter
from sketch.request import Request
from sketch.response import Response
from sketch.streams.stream import StreamBody, StreamResponse
from sketch.transport import Chunks, FileBody
from tests.support.requests import answer, exchange, finished, in_loop, make_request


class Closable:
    """A resource that notes when it is closed."""

    def __init__(self, log: list[str], name: str = "held", error: type[BaseException] | None = None) -> None:
        self._log = log
        self._name = name
        self._error = error

    def __aiter__(self) -> Closable:
        return self

    async def __anext__(self) -> bytes:
        raise AssertionError("expected not to be read")

    async def aclose(self) -> None:
        self._log.append(self._name)
        if self._error is asyncio.CancelledError:  # as the server cancels the exchange at its deadline
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)
        elif self._error is not None:
            raise self._error


async def stream(log: list[str]) -> AsyncIterator[bytes]:
    try:
        yield b"a"
        yield b"b"
    finally:
        log.append("stream")


class Afresh:
    """A stream that starts afresh for each request."""

    def __init__(self, log: list[str]) -> None:
        self._log = log

    def __aiter__(self) -> AsyncIterator[bytes]:
        return stream(self._log)


# -- what is held ------------------------------------------------------------------------------------------------------


def test_an_unsent_body_is_held_once() -> None:
    request, body = make_request(), Closable([])
    keep_unsent(request, b"bytes")
    assert request.finishing is None
    keep_unsent(request, body)
    keep_unsent(request, body)
    assert request.at_end.resources == [body]


def test_the_payload_is_not_held() -> None:
    """Compared by identity: two bodies may be equal."""

    class Same(Closable):
        def __eq__(self, other: object) -> bool:
            return True

    request, body, other = make_request(), Same([]), Same([])
    release_to_adapter(request, body)
    assert request.finishing is None
    request.at_end.resources += [body, other, body]
    release_to_adapter(request, body)
    (left,) = request.at_end.resources
    assert left is other


# -- closing -----------------------------------------------------------------------------------------------------------


@in_loop
async def test_each_kind_of_resource_is_closed(tmp_path: Path) -> None:
    log: list[str] = []
    path = tmp_path / "f"
    path.write_bytes(b"x")
    file = FileBody(path.open("rb"), str(path), 0, 1)
    begun = stream(log)
    await anext(begun)

    def lines() -> Iterator[bytes]:
        try:
            yield b"1"
        finally:
            log.append("lines")

    synchronous = lines()
    next(synchronous)
    held: list[Any] = [b"bytes", file, Closable(log), begun, StreamBody(synchronous)]
    await close_resources(make_request(), held)
    assert file.file.closed
    assert log == ["held", "stream", "lines"]


@in_loop
async def test_a_stream_that_another_request_sends_is_left() -> None:
    log: list[str] = []
    begun = stream(log)
    body, first, second = StreamBody(begun), make_request(), make_request()
    body.claim(first)
    assert await anext(aiter(body)) == b"a"
    await close_resources(second, [body])
    assert log == []
    await close_resources(first, [body])
    assert log == ["stream"]


@in_loop
async def test_everything_is_closed_also_where_closing_fails(caplog: pytest.LogCaptureFixture) -> None:
    log: list[str] = []
    held = [Closable(log, "1", ValueError), Closable(log, "2", KeyError), Closable(log, "3")]
    await close_resources(make_request("/a?secret"), held)
    assert log == ["1", "2", "3"]
    assert [record.getMessage() for record in caplog.records] == ["error in closing what GET '/a' held open"] * 2


@in_loop
async def test_a_cancellation_is_raised_once_everything_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    log: list[str] = []
    held = [Closable(log, "1", asyncio.CancelledError), Closable(log, "2", ValueError), Closable(log, "3")]
    with pytest.raises(asyncio.CancelledError):
        await close_resources(make_request(), held)
    assert log == ["1", "2", "3"]
    assert "error in closing" in caplog.text


# -- in an exchange ----------------------------------------------------------------------------------------------------


def holding(response: Any, log: list[str]) -> Application:
    """An application whose request holds something open for its response."""
    app = Application()

    async def handler(request: Request) -> Any:
        request.at_end.resources.append(Closable(log))
        return response

    app.add_get("/", handler)
    return app


@in_loop
async def test_a_stream_is_read_before_what_it_reads_from_is_closed() -> None:
    log: list[str] = []
    app = holding(StreamResponse(stream(log)), log)
    wire, request = await exchange(app)
    async with Chunks(wire.payload) as chunks:  # type: ignore[arg-type]
        assert [await chunks.next() for _ in range(3)] == [b"a", b"b", b""]
    assert log == ["stream"]
    await finished(app, request, wire)
    await finished(app, request, wire)
    assert log == ["stream", "held"]


@pytest.mark.parametrize("started", [False, True])
@in_loop
async def test_resources_are_closed_when_the_client_leaves(started: bool) -> None:
    log: list[str] = []
    app = holding(StreamResponse(stream(log)), log)
    wire, request = await exchange(app)
    async with Chunks(wire.payload) as chunks:  # type: ignore[arg-type]
        if started:
            await chunks.next()
    await finished(app, request, wire)
    assert log == (["stream", "held"] if started else ["held"])


@in_loop
async def test_an_unsent_stream_and_what_it_reads_from_are_closed() -> None:
    log: list[str] = []
    app = holding(StreamResponse(Closable(log, "stream")), log)
    wire, request = await exchange(app, method="HEAD")
    assert (wire.payload, log) == (b"", [])
    await finished(app, request, wire)
    assert sorted(log) == ["held", "stream"]


@in_loop
async def test_a_body_that_the_request_holds_is_the_adapters_alone() -> None:
    log: list[str] = []
    app = Application()
    body = Closable(log)

    @app.get("/")
    async def handler(request: Request) -> Response:
        request.at_end.resources.append(body)
        response = Response()
        response.body = body
        return response

    wire, request = await exchange(app)
    assert wire.payload is body
    await finished(app, request, wire)
    assert log == []
    await answer(app, method="HEAD")
    assert log == ["held"]


@in_loop
async def test_a_response_that_is_returned_again_keeps_nothing_of_the_first_request() -> None:
    log: list[str] = []
    app = holding(StreamResponse(Afresh(log)), log)
    exchanges = [await exchange(app), await exchange(app)]
    for wire, request in exchanges:
        async with Chunks(wire.payload) as chunks:  # type: ignore[arg-type]
            assert await chunks.next() == b"a"
        await finished(app, request, wire)
    assert log == ["stream", "held"] * 2


@in_loop
async def test_resources_are_closed_although_closing_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    log: list[str] = []
    app = Application()

    @app.get("/")
    async def handler(request: Request) -> Response:
        request.at_end.resources += [Closable(log, "1", asyncio.CancelledError), Closable(log, "2", ValueError)]
        request.at_end.resources.append(Closable(log, "3"))
        return Response()

    with pytest.raises(asyncio.CancelledError):
        await answer(app)
    assert log == ["1", "2", "3"]
    assert "error in closing" in caplog.text
