"""What an operator sees of an application, whichever server runs it."""

from __future__ import annotations

import asyncio

from tests.contract.transports import Transport


async def test_probes_and_metrics(transport: Transport) -> None:
    before = (await transport.get("/figures")).json()
    reply = await transport.get("/livez")
    assert (reply.status, reply.json(), reply.header("cache-control")) == (200, {"status": "ok"}, "no-store")
    reply = await transport.get("/readyz", headers=[("Via", "1.1 proxy")])
    assert (reply.status, reply.json()) == (503, {"status": "unavailable"})
    assert (await transport.get("/metrics")).status == 404
    text = (await transport.get("/metrics", headers=[("X-Operator", "yes")])).text
    assert 'http_requests_total{method="GET",route="/readyz",status="5xx"} ' in text
    async with transport.websocket("/ws/echo"):
        assert (await transport.get("/figures")).json() == [before[0] + 1, before[1] + 1]
    while (await transport.get("/figures")).json()[0] > before[0]:  # noqa: ASYNC110 - it is in another process
        await asyncio.sleep(0.001)
