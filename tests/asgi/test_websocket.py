"""Handshakes are refused in the best way that the server offers."""

from __future__ import annotations

from typing import Any

import pytest

from sketch_asgi.app import ASGIApplication
from tests.asgi.scripts import Script, application, in_loop
from tests.asgi.test_app import hello

CONNECT = {"type": "websocket.connect"}
SCOPE = {"type": "websocket", "path": "/", "raw_path": b"/", "headers": [], "client": None}


async def shake(script: Script, **extra: Any) -> list[dict[str, Any]]:
    await ASGIApplication(application(hello), access_log=True)({**SCOPE, **extra}, script.receive, script.send)
    return script.sent


@in_loop
async def test_answer_where_the_server_can_send_one() -> None:
    sent = await shake(Script(CONNECT), extensions={"websocket.http.response": {}})
    assert [message["type"] for message in sent] == ["websocket.http.response.start", "websocket.http.response.body"]
    assert sent[0]["status"] == 501


@in_loop
async def test_close_where_it_cannot() -> None:
    assert [message["type"] for message in await shake(Script(CONNECT))] == ["websocket.close"]


@in_loop
async def test_protocol_error() -> None:
    with pytest.raises(RuntimeError, match=r"websocket\.connect"):
        await shake(Script({"type": "websocket.disconnect"}))
