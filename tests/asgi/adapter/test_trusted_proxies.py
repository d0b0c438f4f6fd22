"""What trusted proxies say, put into scopes before any application sees them."""

from __future__ import annotations

from typing import Any

import pytest

from sketch.middleware.proxy_headers import ProxyHeaders
from sketch_asgi.trusted_proxies import TrustedProxies
from tests.support.scripts import Message, http_scope, in_loop

SAID = [(b"x-forwarded-for", b"6.6.6.6, 192.0.2.7:80"), (b"x-forwarded-proto", b"https")]


async def passed_on(scope: Message, *trusted: str) -> Message:
    """The scope as the application gets it."""
    seen: list[Message] = []

    async def app(scope: Message, receive: Any, send: Any) -> None:
        seen.append(scope)

    await TrustedProxies(app, ProxyHeaders(trusted))(scope, None, None)  # type: ignore[arg-type]
    return seen[0]


@in_loop
async def test_client_scheme_and_host() -> None:
    headers = [(b"host", b"inner"), *SAID, (b"x-forwarded-host", b"shop.example")]
    given = http_scope(headers=headers, client=("10.0.0.1", 5))
    before = dict(given)
    scope = await passed_on(given, "10.0.0.0/8")
    assert (scope["client"], scope["scheme"]) == (("192.0.2.7", 80), "https")
    assert scope["headers"] == [(b"host", b"shop.example"), *headers[1:]]
    assert given == before


@pytest.mark.parametrize("client", [("10.0.0.1", 5), ("", 0), None, ["10.0.0.1", "5"]])
@in_loop
async def test_the_peer_decides(client: Any) -> None:
    """Servers name the peer of a unix socket in several ways, and a port as text."""
    given = http_scope(headers=[(b"host", b"inner"), *SAID], client=client)
    named = bool(client and client[0])
    assert await passed_on(given, "unix" if named else "10.0.0.0/8") is given
    scope = await passed_on(given, "10.0.0.0/8" if named else "unix")
    assert scope["client"] == ("192.0.2.7", 80)


@in_loop
async def test_a_proxy_that_says_nothing() -> None:
    given = http_scope(client=("10.0.0.1", 5))
    assert await passed_on(given, "10.0.0.0/8") is given


@in_loop
async def test_a_websocket_keeps_its_kind_of_scheme() -> None:
    given = http_scope(headers=[(b"host", b"inner"), *SAID], client=("10.0.0.1", 5)) | {"type": "websocket"}
    assert (await passed_on(given | {"scheme": "ws"}, "10.0.0.1"))["scheme"] == "wss"
    given["headers"] = SAID[:1]
    assert (await passed_on(given | {"scheme": "wss"}, "10.0.0.1"))["scheme"] == "wss"


@in_loop
async def test_a_host_is_added_where_there_is_none() -> None:
    port = (b"x-forwarded-port", b"81")
    scope = await passed_on(http_scope(headers=[port], client=("10.0.0.1", 5), server=("::1", 80)), "10.0.0.1")
    assert scope["headers"] == [(b"host", b"[::1]:81"), port]


@in_loop
async def test_a_lifespan_is_passed_on() -> None:
    given = {"type": "lifespan"}
    assert await passed_on(given, "unix") is given
