"""How many requests a client may make."""

from __future__ import annotations

from typing import Any

import pytest
from limits.aio.storage import MemoryStorage

from sketch import Application, ErrorResponse, HTTPConflict, RateLimit, Request, Response, RouteGroup, WebSocket
from sketch.testing import TestClient, WebSocketRefused
from sketch.testing.clock import TimeControl
from tests.support.requests import Peer, answer, in_loop, timed


def app_of(*limits: RateLimit, outer: bool = False) -> Application:
    app = Application(**{"outer_middlewares" if outer else "middlewares": limits})
    app.add_get("/", lambda: Response("done"))

    @app.get("/boom")
    async def boom() -> Response:
        raise HTTPConflict

    @app.websocket("/ws")
    async def ws(ws: WebSocket) -> None:
        await ws.send("hello")

    return app


def peer(host: str | None) -> Peer:
    found = Peer()
    found.client = None if host is None else (host, 1)
    return found


async def ask(app: Application, host: str | None = "192.0.2.1", target: str = "/", **fields: str) -> Any:
    headers = [(b"host", b"example.com"), *((name.encode(), value.encode()) for name, value in fields.items())]
    wire = await answer(app, target, headers=headers, connection=peer(host))
    return wire.status, {name.decode(): value.decode() for name, value in wire.fields}


@timed
async def test_the_fields_and_the_window() -> None:
    app = app_of(RateLimit("2/minute"))
    async with TimeControl() as clock:
        for remaining in (1, 0):
            code, fields = await ask(app)
            assert (code, fields["ratelimit"]) == (200, f'"2/minute";r={remaining};t=60')
            assert (fields["ratelimit-policy"], "retry-after" in fields) == ('"2/minute";q=2;w=60', False)
        await clock.advance(50)
        code, fields = await ask(app)
        assert (code, fields["ratelimit"], fields["retry-after"]) == (429, '"2/minute";r=0;t=10', "10")
        await clock.advance(10)
        assert (await ask(app))[0] == 200


@timed
async def test_several_limits() -> None:
    app = app_of(RateLimit("4/hour", "2/second"))
    async with TimeControl() as clock:
        for _ in range(2):
            code, fields = await ask(app)
        assert (code, fields["ratelimit"]) == (200, '"2/second";r=0;t=1, "4/hour";r=2;t=3600')
        assert fields["ratelimit-policy"] == '"2/second";q=2;w=1, "4/hour";q=4;w=3600'
        for _ in range(5):  # what the short limit refuses does not count for the long one
            code, fields = await ask(app)
            assert (code, fields["ratelimit"], fields["retry-after"]) == (429, '"2/second";r=0;t=1', "1")
        await clock.advance(1)
        assert [(await ask(app))[0] for _ in range(2)] == [200, 200]
        await clock.advance(1)
        code, fields = await ask(app)
        assert (code, fields["retry-after"]) == (429, "3598")


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("name", "name", True),
        ("name", "other", False),
    ],
)
@in_loop
async def test_clients(first: str, second: str, shared: bool) -> None:
    app = app_of(RateLimit("1/day"))
    assert [(await ask(app, host))[0] for host in (first, second)] == [200, 429 if shared else 200]


@in_loop
async def test_without_an_address_there_is_no_bucket_for_all(caplog: pytest.LogCaptureFixture) -> None:
    for host in (None, ""):
        assert (await ask(app_of(RateLimit("1/day")), host))[0] == 500
    assert 'put ProxyHeaders(["unix"]) before RateLimit, or give it a key' in caplog.text


@in_loop
async def test_keys_of_ones_own(caplog: pytest.LogCaptureFixture) -> None:
    async def slow(request: Request) -> str:
        return request.headers.get("who", "")

    for key in (lambda request: request.headers.get("who"), slow):
        app = app_of(RateLimit("1/day", key=key))
        assert [(await ask(app, who=who))[0] for who in ("a", "b", "a", "c" * 5000)] == [200, 200, 429, 200]
        assert (await ask(app))[0] == 500
        assert "expected key to return a str that is not empty" in caplog.text


@pytest.mark.parametrize("outer", [True, False])
@in_loop
async def test_errors_count_too(outer: bool) -> None:
    app = app_of(RateLimit("3/day"), outer=outer)
    for target, expected in (("/nowhere", 404), ("/boom", 409), ("/", 200), ("/nowhere", 429)):
        code, fields = await ask(app, target=target)
        assert code == expected
        assert ("ratelimit" in fields) is (outer or code in (200, 429))


