"""A broker between processes, and its backend: what a Redis or Valkey backend does, without the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sketch.channels import Message


class Broker:
    """Carries messages between the backends of several processes, and keeps all of them."""

    def __init__(self) -> None:
        self.backends: set[BrokerBackend] = set()
        self.kept: list[Message] = []

    def publish(self, topic: str, payload: bytes) -> str:
        message = Message(topic, str(len(self.kept) + 1), payload)
        self.kept.append(message)
        for backend in self.backends:
            if topic in backend.subscribed:
                backend.arrived.put_nowait(message)
        return message.id


class BrokerBackend:
    """The backend of one process. Each call takes a round trip; a separate task reads what arrives."""

    def __init__(self, broker: Broker) -> None:
        self.subscribed: set[str] = set()
        self.arrived: asyncio.Queue[Message] = asyncio.Queue()
        self.calls: list[str] = []
        self.fail: str | None = None
        self._broker = broker
        self._deliver: Callable[[Message], None] | None = None
        self._reader: asyncio.Task[None] | None = None

    def attach(self, deliver: Callable[[Message], None]) -> None:
        self._deliver = deliver

    async def start(self) -> None:
        self._broker.backends.add(self)
        self._reader = asyncio.create_task(self._read())

    async def stop(self) -> None:
        self._broker.backends.discard(self)
        assert self._reader is not None
        self._reader.cancel()
        await asyncio.wait([self._reader])

    async def _read(self) -> None:
        assert self._deliver is not None
        while True:
            message = await self.arrived.get()
            self._deliver(Message(message.topic, message.id, message.payload))

    async def _round_trip(self, call: str) -> None:
        self.calls.append(call)
        for _ in range(3):
            await asyncio.sleep(0)
        if call == self.fail:
            raise ConnectionError(f"{call} failed")

    async def publish(self, topic: str, payload: bytes) -> str:
        await self._round_trip(f"publish {topic}")
        return self._broker.publish(topic, payload)

    async def subscribe(self, topic: str) -> None:
        await self._round_trip(f"subscribe {topic}")
        assert topic not in self.subscribed
        self.subscribed.add(topic)

    async def unsubscribe(self, topic: str) -> None:
        await self._round_trip(f"unsubscribe {topic}")
        self.subscribed.remove(topic)

    async def history(self, topic: str, count: int | None, after: str | None) -> list[Message]:
        await self._round_trip(f"history {topic}")
        found = [message for message in self._broker.kept if message.topic == topic]
        await self._round_trip("")
        if after is not None:
            found = [message for message in found if int(message.id) > int(after)]
        return found if count is None else found[-count:]
