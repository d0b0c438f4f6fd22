"""The probes of an application."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sketch import Application, Health, Response
from sketch.observability.health import HEALTH
from sketch.openapi import OpenAPI
from sketch.testing import TestClient
from tests.support.requests import in_loop

LOCAL = {"Host": "localhost"}


async def hangs() -> None:
    await asyncio.Event().wait()


def seen(request: Any) -> bool:
    return "X-Operator" in request.headers


@in_loop
async def test_ready_while_all_checks_succeed() -> None:
    works, app = True, Application()
    Health({"database": lambda: works, "cache": lambda: None}, allow=seen).attach(app)
    async with TestClient(app) as client:
        reply = await client.get("/readyz")
        assert (reply.status, await reply.json()) == (200, {"status": "ok"})
        assert (reply.headers["Cache-Control"], reply.headers["Content-Type"]) == ("no-store", "application/json")
        works = False
        for probe, status in (("/readyz", 503), ("/livez", 200)):
            reply = await client.get(probe)
            assert (reply.status, await reply.json()) == (status, {"status": "ok" if status == 200 else "unavailable"})
        assert (await client.request("HEAD", "/readyz")).status == 503
        works = True
        assert (await client.get("/readyz")).status == 200


@in_loop
async def test_details_are_for_those_who_may_see_them() -> None:
    app = Application()
    Health({"slow": hangs, "broken": lambda: False, "good": lambda: None}, timeout=0.05, allow=seen).attach(app)
    async with TestClient(app) as client:
        details = await (await client.get("/readyz", headers={"X-Operator": "yes"})).json()
        assert list(await (await client.get("/readyz")).json()) == ["status"]
    assert (details["status"], details["stopping"]) == ("unavailable", False)
    assert details["checks"]["slow"]["error"] == "no result within 0.05 s"
    assert details["checks"]["slow"]["seconds"] >= 0.05
    assert details["checks"]["broken"]["error"] == "it returned False"
    assert details["checks"]["good"].keys() == {"status", "seconds"}


@in_loop
async def test_without_allow_they_are_for_local_requests() -> None:
    app = Application()
    Health({"good": lambda: None}).attach(app)
    async with TestClient(app, client=("127.0.0.1", 5000)) as client:
        for fields, shown in ((LOCAL, True), ({"Host": "shop.example"}, False), ({**LOCAL, "Via": "1.1 a"}, False)):
            assert ("checks" in await (await client.get("/readyz", headers=fields)).json()) is shown


@in_loop
async def test_not_ready_from_the_first_moment_of_a_stop() -> None:
    runs, app = [], Application()
    Health({"database": lambda: runs.append(1)}).attach(app)
    async with TestClient(app) as client:
        app.stopping.announce()
        assert (await client.get("/readyz")).status == 503
        assert (await client.get("/livez")).status == 200
    assert not runs, "no check runs for nothing"


@in_loop
async def test_nor_if_the_stop_comes_while_a_check_runs() -> None:
    app = Application()

    async def ping() -> None:
        app.stopping.announce()

    Health({"database": ping}).attach(app)
    async with TestClient(app) as client:
        assert (await client.get("/readyz")).status == 503


@in_loop
async def test_a_mounted_application_has_probes_of_its_own() -> None:
    outer, inner = Application(), Application()
    Health({"good": lambda: None}).attach(outer)
    Health({"bad": lambda: False}).attach(inner)
    outer.mount("/shop", inner)
    async with TestClient(outer) as client:
        assert [(await client.get(path)).status for path in ("/readyz", "/shop/readyz")] == [200, 503]
        outer.stopping.announce()
        assert (await client.get("/shop/readyz")).status == 503


@in_loop
async def test_they_are_found_before_templates_and_mounts_and_not_documented() -> None:
    app, other = Application(), Application()
    app.add_get("/{page}", lambda page: Response(page))
    app.mount("/", other)
    Health(live="/alive", ready=None).attach(app)
    OpenAPI(title="shop", version="1").attach(app)
    async with TestClient(app) as client:
        assert await (await client.get("/alive")).json() == {"status": "ok"}
        assert await (await client.get("/readyz")).text() == "readyz"
        assert "/alive" not in await (await client.get("/openapi.json")).text()
        assert (await client.get("/openapi.json")).status == 200


@in_loop
async def test_checks_can_be_run_without_a_request() -> None:
    app = Application()
    Health({"good": lambda: None}).attach(app)
    async with TestClient(app):
        results = await app[HEALTH].check(app)
    assert results["good"].error is None


def test_faults() -> None:
    app = Application()
    app.add_get("/livez", lambda: Response())
    with pytest.raises(ValueError, match="/livez"):
        Health().attach(app)
    app = Application()
    Health().attach(app)
    with pytest.raises(ValueError, match="/readyz"):
        app.add_get("/readyz", lambda: Response())
    with pytest.raises(RuntimeError, match="expected one Health for one application"):
        Health(live=None, ready=None).attach(app)
    with pytest.raises(TypeError, match="expected checks as a mapping"):
        Health([hangs])  # type: ignore[arg-type]
    for timeout in (0, -1, 100, True, "2", float("nan")):
        with pytest.raises(ValueError, match="expected timeout as seconds"):
            Health(timeout=timeout)  # type: ignore[arg-type]
