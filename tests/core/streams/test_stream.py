"""Responses whose body is produced while it is sent."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sketch.application import Application
from sketch.response import Response, json_response
from sketch.streams.stream import StreamResponse
from sketch.transport import Chunks, FileBody, WireResponse
from tests.support.requests import in_loop, make_request
from tests.support.responses import finalized


async def numbers() -> AsyncIterator[bytes]:
    yield b"1"
    yield b"2"


async def pulled(wire: WireResponse) -> bytes:
    assert not isinstance(wire.payload, bytes | FileBody)
    parts = []
    async with Chunks(wire.payload, wire.length) as chunks:
        while chunk := await chunks.next():
            parts.append(chunk)
    return b"".join(parts)


@in_loop
async def test_a_stream_without_a_length() -> None:
    wire = finalized(StreamResponse(numbers(), content_type="text/plain"))
    assert wire.fields == [(b"content-type", b"text/plain")]
    assert wire.length is None
    assert await pulled(wire) == b"12"


@in_loop
async def test_a_stream_with_a_declared_length() -> None:
    wire = finalized(StreamResponse(numbers(), headers={"Content-Length": "2"}))
    assert wire.length == 2
    assert await pulled(wire) == b"12"
    short = finalized(StreamResponse(numbers(), headers={"Content-Length": "3"}))
    with pytest.raises(RuntimeError, match="3, got only 2"):
        await pulled(short)


@in_loop
async def test_a_synchronous_iterable_runs_in_a_thread_and_is_closed() -> None:
    file = io.BytesIO(b"a\nb\n")
    assert await pulled(finalized(StreamResponse(file))) == b"a\nb\n"
    assert file.closed


@pytest.mark.parametrize("make", [numbers, lambda: iter([b"1"]), lambda: io.BytesIO(b"1")])
@in_loop
async def test_a_used_up_iterator_is_a_clear_error(make: Callable[[], Any]) -> None:
    response = StreamResponse(make())
    assert await pulled(finalized(response)) in (b"1", b"12")
    with pytest.raises(RuntimeError, match="make a new response for each request"):
        finalized(response)
    with pytest.raises(RuntimeError, match="make a new response for each request"):
        finalized(response.copy())


@in_loop
async def test_an_iterable_that_starts_afresh_may_be_sent_again() -> None:
    class Fresh:
        def __aiter__(self) -> AsyncIterator[bytes]:
            return numbers()

    for iterable in ([b"1", b"2"], Fresh()):
        response = StreamResponse(iterable)
        for _ in range(3):
            assert await pulled(finalized(response)) == b"12"


@pytest.mark.parametrize("given", ["text", b"bytes", bytearray(b"x"), 5, numbers, None])
def test_other_bodies_are_refused(given: Any) -> None:
    with pytest.raises(TypeError, match="iterable of bytes"):
        StreamResponse(given)


@pytest.mark.parametrize("body", ["text", None, {"a": 1}, bytearray(b"a")])
def test_a_body_set_to_something_else_is_a_clear_error(body: Any) -> None:
    response = Response("a")
    response.body = body
    with pytest.raises(TypeError, match=r"expected response\.body to be bytes or an async iterable"):
        finalized(response)


@in_loop
async def test_a_body_set_to_a_bare_async_iterable_is_sent() -> None:
    response = Response("a")
    response.body = numbers()
    assert await pulled(finalized(response)) == b"12"


@in_loop
async def test_release_closes_an_unsent_stream() -> None:
    closed = []

    def produce() -> Iterator[bytes]:
        try:
            yield b"1"
        finally:
            closed.append(True)

    generator = produce()
    next(generator)
    response = StreamResponse(generator)
    await response.body.release(make_request())  # type: ignore[union-attr]
    assert closed == [True]
    with pytest.raises(RuntimeError, match="used up"):
        finalized(response)


@in_loop
async def test_release_leaves_a_stream_that_another_request_sends() -> None:
    response = StreamResponse(numbers())
    wire = finalized(response)
    await response.body.release(make_request())  # type: ignore[union-attr]
    assert await pulled(wire) == b"12"


def test_a_file_body_has_the_length_of_its_part(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")
    response = Response()
    with path.open("rb") as file:
        response.body = FileBody(file, str(path), 2, 5)
        assert finalized(response).length == 5
        assert finalized(response, "HEAD").payload == b""


@in_loop
async def test_a_response_is_its_applications_json(monkeypatch: pytest.MonkeyPatch) -> None:
    from sketch.jsoncodec import STDLIB, JSONCodec

    app = Application(json=JSONCodec(dumps=lambda data: b"mine", loads=STDLIB.loads))
    with app.request_context(make_request()):
        assert json_response({}).body == b"mine"
