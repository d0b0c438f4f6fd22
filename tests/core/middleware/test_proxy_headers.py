"""`ProxyHeaders`: which proxies are trusted, and how far."""

from __future__ import annotations

from typing import Any

import pytest

from sketch import Application, JSONResponse, ProxyHeaders, Request, Response
from sketch.http.grammar import Address
from sketch.middleware.proxy_headers import ForwardedConnection
from sketch.testing import TestClient
from sketch.testing.transport import MemoryConnection
from tests.support.requests import in_loop

PROXY: Address = ("10.0.0.1", 40000)


def make_app(*args: Any, **options: Any) -> Application:
    app = Application(outer_middlewares=[ProxyHeaders(*args, **options)])

    @app.get("/")
    async def origin(request: Request) -> Response:
        return JSONResponse([request.client, request.scheme, request.host, str(request.url)])

    return app


async def origin(app: Application, headers: Any, peer: Address | None = PROXY) -> Any:
    async with TestClient(app, client=peer, base_url="http://inner:8000") as client:
        return await (await client.get("/", headers=headers)).json()


async def client_of(headers: Any, peer: Address | None = PROXY, **options: Any) -> Any:
    address = (await origin(make_app(**{"trusted": ["10.0.0.0/8"], **options}), headers, peer))[0]
    return address and address[0]


FORGED = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "666",
    "Forwarded": "for=6.6.6.6;proto=https;host=evil.example",
}


@in_loop
async def test_without_a_trusted_peer_nothing_is_believed() -> None:
    for family in ("forwarded", "x-forwarded"):
        for peer in (("192.0.2.1", 1), ("11.0.0.1", 1), ("2001:db8::1", 1), ("not an address", 0)):
            app = make_app(["10.0.0.0/8"], family=family, hops=5)
            assert await origin(app, FORGED, peer) == [list(peer), "http", "inner:8000", "http://inner:8000/"]


@in_loop
async def test_everything_that_a_trusted_proxy_says() -> None:
    said = {
        "X-Forwarded-For": "192.0.2.7:5000",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "shop.example",
        "X-Forwarded-Port": "8443",
    }
    wanted = [["192.0.2.7", 5000], "https", "shop.example:8443", "https://shop.example:8443/"]
    assert await origin(make_app(["10.0.0.0/8"]), said) == wanted
    element = 'for="192.0.2.7:5000";proto=https;host="shop.example:8443"'
    assert await origin(make_app(["10.0.0.0/8"], family="forwarded"), {"Forwarded": element}) == wanted


@in_loop
async def test_one_family_is_read() -> None:
    """A proxy that writes one family of fields passes on the other family from the client."""
    both = FORGED | {"X-Forwarded-For": "192.0.2.7"}
    assert await client_of(both) == "192.0.2.7"
    assert await client_of(FORGED | {"Forwarded": "for=192.0.2.7"}, family="forwarded") == "192.0.2.7"
    assert await client_of({"Forwarded": "for=6.6.6.6"}) == "10.0.0.1"
    assert await client_of({"X-Forwarded-For": "6.6.6.6"}, family="forwarded") == "10.0.0.1"


@pytest.mark.parametrize(
    ("chain", "hops", "client"),
    [
        ("192.0.2.7", 1, "192.0.2.7"),
        ("6.6.6.6, 192.0.2.7", 1, "192.0.2.7"),
        ("6.6.6.6, 192.0.2.7", 9, "192.0.2.7"),
        ("192.0.2.7, 10.0.0.2", 1, "10.0.0.2"),
        ("192.0.2.7, 10.0.0.2", 2, "192.0.2.7"),
        ("6.6.6.6, 192.0.2.7, 10.0.0.2", 2, "192.0.2.7"),
        ("6.6.6.6, 10.0.0.3, 192.0.2.7, 10.0.0.2", 9, "192.0.2.7"),
        ("6.6.6.6, 10.0.0.3, 10.0.0.2", 2, "10.0.0.3"),
        ("6.6.6.6, 10.0.0.3, 10.0.0.2", 3, "6.6.6.6"),
        ("6.6.6.6, unknown, 10.0.0.2", 9, "10.0.0.2"),
        ("6.6.6.6, garbage", 9, "10.0.0.1"),
        ("6.6.6.6,", 9, "10.0.0.1"),
        ("6.6.6.6,,10.0.0.2", 9, "10.0.0.2"),
        ("", 1, "10.0.0.1"),
        ("10.0.0.2", 9, "10.0.0.2"),
    ],
)
@in_loop
async def test_the_chain_is_believed_as_far_as_it_is_trusted(chain: str, hops: int, client: str) -> None:
    assert await client_of({"X-Forwarded-For": chain}, hops=hops) == client
    elements = ", ".join(f"for={node.strip()}" for node in chain.split(",")) if chain else ""
    assert await client_of({"Forwarded": elements}, hops=hops, family="forwarded") == client


