"""What an operator sees: probes and metrics."""

from __future__ import annotations

from sketch import Application, Health, JSONResponse, Metrics, WebSocket
from sketch.observability.metrics import METRICS


def add_observed(app: Application) -> None:
    Health({"broken": lambda: False}).attach(app)
    Metrics().attach(app, path="/metrics", allow=lambda request: "X-Operator" in request.headers)

    @app.websocket("/observed")
    async def observed(ws: WebSocket) -> None:
        await ws.send("open")
        async for _ in ws:
            pass

    @app.get("/figures")
    async def figures() -> JSONResponse:
        """Open websockets to `/observed`, those that are over, and answers to `/livez`."""
        counting = app[METRICS].counting
        find = counting.figures.find
        return JSONResponse(
            [
                sum(request.raw_path == "/observed" for request in counting._websockets),
                find("/observed", "WEBSOCKET").statuses[1],
                find("/livez", "GET").statuses[2],
            ]
        )
