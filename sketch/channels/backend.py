"""Backends carry messages: their interface, and the backend for one process."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from sketch.concurrency.workers import report_unshared
from sketch.context_vars import find_app
from sketch.jsoncodec import STDLIB, JSONCodec

# The first byte of a payload says what the rest is.
_TEXT, _BYTES, _JSON = b"t", b"b", b"j"

_SHARED = "Give them a backend that carries messages between processes"


def _codec() -> JSONCodec:
    app = find_app()
    return STDLIB if app is None else app.json


class Message:
    """A published message. All subscribers of one process get the same object, so do not change its `data`.

    Args:
        topic: the topic that it was published to.
        id: identifies it among the messages of its topic.
        payload: the data, encoded by `Channels`, as a backend carries it.
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
        """The published data: `str`, `bytes`, or data that was decoded from JSON."""
        try:
            return self._data
        except AttributeError:
            kind, content = self.payload[:1], self.payload[1:]
            self._data = content if kind == _BYTES else content.decode() if kind == _TEXT else _codec().loads(content)
            return self._data

    @property
    def text(self) -> str:
        """The data as text: a `str` as it is, other data in JSON. It is made once for all subscribers.

        Raises:
            TypeError: for bytes.
        """
        try:
            return self._text
        except AttributeError:
            if self.payload[:1] == _BYTES:
                raise TypeError(f"expected a message of text or data, got bytes: {self!r:.200}") from None
            self._text = self.payload[1:].decode()
            return self._text

    def __repr__(self) -> str:
        return f"<Message {self.id} of {self.topic!r}>"


def encode(data: Any) -> bytes:
    """Encode `str`, `bytes`, or data for JSON as a payload."""
    if isinstance(data, str):
        return _TEXT + data.encode()
    if isinstance(data, bytes | bytearray | memoryview):
        return _BYTES + data
    return _JSON + _codec().dumps(data)


class Backend(Protocol):
    """Carries messages within one process (`MemoryBackend`), or between processes and machines.

    A backend sees topics, ids, and payloads of bytes that mean nothing to it. It passes arriving messages to `deliver`,
    in the event loop's thread, and in the order of publishing for each topic. A message has the same id in all
    processes that share the backend. After a lost connection it connects and subscribes again by itself; subscribers
    may miss messages that were published in between, and get them by `history`.
    """

    def attach(self, deliver: Callable[[Message], None]) -> None:
        """Take the function to call with every message of the subscribed topics. It does not raise."""

    async def start(self) -> None:
        """Connect. Called once, at the start of the application, if `Channels.running` is registered with it."""

    async def stop(self) -> None:
        """Disconnect, and deliver nothing any more."""

    async def publish(self, topic: str, payload: bytes) -> str:
        """Send a payload to all subscribers, in this process and others. Returns the message's id."""
        ...

    async def subscribe(self, topic: str) -> None:
        """Deliver the messages of that topic from now on. Never called twice without `unsubscribe` in between."""

    async def unsubscribe(self, topic: str) -> None:
        """Stop delivering the messages of that topic."""

    async def history(self, topic: str, count: int | None, after: str | None) -> list[Message]:
        """Return the kept messages of a topic, the oldest first.

        Args:
            topic: the topic of the messages.
            count: how many messages at most, the newest ones; None for all.
            after: the id of a message: only later ones are returned; all, if it is unknown or no longer kept.
        """
        ...


class MemoryBackend:
    """Carries messages within one process: those that other processes publish do not arrive.

    Args:
        history: how many messages of each topic to keep.
        topics: for how many topics to keep messages; the one with the least recent message is dropped first.

    Raises:
        ValueError: for a negative history, or fewer than one topic.
    """

    __slots__ = ("_count", "_deliver", "_history", "_kept", "_life", "_subscribed", "_topics")

    def __init__(self, *, history: int = 0, topics: int = 1000) -> None:
        if history < 0:
            raise ValueError(f"expected a history of 0 or more messages, got {history!r:.200}")
        if topics < 1:
            raise ValueError(f"expected 1 or more topics, got {topics!r:.200}")
        self._history = history
        self._topics = topics
        self._kept: dict[str, deque[Message]] = {}
        self._subscribed: set[str] = set()
        self._deliver: Callable[[Message], None] | None = None
        # A client may come back with an id of an earlier process, which must not pass for one of this process.
        self._life = f"{time.time_ns() // 1000:x}"
        self._count = 0

    def attach(self, deliver: Callable[[Message], None]) -> None:
        """Take the function that gets the messages.

        Raises:
            RuntimeError: when it is called again.
        """
        if self._deliver is not None:
            raise RuntimeError("expected a backend of one's own: this one belongs to other Channels")
        self._deliver = deliver

    async def start(self) -> None:
        """There is nothing to connect to."""

    async def stop(self) -> None:
        """There is nothing to disconnect from."""

    async def publish(self, topic: str, payload: bytes) -> str:
        """Deliver a payload, and let other tasks run: a loop that publishes leaves subscribers time to read."""
        report_unshared("Channels", _SHARED)
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
        self._kept[message.topic] = kept  # now the last one: most recently published to

    async def subscribe(self, topic: str) -> None:
        """Deliver the messages of that topic."""
        report_unshared("Channels", _SHARED)
        self._subscribed.add(topic)

    async def unsubscribe(self, topic: str) -> None:
        """Stop delivering the messages of that topic."""
        self._subscribed.discard(topic)

    async def history(self, topic: str, count: int | None, after: str | None) -> list[Message]:
        """Return the kept messages; see `Backend`.

        Raises:
            RuntimeError: if the backend keeps none.
        """
        if not self._history:
            raise RuntimeError("expected a backend that keeps messages: Channels(MemoryBackend(history=100))")
        kept = list(self._kept.get(topic, ()))
        if after is not None and (last := self._number(after)) is not None:
            kept = [message for message in kept if (self._number(message.id) or 0) > last]
        return kept if count is None else kept[max(0, len(kept) - count) :]

    def _number(self, id: str) -> int | None:
        """Return the number of a message in this process; None for the id of another process."""
        life, _, number = id.partition("-")
        known = life == self._life and number.isascii() and number.isdigit() and len(number) < 20
        return int(number) if known else None
