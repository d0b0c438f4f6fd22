"""What is counted of the exchanges of an application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from sketch import Application, Metrics, Request, Response, RouteGroup, StreamResponse, WebSocket
from sketch.observability.metrics import METRICS
from sketch.observability.metrics.counting import Active
from sketch.testing import TestClient
from tests.support.requests import in_loop


def counts(app: Application) -> dict[tuple[str, str], list[int]]:
    return {key: series.statuses for key, series in app[METRICS].figures.series.items()}


async def hello() -> Response:
    return Response("hello")


@in_loop
async def test_by_template_method_and_class_of_statuses() -> None:
    app, shop = Application(slashes="redirect"), Application()
    group = RouteGroup("/teas")
    group.add_get("/{number}", lambda number: Response(number))
    shop.add_group(group)
    shop.add_route("*", "/any", hello)
    app.mount("/{shop}", shop)
    app.add_get(r"/fails/", hello)

    @app.get("/error")
    async def error(request: Request) -> Response:
        raise ValueError("no")

    Metrics().attach(app)
    async with TestClient(app, raise_errors=False, follow_redirects=False) as client:
        for number in range(50):
            await client.get(f"/shop-{number}/teas/{number}")
            await client.get(f"/nowhere/{number}/{number}")
            await client.request(f"M{number}", "/a/any")
        await client.post("/a/any", body=b"12345")
        await client.request("HEAD", "/a/teas/1")
        await client.request("DELETE", "/a/teas/1")
        await client.request("OPTIONS", "/a/teas/1")
        await client.get("/fails")
        await client.get("/error")
    assert counts(app) == {
        ("/{shop}/teas/{number}", "GET"): [0, 0, 50, 0, 0, 0],
        ("/{shop}/teas/{number}", "HEAD"): [0, 0, 1, 0, 0, 0],
        ("/{shop}/any", "other"): [0, 0, 50, 0, 0, 0],
        ("/{shop}/any", "POST"): [0, 0, 1, 0, 0, 0],
        ("unmatched", "GET"): [0, 0, 0, 1, 50, 0],
        ("unmatched", "DELETE"): [0, 0, 0, 0, 1, 0],
        ("unmatched", "OPTIONS"): [0, 0, 1, 0, 0, 0],
        ("/error", "GET"): [0, 0, 0, 0, 0, 1],
    }
    posted = app[METRICS].figures.series["/{shop}/any", "POST"]
    assert (posted.received.total, sum(posted.received.counts), posted.sent.total) == (5, 1, 5)
    assert sum(posted.seconds.counts) == 1


@in_loop
async def test_what_is_under_way() -> None:
    app, go_on, begun = Application(), asyncio.Event(), asyncio.Event()
    Metrics().attach(app)
    active: list[Active] = []

    @app.get("/held")
    async def held() -> Response:
        begun.set()
        await go_on.wait()
        return Response("finished")

    @app.websocket("/ws")
    async def ws(ws: WebSocket) -> None:
        active.append(app[METRICS].counting.active)
        await ws.send("open")

    async with TestClient(app) as client:
        request = asyncio.create_task(client.get("/held"))
        await begun.wait()
        async with client.websocket("/ws") as socket:
            assert await socket.receive() == "open"
        go_on.set()
        await request
    assert active == [Active(1, 1)]
    assert app[METRICS].counting.active == Active(0, 0)
    assert counts(app) == {("/ws", "WEBSOCKET"): [0, 1, 0, 0, 0, 0], ("/held", "GET"): [0, 0, 1, 0, 0, 0]}
    assert not any(app[METRICS].figures.series["/ws", "WEBSOCKET"].seconds.counts), "a session is no request"


@in_loop
async def test_a_client_that_leaves() -> None:
    app = Application()
    Metrics().attach(app)

    @app.get("/endless")
    async def endless() -> StreamResponse:
        async def body() -> AsyncIterator[bytes]:
            while True:
                yield b"more"
                await asyncio.sleep(0)

        return StreamResponse(body())

    async with TestClient(app) as client:
        reply: Any = await client.get("/endless")
        async for _ in reply.stream():
            break
        await reply.close()
    assert app[METRICS].figures.events["disconnected"] == 1
    assert app[METRICS].counting.active == Active(0, 0)
