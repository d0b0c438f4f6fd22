"""Sessions: kept from request to request, in cookies and in stores; written only when they have changed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from sketch import Application, ProxyHeaders, Request, Response, Sessions, WebSocket
from sketch.stores import MemoryStore
from sketch.testing import TestClient
from tests.core.middleware.sessions.support import (
    OTHER,
    SECRET,
    Away,
    Clock,
    ask,
    client_of,
    cookie_after,
    cookie_of,
    make_app,
)
from tests.support.requests import in_loop

KEPT = pytest.mark.parametrize("make_store", [lambda: None, MemoryStore], ids=["cookie", "store"])
MakeStore = Callable[[], Any]


@KEPT
@in_loop
async def test_values_last_from_request_to_request(make_store: MakeStore) -> None:
    async with client_of(make_app(store=make_store())) as client:
        assert await (await client.get("/all")).text() == "{}"
        await client.get("/set/user/ann")
        await client.get("/append/ä")
        await client.get("/append/2")
        assert await (await client.get("/all")).text() == repr({"user": "ann", "deep": {"list": ["ä", "2"]}})


@KEPT
@in_loop
async def test_an_answer_without_the_session_has_none_of_its_fields(make_store: MakeStore) -> None:
    app = make_app(store=make_store())
    cookie = await cookie_after(app, "/set/user/ann")
    for path in ("/unused", "/nowhere"):
        for cookies in ((), (cookie,)):
            headers = (await ask(app, path, *cookies)).headers
            assert not {"Cache-Control", "Set-Cookie"} & headers.keys()
            assert "Cookie" not in headers.get("Vary", "")


@KEPT
@in_loop
async def test_reading_sets_no_cookie_and_is_told_to_caches(make_store: MakeStore) -> None:
    app = make_app(store=make_store())
    cookie = await cookie_after(app, "/set/user/ann")
    for cookies in ((), (cookie,)):
        response = await ask(app, "/all", *cookies)
        assert cookie_of(response) is None
        assert (response.headers["Vary"], response.headers["Cache-Control"]) == ("Cookie", "private")


@KEPT
@in_loop
async def test_what_was_set_to_the_same_is_no_change(make_store: MakeStore) -> None:
    app = make_app(store=make_store())
    cookie = await cookie_after(app, "/set/user/ann")
    assert cookie_of(await ask(app, "/set/user/ann", cookie)) is None
    assert cookie_of(await ask(app, "/set/user/bob", cookie)) is not None


@KEPT
@in_loop
async def test_an_answer_that_sets_the_cookie_is_not_shared(make_store: MakeStore) -> None:
    app = make_app(store=make_store())
    response = await ask(app, "/cached/1")
    assert cookie_of(response) is not None
    assert (response.headers["Vary"], response.headers["Cache-Control"]) == ("Cookie", "no-store")
    response = await ask(app, "/cached/1", str(cookie_of(response)))
    assert response.headers["Cache-Control"] == "Public, max-age=60"


@KEPT
@in_loop
async def test_clear_deletes_the_cookie(make_store: MakeStore) -> None:
    async with client_of(make_app(store=make_store())) as client:
        await client.get("/set/user/ann")
        response = await client.get("/clear")
        assert "Max-Age=0" in response.headers["Set-Cookie"]
        assert response.headers["Cache-Control"] == "private"
        assert dict(client.cookies) == {}
        assert "Set-Cookie" not in (await client.get("/clear")).headers
    response = await ask(make_app(), "/clear", "session=nonsense")
    assert "Max-Age=0" in response.headers["Set-Cookie"]


@in_loop
async def test_a_copy_of_a_cookie_after_clear() -> None:
    """Without a store it is as good as before; with one it is worthless."""
    for store, expected in ((None, "{'user': 'ann'}"), (MemoryStore(), "{}")):
        app = make_app(store=store)
        copy = await cookie_after(app, "/set/user/ann")
        await ask(app, "/clear", copy)
        assert await (await ask(app, "/all", copy)).text() == expected


@KEPT
@in_loop
async def test_regenerate_changes_the_id_alone(make_store: MakeStore) -> None:
    async with client_of(make_app(store=make_store())) as client:
        await client.get("/set/user/ann")
        first = await (await client.get("/id")).text()
        assert await (await client.get("/id")).text() == first
        assert len(first) == 43
        second = await (await client.get("/regenerate")).text()
        assert second != first
        assert await (await client.get("/id")).text() == second
        assert await (await client.get("/all")).text() == "{'user': 'ann'}"


@in_loop
async def test_the_old_id_is_worthless_after_regenerate_and_a_new_begin() -> None:
    for path in ("/regenerate", "/anew"):
        store = MemoryStore()
        app = make_app(store=store)
        old = await cookie_after(app, "/set/user/ann")
        new = await cookie_after(app, path, old)
        assert await (await ask(app, "/all", old)).text() == "{}"
        assert await (await ask(app, "/all", new)).text() != "{}"
        assert len(store) == 1


@KEPT
@in_loop
async def test_the_id_of_a_new_session_is_kept_for_tokens(make_store: MakeStore) -> None:
    async with client_of(make_app(store=make_store())) as client:
        first = await (await client.get("/id")).text()
        assert await (await client.get("/id")).text() == first
        await client.get("/set/user/ann")
        assert await (await client.get("/id")).text() == first


@KEPT
@in_loop
async def test_an_unexpected_error_keeps_no_change_but_clear(make_store: MakeStore) -> None:
    app = make_app(store=make_store())
    cookie = await cookie_after(app, "/set/user/ann")
    response = await ask(app, "/fail/change", cookie)
    assert (response.status, cookie_of(response)) == (500, None)
    assert await (await ask(app, "/all", cookie)).text() == "{'user': 'ann'}"
    response = await ask(app, "/fail/clear", cookie)
    assert (response.status, "Max-Age=0" in response.headers["Set-Cookie"]) == (500, True)


@KEPT
@in_loop
async def test_streams_may_read_but_not_change(make_store: MakeStore) -> None:
    app = make_app(store=make_store())
    cookie = await cookie_after(app, "/set/user/ann")
    response = await ask(app, "/stream", cookie)
    assert (await response.text(), response.headers["Vary"]) == ("{'user': 'ann'}", "Cookie")
    response = await ask(app, "/late", cookie)
    assert "it was written with the head of the response" in await response.text()
    assert cookie_of(response) is None


@KEPT
@in_loop
async def test_websockets_have_it(make_store: MakeStore) -> None:
    app = make_app(store=make_store())

    async def before(request: Request, handler: Any) -> Response:
        request.session["socket"] = True
        return await handler(request)

    @app.websocket("/ws", middlewares=[before])
    async def socket(ws: WebSocket) -> None:
        await ws.send(repr(dict(ws.request.session)))
        try:
            ws.request.session["late"] = True
        except RuntimeError as exc:
            await ws.send(str(exc))

    async with client_of(app) as client:
        await client.get("/set/user/ann")
        async with client.websocket("/ws") as ws:
            assert await ws.receive() == repr({"user": "ann", "socket": True})
            assert "not in a stream, in background work or in a websocket's session" in str(await ws.receive())
        assert await (await client.get("/all")).text() == repr({"user": "ann", "socket": True})


# -- secrets ----------------------------------------------------------------------------------------------------------


@KEPT
@in_loop
async def test_secrets_rotate_and_a_removed_one_signs_its_users_out(make_store: MakeStore) -> None:
    store = make_store()
    old = await cookie_after(make_app(SECRET, store=store), "/set/user/ann")
    rotated = make_app([OTHER, SECRET], store=store)
    assert await (await ask(rotated, "/all", old)).text() == "{'user': 'ann'}"
    new = await cookie_after(rotated, "/set/more/1", old)
    alone = make_app(OTHER, store=store)
    assert await (await ask(alone, "/all", new)).text() == repr({"user": "ann", "more": "1"})
    assert await (await ask(alone, "/all", old)).text() == "{}"


# -- lifetimes --------------------------------------------------------------------------------------------------------


@KEPT
@in_loop
async def test_use_makes_a_session_last(make_store: MakeStore) -> None:
    clock = Clock()
    store = make_store()
    async with client_of(make_app(store=store, idle=1000, lifetime=3000, clock=clock)) as client:
        await client.get("/set/user/ann")
        clock.now += 99
        assert "Set-Cookie" not in (await client.get("/all")).headers
        clock.now += 1
        assert "Set-Cookie" not in (await client.get("/unused")).headers
        response = await client.get("/all")
        assert "Max-Age=1000" in response.headers["Set-Cookie"]
        for _ in range(3):
            clock.now += 900
            assert await (await client.get("/all")).text() == "{'user': 'ann'}"
        assert "Max-Age=200;" in (await client.get("/set/user/bob")).headers["Set-Cookie"]
        clock.now += 200
        assert await (await client.get("/all")).text() == "{}"


@KEPT
@in_loop
async def test_a_session_that_is_not_used_ends(make_store: MakeStore) -> None:
    """A copy of its cookie counts for nothing, however long a client keeps it."""
    clock = Clock()
    app = make_app(store=make_store(), idle=1000, clock=clock)
    cookie = await cookie_after(app, "/set/user/ann")
    clock.now += 999
    assert await (await ask(app, "/all", cookie)).text() == "{'user': 'ann'}"
    clock.now += 1
    assert await (await ask(app, "/all", cookie)).text() == "{}"


@KEPT
@in_loop
async def test_a_fixed_lifetime_counts_from_the_begin(make_store: MakeStore) -> None:
    clock = Clock()
    app = make_app(store=make_store(), idle=None, lifetime=1000, clock=clock)
    cookie = await cookie_after(app, "/set/user/ann")
    clock.now += 600
    response = await ask(app, "/set/more/1", cookie)
    assert "Max-Age=400;" in response.headers["Set-Cookie"]
    clock.now += 400
    assert await (await ask(app, "/all", str(cookie_of(response)))).text() == "{}"


@KEPT
@in_loop
async def test_regenerate_lets_the_lifetime_begin_anew(make_store: MakeStore) -> None:
    clock = Clock()
    app = make_app(store=make_store(), idle=None, lifetime=1000, clock=clock)
    cookie = await cookie_after(app, "/set/user/ann")
    clock.now += 600
    response = await ask(app, "/regenerate", cookie)
    assert "Max-Age=1000;" in response.headers["Set-Cookie"]


@in_loop
async def test_a_lifetime_that_ends_during_a_request() -> None:
    clock = Clock()
    app = Application(outer_middlewares=[Sessions(SECRET, lifetime=1000, clock=clock, store=MemoryStore())])

    @app.get("/")
    async def slow(request: Request) -> str:
        request.session["count"] = request.session.get("count", 0) + 1
        clock.now += 1000.5
        return "-"

    cookie = await cookie_after(app, "/")
    response = await ask(app, "/", cookie)
    assert (response.status, "Max-Age=0" in response.headers["Set-Cookie"]) == (200, True)


@in_loop
async def test_cookies_that_end_with_the_browser() -> None:
    response = await ask(make_app(persistent=False), "/set/user/ann")
    assert "Max-Age" not in response.headers["Set-Cookie"]


# -- faults of the application ----------------------------------------------------------------------------------------


@in_loop
async def test_a_session_that_does_not_fit_is_an_error_that_says_so() -> None:
    for store, error in ((None, ValueError), (MemoryStore(), None)):
        app = Application(outer_middlewares=[Sessions(SECRET, store=store)])

        @app.get("/")
        async def much(request: Request) -> str:
            request.session["much"] = "x" * 4000
            return "-"

        async with TestClient(app) as client:
            if error is None:
                await client.get("/")
            else:
                with pytest.raises(error, match=r"fits in a cookie of 4096 bytes, got one of \d{4}: .*store=..."):
                    await client.get("/")
        app.debug = True
        async with TestClient(app, raise_errors=error is None) as client:  # the cookie's name is no secret
            page = await (await client.get("/")).text()
            assert "ValueError: expected a session that fits" in page or error is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), r"that JSON can hold in the session, got one in 'key': Object of type object"),
        (float("nan"), "got one in 'key': Out of range float"),
        ({1, 2}, "got one in 'key': Object of type set"),
    ],
)
@in_loop
async def test_a_value_that_json_cannot_hold(value: object, message: str) -> None:
    app = Application(outer_middlewares=[Sessions(SECRET)])

    @app.get("/")
    async def index(request: Request) -> str:
        request.session["fine"] = 1
        request.session["key"] = value
        return "-"

    async with TestClient(app) as client:
        with pytest.raises(TypeError, match=message):
            await client.get("/")


@in_loop
async def test_without_the_middleware() -> None:
    app = Application()

    @app.get("/")
    async def index(request: Request) -> str:
        request.session["key"] = 1
        return "-"

    async with TestClient(app) as client:
        with pytest.raises(RuntimeError, match=r"the middleware Sessions for `request.session`, got none"):
            await client.get("/")


@in_loop
async def test_mounted_applications_use_it_or_have_their_own() -> None:
    sessions = Sessions(SECRET)
    outer = Application(outer_middlewares=[sessions])
    for prefix, inner in (
        ("/shared", Application()),
        ("/same", Application(outer_middlewares=[sessions])),
        ("/own", Application(outer_middlewares=[Sessions(OTHER, name="own")])),
        ("/clash", Application(outer_middlewares=[Sessions(OTHER)])),
    ):

        @inner.get("/{value}")
        async def put(request: Request, value: str) -> str:
            before = request.session.get("value")
            request.session["value"] = value
            return str(before)

        outer.mount(prefix, inner)

    @outer.get("/")
    async def index(request: Request) -> str:
        return str(request.session.get("value"))

    async with TestClient(outer) as client:
        assert await (await client.get("/shared/1")).text() == "None"
        assert await (await client.get("/same/2")).text() == "1"
        assert await (await client.get("/own/3")).text() == "None"
        assert await (await client.get("/own/4")).text() == "3"
        assert await (await client.get("/")).text() == "2"
        with pytest.raises(
            RuntimeError, match=r"another name for the sessions of a mounted application, got 'session'"
        ):
            await client.get("/clash/5")


def test_it_stands_among_the_outer_middlewares() -> None:
    with pytest.raises(TypeError, match="outer_middlewares"):
        Application(middlewares=[Sessions(SECRET)])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"store": {}}, TypeError, "a store of get, set, delete and touch, got {}"),
        ({"store": MemoryStore}, TypeError, "a store of get, set, delete and touch"),
        ({"persistent": 1}, TypeError, "persistent to be True or False"),
        ({"idle": None, "lifetime": None}, ValueError, "sessions with an end"),
        ({"samesite": "none"}, ValueError, "'lax' or 'strict', got 'none'"),
        ({"name": "__Host-x"}, ValueError, "the prefix __Host- is added on https"),
        ({"secret": "short"}, ValueError, "at least 32 bytes, got one of 5"),
    ],
)
def test_arguments(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Sessions(**{"secret": SECRET} | options)


# -- https ------------------------------------------------------------------------------------------------------------


@in_loop
async def test_what_is_https_is_said_by_the_proxy() -> None:
    app = make_app()
    app.outer_middlewares.insert(0, ProxyHeaders(["127.0.0.0/8"]))
    async with client_of(app) as client:
        response = await client.get("/set/user/ann", headers={"X-Forwarded-Proto": "https"})
        name, _, rest = response.headers["Set-Cookie"].partition("=")
        assert (name, "; Secure;" in rest) == ("__Host-session", True)


@in_loop
async def test_a_store_that_is_away_leaves_other_requests_alone() -> None:
    store = Away()
    app = make_app(store=store)
    cookie = await cookie_after(app, "/set/user/ann")
    store.error = ConnectionRefusedError("away")
    assert (await ask(app, "/unused", cookie)).status == 200
    assert (await ask(app, "/all", cookie)).status == 503


def test_nothing_of_it_is_loaded_without_it() -> None:
    code = (
        "import sys; from sketch import Application; Application();"
        "print([name for name in sys.modules if 'itsdangerous' in name or 'session' in name or 'stores' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)
    assert done.stdout.strip() == "['sketch.binding.sessions']" or done.stdout.strip() == "[]", (
        done.stdout + done.stderr
    )
