"""Handlers, streams and websocket handshakes for the tests of the ASGI adapter."""

from __future__ import annotations

import asyncio
from typing import Any

from sketch import Application, WebSocketPolicy
from sketch.observability.access_log import log_access
from sketch.request import Request
from sketch.response import Response
from sketch.routing import WEBSOCKET
from sketch.streams.stream import StreamResponse
from tests.support.scripts import Message, Script, started


async def hello(request: Request) -> Response:
    return Response("hello")


class Ticks:
    """An endless stream that counts how often it was closed."""

    def __init__(self, fail_after: int | None = None, wait: bool = True) -> None:
        self.closed = 0
        self.count = 0
        self.task: Any = None
        self._fail_after = fail_after
        self._wait = wait

    async def chunks(self) -> Any:
        self.task = asyncio.current_task()
        try:
            while True:
                if self.count == self._fail_after:
                    raise ValueError("broken stream")
                self.count += 1
                yield b"tick"
                if self._wait and self._fail_after is None:
                    await asyncio.Event().wait()
        finally:
            self.closed += 1
            assert asyncio.current_task() is self.task

    async def handler(self, request: Request) -> Response:
        return StreamResponse(self.chunks())


CONNECT: Message = {"type": "websocket.connect"}
GONE: Message = {"type": "websocket.disconnect", "code": 1001}


def scope(**extra: Any) -> Message:
    return {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "path": "/ws",
        "query_string": b"",
        "headers": [(b"host", b"test")],
        **extra,
    }


async def shake(answer: Any, script: Script, *, policy: WebSocketPolicy | None = None, **extra: Any) -> Script:
    """One handshake; `answer` is a session, or the response to give."""
    app = Application()
    if callable(answer):
        app.add_websocket("/ws", answer, policy=policy)
    else:

        async def handler() -> Response:
            return answer

        app.add_route(WEBSOCKET, "/ws", handler)
    app.access_log = log_access
    asgi = started(app)
    await asgi(scope(**extra), script.receive, script.send)
    return script
