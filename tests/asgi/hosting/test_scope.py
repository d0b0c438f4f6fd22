"""The scope of a foreign application: served natively, and mounted in a sketch application."""

from __future__ import annotations

import pytest

from sketch import Application, ProxyHeaders
from tests.asgi.hosting.serving import MODES, Message, Receive, Send, answer, hosting
from tests.support.scripts import in_loop

pytestmark = pytest.mark.parametrize("mode", MODES)


class Seen:
    """An application that keeps its scopes."""

    def __init__(self) -> None:
        self.scopes: list[Message] = []

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            scope["state"].update(pool="p", names=["shared"])
            assert await receive() == {"type": "lifespan.startup"}
            await send({"type": "lifespan.startup.complete"})
            assert await receive() == {"type": "lifespan.shutdown"}
            await send({"type": "lifespan.shutdown.complete"})
            return
        scope["state"]["mine"] = len(self.scopes)
        self.scopes.append(scope)
        await answer(send)


@in_loop
async def test_scope(mode: str) -> None:
    app = Seen()
    async with hosting(app, mode) as client:
        async with client.connect() as wire:
            fields = [("Two", "1"), ("Accept", "a"), ("Two", "\xe9")]
            await wire.send(client.head("POST", "/a%20b%2Fc/%C3%A9?q=%20&x", fields, b"12"))
            assert (await wire.receive()).body == b"ok"
            peer = wire.writer.get_extra_info("sockname")
        server = ("127.0.0.1", client.served.server.port)
    prefix = client.prefix
    (scope,) = app.scopes
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.5"}
    assert {name: scope[name] for name in ("type", "http_version", "method", "scheme")} == {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http",
    }  # fmt: skip
    assert scope["path"] == f"{prefix}/a b/c/é"
    assert scope["raw_path"] == f"{prefix}/a%20b%2Fc/%C3%A9".encode()
    assert scope["query_string"] == b"q=%20&x"
    assert scope["root_path"] == prefix
    assert scope["headers"] == [
        (b"host", b"x"), (b"two", b"1"), (b"accept", b"a"), (b"two", b"\xe9"), (b"content-length", b"2"),
    ]  # fmt: skip
    assert (scope["client"], scope["server"]) == (peer[:2], server)
    assert ("http.response.early_hint" in scope["extensions"]) == (mode == "native")  # see test_extensions.py
    assert scope["state"] == {"pool": "p", "names": ["shared"], "mine": 0}


@in_loop
async def test_each_request_has_a_state_and_headers_of_its_own(mode: str) -> None:
    app = Seen()
    async with hosting(app, mode) as client:
        for _ in range(2):
            await client.get()
            app.scopes[-1]["headers"].append((b"x", b"y"))
    first, second = app.scopes
    assert (first["state"]["mine"], second["state"]["mine"]) == (0, 1)
    assert first["state"]["names"] is second["state"]["names"]  # the copy is a shallow one
    assert len(first["headers"]) == len(second["headers"]) == 2


@in_loop
async def test_root_path_is_a_part_of_the_path(mode: str) -> None:
    app = Seen()
    async with hosting(app, mode, root_path="/api%20x/") as client:
        await client.get("/y")
    (scope,) = app.scopes
    assert scope["root_path"] == "/api x" + client.prefix
    assert scope["path"] == f"/api x{client.prefix}/y"
    assert scope["raw_path"] == f"/api%20x{client.prefix}/y".encode()


@in_loop
async def test_http_1_0(mode: str) -> None:
    app = Seen()
    async with hosting(app, mode) as client, client.connect() as wire:
        await wire.send(f"GET {client.prefix}/ HTTP/1.0\r\n\r\n".encode())
        reply = await wire.receive()
    assert (reply.body, reply.header("connection")) == (b"ok", "close")
    assert app.scopes[0]["http_version"] == "1.0"


@in_loop
async def test_the_host_of_an_absolute_target_replaces_the_field(mode: str) -> None:
    """RFC 9112 section 3.2.2: a server ignores Host then, and frameworks read nothing else."""
    app = Seen()
    async with hosting(app, mode) as client, client.connect() as wire:
        await wire.send(client.head(target="/x").replace(b"GET ", b"GET http://other:81"))
        assert (await wire.receive()).body == b"ok"
    assert app.scopes[0]["headers"] == [(b"host", b"other:81")]


@in_loop
async def test_a_host_that_a_proxy_names_replaces_the_field(mode: str) -> None:
    app = Seen()
    outer = Application(outer_middlewares=[ProxyHeaders(["127.0.0.1"])])
    outer.mount("/", app)
    async with hosting(outer, mode) as client:
        await client.get("/x", [("X-Forwarded-Host", "shop.example")])
    assert app.scopes[0]["headers"] == [(b"host", b"shop.example"), (b"x-forwarded-host", b"shop.example")]
