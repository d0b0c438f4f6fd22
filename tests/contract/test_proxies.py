"""Forged fields of proxies, through none, one and two that are trusted. The suite's client is the nearest proxy."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.pool import Pool
from tests.contract.support import access_line
from tests.contract.transports import Served, Transport

CLIENT = "192.0.2.7"
SECOND = "10.0.0.2"
FORGED = "6.6.6.6"
FIELDS = [
    ("X-Forwarded-For", FORGED),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "evil.example"),
    ("Forwarded", f"for={FORGED};proto=https;host=evil.example"),
]


async def origin(transport: Transport, proxies: str, *headers: tuple[str, str]) -> Any:
    given = [("Host", "inner.example"), ("X-Proxies", proxies), *headers]
    reply = await transport.get("/origin", given)
    assert reply.status == 200
    return reply.json()


async def client_of(transport: Transport, proxies: str, chain: str) -> Any:
    return (await origin(transport, proxies, ("X-Forwarded-For", chain)))[0]


async def test_a_forged_chain_through_no_trusted_proxy(transport: Transport) -> None:
    client, scheme, host, url = await origin(transport, "0", *FIELDS)
    assert client == "127.0.0.1"
    assert host == "inner.example"
    assert url == f"{scheme}://inner.example/origin"
    assert [client, scheme, host, url] == await origin(transport, "0")


@pytest.mark.transports("native-asyncio", "uvicorn-httptools", "uvicorn-h11", "hypercorn-command", "granian-command")
async def test_no_proxy_is_believed_unless_it_is_named(server_name: str, pool: Pool) -> None:
    """Neither the application nor the server below it trusts an unnamed proxy."""
    with pool.own(server_name, "tests.contract.app:app", "--defaults") as served:
        assert await origin(served, "", *FIELDS) == [
            "127.0.0.1",
            "http",
            "inner.example",
            "http://inner.example/origin",
        ]


async def test_a_forged_chain_through_one_trusted_proxy(transport: Transport) -> None:
    assert await client_of(transport, "1", CLIENT) == CLIENT
    assert await client_of(transport, "1", f"{FORGED}, {CLIENT}") == CLIENT
    assert await client_of(transport, "1", f"{FORGED}, 10.9.9.9, {CLIENT}") == CLIENT
    assert await client_of(transport, "1", f"{FORGED}, 127.0.0.1") == "127.0.0.1"


async def test_a_forged_chain_through_two_trusted_proxies(transport: Transport) -> None:
    assert await client_of(transport, "2", f"{CLIENT}, {SECOND}") == CLIENT
    assert await client_of(transport, "2", f"{FORGED}, {CLIENT}, {SECOND}") == CLIENT
    assert await client_of(transport, "2", f"{FORGED}, 10.9.9.9, {CLIENT}, {SECOND}") == CLIENT
    # The request bypasses the second proxy: the address of the client ends the chain.
    assert await client_of(transport, "2", f"{FORGED}, {SECOND}, {CLIENT}") == CLIENT


async def test_a_chain_over_several_fields(transport: Transport) -> None:
    fields = [("X-Forwarded-For", FORGED), ("X-Forwarded-For", CLIENT), ("X-Forwarded-For", SECOND)]
    assert (await origin(transport, "2", *fields))[0] == CLIENT


async def test_scheme_host_and_url(transport: Transport) -> None:
    fields = [
        ("X-Forwarded-For", CLIENT),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "shop.example"),
        ("X-Forwarded-Port", "8443"),
    ]
    wanted = [CLIENT, "https", "shop.example:8443", "https://shop.example:8443/origin"]
    assert await origin(transport, "1", *fields) == wanted


async def test_the_scheme_of_a_websocket(transport: Transport) -> None:
    """Some proxies name the one of the page, others `wss`."""
    for proto in ("https", "wss"):
        headers = [("X-Proxies", "1"), ("X-Forwarded-Proto", proto), ("X-Forwarded-Host", "shop.example")]
        async with transport.websocket("/ws/rooms/a/7", headers=headers) as ws:
            got = json.loads(await ws.receive())
        assert (got["url"], got["named"]) == ("https://shop.example/ws/rooms/a/7", "wss://shop.example/ws/rooms/b/8")


async def test_forwarded(transport: Transport) -> None:
    chain = f'for={FORGED};host=evil, for="[2001:db8::7]:80";proto=https;host="shop.example:81", for={SECOND}'
    wanted = ["2001:db8::7", "https", "shop.example:81", "https://shop.example:81/origin"]
    assert await origin(transport, "2 forwarded", ("Forwarded", chain), ("X-Forwarded-For", FORGED)) == wanted


@pytest.mark.core_rule
@pytest.mark.parametrize("chain", ["unknown", "", "6.6.6.6,", "6.6.6.6, 1.2.3.4.5", "6.6.6.6, _hidden", '6.6.6.6, "'])
async def test_a_malformed_chain(transport: Transport, chain: str) -> None:
    assert await client_of(transport, "2", chain) == "127.0.0.1"
    assert await client_of(transport, "2", f"{chain}, {SECOND}") == SECOND


@pytest.mark.core_rule
@pytest.mark.parametrize("host", ["user@evil", "a/b", "a b", "a:99999", "xn--a", ""])
async def test_a_malformed_host(transport: Transport, host: str) -> None:
    assert (await origin(transport, "1", ("X-Forwarded-Host", host)))[2] == "inner.example"


async def test_the_access_line_shows_the_client_behind_the_proxy(wired: Served, key: str) -> None:
    await wired.get(f"/get?{key}", [("X-Proxies", "1"), ("X-Forwarded-For", f"{FORGED}, {CLIENT}:4711")])
    assert f' {CLIENT}:4711 "GET /get?{key}" 200 6 ' in await access_line(wired, f"/get?{key}")


# -- the option trusted_proxies ---------------------------------------------------------------------------------------

SAID = [
    ("Host", "inner.example"),
    ("X-Forwarded-For", f"{FORGED}, {CLIENT}"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "shop.example"),
    ("X-Forwarded-Port", "8443"),
]
FORWARDED = [CLIENT, "https", "shop.example:8443"]
EACH = ("native-asyncio", "uvicorn-httptools", "hypercorn", "granian")


async def told(served: Served, target: str) -> Any:
    async with served.websocket(target, headers=SAID[1:]) as ws:
        return json.loads(await ws.receive())


@pytest.mark.transports(*EACH)
async def test_a_foreign_application_behind_a_trusted_proxy(pool: Pool, server_name: str) -> None:
    with pool.own(server_name, "tests.support.origins:foreign", "--trusted-proxies", "127.0.0.0/8") as served:
        assert (await served.get("/x", SAID)).json() == FORWARDED
        assert (await served.get("/y", [("Host", "inner.example")])).json() == ["127.0.0.1", "http", "inner.example"]
        assert await told(served, "/ws") == [CLIENT, "wss", "shop.example:8443"]
        assert f' {CLIENT}:0 "GET /x" 200 ' in await access_line(served, "/x")


@pytest.mark.transports("native-asyncio", "hypercorn")
async def test_an_application_of_sketch_behind_a_trusted_proxy(pool: Pool, server_name: str) -> None:
    """Raw ASGI middleware around it and a foreign application below it are told the same."""
    with pool.own(server_name, "tests.support.origins:inside", "--trusted-proxies", "127.0.0.1") as served:
        assert (await served.get("/", SAID)).json() == [FORWARDED, ["shop.example:8443"], FORWARDED]
        assert (await served.get("/below/x", SAID)).json() == FORWARDED
        assert await told(served, "/ws") == FORWARDED
        assert await told(served, "/below/ws") == [CLIENT, "wss", "shop.example:8443"]
