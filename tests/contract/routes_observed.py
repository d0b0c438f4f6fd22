"""What an operator sees: probes and metrics."""

from __future__ import annotations

from sketch import Application, Health, JSONResponse, Metrics
from sketch.observability.metrics import METRICS


def add_observed(app: Application) -> None:
    Health({"broken": lambda: False}).attach(app)
    Metrics().attach(app, path="/metrics", allow=lambda request: "X-Operator" in request.headers)

    @app.get("/figures")
    async def figures() -> JSONResponse:
        """The websockets that are open, and how many answers to `/livez` there were."""
        metrics = app[METRICS]
        return JSONResponse([metrics.counting.active.websockets, metrics.figures.find("/livez", "GET").statuses[2]])
