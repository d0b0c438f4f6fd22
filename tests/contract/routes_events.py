"""Routes that send events, and one that publishes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from sketch import (
    Application,
    Channels,
    Event,
    EventStreamResponse,
    Request,
    Response,
    WebSocket,
    last_event_id,
)
from sketch.channels import MemoryBackend, Subscription

LARGE = "x" * 65536


def add_events(app: Application) -> None:  # noqa: C901  # a list of routes, nothing else
    channels = Channels(MemoryBackend(history=100))
    app.cleanup_ctx.append(channels.running)

    def note_end(request: Request, task: Any) -> None:
        where = "its task" if asyncio.current_task() is task else "another task"
        app.journal.write(request, f"closed in {where}")

    @app.post("/events/feed/{topic}")
    async def publish(request: Request, topic: str) -> Response:
        return Response(await channels.publish(topic, await request.text()))

    @app.get("/events/feed/{topic}")
    async def feed(request: Request, topic: str) -> Response:
        async def source() -> AsyncIterator[Event]:
            task = asyncio.current_task()
            try:
                async with channels.subscribe(topic, after=last_event_id(request)) as subscription:
                    app.journal.write(request, "subscribed")
                    async for message in subscription:
                        yield Event(message.data, id=message.id)
            finally:
                note_end(request, task)

        return EventStreamResponse(source())

    async def send_all(ws: WebSocket, subscription: Subscription) -> None:
        async for message in subscription:
            await ws.send(message.text)
        if subscription.end == "slow":
            await ws.close(1013, "too slow")

    @app.websocket("/events/room/{topic}")
    async def room(ws: WebSocket, topic: str) -> None:
        subscribing = channels.subscribe(topic, queue=5, policy=ws.request.query["policy"])
        try:
            async with subscribing as subscription, asyncio.TaskGroup() as group:
                app.journal.write(ws.request, "subscribed")
                group.create_task(send_all(ws, subscription))
                async for message in ws:
                    await channels.publish(topic, message)
                subscription.close()
        finally:
            app.journal.write(ws.request, "left")

    @app.get("/events/kinds")
    async def kinds() -> Response:
        async def source() -> AsyncIterator[Any]:
            yield "text\r\nof ü\rlines\n"
            yield {"json": [1, None]}
            yield Event("", event="tick", id="ü", retry=1500)
            yield Event(id="last")

        return EventStreamResponse(source(), retry=2000, headers={"X-Kind": "events"})

    @app.get("/events/silent")
    async def silent(request: Request) -> Response:
        async def source() -> AsyncIterator[Any]:
            task = asyncio.current_task()
            try:
                app.journal.write(request, "asked")
                await asyncio.Event().wait()
                yield "never"
            finally:
                note_end(request, task)

        return EventStreamResponse(source(), ping=0.05)

    @app.get("/events/endless")
    async def endless(request: Request) -> Response:
        async def source() -> AsyncIterator[Any]:
            task = asyncio.current_task()
            try:
                while True:
                    app.journal.write(request, "event")
                    yield LARGE
            finally:
                note_end(request, task)

        return EventStreamResponse(source())

    @app.get("/events/broken")
    async def broken() -> Response:
        async def source() -> AsyncIterator[Any]:
            yield "one"
            raise RuntimeError("secret halfway")

        return EventStreamResponse(source())

    @app.get("/events/goodbye")
    async def goodbye() -> Response:
        async def source() -> AsyncIterator[Any]:
            try:
                yield "hello"
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                yield "goodbye"

        return EventStreamResponse(source())
