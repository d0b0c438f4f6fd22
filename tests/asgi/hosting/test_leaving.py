"""Clients that leave a foreign application."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from sketch_asgi.hosting import conversation
from tests.asgi.hosting.serving import MODES, Message, Receive, Send, app_of, errors, hosting, part, start
from tests.support.native import until
from tests.support.scripts import in_loop

pytestmark = pytest.mark.parametrize("mode", MODES)


@in_loop
async def test_a_client_that_leaves_in_its_upload(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    told = asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        told.set()

    async with hosting(app_of(app), mode) as client:
        async with client.connect() as wire:
            await wire.send(client.head("POST", "/", [("Content-Length", "10")]) + b"12345")
        await told.wait()
    assert errors(caplog) == []


@in_loop
async def test_a_client_that_leaves_while_the_application_waits(mode: str) -> None:
    waiting, told = asyncio.Event(), asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "http.request"
        waiting.set()
        for _ in range(2):
            assert await receive() == {"type": "http.disconnect"}
        told.set()

    async with hosting(app_of(app), mode) as client:
        async with client.connect() as wire:
            await wire.send(client.head())
            await waiting.wait()
        await told.wait()


@in_loop
async def test_asking_whether_the_client_has_left(mode: str) -> None:
    """As frameworks do it: a `receive` that is cancelled at its first wait."""
    notes: list[str] = []
    asked, left = asyncio.Event(), asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        async def look() -> str:
            task = asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                return str((await task)["type"])
            return "nothing"

        assert (await receive())["type"] == "http.request"
        notes.append(await look())
        asked.set()
        while notes[-1] == "nothing":
            notes[-1:] = [await look()]
            await asyncio.sleep(0.002)
        left.set()

    async with hosting(app_of(app), mode) as client:
        async with client.connect() as wire:
            await wire.send(client.head())
            await asked.wait()
        await left.wait()
    assert notes == ["http.disconnect"]


@in_loop
async def test_a_stream_ends_when_its_client_leaves(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    failed: list[Exception] = []
    ended = asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start())
        try:
            while True:
                await send(part(bytes(10_000)))
        except OSError as exc:
            failed.append(exc)
            assert await receive() == {"type": "http.disconnect"} or scope["query_string"]
            if scope["query_string"]:
                raise DisconnectedInOtherWords from exc
        finally:
            ended.set()

    class DisconnectedInOtherWords(Exception):
        pass

    async with hosting(app_of(app), mode) as client:
        for target in ("/", "/?raise"):
            async with client.connect() as wire:
                await wire.send(client.head("GET", target))
                await wire.head()
            await ended.wait()
            ended.clear()
    assert len(failed) == 2
    assert errors(caplog) == []


@in_loop
async def test_a_stream_that_ignores_the_disconnect_is_cancelled(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "ABANDONED_GRACE", 0.02)
    ended = asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start())
        await send(part(b"x"))
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with hosting(app_of(app), mode) as client:
        async with client.connect() as wire:
            await wire.send(client.head())
            await wire.head()
        await ended.wait()


@in_loop
async def test_an_error_of_a_stream_after_the_disconnect_is_logged(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start())
        await send(part(b"x"))
        while (await receive())["type"] != "http.disconnect":
            pass
        raise LookupError("a bug in the clean-up")

    async with hosting(app_of(app), mode) as client:
        async with client.connect() as wire:
            await wire.send(client.head())
            await wire.head()
        await client.served.alone()
        await until(lambda: errors(caplog), "the log")
    assert errors(caplog) == ["a bug in the clean-up"]


@in_loop
async def test_listening_while_a_stream_is_sent(mode: str) -> None:
    """Some frameworks do so with every answer: `receive()` returns nothing before the end."""
    notes: list[Any] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "http.request"
        listening = asyncio.ensure_future(receive())
        await send(start())
        for body in (b"one,", b"two,", b"three"):
            await send(part(body))
            await asyncio.sleep(0.002)
            notes.append(listening.done())
        await send(part(b"", more=False))
        notes.append(await listening)

    async with hosting(app_of(app), mode) as client:
        assert (await client.get()).body == b"one,two,three"
    assert notes == [False, False, False, {"type": "http.disconnect"}]
