"""Foreign hosts, forged requests and floods are refused, the same in every transport."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.support import refused
from tests.contract.test_outer import TOO_MUCH, ask
from tests.contract.transports import Served, Transport

SHOP, EVIL = ("Host", "shop.example"), ("Host", "evil.example")
PROTECTED = ("X-Outer", "protection")


@pytest.mark.core_rule
@pytest.mark.parametrize(
    ("method", "target", "headers", "status"),
    [
        ("GET", "/nowhere", [], 404),
        ("DELETE", "/", [], 405),
        ("POST", "/echo", TOO_MUCH, 413),
        ("GET", "/boom", [], 500),
    ],
    ids=["404", "405", "413", "500"],
)
async def test_every_answer_is_protected(
    transport: Transport, method: str, target: str, headers: Any, status: int
) -> None:
    own = [SHOP, ("Sec-Fetch-Site", "same-origin")]
    got, fields = await ask(transport, "protection", method, target, headers, *own)
    assert (got, fields["x-frame-options"]) == (status, "DENY")
    assert fields["content-security-policy"] == "default-src 'self'; script-src 'none'; frame-ancestors 'none'"
    got, fields = await ask(transport, "protection", method, target, headers, EVIL)
    assert (got, fields["x-frame-options"]) == (421, "DENY")


async def test_a_forged_request_is_refused(transport: Transport) -> None:
    page = await transport.get("/protected/page", [PROTECTED, SHOP])
    token, nonce = page.text.split()
    cookie = str(page.header("set-cookie")).partition(";")[0]
    assert f"'nonce-{nonce}'" in str(page.header("content-security-policy"))
    part = 'b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n--'
    body = ("--" + part.format("csrf_token", token) + part.format("text", "x" * 100_000) + "b--\r\n").encode()
    sent = [PROTECTED, SHOP, ("Content-Type", "multipart/form-data; boundary=b"), ("Cookie", cookie)]
    reply = await transport.post("/echo", body, sent)  # the handler reads what was looked into
    assert (reply.status, reply.json()["body"].encode()) == (200, body)
    for more in (("Origin", "https://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "same-site")):
        reply = await transport.post("/echo", body, [*sent, more])
        assert (reply.status, reply.header("x-frame-options")) == (403, "DENY")
    assert (await transport.post("/echo", body.replace(b"csrf_token", b"other"), sent)).status == 403


async def test_websockets_of_other_hosts_and_origins_are_refused(transport: Transport) -> None:
    async with transport.websocket("/ws/echo", headers=[PROTECTED]) as ws:
        await ws.send("a")
        assert await ws.receive() == "a"
    assert (await refused(transport, "/ws/echo", [("X-Outer", "elsewhere")])).status == 421
    assert (await refused(transport, "/ws/echo", [PROTECTED, ("Origin", "http://evil.example")])).status == 403


async def test_to_https(transport: Transport) -> None:
    reply = await transport.post("/echo?a=%20b", b"x", [("X-Outer", "https"), SHOP])
    if isinstance(transport, Served) and transport.tls is not None:
        assert reply.status == 200
    else:
        assert (reply.status, reply.header("location")) == (308, "https://shop.example/echo?a=%20b")
        assert (await transport.get("/", [("X-Outer", "https"), EVIL])).status == 421
        assert (await refused(transport, "/ws/echo", [("X-Outer", "https")])).status == 403


async def test_a_flood(transport: Transport, key: str) -> None:
    sent = [("X-Outer", "rate"), ("X-Key", key)]
    for target, status, left in (("/", 200, 1), ("/nowhere", 404, 0), ("/boom", 429, 0)):
        reply = await transport.get(target, sent)
        assert (reply.status, reply.header("ratelimit")) == (status, f'"2/day";r={left};t=86400')
        assert reply.header("ratelimit-policy") == '"2/day";q=2;w=86400'
    assert 86390 <= int(str(reply.header("retry-after"))) <= 86400
    assert (await refused(transport, "/ws/echo", sent)).status == 429


async def test_what_a_server_refuses_itself_has_no_fields_of_the_application(wired: Served) -> None:
    reply = await wired.request("GET", "/", headers=[PROTECTED, ("Host", "shop.example/evil")])
    assert (reply.status, reply.header("x-frame-options")) == (400, None)
