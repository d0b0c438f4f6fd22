"""The end of the pipe in a worker."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from sketch.serving.processes import link as module
from sketch.serving.processes.link import Link, connect, counted
from sketch.serving.processes.pipe import Pipe
from tests.support.requests import in_loop


@pytest.fixture(autouse=True)
def no_worker_afterwards() -> Iterator[None]:
    yield
    module._link = None


class Parent:
    """The parent's end."""

    def __init__(self) -> None:
        self.pipe, self.theirs = Pipe.pair()

    async def messages(self) -> AsyncIterator[Any]:
        loop = asyncio.get_running_loop()
        while True:
            arrived = loop.create_future()
            loop.add_reader(self.pipe.fileno(), lambda arrived=arrived: arrived.done() or arrived.set_result(None))
            await arrived
            loop.remove_reader(self.pipe.fileno())
            for message in self.pipe.receive():
                yield message

    def close(self) -> None:
        self.pipe.close()
        self.theirs.close()


@in_loop
async def test_heartbeats_begin_with_the_loop_and_ready_comes_with_the_server() -> None:
    parent = Parent()
    link = Link(Pipe(parent.theirs), {}, 0.01, counts=True)
    link.attach(asyncio.get_running_loop())
    messages = parent.messages()
    assert await anext(messages) == {"requests": 0}
    link.ready(None)
    seen = [await anext(messages) for _ in range(20)]
    assert [message for message in seen if "ready" in message] == [{"ready": True, "covers": False}]
    connect(link)
    answers = counted(lambda value: value + 1)
    assert [answers(1), answers(2)] == [2, 3]
    while await anext(messages) != {"requests": 2}:
        pass
    await messages.aclose()
    parent.close()


@in_loop
async def test_the_parent_chooses_the_sockets_to_accept_on() -> None:
    parent = Parent()
    with socket.socket() as first, socket.socket() as second:
        link = Link(Pipe(parent.theirs), {0: [first], 2: [second]}, 10)
        chosen: asyncio.Queue[Any] = asyncio.Queue()
        link.ready(chosen.put_nowait)
        for indexes, sockets in ([2], [second]), ([0, 2], [first, second]), ([], []):
            parent.pipe.send(accept=indexes)
            assert await chosen.get() == sockets
    parent.close()


@in_loop
async def test_the_end_of_the_parent_is_an_order_to_stop(caplog: pytest.LogCaptureFixture) -> None:
    parent = Parent()
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    Link(Pipe(parent.theirs), {}, 10).attach(loop)
    parent.pipe.close()
    await told.wait()
    loop.remove_signal_handler(signal.SIGTERM)
    assert "the parent process has ended: this worker stops" in caplog.text
    parent.close()


@in_loop
async def test_a_parent_that_does_not_read_holds_nothing_up() -> None:
    parent = Parent()
    pipe = Pipe(parent.theirs)
    link = Link(pipe, {}, 0.001)
    while not pipe.full:
        pipe.send(text="x" * 10_000)
    link.attach(asyncio.get_running_loop())
    await asyncio.sleep(0)
    while pipe.full:
        parent.pipe.receive()
        await asyncio.sleep(0)
    messages = parent.messages()
    while await anext(messages) != {"requests": 0}:
        pass
    await messages.aclose()
    parent.close()


def test_requests_are_not_counted_where_nothing_depends_on_it() -> None:
    assert counted(print) is print
    pipe, theirs = Pipe.pair()
    connect(Link(pipe, {}, 1))
    assert counted(print) is print
    pipe.close()
    theirs.close()
