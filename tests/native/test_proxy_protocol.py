"""The PROXY protocol: headers of both versions, split anywhere, garbled, and never anything served without one."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sketch import Application, Request, Response, serve
from sketch_native import ServerLimits
from sketch_native.proxy_protocol import LONGEST_V1, LONGEST_V2, V2, Garbled, ProxyHeader, parse
from tests.support.native import GET, serving, turns, until
from tests.support.wire import Wire

Address = tuple[str, int]

CLIENT, SERVER = ("192.0.2.7", 4711), ("203.0.113.1", 443)
CLIENT6, SERVER6 = ("2001:db8::7", 4711), ("2001:db8::1", 443)
LINE = b"PROXY TCP4 192.0.2.7 203.0.113.1 4711 443\r\n"
LINE6 = b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n"


def v2(family: int, block: bytes = b"", *, command: int = 0x21, length: int | None = None) -> bytes:
    size = len(block) if length is None else length
    return V2 + bytes([command, family]) + size.to_bytes(2, "big") + block


def block(client: Address, server: Address) -> bytes:
    hosts = ip_address(client[0]).packed + ip_address(server[0]).packed
    return hosts + client[1].to_bytes(2, "big") + server[1].to_bytes(2, "big")


TLV = b"\x04\x00\x03\0\0\0" + b"\x02\x00\x0cshop.example"
BINARY = v2(0x11, block(CLIENT, SERVER) + TLV)
BINARY6 = v2(0x21, block(CLIENT6, SERVER6))
UNIX = v2(0x31, b"/run/client".ljust(108, b"\0") + b"/run/server".ljust(108, b"\0"))
LOCAL = v2(0x00, command=0x20)
GOOD = {
    "v1 TCP4": (LINE, CLIENT, SERVER),
    "v1 TCP6": (LINE6, CLIENT6, SERVER6),
    "v2 TCP4": (BINARY, CLIENT, SERVER),
    "v2 UDP4": (v2(0x12, block(CLIENT, SERVER)), CLIENT, SERVER),
    "v2 TCP6": (BINARY6, CLIENT6, SERVER6),
    "v2 UNIX": (UNIX, None, None),
}
OWN = {
    "v1 UNKNOWN": b"PROXY UNKNOWN\r\n",
    "v1 UNKNOWN with addresses": b"PROXY UNKNOWN " + b"f" * 91 + b"\r\n",
    "v2 UNSPEC": v2(0x00),
    "v2 UNSPEC with more": v2(0x00, b"\1" * 40),
    "v2 LOCAL": LOCAL,
    "v2 LOCAL with a family": v2(0x11, block(CLIENT, SERVER), command=0x20),
    "v2 LOCAL with an unknown family": v2(0xFF, b"x", command=0x20),
}
GARBLED = {
    "a request": GET,
    "TLS": b"\x16\x03\x01\x02\x00",
    "lower case": b"proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
    "v1 without a space": b"PROXYTCP4",
    "v1 too long": b"PROXY UNKNOWN " + b"f" * 92 + b"\r\n",
    "v1 endless": b"PROXY " + b"f" * 200,
    "v1 bare LF": b"PROXY TCP4 192.0.2.7 203.0.113.1 4711 443\n\r\n",
    "v1 two spaces": b"PROXY TCP4  192.0.2.7 203.0.113.1 4711 443\r\n",
    "v1 other family": b"PROXY UDP4 192.0.2.7 203.0.113.1 4711 443\r\n",
    "v1 no ports": b"PROXY TCP4 192.0.2.7 203.0.113.1\r\n",
    "v1 one port": b"PROXY TCP4 192.0.2.7 203.0.113.1 4711\r\n",
    "v1 more": b"PROXY TCP4 192.0.2.7 203.0.113.1 4711 443 x\r\n",
    "v1 port too large": b"PROXY TCP4 192.0.2.7 203.0.113.1 65536 443\r\n",
    "v1 port with a zero": b"PROXY TCP4 192.0.2.7 203.0.113.1 04711 443\r\n",
    "v1 signed port": b"PROXY TCP4 192.0.2.7 203.0.113.1 +471 443\r\n",
    "v1 octet with a zero": b"PROXY TCP4 192.0.2.07 203.0.113.1 4711 443\r\n",
    "v1 short address": b"PROXY TCP4 192.0.2 203.0.113.1 4711 443\r\n",
    "v1 other address": b"PROXY TCP4 ::1 ::1 4711 443\r\n",
    "v1 other address for 6": b"PROXY TCP6 192.0.2.7 203.0.113.1 4711 443\r\n",
    "v1 UNKNOWNX": b"PROXY UNKNOWNX\r\n",
    "v2 signature": V2[:-1] + b"X",
    "v2 version 1": v2(0x11, block(CLIENT, SERVER), command=0x11),
    "v2 command": v2(0x11, block(CLIENT, SERVER), command=0x22),
    "v2 family": v2(0x41, block(CLIENT, SERVER)),
    "v2 transport": v2(0x13, block(CLIENT, SERVER)),
    "v2 half a family": v2(0x10, block(CLIENT, SERVER)),
    "v2 short block": v2(0x11, block(CLIENT, SERVER)[:-1]),
    "v2 IPv6 with a block of IPv4": v2(0x21, block(CLIENT, SERVER)),
    "v2 short UNIX block": v2(0x31, b"x" * 215),
    "v2 too long": v2(0x11, length=LONGEST_V2 + 1),
}


# -- the parser -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOOD)
def test_headers(name: str) -> None:
    data, client, server = GOOD[name]
    assert parse(data) == parse(data + GET) == ProxyHeader(len(data), True, client, server)


@pytest.mark.parametrize("name", OWN)
def test_headers_without_addresses(name: str) -> None:
    assert parse(OWN[name]) == parse(OWN[name] + GET) == ProxyHeader(len(OWN[name]))


@pytest.mark.parametrize("data", [*(good[0] for good in GOOD.values()), *OWN.values()], ids=[*GOOD, *OWN])
def test_nothing_is_known_before_the_last_byte(data: bytes) -> None:
    assert [parse(data[:size]) for size in range(len(data))] == [None] * len(data)


@pytest.mark.parametrize("name", GARBLED)
def test_garbled_headers(name: str) -> None:
    with pytest.raises(Garbled):
        parse(GARBLED[name])


def test_sizes() -> None:
    assert len(OWN["v1 UNKNOWN with addresses"]) == LONGEST_V1
    full = block(CLIENT, SERVER).ljust(LONGEST_V2, b"\0")
    assert parse(v2(0x11, full)) == ProxyHeader(16 + LONGEST_V2, True, CLIENT, SERVER)
    worst = b"PROXY TCP6 " + b" ".join([b"ffff:" * 7 + b"ffff"] * 2) + b" 65535 65535\r\n"
    header = parse(worst)
    assert header is not None
    assert header.size == len(worst) <= LONGEST_V1


@given(st.binary(max_size=40))
def test_random_bytes_are_no_header(data: bytes) -> None:
    for start in (b"", b"PROXY ", V2, V2 + b"\x21"):
        try:
            header = parse(start + data)
        except Garbled:
            continue
        assert header is None or header.size <= len(start + data)


@given(st.ip_addresses(), st.data(), st.integers(0, 65535), st.integers(0, 65535))
def test_every_address(client: Any, data: Any, port: int, other: int) -> None:
    server = data.draw(st.ip_addresses(v=client.version))
    expected = ((str(client), port), (str(server), other))
    line = f"PROXY TCP{client.version} {client} {server} {port} {other}\r\n".encode()
    binary = v2(0x11 if client.version == 4 else 0x21, block(*expected))
    for header in (parse(line), parse(binary)):
        assert header is not None
        assert (header.client, header.server) == expected


# -- the server -------------------------------------------------------------------------------------------------------


def make_app() -> Application:
    app = Application()

    @app.get("/")
    async def show(request: Request) -> Response:
        return Response(repr((request.client, request.connection.server)))

    return app


OPTIONS: dict[str, Any] = {"proxy_protocol": True}


async def answer(wire: Wire) -> str:
    return (await wire.receive()).text


@pytest.mark.parametrize("name", GOOD)
async def test_the_client_is_the_one_of_the_header(name: str) -> None:
    data, client, server = GOOD[name]
    async with serving(make_app(), **OPTIONS) as served, served.connect() as wire:
        await wire.send(data + GET + GET)
        assert await answer(wire) == repr((client, server))
        assert await answer(wire) == repr((client, server))
        await wire.send(GET)
        assert await answer(wire) == repr((client, server))


@pytest.mark.parametrize("name", OWN)
async def test_without_addresses_those_of_the_connection_are_valid(name: str) -> None:
    async with serving(make_app(), **OPTIONS) as served, served.connect() as wire:
        await wire.send(OWN[name] + GET)
        assert (await answer(wire)).startswith("(('127.0.0.1', ")


@pytest.mark.parametrize("data", [LINE, LINE6, BINARY, BINARY6, UNIX, LOCAL])
async def test_split_at_every_byte(data: bytes) -> None:
    async with serving(make_app(), **OPTIONS) as served:
        async with served.connect() as wire:
            await wire.send(data + GET)
            expected = re.sub(r"'127.0.0.1', \d{5}", "", await answer(wire))
        for cut in range(1, len(data) + 1):
            async with served.connect() as wire:
                await wire.send((data + GET)[:cut])
                await turns(2)
                await wire.send((data + GET)[cut:])
                assert re.sub(r"'127.0.0.1', \d{5}", "", await answer(wire)) == expected


async def test_byte_by_byte() -> None:
    async with serving(make_app(), **OPTIONS) as served, served.connect() as wire:
        for byte in BINARY + GET:
            await wire.send(bytes([byte]))
            await turns(2)
        assert await answer(wire) == repr((CLIENT, SERVER))


@pytest.mark.parametrize("name", GARBLED)
async def test_a_garbled_header_ends_the_connection_without_an_answer(name: str) -> None:
    async with serving(make_app(), **OPTIONS) as served:
        async with served.connect() as wire:
            await wire.send(GARBLED[name] + GET)
            assert await wire.ended() == b""
        async with served.connect() as wire:
            await wire.send(LINE + GET)
            assert (await wire.receive()).status == 200


async def test_a_second_header_is_no_header() -> None:
    async with serving(make_app(), **OPTIONS) as served, served.connect() as wire:
        await wire.send(LINE + LINE + GET)
        assert (await wire.receive()).status == 501
        assert await wire.ended() == b""


@pytest.mark.parametrize("sent", [b"", b"PROXY TC", BINARY[:20], LINE])
async def test_a_header_that_does_not_come_to_its_end(sent: bytes) -> None:
    """The timeout for a head applies to the PROXY header, too."""
    limits = ServerLimits(header_timeout=0.1)
    async with serving(make_app(), server_limits=limits, **OPTIONS) as served, served.connect() as wire:
        await wire.send(sent)
        assert await wire.ended() == b""


@pytest.mark.parametrize("sent", [b"", b"PROXY TC", BINARY[:20], LINE, LOCAL])
async def test_a_client_that_leaves_within_the_header(sent: bytes) -> None:
    """A health check connects, says LOCAL or nothing, and leaves."""
    async with serving(make_app(), **OPTIONS) as served:
        async with served.connect() as wire:
            await wire.send(sent)
            wire.writer.write_eof()
            assert await wire.ended() == b""
        await served.alone()


async def test_the_server_stops_while_a_header_is_awaited() -> None:
    async with serve(make_app(), **OPTIONS) as server:
        wire = await Wire.connect(server.port)
        await wire.send(b"PROXY")
        await turns()
    assert await wire.ended() == b""
    await wire.close()


async def test_without_the_option_a_header_is_no_request() -> None:
    async with serving(make_app()) as served:
        assert (await served.refusal(LINE + GET)).status == 501
        assert (await served.refusal(BINARY + GET)).status == 400


async def test_a_unix_listener(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    async with serving(make_app(), uds=path, **OPTIONS):
        wire = await Wire.connect_unix(path)
        await wire.send(BINARY + GET)
        assert await answer(wire) == repr((CLIENT, SERVER))
        await wire.close()


async def test_the_access_line_shows_the_client_of_the_header(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "sketch.access")
    async with serving(make_app(), access_log=True, **OPTIONS) as served:
        async with served.connect() as wire:
            await wire.send(BINARY + GET + b"nonsense\r\n\r\n")
            await wire.ended()
        await until(lambda: len(caplog.messages) == 2, "both access lines")
    assert [line.split(" ")[0] for line in caplog.messages] == ["192.0.2.7:4711"] * 2
