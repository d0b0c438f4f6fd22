"""What an operator sees of an application, whichever server runs it."""

from __future__ import annotations

import asyncio

from tests.contract.transports import Transport


async def figures(transport: Transport) -> list[int]:
    """Websockets that are open, those that are over, and answers to `/livez`. Nothing else asks for them."""
    found: list[int] = (await transport.get("/figures")).json()
    return found


async def test_probes_and_metrics(transport: Transport) -> None:
    _, over, alive = await figures(transport)
    reply = await transport.get("/livez")
    assert (reply.status, reply.json(), reply.header("cache-control")) == (200, {"status": "ok"}, "no-store")
    reply = await transport.get("/readyz", headers=[("Via", "1.1 proxy")])
    assert (reply.status, reply.json()) == (503, {"status": "unavailable"})
    assert (await transport.get("/metrics")).status == 404
    text = (await transport.get("/metrics", headers=[("X-Operator", "yes")])).text
    assert 'http_requests_total{method="GET",route="/readyz",status="5xx"} ' in text
    async with transport.websocket("/observed") as ws:
        assert await ws.receive() == "open"
        assert await figures(transport) == [1, over, alive + 1]
    while await figures(transport) != [0, over + 1, alive + 1]:  # noqa: ASYNC110 - it is in another process
        await asyncio.sleep(0.001)
