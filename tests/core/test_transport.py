"""Helpers of all adapters: pulling, checking and closing bodies, and how an exchange has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sketch.exceptions import HTTPConflict
from sketch.transport import Chunks, ClientDisconnected, FileBody, Outcome, close_body
from tests.support.requests import make_request


class Source:
    """An iterator that counts how often it is closed."""

    def __init__(self, *items: Any) -> None:
        self.items = list(items)
        self.closed = 0

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if not self.items:
            raise StopAsyncIteration
        item = self.items.pop(0)
        if isinstance(item, Exception):
            raise item
        return item

    async def aclose(self) -> None:
        self.closed += 1


async def pull(source: Any, length: int | None = None) -> list[bytes]:
    pulled = []
    async with Chunks(source, length) as chunks:
        while chunk := await chunks.next():
            pulled.append(chunk)
    return pulled


@pytest.mark.parametrize("length", [None, 3])
def test_chunks(length: int | None) -> None:
    source = Source(b"a", b"", b"bc")
    assert asyncio.run(pull(source, length)) == [b"a", b"bc"]
    assert source.closed == 1


@pytest.mark.parametrize(
    ("items", "error", "message"),
    [
        ([b"abc"], RuntimeError, "announces, 2, got at least 3"),
        ([b"a"], RuntimeError, "announces, 2, got only 1"),
        (["text"], TypeError, "expected the application's stream to yield bytes, got 'text'"),
        ([b"a", ValueError("broken")], ValueError, "broken"),
    ],
)
def test_errors_are_raised_and_the_source_is_closed(items: list[Any], error: type[Exception], message: str) -> None:
    source = Source(*items)
    with pytest.raises(error, match=message):
        asyncio.run(pull(source, 2))
    assert source.closed == 1


def test_source_that_is_never_asked_is_closed() -> None:
    source = Source(b"a")

    async def leave() -> None:
        async with Chunks(source):
            pass

    asyncio.run(leave())
    assert (source.closed, source.items) == (1, [b"a"])


def test_generator_ends_in_the_task_that_ran_it() -> None:
    tasks = []

    async def generate() -> AsyncIterator[bytes]:
        tasks.append(asyncio.current_task())
        try:
            async with asyncio.timeout(10):
                yield b"a"
        finally:
            tasks.append(asyncio.current_task())

    async def stop_early() -> None:
        async with Chunks(generate()) as chunks:
            assert await chunks.next() == b"a"
        assert tasks == [asyncio.current_task()] * 2

    asyncio.run(stop_early())


def test_close_body(tmp_path: Path) -> None:
    source = Source()
    path = tmp_path / "f"
    path.write_bytes(b"x")
    body = FileBody(path.open("rb"), str(path), 0, 1)

    async def close() -> None:
        await close_body(b"")
        await close_body(body)
        await close_body(body)
        await close_body(source)

    asyncio.run(close())
    assert body.file.closed
    assert source.closed == 1


# -- how an exchange has ended -----------------------------------------------------------------------------------------


def outcome(
    fault: BaseException | None = None, *, raised: Exception | None = None, error: Exception | None = None
) -> Outcome:
    """The outcome of a request with these errors."""
    request = make_request()
    request.error = error
    if raised is not None:
        request.raised = raised
    return Outcome.of(request, 200, 5, began_at=1.0, first_byte_at=1.5, ended_at=3.5, fault=fault)


def test_an_outcome_without_a_fault() -> None:
    assert outcome() == Outcome(200, 5, 1.0, 1.5, 3.5, None, False, False)
    assert outcome().seconds == 2.5


ANSWERED, UNEXPECTED, BODY = HTTPConflict("taken"), ValueError("broken"), OSError("broken body")
RESET = ConnectionResetError("of a database, say: not the client's connection")


@pytest.mark.parametrize(
    ("errors", "fault", "error", "disconnected", "cancelled"),
    [
        ({"raised": ANSWERED}, None, ANSWERED, False, False),
        ({"error": UNEXPECTED}, None, UNEXPECTED, False, False),
        # A session that fails, or an error outside of the boundary, is only in `error`; else both are the same.
        ({"raised": UNEXPECTED, "error": UNEXPECTED}, None, UNEXPECTED, False, False),
        # What ended the exchange comes last, and counts.
        ({}, BODY, BODY, False, False),
        ({"raised": ANSWERED}, BODY, BODY, False, False),
        ({}, ClientDisconnected("gone"), None, True, False),
        ({"raised": ANSWERED}, ClientDisconnected("gone"), ANSWERED, True, False),
        ({}, asyncio.CancelledError(), None, False, True),
        ({"error": UNEXPECTED}, asyncio.CancelledError(), UNEXPECTED, False, True),
        ({}, RESET, RESET, False, False),
    ],
)
def test_an_outcome_with_errors(
    errors: dict[str, Exception],
    fault: BaseException | None,
    error: Exception | None,
    disconnected: bool,
    cancelled: bool,
) -> None:
    found = outcome(fault, **errors)
    assert (found.error, found.disconnected, found.cancelled) == (error, disconnected, cancelled)
    assert (found.status, found.sent) == (200, 5)
