"""Request bodies from `receive()`: complete, or `ClientDisconnected`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from sketch.application import Application
from sketch.limits import Limits
from sketch.request import Request
from sketch.response import Response
from sketch.streams.stream import StreamResponse
from sketch.transport import ClientDisconnected
from sketch_gateway.body import QUEUED_BYTES, Interruptible, Receive, ReceivedBody
from sketch_gateway.deadlines import client_timer
from tests.support.scripts import DISCONNECT, END, Message, Script, chunk, exchange, http_scope, in_loop, until


def received_body(receive: Receive, length: int | None = 0) -> ReceivedBody:
    return ReceivedBody(receive, client_timer(Application()), length)


async def read_all(body: ReceivedBody) -> bytes:
    chunks = []
    while data := await body.read():
        chunks.append(data)
    return b"".join(chunks)


@in_loop
async def test_chunks_until_the_end() -> None:
    script = Script(chunk(b"ab"), chunk(b""), chunk(b"c"), END)
    body = received_body(script.receive, None)
    assert await read_all(body) == b"abc"
    assert await body.read() == b""
    assert script.receives == 4, "the end is remembered"


@in_loop
async def test_last_chunk_with_the_end() -> None:
    assert await read_all(received_body(Script(chunk(b"abc", more=False)).receive, 3)) == b"abc"


ONE_MESSAGE: list[tuple[list[Message], int | None]] = [
    ([chunk(b"abc", more=False)], 3),
    ([chunk(b"abc")], 3),
    ([chunk(b"ab"), chunk(b"c", more=False)], 3),
    ([chunk(b"abcd", more=False)], 3),
    ([chunk(b"ab", more=False)], 3),
    ([chunk(b"abc", more=False)], None),
    ([DISCONNECT], 3),
    ([{"type": "http.disconnect", "body": b"abc"}], 3),
]


@pytest.mark.parametrize(("messages", "length"), ONE_MESSAGE)
@in_loop
async def test_a_body_is_read_as_one_that_is_watched(messages: list[Message], length: int | None) -> None:
    async def outcome(*, watched: bool) -> object:
        body = received_body(Script(*messages).receive, length)
        if watched:  # its messages are taken by the general way
            watcher = body.watch()
            await until(lambda: body._complete or body._cut)
        try:
            data: object = await read_all(body)
        except ClientDisconnected as exc:
            data = str(exc)
        if watched:
            await body.close()
            assert watcher.done()
        return data, body.complete, body._complete, body._cut, body._ended

    assert await outcome(watched=False) == await outcome(watched=True)


@in_loop
async def test_no_body_asks_for_nothing() -> None:
    script = Script()
    assert await received_body(script.receive).read() == b""
    assert script.receives == 0


@in_loop
async def test_message_without_body_and_more_body() -> None:
    assert await received_body(Script({"type": "http.request"}).receive, None).read() == b""


@pytest.mark.parametrize("before", [[], [chunk(b"abc")], [chunk(b"abc"), chunk(b"")]])
@in_loop
async def test_disconnect_before_the_end_is_a_truncation(before: list[dict[str, object]]) -> None:
    body = received_body(Script(*before, DISCONNECT).receive, None)
    with pytest.raises(ClientDisconnected):
        await read_all(body)
    with pytest.raises(ClientDisconnected):
        await body.read()
    assert body.gone


@in_loop
async def test_fewer_bytes_than_announced_are_a_truncation() -> None:
    body = received_body(Script(chunk(b"abc"), END).receive, 4)
    assert await body.read() == b"abc"
    for _ in range(2):
        with pytest.raises(ClientDisconnected):
            await body.read()
    assert not body.gone, "it still waits for an answer"


@in_loop
async def test_disconnect_after_the_announced_bytes_is_no_truncation() -> None:
    body = received_body(Script(chunk(b"abc"), DISCONNECT).receive, 3)
    assert await read_all(body) == b"abc"
    await body.wait_gone()
    assert await body.read() == b""
    await body.close()


@in_loop
async def test_receive_that_raises_oserror_is_a_disconnect() -> None:
    async def receive() -> None:
        raise ConnectionResetError

    with pytest.raises(ClientDisconnected):
        await received_body(receive, None).read()


@in_loop
async def test_watching_keeps_the_body() -> None:
    script = Script(chunk(b"ab"), chunk(b"c"), END, DISCONNECT)
    body = received_body(script.receive, None)
    await body.wait_gone()
    assert await read_all(body) == b"abc"
    await body.close()


@in_loop
async def test_watching_an_unread_body_is_bounded() -> None:
    script = Script(*[chunk(b"x" * QUEUED_BYTES)] * 5, END, DISCONNECT)
    body = received_body(script.receive, None)
    watcher = body.watch()
    for _ in range(50):
        await asyncio.sleep(0)
    assert script.receives == 1
    assert not watcher.done()
    assert len(await read_all(body)) == 5 * QUEUED_BYTES
    await body.wait_gone()
    await body.close()


@in_loop
async def test_one_task_at_a_time_waits_in_receive() -> None:
    inside = 0
    queue: asyncio.Queue[dict[str, object]] = asyncio.Queue()

    async def receive() -> dict[str, object]:
        nonlocal inside
        inside += 1
        assert inside == 1
        try:
            return await queue.get()
        finally:
            inside -= 1

    body = received_body(receive, None)
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(body.read())
        leaving = group.create_task(body.wait_gone())
        await asyncio.sleep(0)
        queue.put_nowait(chunk(b"a"))
        assert await reading == b"a"
        queue.put_nowait(chunk(b"b", more=False))
        assert await body.read() == b"b"
        assert not leaving.done()
        queue.put_nowait(DISCONNECT)
    await body.close()


@in_loop
async def test_cancelled_reader_leaves_receive_to_the_other() -> None:
    script = Script()
    body = received_body(script.receive, None)
    reading = asyncio.create_task(body.read())
    await asyncio.sleep(0)
    waiting = asyncio.create_task(body.wait_gone())
    await asyncio.sleep(0)
    reading.cancel()
    script.put(DISCONNECT)
    await waiting
    with pytest.raises(asyncio.CancelledError):
        await reading
    await body.close()


@in_loop
async def test_failing_receive_while_watching_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def receive() -> None:
        raise RuntimeError("a bug of the server")

    body = received_body(receive)
    await body.wait_gone()
    assert body.gone
    assert "a bug of the server" in caplog.text
    await body.close()


@in_loop
async def test_close_wakes_a_waiting_reader_and_ends_the_task() -> None:
    body = received_body(Script().receive)
    waiting = asyncio.create_task(body.wait_gone())
    await asyncio.sleep(0)
    await body.close()
    await waiting
    assert body.watch().done()


@in_loop
async def test_interruptible_ends_an_endless_wait() -> None:
    script = Script()
    body = received_body(script.receive)
    asyncio.get_running_loop().call_soon(script.put, DISCONNECT)
    with pytest.raises(ClientDisconnected), Interruptible(body):
        await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    with pytest.raises(ClientDisconnected), Interruptible(body):
        raise AssertionError("not reached once the client is gone")
    await body.close()


@in_loop
async def test_interruptible_lets_cancellation_through() -> None:
    body = received_body(Script().receive)

    async def block() -> None:
        with Interruptible(body):
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await body.close()


@pytest.mark.parametrize("swallowed", [False, True])
@in_loop
async def test_interruptible_ends_a_block_that_goes_on(swallowed: bool) -> None:
    """A stream that catches its cancellation has come to its end, but no client waits for it."""
    body = received_body(Script(DISCONNECT).receive)

    async def stream() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not swallowed:
                raise LookupError("in the clean-up") from None

    with pytest.raises(ClientDisconnected if swallowed else LookupError), Interruptible(body):
        await stream()
    await body.close()


@in_loop
async def test_interruptible_blocks_follow_each_other() -> None:
    script = Script()
    body = received_body(script.receive)
    with Interruptible(body):
        await asyncio.sleep(0)
    assert body.interruptible is None
    script.put(DISCONNECT)
    with pytest.raises(ClientDisconnected), Interruptible(body):
        await asyncio.Event().wait()
    assert body.interruptible is None
    await body.close()


@in_loop
async def test_cancellation_wins_over_the_disconnect() -> None:
    script = Script()
    body = received_body(script.receive)

    async def block() -> None:
        with Interruptible(body):
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await asyncio.sleep(0)
    task.cancel()
    assert body.interruptible is not None
    body.interruptible.interrupt()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelling() == 1
    await body.close()


# -- left unread -------------------------------------------------------------------------------------------------------


class Holding(Script):
    """A server that takes the last part of an answer only once all of the request is received, as hypercorn does."""

    def __init__(self, *messages: Message) -> None:
        super().__init__(*messages)
        self.announced = len(messages)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            await until(lambda: self.receives >= self.announced)
        await super().send(message)


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("kind", ["small", "large", "stream"])
@in_loop
async def test_a_large_body_that_is_left_unread(kind: str, watched: bool) -> None:
    """The queue of a body is full long before its end, and a watcher then waits for room in it."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"x" * 100

    async def handler(request: Request) -> Response:
        if watched:
            waiting.append(asyncio.create_task(request.wait_disconnected()))
            await until(lambda: script.receives)
            for _ in range(20):  # more than it takes to fill the queue
                await asyncio.sleep(0)
            assert script.receives < script.announced
        return StreamResponse(parts()) if kind == "stream" else Response(b"x" * (100 if kind == "small" else 200_000))

    waiting: list[asyncio.Task[None]] = []
    script = Holding(*[chunk(b"x" * 50_000)] * 19, chunk(b"x" * 50_000, more=False))
    scope = http_scope("POST", headers=[(b"host", b"test"), (b"content-length", b"1000000")])
    async with asyncio.timeout(5):
        await exchange(handler, script, scope)
    assert script.complete
    assert len(script.body) == (200_000 if kind == "large" else 100)
    if waiting:
        await asyncio.wait(waiting)


