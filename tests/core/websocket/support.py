"""A websocket without a wire, handshakes without a server, and whole sessions."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from sketch import WebSocket, WebSocketDisconnected, WebSocketResponse
from sketch.application import Application
from sketch.http.fields import RawHeaders
from sketch.request import WebSocketRequest
from sketch.transport import WireResponse
from sketch.websocket import SocketSession
from tests.support.requests import Peer


class Pipe:
    """A websocket transport without a wire: the test is the peer."""

    def __init__(self) -> None:
        self.sent: list[str | bytes] = []
        self.closed: tuple[int, str] | None = None
        self.end: tuple[int, str] | None = None
        self._arrived: deque[str | bytes] = deque()
        self._changed = asyncio.Event()

    async def receive(self) -> str | bytes:
        while not self._arrived or self.closed is not None:
            if self.end is not None:
                raise WebSocketDisconnected(*self.end)
            self._changed.clear()
            await self._changed.wait()
        return self._arrived.popleft()

    async def send(self, data: str | bytes) -> None:
        if self.end is not None:
            raise WebSocketDisconnected(*self.end)
        self.sent.append(data)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if self.end is None:
            self.end = self.closed = (code, reason)
        self._changed.set()

    def arrive(self, *messages: str | bytes) -> None:
        self._arrived.extend(messages)
        self._changed.set()

    def leave(self, code: int = 1006, reason: str = "") -> None:
        self.end = (code, reason)
        self._changed.set()


def handshake(app: Application, target: str = "/ws", headers: RawHeaders | None = None) -> WebSocketRequest:
    request = WebSocketRequest(
        "GET", target.encode(), [(b"host", b"example.com"), *(headers or [])], connection=cast("Any", Peer())
    )
    request.app = app
    return request


async def shake(app: Application, target: str = "/ws", headers: RawHeaders | None = None) -> WireResponse:
    return await app.handle(handshake(app, target, headers))


async def run(
    session: SocketSession, *messages: str | bytes, leaves: tuple[int, str] | None = None, policy: Any = None
) -> Pipe:
    """Run a session with a peer that has sent all its messages beforehand. Raises the session's error."""
    pipe = Pipe()
    pipe.arrive(*messages)
    if leaves is not None:
        pipe.leave(*leaves)
    request = handshake(Application())
    await WebSocketResponse(session, policy=policy).run(request, pipe)
    if request.error is not None:
        raise request.error
    return pipe


@contextmanager
def ended(code: int, reason: str = "") -> Iterator[None]:
    """Expect the block to raise `WebSocketDisconnected` with this code and reason."""
    with pytest.raises(WebSocketDisconnected) as caught:
        yield
    assert (caught.value.code, caught.value.reason) == (code, reason)


async def session(ws: WebSocket) -> None:
    raise AssertionError("no session begins in these tests")
