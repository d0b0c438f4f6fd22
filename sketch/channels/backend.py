"""What carries messages: the interface, and the backend for one process."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from sketch.context_vars import find_app
from sketch.jsoncodec import STDLIB, JSONCodec

# How data travels: one byte that says what it is, and the data itself.
_TEXT, _BYTES, _JSON = b"t", b"b", b"j"


def _codec() -> JSONCodec:
    app = find_app()
    return STDLIB if app is None else app.json


class Message:
    """What was published: the same object for all subscribers of one process, so do not change its `data`.

    Args:
        topic: where it was published.
        id: names it among the messages of its topic.
        payload: as `Channels` has made it from the data, and as a backend carries it.
    """

    __slots__ = ("_data", "_text", "id", "payload", "topic")

    _data: Any
    _text: str

    def __init__(self, topic: str, id: str, payload: bytes) -> None:
        self.topic = topic
        self.id = id
        self.payload = payload

    @property
    def data(self) -> Any:
        """The data, as it was published: `str`, `bytes`, or what JSON has made of it."""
        try:
            return self._data
        except AttributeError:
            kind, content = self.payload[:1], self.payload[1:]
            self._data = content if kind == _BYTES else content.decode() if kind == _TEXT else _codec().loads(content)
            return self._data

    @property
    def text(self) -> str:
        """The data as text: a `str` as it is, other data in JSON. It is written once for all subscribers.

        Raises:
            TypeError: for bytes.
        """
        try:
            return self._text
        except AttributeError:
            if self.payload[:1] == _BYTES:
                raise TypeError(f"expected a message of text or data, got bytes: {self!r}") from None
            self._text = self.payload[1:].decode()
            return self._text

    def __repr__(self) -> str:
        return f"<Message {self.id} of {self.topic!r}>"


def encode(data: Any) -> bytes:
    """Data as it travels: `str`, `bytes`, and what JSON can hold."""
    if isinstance(data, str):
        return _TEXT + data.encode()
    if isinstance(data, bytes | bytearray | memoryview):
        return _BYTES + data
    return _JSON + _codec().dumps(data)


class Backend(Protocol):
    """What carries messages: within this process (`MemoryBackend`), or between processes and machines.

    A backend sees topics, ids, and payloads of bytes that mean nothing to it. It hands what arrives to `deliver`, in
    the event loop's thread, and in the order of publishing for each topic. Between processes that share it, each
    message has the same id. Where it loses its connection it connects and subscribes again by itself; subscribers may
    miss what was published in between, which is what `history` is for.
    """

    def attach(self, deliver: Callable[[Message], None]) -> None:
        """Take the function that gets every message of the topics that are subscribed to. It does not fail."""

    async def start(self) -> None:
        """Connect. Called once, at the start of the application, where `Channels.running` is registered with it."""

    async def stop(self) -> None:
        """Disconnect. Nothing is delivered any more."""

    async def publish(self, topic: str, payload: bytes) -> str:
        """Send a payload to whoever has subscribed, here and elsewhere; the message's id."""
        ...

    async def subscribe(self, topic: str) -> None:
        """Deliver the messages of that topic from now on. Never called twice without `unsubscribe` in between."""

    async def unsubscribe(self, topic: str) -> None:
        """Deliver them no more."""

    async def history(self, topic: str, count: int | None, after: str | None) -> list[Message]:
        """Messages that are kept, the oldest first.

        Args:
            topic: of the messages.
            count: at most so many, the last ones; None for all.
            after: only those after the message of that id; where it is not known, or kept no more, all.
        """
        ...


class MemoryBackend:
    """Carries messages within one process: what another one publishes does not get here.

    Args:
        history: how many messages of each topic to keep.
        topics: of how many topics; those that were published to longest ago go first.

    Raises:
        ValueError: for numbers that make no sense.
    """

    __slots__ = ("_count", "_deliver", "_history", "_kept", "_life", "_subscribed", "_topics")

    def __init__(self, *, history: int = 0, topics: int = 1000) -> None:
        if history < 0:
            raise ValueError(f"expected a history of 0 or more messages, got {history!r}")
        if topics < 1:
            raise ValueError(f"expected 1 or more topics, got {topics!r}")
        self._history = history
        self._topics = topics
        self._kept: dict[str, deque[Message]] = {}
        self._subscribed: set[str] = set()
        self._deliver: Callable[[Message], None] | None = None
        # A client may come back with the id of an earlier process, which must not be taken for one of this one.
        self._life = f"{time.time_ns() // 1000:x}"
        self._count = 0

    def attach(self, deliver: Callable[[Message], None]) -> None:
        """Take the function that gets the messages.

        Raises:
            RuntimeError: the second time.
        """
        if self._deliver is not None:
            raise RuntimeError("expected a backend of one's own: this one belongs to other Channels")
        self._deliver = deliver

    async def start(self) -> None:
        """There is nothing to connect to."""

    async def stop(self) -> None:
        """There is nothing to disconnect from."""

    async def publish(self, topic: str, payload: bytes) -> str:
        """Deliver a payload, and let others run: whoever publishes in a loop leaves its subscribers time to read."""
        self._count += 1
        message = Message(topic, f"{self._life}-{self._count}", payload)
        if self._history:
            self._keep(message)
        if topic in self._subscribed and self._deliver is not None:
            self._deliver(message)
        await asyncio.sleep(0)
        return message.id

    def _keep(self, message: Message) -> None:
        kept = self._kept.pop(message.topic, None)
        if kept is None:
            kept = deque(maxlen=self._history)
            if len(self._kept) == self._topics:
                del self._kept[next(iter(self._kept))]
        kept.append(message)
        self._kept[message.topic] = kept  # the last now: the one that was published to last

    async def subscribe(self, topic: str) -> None:
        """Deliver the messages of that topic."""
        self._subscribed.add(topic)

    async def unsubscribe(self, topic: str) -> None:
        """Deliver them no more."""
        self._subscribed.discard(topic)

    async def history(self, topic: str, count: int | None, after: str | None) -> list[Message]:
        """The messages that are kept; see `Backend`.

        Raises:
            RuntimeError: if none are.
        """
        if not self._history:
            raise RuntimeError("expected a backend that keeps messages: Channels(MemoryBackend(history=100))")
        kept = list(self._kept.get(topic, ()))
        if after is not None and (last := self._number(after)) is not None:
            kept = [message for message in kept if (self._number(message.id) or 0) > last]
        return kept if count is None else kept[max(0, len(kept) - count) :]

    def _number(self, id: str) -> int | None:
        """Which message of this process it was; None if it was none."""
        life, _, number = id.partition("-")
        known = life == self._life and number.isascii() and number.isdigit() and len(number) < 20
        return int(number) if known else None
