"""From plain http to https."""

from __future__ import annotations

from typing import Any

import pytest

from sketch import Application, HTTPSRedirect, ProxyHeaders, Response, WebSocket
from sketch.testing import TestClient, WebSocketRefused
from tests.support.requests import Peer, answer, in_loop


def app_of(*before: Any, **options: Any) -> Application:
    app = Application(outer_middlewares=[*before, HTTPSRedirect(**options)])
    app.add_route("*", "/health", lambda: Response("well"))
    app.add_route("*", "/a b/{rest:path}", lambda rest: Response(rest))

    @app.websocket("/ws")
    async def ws(ws: WebSocket) -> None:
        await ws.send("hello")

    return app


async def location(app: Application, target: str = "/", host: bytes = b"example.com", **options: Any) -> Any:
    wire = await answer(app, target, headers=[(b"host", host)], **options)
    return wire.status, dict(wire.fields).get(b"location")


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE"])
@in_loop
async def test_the_url_and_the_method_stay(method: str) -> None:
    app = app_of(hosts=["example.com", "*.example.com"])
    found = await location(app, "/a%20b/%2F//c?x=1&x=%0d", b"a.example.com:8080", method=method)
    assert found == (308, b"https://a.example.com/a%20b/%2F//c?x=1&x=%0d")


@in_loop
async def test_it_is_no_open_redirect() -> None:
    app = app_of(hosts=["example.com"])
    assert await location(app, host=b"evil.example") == (421, None)
    assert await location(app, "//evil.example/x") == (308, b"https://example.com//evil.example/x")
    assert await location(app, "http://evil.example/x") == (421, None)
    fixed = app_of(host="example.com", port=8443)
    assert await location(fixed, "/x", b"evil.example") == (308, b"https://example.com:8443/x")


@in_loop
async def test_https_passes_also_behind_a_proxy() -> None:
    app = app_of(ProxyHeaders(["127.0.0.1"]), host="example.com")
    assert await location(app, "/health", connection=Peer(scheme="https")) == (200, None)
    for proto, status in ((b"https", 200), (b"http", 308)):
        headers = [(b"host", b"example.com"), (b"x-forwarded-for", b"192.0.2.1"), (b"x-forwarded-proto", proto)]
        assert (await answer(app, "/health", headers=headers)).status == status


@in_loop
async def test_exempt_paths() -> None:
    app = app_of(host="example.com", exempt=["/health"])
    assert await location(app, "/health", b"10.0.0.1:8000") == (200, None)
    assert (await location(app, "/health/x"))[0] == 308
    assert await location(app, "*", method="OPTIONS") == (308, b"https://example.com")


@in_loop
async def test_a_websocket_is_refused() -> None:
    app = app_of(host="example.com", exempt=["/ws"])
    async with TestClient(app, base_url="http://example.com") as client:
        with pytest.raises(WebSocketRefused) as refused:
            async with client.websocket("/ws"):
                pass
    assert refused.value.response.status == 403
    async with TestClient(app, base_url="https://example.com") as client, client.websocket("/ws") as ws:
        assert await ws.receive() == "hello"


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({}, TypeError, "expected hosts= or host=, got neither: a redirect to any host"),
        ({"hosts": ["a"], "host": "a"}, TypeError, "expected one of hosts= and host=, got both"),
        ({"hosts": "a"}, TypeError, "expected hosts as a list"),
        ({"host": "a:8443"}, ValueError, "expected hosts without a port, got 'a:8443'"),
        ({"host": "https://a"}, ValueError, "expected hosts like"),
        ({"host": "*.a"}, ValueError, "expected host as the name of one host, got '\\*.a'"),
        ({"host": ["a"]}, ValueError, "expected host as the name of one host, got \\['a'\\]: several are hosts="),
        ({"host": "a", "port": True}, ValueError, "expected port as a number from 1 to 65535, got True"),
        ({"host": "a", "port": 0}, ValueError, "expected port as a number from 1 to 65535, got 0"),
    ],
)
def test_arguments(options: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        HTTPSRedirect(**options)
