"""The time that a handler may take."""

from __future__ import annotations

import asyncio
import threading

from sketch import Application, Limits, Request, Response
from sketch.testing import TestClient


def test_handler_over_its_time_is_cancelled_and_answered_503() -> None:
    app = Application()
    ends = []

    @app.get("/slow", limits=Limits(handler_timeout=0.01))
    async def slow() -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("cancelled")
        return Response("never")

    async def case() -> None:
        async with TestClient(app) as client:
            reply = await client.get("/slow")
            assert reply.status == 503
            assert "0.01 seconds" in await reply.text()

    asyncio.run(case())
    assert ends == ["cancelled"]


def test_timeout_error_of_the_handler_is_a_500() -> None:
    app = Application()

    @app.get("/", limits=Limits(handler_timeout=10))
    async def fails() -> Response:
        raise TimeoutError("a database")

    async def case() -> None:
        async with TestClient(app, raise_errors=False) as client:
            assert (await client.get("/")).status == 500

    asyncio.run(case())


def test_limit_of_the_application_holds_for_routes_without_their_own_and_middleware_sees_the_503() -> None:
    seen = []

    async def watch(request: Request, handler: object) -> Response:
        try:
            return await handler(request)
        except Exception as exc:
            seen.append(type(exc).__name__)
            raise

    app = Application(limits=Limits(handler_timeout=0.01), middlewares=[watch])
    let_go = threading.Event()

    @app.get("/thread")
    def blocking() -> Response:
        let_go.wait(10)
        return Response("late")

    @app.get("/fast")
    async def fast() -> Response:
        return Response("fast")

    async def case() -> None:
        async with TestClient(app) as client:
            assert (await client.get("/thread")).status == 503
            assert (await client.get("/fast")).status == 200
            let_go.set()

    asyncio.run(case())
    assert seen == ["HTTPServiceUnavailable"]
