"""The chat of the demo, in memory: its rooms, its history, and members that do not read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sketch.channels import MemoryBackend
from sketch.demo import app, chat
from sketch.testing import ClientWebSocket, TestClient, WebSocketRefused
from sketch.websocket import WebSocketDisconnected


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rooms without messages."""
    monkeypatch.setattr(chat.channels, "backend", MemoryBackend(history=chat.KEPT))
    chat.channels.backend.attach(chat.channels._deliver)


def run(test: Callable[[TestClient], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(20), TestClient(app) as client:
            await test(client)
        assert chat.rooms == {}

    asyncio.run(main())


async def heard(ws: ClientWebSocket, kind: str) -> dict[str, Any]:
    """The next event of that kind."""
    while True:
        event = await ws.receive_json()
        if event["kind"] == kind:
            return event


def test_messages_reach_all_members_of_the_room() -> None:
    async def test(client: TestClient) -> None:
        async with (
            client.websocket("/chat/lobby?name=Ada") as ada,
            client.websocket("/chat/lobby?name=Bob") as bob,
            client.websocket("/chat/other?name=Eve") as eve,
        ):
            await heard(eve, "joined")
            await bob.send("  hello \n")
            own = await heard(bob, "you")
            for ws in (ada, bob):
                event = await heard(ws, "said")
                assert (event["name"], event["text"], event["id"]) == ("Bob", "hello", own["id"])
                assert event["people"] == ["Ada", "Bob"]
            await eve.send("anybody?")
            event = await heard(eve, "said")
            assert (event["name"], event["people"]) == ("Eve", ["Eve"])

    run(test)


def test_joins_and_leaves_are_announced() -> None:
    async def test(client: TestClient) -> None:
        async with client.websocket("/chat/lobby?name=Ada") as ada:
            assert (await heard(ada, "joined"))["people"] == ["Ada"]
            async with client.websocket("/chat/lobby?name=Bob"):
                assert (await heard(ada, "joined"))["people"] == ["Ada", "Bob"]
            event = await heard(ada, "left")
            assert (event["name"], event["people"]) == ("Bob", ["Ada"])

    run(test)


def test_a_later_member_gets_the_history() -> None:
    async def test(client: TestClient) -> None:
        async with client.websocket("/chat/lobby") as first:
            for number in range(chat.KEPT + 10):
                await first.send(str(number))
                assert (await heard(first, "said"))["text"] == str(number)
            async with client.websocket("/chat/lobby") as second:
                texts = [(await heard(second, "said"))["text"] for _ in range(chat.KEPT)]
                assert texts[-1] == str(chat.KEPT + 9)
                assert (await heard(second, "joined"))["people"] == ["Guest", "Guest"]

    run(test)


def test_names_and_messages_are_cut() -> None:
    async def test(client: TestClient) -> None:
        async with client.websocket("/chat/lobby", params={"name": "x" * 100}) as ws:
            assert (await heard(ws, "joined"))["name"] == "x" * 32
            await ws.send(" ")
            await ws.send(b"binary")
            await ws.send("ä" * 600)
            assert (await heard(ws, "said"))["text"] == "ä" * 500
            await ws.send("x" * 2001)
            with pytest.raises(WebSocketDisconnected, match="1009"):
                await heard(ws, "said")

    run(test)


@pytest.mark.parametrize("room", ["UPPER", "x" * 33, "a b", "a/b"])
def test_rooms_have_simple_names(room: str) -> None:
    async def test(client: TestClient) -> None:
        assert (await client.get(f"/chat/{room}")).status == 404
        with pytest.raises(WebSocketRefused, match="404"):
            async with client.websocket(f"/chat/{room}"):
                raise AssertionError("expected no websocket")

    run(test)


def test_other_origins_are_refused() -> None:
    async def test(client: TestClient) -> None:
        with pytest.raises(WebSocketRefused, match="403"):
            async with client.websocket("/chat/lobby", headers={"Origin": "https://evil.example"}):
                raise AssertionError("expected no websocket")

    run(test)


def test_a_stalled_member_is_disconnected_and_delays_no_other() -> None:
    async def test(client: TestClient) -> None:
        async with client.websocket("/chat/lobby?name=slow") as slow, client.websocket("/chat/lobby?name=fast") as fast:
            await heard(fast, "joined")
            for number in range(400):
                await fast.send(f"{number} {'x' * 400}")
                assert (await heard(fast, "said"))["text"].startswith(f"{number} ")
            got = [json.loads(message) async for message in slow]
            assert (slow.close_code, slow.close_reason) == (1013, "too slow for this room")
            assert 100 < len(got) < 400
            assert (await heard(fast, "left"))["name"] == "slow"

    run(test)


def test_the_server_stops() -> None:
    async def test(client: TestClient) -> None:
        async with client.websocket("/chat/lobby") as ws:
            await heard(ws, "joined")
            await client.shutdown()
            async for _ in ws:
                pass
            assert (ws.close_code, ws.close_reason) == (1012, "the server restarts")

    run(test)


def test_the_page() -> None:
    async def test(client: TestClient) -> None:
        response = await client.get("/chat/lobby")
        assert (response.status, response.content_type) == (200, "text/html; charset=utf-8")
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        page = await response.text()
        assert "http" not in page
        for name, kind in (("chat.css", "text/css"), ("chat.js", "text/javascript")):
            assert f'"/{name}"' in page
            file = await client.get(f"/{name}")
            assert file.content_type.startswith(kind)
            assert "http:" not in await file.text()
            assert "https:" not in await file.text()

    run(test)
