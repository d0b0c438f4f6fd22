"""Subscriptions: a bounded queue of messages for one consumer, and the policy for a full queue."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

from sketch.context_vars import find_app

if TYPE_CHECKING:
    from sketch.channels.backend import Backend, Message
    from sketch.lifecycle.stopping import Stopping

Policy = Literal["drop-oldest", "drop-newest", "close"]
"""What happens to a message when the queue of a subscription is full."""

End = Literal["closed", "slow", "stopped"]


class Topics(Protocol):
    """What a subscription needs of its `Channels`."""

    backend: Backend
    """Has the kept messages."""

    async def _join(self, topic: str, subscription: Subscription) -> None:
        """Add a subscription to a topic."""

    async def _detach(self, subscription: Subscription) -> None:
        """Remove a subscription from its topics."""


class Subscription:
    """The messages for one consumer: `async with channels.subscribe("news") as subscription`, then `async for`.

    The iteration ends when the application stops, after `close()`, and, with the policy `"close"`, when the queue is
    full; the messages in the queue still come before the end. One task at a time may iterate.
    """

    __slots__ = (
        "_after", "_channels", "_entered", "_history", "_most", "_policy", "_queue", "_replayed", "_stopping",
        "_waiter", "dropped", "end", "topics",
    )  # fmt: skip

    topics: tuple[str, ...]
    """The topics that it is subscribed to."""
    dropped: int
    """How many messages were dropped because the queue was full."""
    end: End | None
    """Why it has ended: `close()` or the end of the block, a full queue, or the application's end. None: it has not."""

    def __init__(
        self, channels: Topics, topics: tuple[str, ...], most: int, policy: Policy, history: int, after: str | None
    ) -> None:
        self.topics = topics
        self.dropped = 0
        self.end = None
        self._channels = channels
        self._most = most
        self._policy = policy
        self._history = history
        self._after = after
        self._queue: deque[Message] = deque()
        self._replayed: deque[Message] = deque()
        self._entered = False
        self._stopping: Stopping | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        if self._entered:
            raise RuntimeError("expected a subscription that is new: make one for each `async with`")
        self._entered = True
        app = find_app()
        if app is not None:
            self._stopping = stopping = app.stopping
            stopping.listen(self._stop)
        try:
            for topic in self.topics:
                await self._channels._join(topic, self)
            if self._history or self._after:
                await self._replay()
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        """The next message."""
        if self._replayed:
            return self._replayed.popleft()
        while not self._queue:
            if self.end is not None:
                raise StopAsyncIteration
            if not self._entered:
                raise RuntimeError("expected a subscription that is entered: iterate inside `async with`")
            if self._waiter is not None:
                raise RuntimeError("expected one task to iterate over a subscription, got two: subscribe twice")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._queue.popleft()

    def close(self) -> None:
        """Take no more messages. Closing again does nothing."""
        self._finish("closed")

    def __repr__(self) -> str:
        return f"<Subscription to {', '.join(self.topics)}, {len(self._queue)} queued, {self.dropped} dropped>"

    # -- for Channels --------------------------------------------------------------------------------------------------

    def _offer(self, message: Message) -> None:
        """Queue a message; if the queue is full, apply the policy."""
        if self.end is not None:
            return
        if len(self._queue) >= self._most:
            self.dropped += 1
            if self._policy == "drop-newest":
                return
            if self._policy == "close":
                self._finish("slow")
                return
            self._queue.popleft()
        self._queue.append(message)
        self._wake()

    def _stop(self) -> None:
        self._finish("stopped")

    def _finish(self, end: End) -> None:
        if self.end is None:
            self.end = end
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _replay(self) -> None:
        """Put the kept messages first. One that has arrived meanwhile may be among them, and comes only once."""
        for topic in self.topics:
            count = None if self._after else self._history
            self._replayed += await self._channels.backend.history(topic, count, self._after)
        known = {(message.topic, message.id) for message in self._replayed}
        self._queue = deque(message for message in self._queue if (message.topic, message.id) not in known)

    async def _leave(self) -> None:
        self.close()
        if self._stopping is not None:
            self._stopping.forget(self._stop)
        await self._channels._detach(self)
