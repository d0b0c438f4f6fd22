"""The connection of a scope: what a request knows of it, and waiting for its end."""

from __future__ import annotations

import asyncio
from typing import Any

from sketch.request import Request
from sketch.response import Response
from sketch.tls import TLSInfo
from sketch.transport import ClientDisconnected
from tests.support.scripts import DISCONNECT, Script, application, exchange, http_scope, in_loop, started


@in_loop
async def test_what_the_request_knows_of_the_connection() -> None:
    seen: dict[str, Any] = {}

    async def handler(request: Request) -> Response:
        seen.update(client=request.client, server=request.connection.server, scheme=request.scheme)
        seen.update(state=request.state, tls=request.tls, trailers=list(request.trailers))
        return Response()

    scope = http_scope(client=("::1", "5"), server=["h", "81"], scheme="https", state={"a": 1})
    scope["extensions"] = {"tls": {"tls_version": 0x0304}}
    app = application(handler)
    app.state["b"] = 2
    await started(app)(scope, Script().receive, Script().send)
    assert seen == {
        "client": ("::1", 5), "server": ("h", 81), "scheme": "https",
        "state": {"a": 1, "b": 2}, "tls": TLSInfo(version="TLSv1.3"), "trailers": [],
    }  # fmt: skip
    seen["state"]["c"] = 3
    assert app.state == {"b": 2}
    await started(app)(http_scope(client=None, server=("/run/x.sock", None)), Script().receive, Script().send)
    assert (seen["client"], seen["server"], seen["tls"]) == (None, ("/run/x.sock", 0), None)


@in_loop
async def test_unknown_attribute_of_the_connection() -> None:
    async def handler(request: Request) -> Response:
        return Response(str(hasattr(request.connection, "nothing")))

    assert (await exchange(handler, Script())).body == b"False"


@in_loop
async def test_handler_may_wait_for_the_client_to_leave() -> None:
    async def handler(request: Request) -> Response:
        await request.wait_disconnected()
        raise ClientDisconnected("seen")

    assert (await exchange(handler, Script(DISCONNECT))).sent == []


@in_loop
async def test_waiting_task_does_not_outlive_the_exchange() -> None:
    waiting: list[asyncio.Task[None]] = []

    async def handler(request: Request) -> Response:
        waiting.append(asyncio.create_task(request.wait_disconnected()))
        await asyncio.sleep(0)
        return Response("done")

    assert (await exchange(handler, Script())).body == b"done"
    await waiting[0]
