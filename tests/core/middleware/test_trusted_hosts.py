"""Requests for hosts that are not the application's."""

from __future__ import annotations

from typing import Any

import pytest

from sketch import Application, ErrorResponse, Request, Response, SecurityHeaders, TrustedHosts, WebSocket
from sketch.testing import TestClient, WebSocketRefused
from tests.support.requests import Peer, answer, in_loop

HOSTS = ["example.com", "*.example.com", "localhost:*"]


def app_of(*outer: Any, hosts: list[str] = HOSTS, **options: Any) -> Application:
    app = Application(outer_middlewares=[*outer, TrustedHosts(hosts, **options)])
    seen = app.seen = []

    @app.get("/")
    async def index(request: Request) -> str:
        seen.append(request.host)
        return "index"

    @app.websocket("/ws")
    async def ws(ws: WebSocket) -> None:
        await ws.send("hello")

    return app


@pytest.mark.parametrize(
    ("host", "status"),
    [(b"example.com", 200), (b"a.example.com", 200), (b"localhost:8000", 200), (b"evil.example", 421)],
)
@in_loop
async def test_hosts(host: bytes, status: int) -> None:
    app = app_of()
    for _ in range(2):  # the second time it is remembered
        assert (await answer(app, headers=[(b"host", host)])).status == status
    assert len(app.seen) == (2 if status == 200 else 0)


@in_loop
async def test_a_poisoned_host_reaches_no_handler_and_no_page() -> None:
    app = app_of()
    for target, headers in (
        ("/", [(b"host", b"evil.example")]),
        ("/nowhere", [(b"host", b"evil.example")]),
        ("http://evil.example/", [(b"host", b"example.com")]),  # the absolute target wins, RFC 9112 section 3.2.2
        ("/", []),  # HTTP/1.0: the address of the server
    ):
        wire = await answer(app, target, headers=headers)
        assert (wire.status, b"evil" in wire.payload) == (421, False)
    assert app.seen == []


@in_loop
async def test_the_port_counts_by_the_scheme() -> None:
    app, secure = app_of(), Peer(scheme="https")
    assert (await answer(app, headers=[(b"host", b"example.com:443")], connection=secure)).status == 200
    assert (await answer(app, headers=[(b"host", b"example.com:443")])).status == 421
    assert (await answer(app, headers=[(b"host", b"example.com:8443")], connection=secure)).status == 421


@in_loop
async def test_websockets() -> None:
    async with TestClient(app_of(), base_url="http://example.com") as client:
        async with client.websocket("/ws") as ws:
            assert await ws.receive() == "hello"
        with pytest.raises(WebSocketRefused) as refused:
            async with client.websocket("/ws", headers={"Host": "evil.example"}):
                pass
    assert refused.value.response.status == 421


@in_loop
async def test_exempt_paths() -> None:
    app = app_of(exempt=["/"])
    assert (await answer(app, headers=[(b"host", b"10.0.0.7:8000")])).status == 200
    assert (await answer(app, "/other", headers=[(b"host", b"10.0.0.7:8000")])).status == 421


@in_loop
async def test_an_error_handler_answers_and_middlewares_outside_see_it() -> None:
    app = app_of(SecurityHeaders())

    @app.error_handler(421)
    async def misdirected(request: Request, exc: Exception) -> Response:
        return ErrorResponse(421, "not here")

    wire = await answer(app, headers=[(b"host", b"evil.example")])
    assert (wire.payload, dict(wire.fields)[b"x-frame-options"]) == (b"not here", b"DENY")


@in_loop
async def test_what_is_remembered_is_bounded() -> None:
    trusted = TrustedHosts(["*.example.com"])
    app = Application(outer_middlewares=[trusted])
    for number in range(300):
        await answer(app, headers=[(b"host", b"h%d.example.com" % number)])
    assert len(trusted._known) == 256


def test_arguments() -> None:
    with pytest.raises(TypeError, match="expected exempt as a list of paths, got '/health'"):
        TrustedHosts(HOSTS, exempt="/health")
    with pytest.raises(ValueError, match="expected exempt paths with a leading slash, got 'health'"):
        TrustedHosts(HOSTS, exempt=["health"])
    with pytest.raises(TypeError, match=r"write Application.outer_middlewares="):
        Application(middlewares=[TrustedHosts(HOSTS)])
