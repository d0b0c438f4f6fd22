"""The browser's side of an event stream: the parser of the HTML Living Standard, section 9.2, character by character.

It shares nothing with `sketch.streams.sse`, and takes its input in any pieces.
"""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.support.wire import DEADLINE


@dataclass
class Received:
    """An event as a page gets it: `event.type`, `event.data`, `event.lastEventId`."""

    type: str
    data: str
    id: str


class EventParser:
    """Section 9.2.6, from bytes to events."""

    def __init__(self) -> None:
        self.events: list[Received] = []
        self.comments: list[str] = []
        self.retry: int | None = None
        self.last_id = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._begun = False
        self._line = ""
        self._after_cr = False
        self._data = ""
        self._type = ""
        self._id = ""

    def feed(self, data: bytes) -> None:
        for character in self._decoder.decode(data):
            if not self._begun and character == "\ufeff":
                self._begun = True
                continue
            self._begun = True
            if character == "\n" and self._after_cr:
                self._after_cr = False
                continue
            self._after_cr = character == "\r"
            if character in "\r\n":
                line, self._line = self._line, ""
                self._take(line)
            else:
                self._line += character

    def _take(self, line: str) -> None:
        if not line:
            self._dispatch()
        elif line[0] == ":":
            self.comments.append(line[1:])
        else:
            name, _, value = line.partition(":")
            self._field(name, value[1:] if value[:1] == " " else value)

    def _field(self, name: str, value: str) -> None:
        if name == "event":
            self._type = value
        elif name == "data":
            self._data += value + "\n"
        elif name == "id":
            if "\0" not in value:
                self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry = int(value)

    def _dispatch(self) -> None:
        self.last_id = self._id
        data, self._data = self._data, ""
        kind, self._type = self._type, ""
        if data:
            self.events.append(Received(kind or "message", data[:-1], self.last_id))


class EventReader:
    """Events from the chunks of an answer, one at a time.

    Args:
        chunk: gives the next piece of the body, `b""` at its end.
    """

    def __init__(self, chunk: Callable[[], Awaitable[bytes]]) -> None:
        self._chunk = chunk
        self.parser = EventParser()
        self.ended = False

    async def event(self) -> Received | None:
        """The next event; None at the end of the stream."""
        while not self.parser.events and await self.more():
            continue
        return self.parser.events.pop(0) if self.parser.events else None

    async def comment(self) -> str | None:
        """The next comment; None at the end."""
        while not self.parser.comments and await self.more():
            continue
        return self.parser.comments.pop(0) if self.parser.comments else None

    async def more(self) -> bool:
        """Read one piece. False at the end."""
        async with asyncio.timeout(DEADLINE):
            data = await self._chunk()
        self.parser.feed(data)
        self.ended = not data
        return bool(data)
