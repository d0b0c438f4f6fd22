"""`StopSignals`: the order of what a signal starts."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest

from sketch import Application, WebSocket
from sketch_asgi.app import ASGIApplication
from sketch_gateway.stop_signals import StopSignals
from tests.asgi.adapter.support import CONNECT, GONE, scope
from tests.support.scripts import Message, Script, in_loop, until

START: Message = {"type": "lifespan.startup"}
STOP: Message = {"type": "lifespan.shutdown"}


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """Records what a server does when it gets the signal."""
    order: list[str] = []
    before = signal.signal(signal.SIGTERM, lambda *_: order.append("the server"))
    yield order
    signal.signal(signal.SIGTERM, before)


@in_loop
async def test_websockets_are_closed_before_the_server_gets_the_signal(heard: list[str]) -> None:
    async def session(ws: WebSocket) -> None:
        async for _ in ws:
            raise AssertionError("expected no message")

    class Noting(Script):
        async def send(self, message: Message) -> None:
            await super().send(message)
            heard.append(f"{message['type']} {message.get('code')}")

    app = Application()
    app.add_websocket("/ws", session)
    asgi = ASGIApplication(app)
    life, peers = Script(START), [Noting(CONNECT) for _ in range(3)]
    lifespan = asyncio.create_task(asgi({"type": "lifespan"}, life.receive, life.send))
    await until(lambda: life.sent)
    tasks = [asyncio.create_task(asgi(scope(), peer.receive, peer.send)) for peer in peers]
    await until(lambda: len(heard) == 3)
    heard.clear()
    signal.raise_signal(signal.SIGTERM)
    await until(lambda: "the server" in heard)
    assert heard == ["websocket.close 1012"] * 3 + ["the server"]
    for peer in peers:
        peer.put(GONE)
    await asyncio.gather(*tasks)
    life.put(STOP)
    await lifespan


def test_without_a_running_loop_the_server_gets_the_signal_at_once(heard: list[str]) -> None:
    loop = asyncio.new_event_loop()

    async def install() -> StopSignals:
        signals = StopSignals(lambda: heard.append("the application"))
        signals.install()
        return signals

    signals = loop.run_until_complete(install())
    signal.raise_signal(signal.SIGTERM)
    assert heard == ["the server"]
    signals.restore()
    loop.close()
