"""Readers of a request body: limited, kept and broken ones."""

from __future__ import annotations

import pytest

from sketch.exceptions import HTTPContentTooLarge
from sketch.request.body import BrokenBody, KeptBody, LimitedBody, PeekedBody
from sketch.transport import ClientDisconnected
from tests.support.requests import ScriptedBody, in_loop


@in_loop
async def test_a_body_within_its_limit() -> None:
    for most in (4, None):
        body = LimitedBody(ScriptedBody([b"ab", b"cd"]), most)
        assert [await body.read() for _ in range(4)] == [b"ab", b"cd", b"", b""]


@in_loop
async def test_a_body_over_its_limit() -> None:
    body = LimitedBody(ScriptedBody([b"ab", b"cd", AssertionError("read on")]), 3)
    assert await body.read() == b"ab"
    with pytest.raises(HTTPContentTooLarge, match="expected a body of at most 3 bytes"):
        await body.read()


@in_loop
async def test_a_body_cut_short() -> None:
    body = LimitedBody(ScriptedBody([b"ab", ClientDisconnected("gone")]), 3)
    assert await body.read() == b"ab"
    with pytest.raises(ClientDisconnected, match="gone"):
        await body.read()


@in_loop
async def test_a_body_that_was_read_before() -> None:
    body = KeptBody(b"abc")
    assert [await body.read() for _ in range(3)] == [b"abc", b"", b""]
    assert await KeptBody(b"").read() == b""


@in_loop
async def test_a_body_that_could_not_be_read() -> None:
    body = BrokenBody(ClientDisconnected("gone"))
    for _ in range(2):
        with pytest.raises(ClientDisconnected, match="gone"):
            await body.read()


@in_loop
async def test_a_body_whose_beginning_was_looked_at() -> None:
    body = PeekedBody(ScriptedBody([b"ab", bytearray(b"cd"), b"ef"], b"6"))
    assert (body.length, await body.peek(1), await body.peek(3)) == (6, b"ab", b"abcd")
    assert await body.peek(2) == b"abcd"
    assert [await body.read() for _ in range(4)] == [b"ab", b"cd", b"ef", b""]
    short = PeekedBody(ScriptedBody([b"ab"]))
    assert (await short.peek(100), short.complete, await short.read()) == (b"ab", False, b"ab")
