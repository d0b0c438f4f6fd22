"""Sentry's and OpenTelemetry's ASGI middleware: around a sketch application, around a foreign one, and mounted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import sentry_sdk
from opentelemetry import trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sentry_sdk.integrations.asgi import SentryAsgiMiddleware
from sentry_sdk.transport import Transport

from sketch import Application, Request, Response, WebSocket
from tests.asgi.hosting.serving import Client, Message, Receive, Send, answer, hosting
from tests.support.frames import TEXT, frame, shake
from tests.support.scripts import in_loop

WAYS = ("ours", "native", "mounted")
BOTH = pytest.mark.parametrize("mode", ["native", "asgi"])


def as_application() -> Application:
    app = Application()

    @app.get("/hello")
    async def hello(request: Request) -> Response:
        return Response("hello")

    @app.get("/fails")
    async def fails(request: Request) -> Response:
        sentry_sdk.set_tag("seen", "yes")
        sentry_sdk.capture_exception(LookupError("broken"))
        raise LookupError("broken")

    @app.websocket("/ws")
    async def ws(ws: WebSocket) -> None:
        async for message in ws:
            await ws.send(message)

    return app


async def foreign(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
    elif scope["path"].endswith("/fails"):
        sentry_sdk.set_tag("seen", "yes")
        raise LookupError("broken")
    else:
        await answer(send, b"hello")


def wrapped(way: str, middleware: Any, **options: Any) -> tuple[Any, str]:
    """An application inside the middleware, and the mode in which it is hosted."""
    if way == "ours":
        app = as_application()
        app.wrap_asgi(middleware, **options)
        return app, "native"
    return middleware(foreign, **options), way


async def ask(client: Client) -> None:
    assert (await client.get("/hello?q=1")).body == b"hello"
    assert (await client.get("/fails")).status == 500
    async with client.connect() as wire:
        socket = await shake(wire, client.prefix + "/ws")
        await socket.send(frame(TEXT, b"hello"))
        assert await socket.receive() == "hello"
        await socket.close()


# -- Sentry -----------------------------------------------------------------------------------------------------------


class Kept(Transport):
    """A transport that keeps the events."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[tuple[str, Any]] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.items += [(item.type, item.payload.json) for item in envelope.items]

    def of(self, kind: str) -> list[Any]:
        return [payload for item, payload in self.items if item == kind]


@pytest.fixture
def sentry() -> Iterator[Kept]:
    kept = Kept()
    sentry_sdk.init(
        "https://key@sentry.invalid/1", transport=kept, traces_sample_rate=1.0, default_integrations=False,
        auto_enabling_integrations=False,
    )  # fmt: skip
    yield kept
    sentry_sdk.get_client().close()
    sentry_sdk.init()


@pytest.mark.parametrize("way", WAYS)
@in_loop
async def test_sentry(way: str, sentry: Kept) -> None:
    app, mode = wrapped(way, SentryAsgiMiddleware)
    async with hosting(app, mode) as client:
        await ask(client)
    (event,) = sentry.of("event")
    assert [value["value"] for value in event["exception"]["values"]] == ["broken"]
    assert event["tags"]["seen"] == "yes"
    # By default Sentry puts `root_path` before the path once more.
    assert event["request"]["url"] == f"http://x{client.prefix * 2}/fails"
    transactions = sentry.of("transaction")
    assert [transaction["contexts"]["trace"]["op"] for transaction in transactions] == [
        "http.server", "http.server", "websocket.server",
    ]  # fmt: skip
    assert transactions[0]["request"]["query_string"] == "q=1"
    assert "seen" not in transactions[0].get("tags", {})
    if way == "ours":
        assert event["transaction"].endswith("as_application.<locals>.fails")
        names = [transaction["transaction"].rpartition(".")[2] for transaction in transactions]
        assert names == ["hello", "fails", "ws"]


@asynccontextmanager
async def served(app: Application, mode: str) -> AsyncIterator[Callable[[str], Awaitable[int]]]:
    """A sketch application in either mode: a function that asks it for a path, and returns the status."""
    if mode == "native":
        async with hosting(app, mode) as raw:

            async def get(path: str) -> int:
                return (await raw.get(path)).status

            yield get
    else:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://x") as client:

            async def get_by_asgi(path: str) -> int:
                return (await client.get(path)).status_code

            yield get_by_asgi


@BOTH
@in_loop
async def test_sentry_by_url(mode: str, sentry: Kept) -> None:
    outer, app = Application(), as_application()
    outer.mount("/{tenant}", app)
    outer.wrap_asgi(SentryAsgiMiddleware, transaction_style="url")
    async with served(outer, mode) as get:
        assert await get("/a/fails") == 500
    assert [transaction["transaction"] for transaction in sentry.of("transaction")] == ["/{tenant}/fails"]


# -- OpenTelemetry ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
@in_loop
async def test_opentelemetry(way: str) -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    app, mode = wrapped(way, OpenTelemetryMiddleware, tracer_provider=provider, exclude_spans=["receive", "send"])
    async with hosting(app, mode) as client:
        await ask(client)
    provider.shutdown()
    found = [(span.name, dict(span.attributes or {})) for span in spans.get_finished_spans()]
    assert [name.partition(" ")[0] for name, _ in found] == ["GET", "GET", "HTTP"]
    assert found[0][1]["http.status_code"] == 200
    assert found[0][1]["http.target"] == f"{client.prefix}/hello"
    assert found[1][1].get("http.status_code", 500) == 500
    assert str(found[2][1]["http.url"]).endswith(f"{client.prefix}/ws")


async def name_span(request: Request, handler: Any) -> Response:
    """Outer middleware that names the span by the route, as the guide shows it."""
    span = trace.get_current_span()
    if request.route is None:
        span.update_name(request.method)
    else:
        span.update_name(f"{request.method} {request.route.template}")
        span.set_attribute("http.route", request.route.template)
    response: Response = await handler(request)
    return response


@BOTH
@in_loop
async def test_opentelemetry_names_spans_by_route(mode: str) -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    outer, app = Application(outer_middlewares=[name_span]), as_application()
    outer.mount("/{tenant}", app)
    outer.wrap_asgi(OpenTelemetryMiddleware, tracer_provider=provider, exclude_spans=["receive", "send"])
    async with served(outer, mode) as get:
        assert [await get(path) for path in ("/a/hello", "/b/fails", "/nowhere")] == [200, 500, 404]
    provider.shutdown()
    found = [(span.name, (span.attributes or {}).get("http.route")) for span in spans.get_finished_spans()]
    assert found == [
        ("GET /{tenant}/hello", "/{tenant}/hello"), ("GET /{tenant}/fails", "/{tenant}/fails"), ("GET", None),
    ]  # fmt: skip


@in_loop
async def test_opentelemetry_counts_by_route() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    outer, app = Application(), as_application()
    outer.mount("/{tenant}", app)
    outer.wrap_asgi(OpenTelemetryMiddleware, meter_provider=provider)
    async with hosting(outer, "native") as client:
        for tenant in ("a", "b"):
            assert (await client.get(f"/{tenant}/hello")).status == 200
    data = reader.get_metrics_data()
    provider.shutdown()
    assert data is not None
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    (durations,) = [metric.data for metric in metrics if metric.name == "http.server.duration"]
    assert [dict(point.attributes)["http.target"] for point in durations.data_points] == ["/{tenant}/hello"]
