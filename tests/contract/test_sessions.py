"""Sessions: the same cookies, and the same answers to any cookie, in every transport."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.support import refused
from tests.contract.transports import Served, Transport

KEPT = pytest.mark.parametrize("kept", ["sessions", "sessions-store"])

WRONG = [
    pytest.param(lambda name, value: f"{name}={value[:-2]}", id="cut"),
    pytest.param(lambda name, value: f"{name}={value}; {name}={value}", id="doubled"),
    pytest.param(lambda name, value: f"{name}={value.swapcase()}", id="changed"),
    pytest.param(lambda name, value: f"{name}={value * 20}", id="huge"),
    pytest.param(lambda name, value: f"{name}=\xe4\xf6.{value}", id="not ascii"),
    pytest.param(lambda name, value: f"{'session' if name.startswith('_') else '__Host-session'}={value}", id="scheme"),
    pytest.param(lambda name, value: f"{name}=", id="empty"),
]


def is_encrypted(transport: Transport) -> bool:
    return isinstance(transport, Served) and transport.tls is not None


async def ask(transport: Transport, kept: str, target: str, cookie: str | None = None) -> Any:
    cookies = [] if cookie is None else [("Cookie", cookie)]
    return await transport.get(target, [("X-Outer", kept), *cookies])


def session_cookie(fields: list[tuple[str, str]]) -> str | None:
    """The session's `Set-Cookie` field, if there is one, among other cookies."""
    found = [value for name, value in fields if name.lower() == "set-cookie" and "session=" in value]
    assert len(found) < 2
    return found[0] if found else None


@KEPT
async def test_a_session_from_its_begin_to_its_end(transport: Transport, kept: str) -> None:
    reply = await ask(transport, kept, "/session/put/1")
    field = str(session_cookie(reply.headers))
    name = "__Host-session" if is_encrypted(transport) else "session"
    secure = "Secure; " if is_encrypted(transport) else ""
    assert field.startswith(f"{name}=")
    assert field.endswith(f"; Max-Age=1209600; Path=/; {secure}HttpOnly; SameSite=Lax")
    assert (reply.header("vary"), reply.header("cache-control")) == ("Cookie", "no-store")
    assert any(value.startswith("another=1") for name, value in reply.headers if name.lower() == "set-cookie")
    cookie = field.partition(";")[0]

    reply = await ask(transport, kept, "/session/put/2", f"a=b; {cookie}; c=d")
    cookie = str(session_cookie(reply.headers)).partition(";")[0]
    reply = await ask(transport, kept, "/session/values", cookie)
    assert (json.loads(reply.body), session_cookie(reply.headers)) == (["1", "2"], None)

    reply = await ask(transport, kept, "/session/boom", cookie)
    assert (reply.status, session_cookie(reply.headers)) == (500, None)
    reply = await ask(transport, kept, "/session/stream", cookie)
    assert (reply.body, session_cookie(reply.headers)) == (b"['1', '2']", None)

    async with transport.websocket("/session/ws", headers=[("X-Outer", kept), ("Cookie", cookie)]) as ws:
        values = ["1", "2"]
        assert json.loads(await ws.receive()) == [values, values]
        assert session_cookie(ws.headers) is None

    reply = await ask(transport, kept, "/session/clear", cookie)
    assert "Max-Age=0" in str(session_cookie(reply.headers))
    left = json.loads((await ask(transport, kept, "/session/values", cookie)).body)
    assert left == ([] if kept == "sessions-store" else values)


async def test_a_handshake_that_changes_its_session(transport: Transport) -> None:
    cookie = str(session_cookie((await ask(transport, "sessions", "/session/put/1")).headers)).partition(";")[0]
    async with transport.websocket("/session/changed-ws", headers=[("X-Outer", "sessions"), ("Cookie", cookie)]) as ws:
        assert json.loads(await ws.receive()) == [["1", "socket"], ["1", "socket"]]
        cookie = str(session_cookie(ws.headers)).partition(";")[0]
    reply = await ask(transport, "sessions", "/session/values", cookie)
    assert json.loads(reply.body) == ["1", "socket"]


@pytest.mark.core_rule
@pytest.mark.parametrize("make", WRONG)
async def test_what_was_not_issued_is_no_session(transport: Transport, make: Any) -> None:
    for kept in ("sessions", "sessions-store"):
        reply = await ask(transport, kept, "/session/put/1")
        name, _, value = str(session_cookie(reply.headers)).partition(";")[0].partition("=")
        reply = await ask(transport, kept, "/session/values", make(name, value))
        assert (reply.status, reply.body) == (200, b"[]")


async def test_a_store_that_is_away(transport: Transport) -> None:
    reply = await ask(transport, "sessions-away", "/session/put/1")
    assert (reply.status, session_cookie(reply.headers)) == (503, None)
    cookie = str(session_cookie((await ask(transport, "sessions-store", "/session/put/1")).headers)).partition(";")[0]
    assert (await ask(transport, "sessions-away", "/session/values", cookie)).status == 503
    assert (await ask(transport, "sessions-away", "/", cookie)).status == 200
    reply = await refused(transport, "/session/ws", [("X-Outer", "sessions-away"), ("Cookie", cookie)])
    assert reply.status in (503, 403)  # some servers have one answer for all
