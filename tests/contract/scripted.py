"""A hostile ASGI server, in process: it does what the specification allows and common servers do not do.

No `raw_path`, no `state`, ports as strings; `receive()` gives an awaitable that is no coroutine and can be awaited only
once; chunks come with empty ones between them; after the client has left, `send()` raises; and `send()` waits until the
client has taken what was sent before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Generator, Sequence
from typing import Any
from urllib.parse import unquote

from tests.contract.scripted_websocket import ScriptedWebsocket, make_scope
from tests.support.wire import Broken, Cut, Headers, Upload

Message = dict[str, Any]


class Once:
    """An awaitable that is neither a coroutine nor a future."""

    def __init__(self, awaitable: Awaitable[Message]) -> None:
        self._awaitable: Awaitable[Message] | None = awaitable

    def __await__(self) -> Generator[Any, None, Message]:
        awaitable, self._awaitable = self._awaitable, None
        assert awaitable is not None, "what receive() returned was awaited twice"
        return awaitable.__await__()


class ScriptedServer:
    """Runs the lifespan of an application and makes exchanges."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._exchanges: list[ScriptedExchange | ScriptedWebsocket] = []

    async def start(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}}
        self._task = asyncio.create_task(self._app(scope, lambda: Once(self._to_app.get()), self._from_app.put))
        await self._step("startup")

    async def stop(self) -> None:
        for exchange in self._exchanges:
            await exchange.leave()
        await self._step("shutdown")
        await self._task

    async def _step(self, name: str) -> None:
        self._to_app.put_nowait({"type": f"lifespan.{name}"})
        async with asyncio.timeout(10):
            answer = await self._from_app.get()
        assert answer == {"type": f"lifespan.{name}.complete"}, answer

    def exchange(self, method: str, target: str, headers: Headers, body: Upload) -> ScriptedExchange:
        """Begin a request."""
        exchange = ScriptedExchange(self._app, self.scope(method, target, headers, body), body)
        self._exchanges.append(exchange)
        return exchange

    async def websocket(self, target: str, headers: Headers, subprotocols: Sequence[str]) -> ScriptedWebsocket:
        """Shake hands; raises `Refused` for another answer than a websocket."""
        websocket = ScriptedWebsocket(self._app, make_scope(target, headers, subprotocols), Once)
        self._exchanges.append(websocket)
        await websocket.open()
        return websocket

    def scope(self, method: str, target: str, headers: Headers, body: Upload) -> dict[str, Any]:
        path, _, query = target.partition("?")
        names = {name.lower() for name, _ in headers}
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        if "host" not in names:
            raw.append((b"host", b"scripted:80"))
        if isinstance(body, bytes) and "content-length" not in names:
            raw.append((b"content-length", b"%d" % len(body)))
        elif body is not None and "content-length" not in names:
            raw.append((b"transfer-encoding", b"chunked"))
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": unquote(path),
            "query_string": query.encode(),
            "headers": iter(raw),
            "client": ["127.0.0.1", "50000"],
            "server": ["127.0.0.1", "80"],
        }


class ScriptedExchange:
    """One request, driven by a test. A `Stream`."""

    def __init__(self, app: Any, scope: dict[str, Any], body: Upload) -> None:
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self._messages = self._script(body)
        self._gone = asyncio.Event()
        self._sent: asyncio.Queue[Message] = asyncio.Queue(1)
        self._body_ended = False
        self._task = asyncio.create_task(app(scope, self._receive, self._send))

    # -- the application's side ------------------------------------------------------------------------------------

    async def _script(self, body: Upload) -> Any:
        """The messages of a request body; a body that is cut short ends in a disconnect."""
        try:
            async for chunk in _pieces(body):
                yield {"type": "http.request", "body": b"", "more_body": True}
                yield {"type": "http.request", "body": chunk, "more_body": True}
            yield {"type": "http.request"}
        except Cut:
            self._gone.set()

    def _receive(self) -> Once:
        return Once(self._next_message())

    async def _next_message(self) -> Message:
        if not self._gone.is_set():
            message: Message | None = await anext(self._messages, None)
            if message is not None:
                return message
            await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        """Wait for room, or for the end of the client."""
        if self._gone.is_set():
            raise OSError("send() after the client has left")
        put = asyncio.ensure_future(self._sent.put(message))
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait([put, gone], return_when=asyncio.FIRST_COMPLETED)
            if not put.done():
                raise OSError("the client left while send() waited")
        finally:
            put.cancel()
            gone.cancel()

    # -- the client's side -----------------------------------------------------------------------------------------

    async def _next_sent(self) -> Message:
        """The next message of the application; `Broken` if it ends without one."""
        get = asyncio.ensure_future(self._sent.get())
        await asyncio.wait([get, self._task], return_when=asyncio.FIRST_COMPLETED)
        if get.done():
            return get.result()
        get.cancel()
        error = self._task.exception()
        raise Broken(f"the application ended with {error!r}") from error

    async def head(self) -> None:
        """Wait for the start of the answer."""
        message = await self._next_sent()
        assert message["type"] == "http.response.start", message
        assert type(message["status"]) is int, message
        self.status = message["status"]
        for name, value in message["headers"]:
            assert type(name) is bytes, name
            assert type(value) is bytes, value
            assert name == name.lower(), name
            self.headers.append((name.decode(), value.decode("latin-1")))

    async def chunk(self) -> bytes:
        while not self._body_ended:
            message = await self._next_sent()
            assert message["type"] == "http.response.body", message
            self._body_ended = not message.get("more_body", False)
            if chunk := message.get("body", b""):
                assert type(chunk) is bytes, chunk
                return chunk
        return b""

    async def leave(self) -> None:
        """Disconnect the client, and wait for the application to end. Its error is ignored: a server would log it."""
        self._gone.set()
        async with asyncio.timeout(10):
            await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.exception()
        await self._messages.aclose()


async def _pieces(body: Upload) -> AsyncIterable[bytes]:
    if isinstance(body, bytes):
        half = len(body) // 2
        for piece in (body[:half], body[half:]):
            if piece:
                yield piece
    elif body is not None:
        async for chunk in body:
            yield chunk
