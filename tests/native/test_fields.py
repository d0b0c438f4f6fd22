"""RFC 9112 section 5: header fields."""

from __future__ import annotations

import pytest

from tests.support.native import make_app, serving, turns
from tests.support.wire import Reply

GET = b"GET /show/ HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        (b"x-a: 1", "x-a: 1"),
        (b"X-A: 1", "x-a: 1"),
        (b"X-A:1", "x-a: 1"),
        (b"X-A: \t 1 \t ", "x-a: 1"),
        (b"X-A:", "x-a: "),
        (b"X-A: a  b\tc", "x-a: a  b\tc"),
        (b"X-A: \xe9\xff", "x-a: \xe9\xff"),
        (b"X-A: a:b", "x-a: a:b"),
        (b"!#$%&'*+-.^_`|~09Az: 1", "!#$%&'*+-.^_`|~09az: 1"),
        (b"X_A: 1", "x_a: 1"),
        (b"X-A: " + b"v" * 8000, "x-a: " + "v" * 8000),
    ],
)
async def test_fields_that_are_taken(field: bytes, shown: str) -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        for cut in (1, len(field) // 2, len(field)):
            await wire.send(GET + field[:cut])
            await turns()
            await wire.send(field[cut:] + b"\r\n\r\n")
            assert shown in lines(await wire.receive())


@pytest.mark.parametrize(
    "field",
    [
        b"X-A : 1",
        b"X-A\t: 1",
        b"X A: 1",
        b": 1",
        b" X-A: 1",
        b"X-A",
        b"X-A: 1\r\n folded",
        b"X-A: 1\r\n\tfolded",
        b"X-A: a\rb",
        b"X-A: a\nb",
        b"X-A: a\r\rb: c",
        b"X-A: a\0b",
        b"X-A: a\x07b",
        b"X-A: a\x0bb",
        b"X-A: a\x7fb",
        b"X\xe9: 1",
        b"X\0: 1",
        b"X\r: 1",
        b"X(: 1",
        b"X,: 1",
        b'X": 1',
        b"X;: 1",
        b"X/: 1",
        b"Content-Length : 5",
        b"Content-Length\xa0: 5",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding:\r\n chunked",
        b"Transfer-Encoding\x00: chunked",
    ],
)
async def test_fields_that_are_refused(field: bytes) -> None:
    """As the first, a middle and the last field."""
    start = b"GET / HTTP/1.1\r\n"
    async with serving(make_app()) as served:
        for head in (
            field + b"\r\nHost: x\r\n",
            b"Host: x\r\n" + field + b"\r\nX-B: 1\r\n",
            b"Host: x\r\n" + field + b"\r\n",
        ):
            assert (await served.refusal(start + head + b"\r\n" + GET + b"\r\n")).status == 400


async def test_repeated_fields_are_all_there_in_their_order() -> None:
    async with serving(make_app()) as served:
        reply = await served.exchange(GET + b"X-A: 1\r\nX-B: 2\r\nx-a: 3\r\n\r\n")
        assert [line for line in lines(reply) if line.startswith("x-")] == ["x-a: 1", "x-b: 2", "x-a: 3"]


async def test_nothing_is_left_for_the_next_request() -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(GET + b"X-Secret: 1\r\nExpect: 100-continue\r\n\r\n" + GET + b"\r\n")
        assert "x-secret: 1" in lines(await wire.receive())
        assert lines(await wire.receive()) == ["GET /show/? 1.1", "host: x", "body: b''"]


def lines(reply: Reply) -> list[str]:
    """What the handler saw, with the names in lower case."""
    found = []
    for line in reply.text.split("\n"):
        name, colon, value = line.partition(":")
        found.append((name.lower() if colon and " " not in name else name) + colon + value)
    return found
