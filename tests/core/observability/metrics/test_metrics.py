"""`Metrics` of an application: where they are, and for whom."""

from __future__ import annotations

import sys
from typing import Any
from unittest.mock import AsyncMock

import pytest

from sketch import Application, Metrics, Response
from sketch.observability.metrics import METRICS
from sketch.testing import TestClient
from tests.support.requests import in_loop


def seen(request: Any) -> bool:
    return "X-Operator" in request.headers


@in_loop
async def test_they_are_for_those_who_may_see_them() -> None:
    app = Application()
    Metrics().attach(app, path="/metrics", allow=seen)
    async with TestClient(app) as client:
        missing, hidden = await client.get("/nowhere"), await client.get("/metrics")
        assert (hidden.status, await hidden.text()) == (404, await missing.text())
        for method in ("POST", "OPTIONS", "HEAD"):
            assert (await client.request(method, "/metrics")).status == 404
        assert (await client.post("/metrics", headers={"X-Operator": "yes"})).status == 405
        reply = await client.get("/metrics", headers={"X-Operator": "yes"})
        assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        text = await reply.text()
        assert int(reply.headers["Content-Length"]) == len(text)
        assert 'http_requests_total{method="GET",route="/metrics",status="4xx"} 1.0\n' in text
        assert "\nhttp_requests_in_flight 1.0\n" in text
        assert "\nsketch_workers_ready 1.0\n" in text


@in_loop
async def test_what_formats_them_is_loaded_before_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes tenths of a second, for which the first scrape would block the event loop. A worker needs none of it."""
    name = "sketch.observability.metrics.families"
    for is_worker in (True, False):
        app = Application()
        Metrics().attach(app)
        if is_worker:
            app[METRICS].gather = AsyncMock()
        monkeypatch.delitem(sys.modules, name, raising=False)
        async with TestClient(app):
            assert (name in sys.modules) is not is_worker


@in_loop
async def test_a_parent_that_does_not_answer_is_a_503() -> None:
    app = Application()
    Metrics().attach(app, path="/metrics", allow=seen)

    async def gather() -> Any:
        raise ConnectionError("the parent process does not answer")
        yield b""

    app[METRICS].gather = gather
    async with TestClient(app, raise_errors=False) as client:
        assert (await client.get("/metrics", headers={"X-Operator": "yes"})).status == 503


@in_loop
async def test_an_error_in_them_changes_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    app, seen = Application(), []
    app.add_get("/", lambda: Response("hello"))
    app.observers += [lambda request, outcome: 1 / 0, lambda request, outcome: seen.append(outcome.status)]
    async with TestClient(app) as client:
        assert await (await client.get("/")).text() == "hello"
    assert seen == [200]
    assert "error in an observer of GET '/'" in caplog.text


def test_an_application_without_them_does_not_watch_its_requests() -> None:
    app = Application()
    app.freeze()
    assert not app.watched
    app = Application()
    Metrics().attach(app)
    app.freeze()
    assert app.watched


@in_loop
async def test_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Application()
    for arguments in ({"path": "/metrics"}, {"allow": ["10.0.0.0/8"]}):
        with pytest.raises(TypeError, match="expected path and allow together"):
            Metrics().attach(app, **arguments)  # type: ignore[arg-type]
    Metrics().attach(app)
    with pytest.raises(RuntimeError, match="expected one Metrics for one application"):
        Metrics().attach(app)
    outer = Application()
    outer.mount("/shop", app)
    with pytest.raises(RuntimeError, match="expected metrics of the outermost application, got some of <Application"):
        await outer.startup()
    started = Application()
    started.freeze()
    with pytest.raises(RuntimeError, match="expected Metrics before the application starts"):
        Metrics().attach(started)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ImportError, match=r"pip install 'sketch-web\[metrics\]'"):
        Metrics()
