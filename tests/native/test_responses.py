"""Responses on the wire: golden bytes, framing by method and status, and refusal of false fields."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator

import pytest

from sketch import Application, Request, Response, StreamResponse
from tests.support.native import GET, HOST, serving
from tests.support.wire import Broken


async def parts(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def answering(response: Response | type[Exception] | object) -> Application:
    """An application whose handler returns this, or the result of this function."""
    app = Application()

    @app.route("/", methods=("GET", "POST"))
    async def handler(request: Request) -> object:
        return response(request) if callable(response) else response

    return app


async def wire_bytes(app: Application, raw: bytes) -> bytes:
    """All received bytes, with a fixed date."""
    async with serving(app) as served, served.connect() as wire:
        await wire.send(raw)
        data = await wire.ended()
    return re.sub(rb"date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n", b"date: NOW\r\n", data)


CLOSE = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
TAIL = b"date: NOW\r\nserver: sketch\r\nconnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (
            lambda request: Response("é"),
            b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 2\r\n%b\xc3\xa9" % TAIL,
        ),
        (
            lambda request: Response(b"", status=404),
            b"HTTP/1.1 404 Not Found\r\ncontent-type: application/octet-stream\r\ncontent-length: 0\r\n%b" % TAIL,
        ),
        (lambda request: Response(status=204), b"HTTP/1.1 204 No Content\r\n%b" % TAIL),
        (
            lambda request: StreamResponse(parts(b"one", b"", b"2" * 16), content_type="text/plain"),
            b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n%b3\r\none\r\n10\r\n2222222222222222\r\n0\r\n\r\n"
            % TAIL.replace(b"close\r\n", b"close\r\ntransfer-encoding: chunked\r\n"),
        ),
        (
            lambda request: StreamResponse(parts(b"one", b"two"), headers={"Content-Length": "6"}),
            b"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: 6\r\n%bonetwo" % TAIL,
        ),
        (
            lambda request: Response("x", headers=[("X-A", "1"), ("X-A", "2"), ("Server", "mine")]),
            (
                b"HTTP/1.1 200 OK\r\nx-a: 1\r\nx-a: 2\r\nserver: mine\r\ncontent-type: text/plain; charset=utf-8\r\n"
                b"content-length: 1\r\ndate: NOW\r\nconnection: close\r\n\r\nx"
            ),
        ),
    ],
    ids=["text", "empty", "204", "chunks", "stream of known length", "own fields"],
)
async def test_golden_bytes(response: object, expected: bytes) -> None:
    found = await wire_bytes(answering(response), CLOSE)
    assert _lines(found) == _lines(expected)


def _lines(raw: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Status line, sorted field lines (their order is free), body."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    return first, sorted(fields), body


@pytest.mark.parametrize("status", [200, 204, 205, 206, 304, 404, 500, 599])
@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
@pytest.mark.parametrize("streamed", [False, True])
async def test_framing_by_method_and_status(status: int, method: bytes, streamed: bool) -> None:
    """RFC 9112 section 6.3; the next answer on the connection shows that nothing was sent too much."""

    def respond(request: Request) -> Response:
        return StreamResponse(parts(b"body"), status=status) if streamed else Response("body", status=status)

    async with serving(answering(respond)) as served, served.connect() as wire:
        for _ in range(3):
            await wire.send(GET.replace(b"GET", method))
            reply = await wire.receive(method.decode())
            assert reply.status == status
            empty = method == b"HEAD" or status in (204, 205, 304)
            assert reply.body == (b"" if empty else b"body")
            if status == 204:
                assert reply.header("content-length") is None
            if status == 205:
                assert reply.header("content-length") == "0"


@pytest.mark.parametrize("body", [b"", b"body"])
async def test_a_handler_may_end_the_connection(body: bytes) -> None:
    """Also with an answer of only two fields."""
    app = answering(lambda request: Response(body or None, headers={"Connection": "close"}))
    found = await wire_bytes(app, GET)
    assert found.count(b"connection: close\r\n") == 1


async def test_an_http_1_0_client_gets_no_chunks() -> None:
    app = answering(lambda request: StreamResponse(parts(b"one", b"two")))
    found = await wire_bytes(app, b"GET / HTTP/1.0\r\n\r\n")
    assert found.endswith(b"connection: close\r\n\r\nonetwo")
    assert b"transfer-encoding" not in found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "a\r\nInjected: 1"),
        ("X-A", "a\nInjected: 1"),
        ("X-A", "a\rInjected: 1"),
        ("X-A", "a\0b"),
        ("X-A", "a\r\n\r\n<html>"),
        ("X-A\r\nInjected", "1"),
        ("X A", "1"),
        ("", "1"),
        ("X-A", "\u20ac"),
        ("Content-Type", "text/plain\r\nInjected: 1"),
        ("Location", "/\r\nInjected: 1"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "5\r\nInjected: 1"),
        ("Content-Length", "-1"),
        ("Content-Length", "3"),
        ("Content-Length", "99"),
    ],
)
async def test_unsendable_fields_of_a_handler_are_a_500(
    name: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = answering(lambda request: Response("body", headers={name: value}))
    async with serving(app) as served, served.connect() as wire:
        for _ in range(2):
            await wire.send(GET)
            reply = await wire.receive()
            assert reply.status == 500
            assert not reply.all("injected")
    assert any(record.levelno >= logging.ERROR for record in caplog.records)


@pytest.mark.parametrize(
    ("chunks", "declared"),
    [([b"short"], 10), ([], 1), ([b"hello-and-more"], 5), ([b"hello", b"-and-more"], 5), ([b"", b"abc"], 2)],
)
async def test_a_stream_of_another_length_is_broken_off(
    chunks: list[bytes], declared: int, caplog: pytest.LogCaptureFixture
) -> None:
    """No byte more than declared, and never as if it were complete."""
    app = answering(lambda request: StreamResponse(parts(*chunks), headers={"Content-Length": str(declared)}))
    async with serving(app) as served, served.connect() as wire:
        await wire.send(GET + GET)
        reply = await wire.head()
        assert reply.header("content-length") == str(declared)
        body = await wire.ended()
        assert len(body) <= declared
        assert b"".join(chunks).startswith(body)
    assert "Content-Length" in caplog.text


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
@pytest.mark.parametrize("how", ["raises", "yields a str"])
async def test_a_stream_that_fails_never_looks_complete(
    version: bytes, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"first"
        if how == "raises":
            raise RuntimeError("on purpose")
        yield "second"  # type: ignore[misc]

    async with serving(answering(lambda request: StreamResponse(failing()))) as served, served.connect() as wire:
        await wire.send(b"GET / HTTP/%b\r\n%b\r\n" % (version, HOST))
        reply = await wire.head()
        assert reply.status == 200
        if version == b"1.1":
            with pytest.raises(Broken):
                await _read(wire.body(reply, "GET"))
        else:
            # Only a reset tells a truncated body of this kind from a complete one.
            with pytest.raises(ConnectionResetError):
                await _until_reset(wire.reader)
        await served.alone()
    assert "failed" in caplog.text


async def _read(body: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in body])


async def _until_reset(reader: object) -> None:
    await reader.read()  # type: ignore[attr-defined]
    if reader.reset is not None:  # type: ignore[attr-defined]
        raise reader.reset  # type: ignore[attr-defined]


async def test_anything_but_a_response_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    for wrong in ("text", None, b"bytes", 5, {"a": 1}):
        async with serving(answering(lambda request, wrong=wrong: wrong)) as served, served.connect() as wire:
            await wire.send(GET + GET)
            assert [(await wire.receive()).status for _ in range(2)] == [500, 500]
    assert "handler" in caplog.text


async def test_an_error_shows_nothing_of_itself() -> None:
    def fail(request: Request) -> Response:
        raise RuntimeError("secret")

    async with serving(answering(fail)) as served:
        reply = await served.exchange(GET)
    assert reply.status == 500
    assert b"secret" not in reply.body
    assert b"Traceback" not in reply.body


async def test_cookies_are_never_folded() -> None:
    def respond(request: Request) -> Response:
        response = Response("ok")
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")
        return response

    async with serving(answering(respond)) as served:
        assert len((await served.exchange(GET)).all("set-cookie")) == 2


async def test_one_response_for_many_requests() -> None:
    response = Response("same", headers={"X-A": "1"})
    async with serving(answering(response)) as served, served.connect() as wire:
        await wire.send(GET * 20)
        for _ in range(20):
            reply = await wire.receive()
            assert (reply.body, reply.all("x-a")) == (b"same", ["1"])
