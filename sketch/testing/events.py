"""Reads event streams (WHATWG HTML section 9.2) as a browser does."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class ClientEvent:
    """An event of an event stream."""

    data: str
    """Its lines of data, joined by line feeds."""
    event: str = "message"
    """Its type."""
    id: str = ""
    """The last event id that the stream has set, in this event or before."""
    retry: int | None = None
    """The reconnection time in milliseconds that the stream has set with this event, None if it has not."""

    def json(self) -> Any:
        """The data parsed as JSON. Raises ValueError if it is not JSON."""
        return json.loads(self.data)


class EventParser:
    """Makes events of the chunks of a body."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        self._text = ""
        self._data: list[str] = []
        self._event = ""
        self._id = ""
        self._retry: int | None = None

    def feed(self, chunk: bytes) -> Iterator[ClientEvent]:
        """Read a chunk. Yields the events that it completes."""
        self._text += self._decode(chunk)
        while (end := _END.search(self._text)) and (end[0] != "\r" or end.end() < len(self._text)):
            line, self._text = self._text[: end.start()], self._text[end.end() :]
            if line:
                self._field(*_split(line))
            elif (event := self._dispatch()) is not None:
                yield event

    def _field(self, name: str, value: str) -> None:
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self._retry = int(value)

    def _dispatch(self) -> ClientEvent | None:
        event = ClientEvent("\n".join(self._data), self._event or "message", self._id, self._retry)
        empty = not self._data
        self._data, self._event, self._retry = [], "", None
        return None if empty else event


def _split(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.removeprefix(" ")
