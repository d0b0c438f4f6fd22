"""Channels: publish to topics and subscribe to them, over a backend that carries the messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, get_args

from sketch.channels.backend import Backend, MemoryBackend, Message, encode
from sketch.channels.subscription import Policy, Subscription

if TYPE_CHECKING:
    from sketch.lifecycle.lifecycle import LifecycleApp

logger = logging.getLogger("sketch")


class _Topic:
    """The subscriptions to one topic in this process."""

    __slots__ = ("joined", "lock", "subscriptions")

    def __init__(self) -> None:
        self.subscriptions: set[Subscription] = set()
        self.joined = False
        self.lock = asyncio.Lock()


class Channels:
    """Publishes to topics and subscribes to them, in handlers, websockets, event streams and background tasks.

        async with channels.subscribe("news") as subscription:
            async for message in subscription:
                yield Event(message.text, id=message.id)

    Publishing never waits for a subscriber: each has its own queue, and a policy for a full queue. A slow subscriber
    delays no other, and costs no more memory than its queue.

    Args:
        backend: carries the messages; by default one that reaches this process only and keeps no history.
    """

    def __init__(self, backend: Backend | None = None) -> None:
        self.backend: Backend = backend or MemoryBackend()
        self._topics: dict[str, _Topic] = {}
        self.backend.attach(self._deliver)

    async def publish(self, topic: str, data: Any) -> str:
        """Send data to all subscribers of a topic. Returns the message's id.

        Args:
            topic: any text.
            data: `str`, `bytes`, or data for JSON.

        Raises:
            TypeError: for a topic that is no `str`.
            TypeError, ValueError: for data that JSON cannot hold.
        """
        _check_topic(topic)
        return await self.backend.publish(topic, encode(data))

    def subscribe(
        self,
        *topics: str,
        queue: int = 100,
        policy: Policy = "drop-oldest",
        history: int = 0,
        after: str | None = None,
    ) -> Subscription:
        """Subscribe to topics: inside `async with`, get the messages that are published from then on.

        Args:
            topics: one or more.
            queue: how many messages may wait for the consumer.
            policy: what happens when the queue is full: `"drop-oldest"` drops the oldest message (a feed, where the
                newest counts), `"drop-newest"` the new one, `"close"` ends the subscription after the queued ones (if
                none may be missed: the consumer comes back and asks for the kept ones). `Subscription.dropped` counts.
                No policy makes publishers wait: the slowest consumer would delay all.
            history: how many earlier messages of each topic come first.
            after: the id of a message: the kept messages that were published after it come first, and `history` is
                ignored. For a client that comes back: `last_event_id(request)`. None and "" are no id.

        If it is entered in a request or in the context of an application, it ends when that application stops.

        Raises:
            ValueError: for no topic, a queue for no message, an unknown policy, a negative history.
            TypeError: for a topic that is no `str`.
        """
        if not topics:
            raise ValueError("expected one or more topics, got none")
        for topic in topics:
            _check_topic(topic)
        if queue < 1:
            raise ValueError(f"expected a queue for 1 or more messages, got {queue!r:.200}")
        if policy not in get_args(Policy):
            raise ValueError(f"expected policy to be one of {', '.join(get_args(Policy))}, got {policy!r:.200}")
        if history < 0:
            raise ValueError(f"expected a history of 0 or more messages, got {history!r:.200}")
        return Subscription(self, tuple(dict.fromkeys(topics)), queue, policy, history, after or None)

    async def running(self, app: LifecycleApp) -> AsyncIterator[None]:
        """Start and stop the backend with an application: `app.cleanup_ctx.append(channels.running)`.

        Backends that connect to something need this, and subscriptions outside of requests: all end when it stops.
        """
        await self.backend.start()
        app.stopping.listen(self.end_subscriptions)
        try:
            yield
        finally:
            self.end_subscriptions()
            await self.backend.stop()

    def end_subscriptions(self) -> None:
        """End all subscriptions, as the application's end does."""
        for entry in self._topics.values():
            for subscription in entry.subscriptions:
                subscription._stop()

    def __repr__(self) -> str:
        return f"<Channels with {len(self._topics)} topics, {type(self.backend).__name__}>"

    # -- for the backend and for subscriptions -------------------------------------------------------------------------

    def _deliver(self, message: Message) -> None:
        entry = self._topics.get(message.topic)
        if entry is not None:
            for subscription in entry.subscriptions:
                subscription._offer(message)

    async def _join(self, topic: str, subscription: Subscription) -> None:
        entry = self._topics.setdefault(topic, _Topic())
        entry.subscriptions.add(subscription)
        async with entry.lock:
            if not entry.joined:
                await self.backend.subscribe(topic)
                entry.joined = True

    async def _detach(self, subscription: Subscription) -> None:
        """Remove a subscription from its topics, and topics without subscriptions.

        A cancellation is raised only after it has left all topics.
        """
        entries = [(topic, entry) for topic in subscription.topics if (entry := self._topics.get(topic)) is not None]
        for _, entry in entries:
            entry.subscriptions.discard(subscription)
        cancelled: asyncio.CancelledError | None = None
        for topic, entry in entries:
            try:
                await self._drop_unused(topic, entry)
            except asyncio.CancelledError as exc:
                cancelled = exc
        if cancelled is not None:
            raise cancelled

    async def _drop_unused(self, topic: str, entry: _Topic) -> None:
        if entry.subscriptions:
            return
        async with entry.lock:
            # Another subscription may have come meanwhile: it waits for the lock, or has left again.
            try:
                if entry.joined and not entry.subscriptions:
                    entry.joined = False
                    await self._unsubscribe(topic)
            finally:
                if not entry.subscriptions and self._topics.get(topic) is entry:
                    del self._topics[topic]

    async def _unsubscribe(self, topic: str) -> None:
        try:
            await self.backend.unsubscribe(topic)
        except Exception:
            # The consumer is done, and the error is not its own: messages that still come have no subscriber.
            logger.exception("error while unsubscribing from %r", topic)


def _check_topic(topic: object) -> None:
    if not isinstance(topic, str):
        raise TypeError(f"expected a topic of str, got {topic!r:.200}")
