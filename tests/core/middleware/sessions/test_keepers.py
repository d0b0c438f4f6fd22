"""Sessions in a store: ids that were issued here alone, no sign-in after a sign-out, and a store that is away."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from sketch import Application, Request, Response, Sessions, StreamResponse
from sketch.stores import MemoryStore
from sketch.testing import TestClient
from tests.core.middleware.sessions.support import (
    SECRET,
    UNREACHABLE,
    Away,
    Clock,
    ask,
    client_of,
    cookie_after,
    cookie_of,
    make_app,
)
from tests.support.requests import in_loop


@in_loop
async def test_without_a_store_the_cookie_has_the_content_in_json() -> None:
    cookie = await cookie_after(make_app(), "/set/user/ann")
    content = cookie.split(".")[3]
    assert json.loads(base64.urlsafe_b64decode(content + "==")) == [{"user": "ann"}]


@in_loop
async def test_with_a_store_the_cookie_has_the_id_alone() -> None:
    store = MemoryStore()
    app = make_app(store=store)
    cookie = await cookie_after(app, "/set/user/ann")
    name, _, value = cookie.partition("=")
    named, _, signature = value.split(".")
    assert (name, len(base64.urlsafe_b64decode(f"{named}=")), len(signature)) == ("session", 32, 43)
    assert await (await ask(app, "/id", cookie)).text() == named
    assert (await store.get(f"session:{named}") or b"").endswith(b'[{"user":"ann"}]')


@in_loop
async def test_no_id_of_a_client_reaches_the_store() -> None:
    asked: list[str] = []

    class Watched(Away):
        async def get(self, key: str) -> bytes | None:
            asked.append(key)
            return await super().get(key)

    store = Watched()
    await store.set("session:chosen", b'1800000000 [{"user":"ann"}]', 60)
    app = make_app(store=store)
    for value in ("chosen", f"chosen.1800000000.{'A' * 43}", "session:chosen"):
        assert await (await ask(app, "/all", f"session={value}")).text() == "{}"
    assert asked == []


@in_loop
async def test_an_id_that_the_store_does_not_have_is_not_used_again() -> None:
    """A session that has ended leaves no id that could be planted (fixation)."""
    app = make_app(store=MemoryStore())
    planted = await cookie_after(app, "/set/user/ann")
    before = await (await ask(app, "/id", planted)).text()
    await ask(app, "/clear", planted)
    response = await ask(app, "/set/user/bob", planted)
    assert await (await ask(app, "/id", str(cookie_of(response)))).text() != before
    assert await (await ask(app, "/all", planted)).text() == "{}"


@in_loop
async def test_a_request_that_runs_while_its_session_is_ended_brings_it_not_back() -> None:
    started, go_on = asyncio.Event(), asyncio.Event()
    app = make_app(store=MemoryStore())

    @app.get("/slow")
    async def slow(request: Request) -> str:
        request.session["slow"] = True
        started.set()
        await go_on.wait()
        return "-"

    cookie = await cookie_after(app, "/set/user/ann")
    headers = {"Cookie": cookie}
    async with TestClient(app, base_url="http://example.com") as client, asyncio.TaskGroup() as group:
        slow_answer = group.create_task(client.get("/slow", headers=headers))
        await started.wait()
        await client.get("/clear", headers=headers)
        go_on.set()
        assert "Set-Cookie" not in (await slow_answer).headers
        assert await (await client.get("/all", headers=headers)).text() == "{}"


@pytest.mark.parametrize("error", UNREACHABLE, ids=["unavailable", "refused", "timeout"])
@in_loop
async def test_a_store_that_is_away_is_a_503_and_no_empty_session(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    store = Away()
    app = make_app(store=store)

    @app.error_handler(503)
    async def shown(request: Request, exc: Exception) -> Response:
        return Response("later", status=503)

    cookie = await cookie_after(app, "/set/user/ann")
    store.error = error
    for path in ("/all", "/set/user/bob", "/id", "/clear", "/regenerate"):
        response = await ask(app, path, cookie)
        assert (response.status, await response.text(), cookie_of(response)) == (503, "later", None), path
    response = await ask(app, "/set/user/new")
    assert (response.status, cookie_of(response)) == (503, None)
    assert "the store of the sessions cannot be reached" in caplog.text
    store.error = None
    assert await (await ask(app, "/all", cookie)).text() == "{'user': 'ann'}"


@in_loop
async def test_a_store_that_goes_away_during_a_request() -> None:
    store = Away()
    app = Application(outer_middlewares=[Sessions(SECRET, store=store)])
    closed = []

    class Chunks:
        def __aiter__(self) -> Any:
            return self

        async def __anext__(self) -> bytes:
            raise AssertionError("it is not sent")

        async def aclose(self) -> None:
            closed.append(True)

    @app.get("/out")
    async def out(request: Request) -> Response:
        request.session.clear()
        store.error = ConnectionResetError("gone")
        return StreamResponse(Chunks())

    @app.get("/in")
    async def sign_in(request: Request) -> str:
        request.session["user"] = "ann"
        return "in"

    async with client_of(app) as client:
        await client.get("/in")
        response = await client.get("/out")
        assert (response.status, "Set-Cookie" in response.headers) == (503, False), (
            "it is not ended: the client may ask again"
        )
        assert closed == [True]


@in_loop
async def test_another_error_of_a_store_is_an_error() -> None:
    store = Away()
    app = make_app(store=store)
    cookie = await cookie_after(app, "/set/user/ann")
    store.error = KeyError("a fault")
    assert (await ask(app, "/all", cookie)).status == 500


DEEP = b'[{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}]"  # deeper than any version of Python reads


@pytest.mark.parametrize(
    "value",
    [b"", b"nonsense", b"12", b"1800000000 ", b"1800000000 {", b"1800000000 [1]", b"\xff " * 9, b"1800000000 " + DEEP],
    ids=range(8),
)
@in_loop
async def test_what_something_else_has_put_into_the_store_counts_as_none(
    value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    app = make_app(store=store, clock=Clock())
    cookie = await cookie_after(app, "/set/user/ann")
    named = await (await ask(app, "/id", cookie)).text()
    await store.set(f"session:{named}", value, 60)
    response = await ask(app, "/all", cookie)
    assert (response.status, await response.text()) == (200, "{}")


@in_loop
async def test_cookies_of_both_kinds_and_schemes_are_worthless_as_each_other() -> None:
    in_cookie, in_store = make_app(), make_app(store=MemoryStore())
    for scheme, prefix in (("http", ""), ("https", "__Host-")):
        one = (await cookie_after(in_cookie, "/set/user/ann", scheme=scheme)).partition("=")[2]
        two = (await cookie_after(in_store, "/set/user/ann", scheme=scheme)).partition("=")[2]
        other = "https" if scheme == "http" else "http"
        name, renamed = f"{prefix}session", "__Host-session" if scheme == "http" else "session"
        assert await (await ask(in_store, "/all", f"{name}={one}", scheme=scheme)).text() == "{}"
        assert await (await ask(in_cookie, "/all", f"{name}={two}", scheme=scheme)).text() == "{}"
        assert await (await ask(in_cookie, "/all", f"{renamed}={one}", scheme=other)).text() == "{}"
        assert await (await ask(in_store, "/all", f"{renamed}={two}", scheme=other)).text() == "{}"
        assert await (await ask(make_app(name="other"), "/all", f"{prefix}other={one}", scheme=scheme)).text() == "{}"
