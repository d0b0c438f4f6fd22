"""A chat: a page and a websocket at one path, and a topic per room that carries what is said to everybody in it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sketch.channels import Channels, MemoryBackend, Subscription
from sketch.demo.page import HEADERS, static_file
from sketch.response import HTMLResponse, Response
from sketch.routing.group import RouteGroup
from sketch.websocket import WebSocket, WebSocketPolicy

ROOM = "/{room:[a-z0-9-]{1,32}}"
LONGEST_NAME = 32
LONGEST_TEXT = 500
KEPT = 50
"""Messages of a room that who comes in gets to see."""
TOO_SLOW = 1013
"""Try again later (IANA registry of close codes)."""

routes = RouteGroup("/chat")
channels = Channels(MemoryBackend(history=KEPT, topics=100))
rooms: dict[str, dict[str, str]] = {}
"""Who is where: names by the members' ids. A room without members is none."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a room."""

    room: str
    id: str
    name: str

    async def tell(self, kind: str, text: str = "") -> None:
        """Let everybody in the room know: `joined`, `left`, `said`."""
        people = sorted(rooms.get(self.room, {}).values(), key=str.casefold)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        event = {"kind": kind, "id": self.id, "name": self.name, "text": text, "at": at, "people": people}
        await channels.publish(self.room, event)


@routes.get(ROOM)
async def page() -> Response:
    """The page; which room it is, it sees by its address."""
    return HTMLResponse(static_file("chat.html"), headers=HEADERS)


# What is said may have 500 characters, of up to four bytes.
@routes.websocket(ROOM, policy=WebSocketPolicy(max_message=4 * LONGEST_TEXT, close_reason="the server restarts"))
async def chat(ws: WebSocket, room: str) -> None:
    """One member's part, until one of the two leaves."""
    name = ws.request.query.get("name", "").strip()[:LONGEST_NAME] or "Somebody"
    member = Member(room, secrets.token_hex(4), name)
    await ws.send_json({"kind": "you", "id": member.id})
    async with (
        channels.subscribe(room, history=KEPT, policy="close") as heard,
        present(member),
        asyncio.TaskGroup() as group,
    ):
        hearing = group.create_task(pass_on(heard, ws))
        async for message in ws:
            if isinstance(message, str) and (text := message.strip()[:LONGEST_TEXT]):
                await member.tell("said", text)
        hearing.cancel()


async def pass_on(heard: Subscription, ws: WebSocket) -> None:
    """Send what is said in the room; who cannot keep up is sent away, and may come back."""
    async for message in heard:
        await ws.send(message.text)
    if heard.end == "slow":
        await ws.close(TOO_SLOW, "too slow for this room")


@asynccontextmanager
async def present(member: Member) -> AsyncIterator[None]:
    """Count a member to those in the room."""
    rooms.setdefault(member.room, {})[member.id] = member.name
    await member.tell("joined")
    try:
        yield
    finally:
        del rooms[member.room][member.id]
        if not rooms[member.room]:
            del rooms[member.room]
        await member.tell("left")