def left_unread(script: Script, app: Application, length: int | None) -> ReceivedBody:
    body = ReceivedBody(script.receive, client_timer(app), length)
    connection: Any = SimpleNamespace(client=None)
    body.request = Request("POST", b"/", [(b"host", b"test")], connection=connection)
    body.request.app = app
    body.discard()
    assert body.detach()
    return body


@pytest.mark.parametrize("length", [6, None])
@in_loop
async def test_the_rest_of_an_unread_body_is_received_after_the_answer(length: int | None) -> None:
    """granian would close the connection otherwise."""
    script = Script(chunk(b"abc"))
    closing = asyncio.create_task(left_unread(script, Application(), length).close())
    await until(lambda: script.receives == 2)
    assert not closing.done()
    script.put(chunk(b"def", more=False))
    await closing


@pytest.mark.parametrize("end", ["client", "server", "time"])
@in_loop
async def test_the_rest_of_an_unread_body_is_not_waited_for_for_ever(end: str) -> None:
    app, script = Application(limits=Limits(body_timeout=0.02 if end == "time" else 30.0)), Script(chunk(b"abc"))
    closing = asyncio.create_task(left_unread(script, app, 6).close())
    await until(lambda: script.receives == 2)
    if end == "client":
        script.put(DISCONNECT)
    elif end == "server":
        app.stopping.set()
    async with asyncio.timeout(5):
        await closing


@in_loop
async def test_a_cancelled_wait_for_the_rest_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    script = Script(chunk(b"abc"))
    closing = asyncio.create_task(left_unread(script, Application(), 6).close())
    await until(lambda: script.receives == 2)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert asyncio.all_tasks() == before