@in_loop
async def test_each_element_of_forwarded_speaks_for_its_own_hop() -> None:
    chain = "for=6.6.6.6;host=evil;proto=http, for=192.0.2.7;proto=https;host=shop.example, for=10.0.0.2;proto=http"
    one, two = (make_app(["10.0.0.0/8"], hops=hops, family="forwarded") for hops in (1, 2))
    assert await origin(one, {"Forwarded": chain}) == [["10.0.0.2", 0], "http", "inner:8000", "http://inner:8000/"]
    wanted = [["192.0.2.7", 0], "https", "shop.example", "https://shop.example/"]
    assert await origin(two, {"Forwarded": chain}) == wanted


@pytest.mark.parametrize(
    ("headers", "host"),
    [
        ({"X-Forwarded-Port": "443", "X-Forwarded-Proto": "https"}, "inner"),
        ({"X-Forwarded-Port": "80"}, "inner"),
        ({"X-Forwarded-Port": "443"}, "inner:443"),
        ({"X-Forwarded-Port": "70000"}, "inner:8000"),
        ({"X-Forwarded-Host": "[2001:db8::1]:81", "X-Forwarded-Port": "82"}, "[2001:db8::1]:82"),
        ({"X-Forwarded-Host": "[2001:db8::1]", "X-Forwarded-Port": "82"}, "[2001:db8::1]:82"),
        ({"X-Forwarded-Host": "user@evil.example"}, "inner:8000"),
        ({"X-Forwarded-Host": "evil.example/x"}, "inner:8000"),
        ({"X-Forwarded-Host": "evil.example, good.example"}, "good.example"),
    ],
)
@in_loop
async def test_host_and_port(headers: dict[str, str], host: str) -> None:
    assert (await origin(make_app(["10.0.0.0/8"]), headers))[2] == host


@in_loop
async def test_a_unix_socket_is_trusted_where_it_is_named() -> None:
    said = {"X-Forwarded-For": "192.0.2.7"}
    assert await client_of(said, None) is None
    assert await client_of(said, None, trusted=["unix"]) == "192.0.2.7"
    assert await client_of(said, PROXY, trusted=["unix"]) == "10.0.0.1"
    assert await client_of({"X-Forwarded-For": "unknown"}, None, trusted=["unix"]) is None


@pytest.mark.parametrize("peer", ["::ffff:10.0.0.1", "10.255.0.1", "2001:db8::7", "fe80::1%eth0"])
@in_loop
async def test_trusted_addresses(peer: str) -> None:
    trusted = ["10.0.0.0/8", "2001:db8::7", "fe80::/10"]
    assert await client_of({"X-Forwarded-For": "192.0.2.7"}, (peer, 1), trusted=trusted) == "192.0.2.7"


@in_loop
async def test_cached_values_are_read_anew() -> None:
    seen: list[str] = []

    async def early(request: Request, handler: Any) -> Response:
        seen.append(str(request.url))
        return await handler(request)

    app = make_app(["10.0.0.0/8"])
    app.outer_middlewares.insert(0, early)
    assert (await origin(app, {"X-Forwarded-Host": "shop.example"}))[3] == "http://shop.example/"
    assert seen == ["http://inner:8000/"]


@in_loop
async def test_the_rest_of_the_connection_stays() -> None:
    inner = MemoryConnection(client=PROXY, server=("10.0.0.5", 80), scheme="http", state={"pool": 1})
    outer = ForwardedConnection(inner, ("192.0.2.7", 0), "https")
    assert (outer.server, outer.state, outer.tls, outer.trailers) == (inner.server, inner.state, None, [])
    assert outer.trailers is inner.trailers
    assert outer.scope is None
    inner.scope = {"type": "http"}  # type: ignore[attr-defined]
    assert outer.scope is inner.scope  # type: ignore[attr-defined]
    inner.disconnect()
    await outer.wait_disconnected()


@pytest.mark.parametrize(
    ("trusted", "options", "message"),
    [
        ("10.0.0.0/8", {}, "expected trusted as a list of networks, got '10.0.0.0/8'"),
        ([], {}, "expected at least one trusted network, got \\[\\]"),
        (["*"], {}, "expected trusted networks like '10.0.0.0/8', or 'unix', got '\\*'"),
        (["10.0.0.1/8"], {}, "got '10.0.0.1/8': .*host bits set"),
        (["10.0.0.0/8"], {"hops": 0}, "expected hops as a number from 1 on, got 0"),
        (["10.0.0.0/8"], {"hops": "2"}, "expected hops as a number from 1 on, got '2'"),
        (["10.0.0.0/8"], {"family": "both"}, "expected family as one of x-forwarded, forwarded, got 'both'"),
    ],
)
def test_invalid_arguments_are_refused(trusted: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        ProxyHeaders(trusted, **options)
