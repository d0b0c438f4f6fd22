"""Request bodies: read, streamed, limited, cut short, ignored."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.contract.transports import Transport
from tests.support.wire import Broken, Cut

MIB = 1024 * 1024


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def cut_after(part: bytes) -> AsyncIterator[bytes]:
    yield part
    raise Cut


@pytest.mark.parametrize("size", [0, 1, 1000, 100_000, MIB])
async def test_a_body_arrives_whole(transport: Transport, size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    reply = await transport.post("/echo", body[:size])
    assert reply.json()["body"].encode("latin-1") == body[:size]


async def test_a_chunked_body_arrives_whole(transport: Transport) -> None:
    """A second chunk does not replace the first."""
    reply = await transport.post("/echo", chunks(b"abc", b"def", b"g" * 100_000))
    assert reply.json()["body"] == "abcdef" + "g" * 100_000


async def test_an_empty_chunked_body(transport: Transport) -> None:
    assert (await transport.post("/echo", chunks())).json()["body"] == ""


async def test_a_handler_starts_before_the_body_has_ended(transport: Transport, key: str) -> None:
    async def upload() -> AsyncIterator[bytes]:
        await transport.journal(key, "started")
        yield b"first"
        await transport.journal(key, "first")
        yield b" second"

    assert (await transport.post(f"/upload-in-steps?key={key}", upload())).text == " second"


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
async def test_a_body_cut_short_is_never_complete(transport: Transport, key: str, framing: str) -> None:
    headers = [("Content-Length", "100")] if framing == "content-length" else []
    with pytest.raises(Broken):
        await transport.post(f"/read?key={key}", cut_after(b"0123456789"), headers)
    assert await transport.journal(key, "ClientDisconnected") == ["ClientDisconnected"]


async def test_a_body_that_could_not_be_read_is_not_there_when_it_is_tried_again(transport: Transport) -> None:
    """The second attempt is the client's fault, too."""
    assert (await transport.post("/limited/tried-twice", chunks(b"x" * 900, b"y" * 900))).status == 413
    with pytest.raises(Broken):
        await transport.post("/limited/tried-twice", cut_after(b"0123456789"), [("Content-Length", "100")])


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
async def test_a_body_over_the_routes_limit(transport: Transport, framing: str) -> None:
    for size, status in ((1000, 200), (1001, 413), (2000, 413)):
        data = b"x" * size
        body = data if framing == "content-length" else chunks(data[:500], data[500:])
        reply = await transport.post("/limited", body)
        assert reply.status == status
    assert reply.text.startswith("expected a body of at most 1000 bytes")


async def test_a_body_over_the_default_limit(transport: Transport) -> None:
    """31 MB in chunks; the limit is 16 MiB."""
    part = b"x" * 100_000
    reply = await transport.post("/count", chunks(*[part] * 310))
    assert reply.status == 413


async def test_a_large_body_within_the_limit(transport: Transport) -> None:
    part = b"x" * 100_000
    assert (await transport.post("/count", chunks(*[part] * 160))).text == "16000000"


async def slowly(count: int, part: bytes, seconds: float) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield part
        await asyncio.sleep(seconds)


async def test_a_body_that_drips(transport: Transport) -> None:
    """Each byte comes soon after the one before: the sum of all waits counts."""
    reply = await transport.post("/limited/in-time", slowly(500, b"x", 0.01))
    assert (reply.status, reply.text) == (408, "the request body took too long")


async def test_a_slow_body_that_is_fast_enough(transport: Transport) -> None:
    """A client that sends 1,000 bytes a second is given the time."""
    reply = await transport.post("/limited/in-time", slowly(6, b"x" * 500, 0.1))
    assert (reply.status, reply.text) == (200, "3000")


@pytest.mark.parametrize("how", ["read", "text"])
async def test_an_empty_body_may_be_read_twice(transport: Transport, how: str) -> None:
    """It does not wait for a body that never comes."""
    assert (await transport.post(f"/twice?how={how}", b"")).json() == {"equal": True, "value": ""}


@pytest.mark.core_rule
@pytest.mark.parametrize("value", [0, [], {}, "é", None, {"a": [1, 2.5]}])
async def test_json_may_be_read_twice(transport: Transport, value: object) -> None:
    """Also if the value is falsy."""
    reply = await transport.post("/twice?how=json", json.dumps(value).encode())
    assert reply.json() == {"equal": True, "value": value}


@pytest.mark.parametrize("how", ["read", "text", "json"])
async def test_a_body_may_be_read_twice(transport: Transport, how: str) -> None:
    assert (await transport.post(f"/twice?how={how}", b"7")).json() == {
        "equal": True,
        "value": 7 if how == "json" else "7",
    }


@pytest.mark.core_rule
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"NaN", b"1e999", b"\xff", b"[" * 100_000],
    ids=["none", "half", "NaN", "infinite", "bytes", "deep"],
)
async def test_malformed_json_is_the_clients_fault(transport: Transport, body: bytes) -> None:
    reply = await transport.post("/twice?how=json", body)
    assert reply.status == 400
    assert reply.text.startswith("expected a body in JSON")


async def test_text_has_the_charset_it_says(transport: Transport) -> None:
    latin1 = [("Content-Type", "text/plain; charset=latin-1")]
    assert (await transport.post("/twice?how=text", b"\xe9", latin1)).json()["value"] == "é"
    assert (await transport.post("/twice?how=text", b"\xe9")).status == 400
    for unknown in ("klingon", "utf-7"):
        fields = [("Content-Type", f"text/plain; charset={unknown}")]
        assert (await transport.post("/twice?how=text", b"+2AA-", fields)).status == 400


async def test_a_streamed_body_is_not_read_again(transport: Transport) -> None:
    """A clear error, and not an empty body."""
    assert (await transport.post("/stream-twice", b"data")).text == "refused after data"


async def test_a_handler_need_not_read(transport: Transport) -> None:
    assert (await transport.post("/ignore", b"x" * MIB)).text == "ignored"
    assert (await transport.post("/ignore", chunks(b"x" * 1000, b"y" * 1000))).text == "ignored"


async def test_a_function_runs_in_a_thread_and_waits_for_the_body(transport: Transport) -> None:
    reply = await transport.post("/sync", b'{"a": 1}')
    assert reply.json() == {"data": {"a": 1}, "main": False}
    assert (await transport.post("/sync", b"{")).status == 400
    assert (await transport.get("/sync/context")).text == "/sync/context"


async def test_a_hundred_clients_at_once_get_their_own_answers(transport: Transport) -> None:
    """No header and no body of one request appears in another."""

    async def one(number: int) -> None:
        headers = [(f"X-Only-{number}", str(number)), ("X-Number", str(number))]
        body = f"body {number} ".encode() * (number * 10)
        reply = await transport.post("/echo", body if number % 2 else chunks(body[:7], body[7:]), headers)
        got = reply.json()
        sent = {name.lower(): value for name, value in got["headers"] if name.lower().startswith("x-")}
        assert sent == {f"x-only-{number}": str(number), "x-number": str(number)}
        assert got["body"].encode() == body

    await asyncio.gather(*(one(number) for number in range(100)))
