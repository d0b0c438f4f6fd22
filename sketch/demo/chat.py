"""A chat: a page and a websocket at one path, and a topic per room that carries messages to all its members."""

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
"""How many earlier messages of a room a new member sees."""
TOO_SLOW = 1013
"""Try again later (IANA registry of close codes)."""

routes = RouteGroup("/chat")
channels = Channels(MemoryBackend(history=KEPT, topics=100))
rooms: dict[str, dict[str, str]] = {}
"""The members of each room: their names by their ids. A room without members is removed."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a room."""

    room: str
    id: str
    name: str

    async def tell(self, kind: str, text: str = "") -> None:
        """Tell all members of the room: `joined`, `left`, `said`."""
        people = sorted(rooms.get(self.room, {}).values(), key=str.casefold)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        event = {"kind": kind, "id": self.id, "name": self.name, "text": text, "at": at, "people": people}
        await channels.publish(self.room, event)


@routes.get(ROOM, include_in_schema=False)
async def page() -> Response:
    """The page of a room; its script takes the room from the address."""
    return HTMLResponse(static_file("chat.html"), headers=HEADERS)


# A message may have 500 characters of up to four bytes each.
@routes.websocket(ROOM, policy=WebSocketPolicy(max_message=4 * LONGEST_TEXT, close_reason="the server restarts"))
async def chat(ws: WebSocket, room: str) -> None:
    """The session of one member, until either side closes."""
    name = ws.request.query.get("name", "").strip()[:LONGEST_NAME] or "Guest"
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
    """Send the messages of the room to a member; one that is too slow is disconnected, and may come back."""
    async for message in heard:
        await ws.send(message.text)
    if heard.end == "slow":
        await ws.close(TOO_SLOW, "too slow for this room")


@asynccontextmanager
async def present(member: Member) -> AsyncIterator[None]:
    """Add a member to the room for the duration of a block."""
    rooms.setdefault(member.room, {})[member.id] = member.name
    await member.tell("joined")
    try:
        yield
    finally:
        del rooms[member.room][member.id]
        if not rooms[member.room]:
            del rooms[member.room]
        await member.tell("left")
