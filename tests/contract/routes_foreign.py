"""A foreign application in plain ASGI, mounted below `/foreign`: what a mount has to carry through."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from sketch import Application
from tests.contract.journal import Journal
from tests.contract.routes_faults import STRAYS

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def add_foreign(app: Application) -> None:
    app.mount("/foreign", Foreign(app.journal))


class Foreign:
    """A path calls the method of its name."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.live(scope, receive, send)
        elif scope["type"] == "websocket":
            await self.socket(scope, receive, send)
        else:
            name = scope["path"].removeprefix(f"{scope['root_path']}/").partition("/")[0]
            await getattr(self, name)(scope, receive, send)

    def write(self, scope: Message, entry: str) -> None:
        key = parse_qs(scope["query_string"].decode())["key"][0]
        self._journal.note(key, entry)

    async def live(self, scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        scope["state"]["begun"] = "yes"
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def answer(self, send: Send, body: bytes, *headers: tuple[bytes, bytes], status: int = 200) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def part(self, send: Send, body: bytes, more: bool = True) -> None:
        await send({"type": "http.response.body", "body": body, "more_body": more})

    # -- faults ------------------------------------------------------------------------------------------------------

    async def stray(self, scope: Message, receive: Receive, send: Send) -> None:
        raise self._stray(scope)

    async def stray_halfway(self, scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await self.part(send, b"first")
        raise self._stray(scope)

    def _stray(self, scope: Message) -> BaseException:
        return STRAYS[parse_qs(scope["query_string"].decode())["raises"][0]].with_traceback(None)

    # -- answers ----------------------------------------------------------------------------------------------------

    async def scope(self, scope: Message, receive: Receive, send: Send) -> None:
        names = ("type", "method", "path", "root_path", "state")
        two = [value.decode() for name, value in scope["headers"] if name == b"two"]
        seen = {name: scope[name] for name in names} | {"query": scope["query_string"].decode(), "two": two}
        await self.answer(send, json.dumps(seen).encode(), (b"content-type", b"application/json"))

    async def whole(self, scope: Message, receive: Receive, send: Send) -> None:
        await self.answer(send, b"body", (b"x-two", b"1"), (b"x-two", b"2"), (b"content-length", b"4"), status=201)

    async def echo(self, scope: Message, receive: Receive, send: Send) -> None:
        messages = [await receive()]
        while messages[-1]["more_body"]:
            messages.append(await receive())
        await send({"type": "http.response.start", "status": 200})
        for message in messages:
            await self.part(send, message["body"], message["more_body"])

    async def gated(self, scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        await self.part(send, b"first")
        self.write(scope, "first is out")
        await self._journal.wait(parse_qs(scope["query_string"].decode())["key"][0], "read")
        await self.part(send, b"second", more=False)

    async def later(self, scope: Message, receive: Receive, send: Send) -> None:
        await self.answer(send, b"now")
        await self._journal.wait(parse_qs(scope["query_string"].decode())["key"][0], "answered")
        self.write(scope, "later")

    async def unsendable(self, scope: Message, receive: Receive, send: Send) -> None:
        await self.answer(send, b"body", (b"x-a", b"b\r\nset-cookie: x=1"))

    # -- failures ---------------------------------------------------------------------------------------------------

    async def fails(self, scope: Message, receive: Receive, send: Send) -> None:
        raise LookupError("broken")

    async def halves(self, scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        await self.part(send, b"half")
        raise LookupError("broken")

    async def nothing(self, scope: Message, receive: Receive, send: Send) -> None:
        """Returns without an answer."""

    # -- clients that leave -----------------------------------------------------------------------------------------

    async def waits(self, scope: Message, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "http.request"
        self.write(scope, "waiting")
        self.write(scope, (await receive())["type"])

    async def streams(self, scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        try:
            while True:
                await self.part(send, b"x" * 1000)
                await asyncio.sleep(0.001)
        except OSError:
            self.write(scope, "OSError")
            self.write(scope, (await receive())["type"])

    # -- websockets -------------------------------------------------------------------------------------------------

    async def socket(self, scope: Message, receive: Receive, send: Send) -> None:
        assert await receive() == {"type": "websocket.connect"}
        if scope["path"].endswith("/denied"):
            await send({"type": "websocket.close"})
            return
        chosen = "two" if "two" in scope["subprotocols"] else None
        await send({"type": "websocket.accept", "subprotocol": chosen})
        while (message := await receive())["type"] == "websocket.receive":
            if message.get("text") == "close":
                await send({"type": "websocket.close", "code": 4001, "reason": "as you wish"})
                return
            kind = "text" if message.get("text") is not None else "bytes"
            await send({"type": "websocket.send", kind: message[kind] * 2})
        self.write(scope, message["type"])
