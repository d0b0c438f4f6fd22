"""Websockets of the hostile ASGI server: see `tests.contract.scripted`.

The scope has no more than the specification demands; messages have both fields, one of them None; a disconnect leaves
out what it can; `send()` waits until the client has taken what was sent before, and raises once it has left; and a
message of the client waits until the application has taken the one before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from tests.contract.sockets import ABNORMAL, Ended, Refused
from tests.support.wire import Broken, Headers, Reply

Message = dict[str, Any]


def make_scope(target: str, headers: Headers, subprotocols: Sequence[str]) -> Message:
    path, _, query = target.partition("?")
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    raw += [(b"host", b"scripted:80"), (b"connection", b"upgrade"), (b"upgrade", b"websocket")]
    raw += [(b"sec-websocket-version", b"13"), (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==")]
    if subprotocols:
        raw.append((b"sec-websocket-protocol", ", ".join(subprotocols).encode()))
    return {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "path": unquote(path),
        "query_string": query.encode(),
        "headers": iter(raw),
        "client": ["127.0.0.1", "50000"],
        "server": ["127.0.0.1", "80"],
        "extensions": {"websocket.http.response": {}},
    }


class ScriptedWebsocket:
    """One handshake and what comes of it, driven by a test. A `Websocket`."""

    def __init__(self, app: Any, scope: Message, once: Any) -> None:
        self.headers: list[tuple[str, str]] = []
        self.subprotocol: str | None = None
        self._once = once
        self._to_app: asyncio.Queue[Message] = asyncio.Queue(1)
        self._to_app.put_nowait({"type": "websocket.connect"})
        self._sent: asyncio.Queue[Message] = asyncio.Queue(1)
        self._gone = asyncio.Event()
        self._end: tuple[int, str] | None = None
        self._disconnect: Message = {"type": "websocket.disconnect", "code": ABNORMAL}
        self._task = asyncio.create_task(app(scope, self._receive, self._send))

    # -- the application's side ------------------------------------------------------------------------------------

    def _receive(self) -> Any:
        return self._once(self._next_message())

    async def _next_message(self) -> Message:
        return await _first(self._to_app.get(), self._gone) or self._disconnect

    async def _send(self, message: Message) -> None:
        """Wait for room, or for the end of the client."""
        if self._gone.is_set() or await _first(self._put_sent(message), self._gone) is None:
            raise OSError("send() after the client has left")

    async def _put_sent(self, message: Message) -> bool:
        await self._sent.put(message)
        return True

    # -- the client's side -----------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Wait for the answer. Raises `Refused` for another one than the acceptance."""
        message = await self._next_sent()
        if message["type"] == "websocket.accept":
            self.headers = [(name.decode(), value.decode("latin-1")) for name, value in message["headers"]]
            self.subprotocol = message["subprotocol"]
            return
        assert message["type"] == "websocket.http.response.start", message
        fields = [(name.decode(), value.decode("latin-1")) for name, value in message["headers"]]
        body = b""
        more = True
        while more:
            part = await self._next_sent()
            assert part["type"] == "websocket.http.response.body", part
            body, more = body + part["body"], part["more_body"]
        self._gone.set()
        raise Refused(Reply(message["status"], fields, body))

    async def _next_sent(self) -> Message:
        """The next message of the application; `Broken` if it ends without one."""
        get = asyncio.ensure_future(self._sent.get())
        await asyncio.wait([get, self._task], return_when=asyncio.FIRST_COMPLETED)
        if get.done():
            return get.result()
        get.cancel()
        error = self._task.exception()
        raise Broken(f"the application ended with {error!r}") from error

    async def send(self, message: str | bytes) -> None:
        if self._end is not None:
            raise Ended(*self._end)
        is_text = isinstance(message, str)
        fields = {"text": message if is_text else None, "bytes": None if is_text else message}
        await self._to_app.put({"type": "websocket.receive", **fields})

    async def receive(self) -> str | bytes:
        if self._end is not None:
            raise Ended(*self._end)
        message = await self._next_sent()
        if message["type"] == "websocket.close":
            self._finish(message["code"], message["reason"])
            raise Ended(message["code"], message["reason"])
        assert message["type"] == "websocket.send", message
        assert len(message) == 2, message
        return message["text"] if "text" in message else message["bytes"]

    async def close(self, code: int | None = 1000, reason: str = "") -> None:
        if self._end is None:
            self._finish(code, reason)

    def _finish(self, code: int | None, reason: str) -> None:
        self._end = (code or 1005, reason)
        self._disconnect = {"type": "websocket.disconnect"}
        if code is not None:
            self._disconnect["code"] = code
        if reason:
            self._disconnect["reason"] = reason
        self._gone.set()

    def abort(self) -> None:
        self._end = self._end or (ABNORMAL, "")
        self._gone.set()

    async def leave(self) -> None:
        """Disconnect the client, and wait for the application to end. Its error is ignored: a server would log it."""
        if self._end is None:
            self._finish(1000, "")
        self._gone.set()
        async with asyncio.timeout(15):
            await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.exception()


async def _first(awaitable: Any, event: asyncio.Event) -> Any:
    """The result, or None if the event comes first; the result if both are there."""
    result = asyncio.ensure_future(awaitable)
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait([result, waiting], return_when=asyncio.FIRST_COMPLETED)
        return result.result() if result.done() else None
    finally:
        result.cancel()
        waiting.cancel()
