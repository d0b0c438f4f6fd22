"""The application under test is started and stopped in one task."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from sketch.application import Application
from sketch.request import Request
from sketch.response import JSONResponse, Response
from sketch.testing import TestClient
from tests.core.testing.support import echo, serving
from tests.support.requests import in_loop


@in_loop
async def test_the_application_is_started_and_stopped_in_one_task() -> None:
    events: list[tuple[str, Any]] = []
    app = serving(echo)

    async def note(name: str) -> None:
        events.append((name, asyncio.current_task()))

    async def context(app: Application) -> AsyncIterator[None]:
        await note("enter")
        yield
        await note("exit")

    app.cleanup_ctx.append(context)
    app.on_startup.append(partial(note, "startup"))
    app.on_shutdown.append(partial(note, "shutdown"))
    app.on_cleanup.append(partial(note, "cleanup"))
    client = TestClient(app)
    await asyncio.create_task(client.start())
    await client.shutdown()
    assert app.stopping
    assert (await client.get("/")).status == 200
    await asyncio.create_task(client.stop())
    assert [name for name, _ in events] == ["enter", "startup", "shutdown", "cleanup", "exit"]
    assert len({task for _, task in events}) == 1
    await client.stop()
    assert len(events) == 5


@in_loop
async def test_a_failed_start_is_raised() -> None:
    app = serving(echo)

    async def fail() -> None:
        raise ZeroDivisionError("no database")

    app.on_startup.append(fail)
    with pytest.raises(ZeroDivisionError, match="no database"):
        async with TestClient(app):
            raise AssertionError("expected no body")


@in_loop
async def test_the_lifespan_state_is_copied_per_request() -> None:
    async def lifespan(app: Application) -> AsyncIterator[dict[str, Any]]:
        yield {"pool": 7}

    async def handler(request: Request) -> Response:
        fresh = "mark" not in request.state
        request.state["mark"] = True
        return JSONResponse([request.state["pool"], fresh])

    app = Application(lifespan=lifespan)
    app.router.add_route("GET", "/", handler)
    async with TestClient(app) as client:
        assert await (await client.get("/")).json() == [7, True]
        assert await (await client.get("/")).json() == [7, True]
