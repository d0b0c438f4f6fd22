"""Foreign ASGI applications, served natively or mounted in a sketch application, and raw clients for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sketch import Application, Limits
from tests.support.native import Served, serving
from tests.support.wire import Headers, Reply, Upload, Wire, chunked, encode_head

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Handler = Callable[[Message, Receive, Send], Awaitable[None]]

MODES = ("native", "mounted")
PREFIX = "/below"


class Client:
    """A raw client of the hosted application, in either mode."""

    def __init__(self, served: Served, prefix: str) -> None:
        self.served = served
        self.prefix = prefix

    def connect(self, receive_buffer: int | None = None) -> Any:
        """A raw connection."""
        return self.served.connect(receive_buffer)

    def head(self, method: str = "GET", target: str = "/", headers: Headers = (), body: Upload = None) -> bytes:
        """A request as it is sent, with the body if that is bytes."""
        head = encode_head(method, self.prefix + target, headers, body, "x")
        return head + body if isinstance(body, bytes) else head

    async def request(self, method: str, target: str = "/", headers: Headers = (), body: Upload = None) -> Reply:
        """One request on a connection of its own, and its whole answer."""
        async with self.connect() as wire:
            await wire.send(self.head(method, target, headers, body))
            return await wire.receive(method)

    async def get(self, target: str = "/", headers: Headers = ()) -> Reply:
        return await self.request("GET", target, headers)

    async def upload(self, wire: Wire, *parts: bytes, end: bool = True) -> None:
        """A chunked body, part by part, so that each arrives by itself."""
        for part in parts:
            await wire.send(chunked(part))
            for _ in range(4):
                await asyncio.sleep(0)
        if end:
            await wire.send(b"0\r\n\r\n")


@asynccontextmanager
async def hosting(app: Any, mode: str, limits: Limits | None = None, **options: Any) -> AsyncIterator[Client]:
    """The application, served in that mode."""
    if mode == "native":
        async with serving(app, limits=limits, **options) as served:
            yield Client(served, "")
    else:
        outer = Application(limits=limits)
        outer.mount(PREFIX, app)
        async with serving(outer, **options) as served:
            yield Client(served, PREFIX)


def app_of(handler: Handler) -> Any:
    """An ASGI application of one function for http scopes, which knows no lifespan."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            raise ValueError("no lifespan here")
        await handler(scope, receive, send)

    return app


def start(status: int = 200, *headers: Any) -> Message:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def part(body: Any = b"", more: bool = True) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def answer(send: Send, body: Any = b"ok", status: int = 200, *headers: Any) -> None:
    """A whole answer in two messages."""
    await send(start(status, *headers))
    await send({"type": "http.response.body", "body": body})


async def read(receive: Receive) -> bytes:
    """A whole request body."""
    found = b""
    while True:
        message = await receive()
        assert message["type"] == "http.request", message
        found += message["body"]
        if not message["more_body"]:
            return found


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(record.exc_info[1]) for record in caplog.records if record.exc_info and record.levelno == logging.ERROR]