@in_loop
async def test_of_a_route_a_group_and_an_application() -> None:
    shared = RateLimit("3/day")
    app = app_of(RateLimit("100/day"))
    group = RouteGroup("/group", middlewares=[shared])
    app.add_get("/route", lambda: Response("done"), middlewares=[shared, RateLimit("2/hour")])
    group.add_get("/a", lambda: Response("done"))
    app.add_group(group)
    code, fields = await ask(app, target="/route")
    assert (code, fields["ratelimit"]) == (200, '"2/hour";r=1;t=3600, "3/day";r=2;t=86400, "100/day";r=99;t=86400')
    assert [(await ask(app, target="/route"))[0] for _ in range(2)] == [200, 429]
    assert (await ask(app, target="/group/a"))[0] == 429  # the object is counted together
    assert (await ask(app))[0] == 200


@in_loop
async def test_an_error_handler_answers() -> None:
    app = app_of(RateLimit("1/day"))

    @app.error_handler(429)
    async def slower(request: Request, exc: Exception) -> Response:
        return ErrorResponse(429, "slower")

    await ask(app)
    code, fields = await ask(app)
    assert (code, fields["retry-after"], fields["ratelimit"]) == (429, "86400", '"1/day";r=0;t=86400')


@in_loop
async def test_websockets() -> None:
    async with TestClient(app_of(RateLimit("1/day"))) as client:
        async with client.websocket("/ws") as ws:
            assert await ws.receive() == "hello"
        with pytest.raises(WebSocketRefused) as refused:
            async with client.websocket("/ws"):
                pass
    assert (refused.value.response.status, "Retry-After" in refused.value.response.headers) == (429, True)


class Away(MemoryStorage):
    """A storage that cannot be reached."""

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        raise ConnectionError("no route to host")


@in_loop
async def test_a_storage_that_is_away(caplog: pytest.LogCaptureFixture) -> None:
    app = app_of(RateLimit("1/day", storage=Away(), name="away"))
    assert [(await ask(app))[0] for _ in range(5)] == [200] * 5
    assert caplog.messages == [
        "the storage of <RateLimit 1/day> is away, requests are not counted: ConnectionError: no route to host"
    ]
    code, fields = await ask(app_of(RateLimit("1/day", storage=Away(), name="away", closed=True)))
    assert (code, fields["retry-after"]) == (503, "10")


@in_loop
async def test_a_storage_for_several() -> None:
    storage = MemoryStorage()
    first, second = (app_of(RateLimit("1/day", storage=storage, name="all")) for _ in range(2))
    other = app_of(RateLimit("1/day", storage=storage, name="other"))
    assert [(await ask(app))[0] for app in (first, second, other)] == [200, 429, 200]
    assert (await ask(app_of(RateLimit("1/day", storage="async+memory://", name="uri"))))[0] == 200


@pytest.mark.parametrize(
    "text",
    ["", "10", "0/minute", "-1/minute", "10/fortnight", "10 per minute", "10/minute; 5/second", " 10/minute",
     "10/minute\n", "1e3/minute", "10/0 minutes", "10/Minute", "9999999999/day", "٣/minute", 10, None],
)  # fmt: skip
def test_what_is_no_limit(text: Any) -> None:
    with pytest.raises(ValueError, match="expected limits like '10/minute' or '100/15 minutes', got"):
        RateLimit(text)


@pytest.mark.parametrize(
    ("limits", "options", "error", "match"),
    [
        ([], {}, TypeError, "expected at least one limit"),
        (["1/day", "1/day"], {}, ValueError, "expected each limit once, got '1/day' again"),
        (["1/day"], {"key": "ip"}, TypeError, "expected key as a function"),
        (["1/day"], {"storage": MemoryStorage()}, TypeError, "expected a name with a storage"),
        (["1/day"], {"storage": MemoryStorage(), "name": "a/b"}, ValueError, "expected name as a word, got 'a/b'"),
        (["1/day"], {"storage": "memory://", "name": "a"}, TypeError, "expected an async storage of limits"),
        (["1/day"], {"closed": 1}, TypeError, "expected closed to be True or False, got 1"),
        (["1/day"], {"timeout": 0}, ValueError, "expected timeout of more than 0 seconds"),
        (["1/day"], {"max_clients": 0}, ValueError, "expected max_clients as a number from 1 on"),
    ],
)
def test_arguments(limits: Any, options: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        RateLimit(*limits, **options)
