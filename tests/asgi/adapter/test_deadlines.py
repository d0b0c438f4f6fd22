"""Deadlines for waiting on a client, kept by one timer; other cancellations pass through."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from sketch.application import Application
from sketch.concurrency.idle import LONGEST_LOOK, DeadlineTimer
from sketch.exceptions import HTTPException
from sketch.limits import Limits
from sketch.observability.access_log import log_access
from sketch.request import Request
from sketch.response import Response
from sketch.streams.stream import StreamResponse
from sketch.transport import ClientDisconnected
from sketch_asgi.connection import ScopeConnection
from sketch_gateway.body import ReceivedBody
from sketch_gateway.deadlines import WriteDeadline, client_timer
from tests.support.scripts import Script, application, chunk, exchange, http_scope, in_loop, started, until

POST = ((b"host", b"test"), (b"content-length", b"6"))
SHORT = Limits(body_timeout=0.02, write_timeout=0.02)


def request_of(app: Application) -> Request:
    connection: Any = SimpleNamespace(client=None)
    request = Request("POST", b"/", [(b"host", b"test")], connection=connection)
    request.app = app
    return request


def received_body(app: Application, timer: DeadlineTimer, script: Script) -> ReceivedBody:
    body = ReceivedBody(script.receive, timer, None)
    body.request = request_of(app)
    return body


@in_loop
async def test_a_body_that_does_not_come() -> None:
    app = Application(limits=SHORT)
    body = received_body(app, client_timer(app), Script(chunk(b"ab")))
    assert await body.read() == b"ab"
    for _ in range(2):
        with pytest.raises(HTTPException) as caught:
            await body.read()
        assert caught.value.status == 408
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@in_loop
async def test_a_body_that_does_not_come_while_its_client_is_watched() -> None:
    async def handler(request: Request) -> Response:
        leaving = asyncio.create_task(request.wait_disconnected())
        try:
            return Response(await request.read())
        finally:
            assert not leaving.done()
            leaving.cancel()

    script = Script(chunk(b"ab"))
    await started(application(handler, limits=SHORT))(http_scope("POST", headers=POST), script.receive, script.send)
    assert (script.status, script.body) == (408, b"the request body took too long")


@in_loop
async def test_without_a_limit_nothing_ends() -> None:
    app = Application()
    script = Script()
    body = ReceivedBody(script.receive, client_timer(app), None)
    reading = asyncio.create_task(body.read())
    await asyncio.sleep(0)
    for _ in range(3):
        body.idled(3600.0)
    script.put(chunk(b"late"))
    assert await reading == b"late"


@in_loop
async def test_received_bytes_give_time() -> None:
    app = Application(limits=Limits(body_timeout=10.0))
    script = Script(chunk(b"x" * 5000))
    body = received_body(app, client_timer(app), script)
    await body.read()
    reading = asyncio.create_task(body.read())
    await asyncio.sleep(0)
    for seconds in (8.0, 9.0, 5.0):
        body.idled(seconds)  # the first look counts nothing: the wait may have begun just now
    assert reading.cancelling() == 0
    body.idled(2.0)
    with pytest.raises(HTTPException, match="took too long"):
        await reading


@in_loop
async def test_cancellation_from_outside_passes_through() -> None:
    app = Application(limits=Limits(body_timeout=1.0))
    body = received_body(app, client_timer(app), Script())
    reading = asyncio.create_task(body.read())
    await asyncio.sleep(0)
    body.idled(0.0)
    body.idled(5.0)
    assert reading.cancelling() == 1
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


@in_loop
async def test_a_cancelled_task_is_not_cancelled_again() -> None:
    app = Application(limits=Limits(body_timeout=1.0))
    body = received_body(app, client_timer(app), Script())
    reading = asyncio.create_task(body.read())
    await asyncio.sleep(0)
    reading.cancel()
    body.idled(0.0)
    body.idled(5.0)
    assert reading.cancelling() == 1
    with pytest.raises(asyncio.CancelledError):
        await reading


@in_loop
async def test_a_task_that_was_cancelled_earlier_has_deadlines_too() -> None:
    """Its clean-up may write an answer to a client that reads nothing."""
    app = Application(limits=Limits(write_timeout=1.0))
    writing = WriteDeadline(client_timer(app), request_of(app))

    async def clean_up() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            with writing:
                await asyncio.Event().wait()

    task = asyncio.create_task(clean_up())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    writing.idled(1.0)  # the first look
    writing.idled(1.0)
    with pytest.raises(ClientDisconnected):
        await task
    assert task.cancelling() == 1


@in_loop
async def test_a_wait_in_many_small_parts_is_over_in_the_end() -> None:
    app = Application(limits=Limits(body_timeout=3.0))
    script = Script()
    body = received_body(app, client_timer(app), script)
    for _ in range(3):
        reading = asyncio.create_task(body.read())
        await asyncio.sleep(0)
        body.idled(1.0)
        script.put(chunk(b"x"))
        assert await reading == b"x"
    reading = asyncio.create_task(body.read())
    await asyncio.sleep(0)
    body.idled(1.1)
    with pytest.raises(HTTPException, match="took too long"):
        await reading


@in_loop
async def test_a_cancellation_that_comes_with_the_end_of_the_time_wins() -> None:
    app = Application(limits=Limits(write_timeout=1.0))
    writing = WriteDeadline(client_timer(app), request_of(app))

    async def write() -> None:
        with writing:
            await asyncio.Event().wait()

    for order in ("cancelled first", "expired first"):
        task = asyncio.create_task(write())
        await asyncio.sleep(0)
        writing.idled(0.5)
        if order == "cancelled first":
            task.cancel()
        writing.idled(1.5)
        if order == "expired first":
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelling() == 1


@in_loop
async def test_a_block_that_swallows_the_cancellation_has_expired_all_the_same() -> None:
    app = Application(limits=SHORT)
    writing = WriteDeadline(client_timer(app), request_of(app))

    async def swallow() -> None:
        with writing:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return

    with pytest.raises(ClientDisconnected):
        await swallow()


@in_loop
async def test_each_write_has_its_own_time() -> None:
    app = Application(limits=Limits(write_timeout=10.0))
    writing = WriteDeadline(client_timer(app), request_of(app))
    task = asyncio.current_task()
    assert task is not None
    for _ in range(5):
        with writing:
            writing.idled(6.0)
            writing.idled(6.0)
            await asyncio.sleep(0)
    assert task.cancelling() == 0


@in_loop
async def test_one_timer_for_all_deadlines_and_none_without() -> None:
    app = Application(limits=Limits(body_timeout=0.1))
    timer = client_timer(app)
    timers: list[float] = []
    loop = asyncio.get_running_loop()
    call_later: Callable[..., Any] = loop.call_later

    def counted(delay: float, *args: Any, **options: Any) -> Any:
        timers.append(delay)
        return call_later(delay, *args, **options)

    loop.call_later = counted  # type: ignore[method-assign]
    assert timer.handle is None
    scripts = [Script() for _ in range(1000)]
    readers = [asyncio.create_task(received_body(app, timer, script).read()) for script in scripts]
    await asyncio.sleep(0)
    assert timers == [0.025]
    for script in scripts:
        script.put(chunk(b"x"))
    assert await asyncio.gather(*readers) == [b"x"] * 1000
    await until(lambda: timer.handle is None)
    assert timers == [0.025]


@pytest.mark.parametrize(
    ("body_timeout", "write_timeout", "interval"), [(30.0, 30.0, LONGEST_LOOK), (2.0, 30.0, 0.5), (30.0, 1.0, 0.25)]
)
@in_loop
async def test_the_timer_is_as_fine_as_the_shortest_limit(
    body_timeout: float, write_timeout: float, interval: float
) -> None:
    async def handler(request: Request) -> Response:
        return Response(await request.read())

    app = application(handler)
    limits = Limits(body_timeout=body_timeout, write_timeout=write_timeout)
    app.router.add_route("GET", "/short", handler, limits=limits)
    app.freeze()
    delays: list[float] = []
    loop = asyncio.get_running_loop()
    loop.call_later = lambda delay, *_, **__: delays.append(delay)  # type: ignore[method-assign,assign,return-value]
    reading = asyncio.create_task(received_body(app, client_timer(app), Script()).read())
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait([reading])
    assert delays == [interval]


@in_loop
async def test_the_timer_is_as_fine_as_a_mounted_applications_limit() -> None:
    inner = Application(limits=Limits(body_timeout=0.2))
    inner.add_get("/", lambda: Response())
    app = Application()
    app.mount("/inner", inner)
    await app.startup()
    timer = client_timer(app)
    delays: list[float] = []
    loop = asyncio.get_running_loop()
    loop.call_later = lambda delay, *_, **__: delays.append(delay)  # type: ignore[method-assign,assign,return-value]
    reading = asyncio.create_task(received_body(app, timer, Script()).read())
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait([reading])
    await app.cleanup()
    assert delays == [0.05]


@pytest.mark.parametrize("large", [True, False])
@in_loop
async def test_a_client_that_takes_nothing(large: bool, caplog: pytest.LogCaptureFixture) -> None:
    closed = []

    async def chunks() -> Any:
        try:
            while True:
                yield b"x"
        finally:
            closed.append(asyncio.current_task())

    async def handler(request: Request) -> Response:
        return Response(b"x" * 1_000_000) if large else StreamResponse(chunks())

    caplog.set_level("INFO", "sketch.server")
    script = Script()
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) > (1 if large else 2):
            await asyncio.Event().wait()

    await started(application(handler, limits=SHORT))(http_scope(), script.receive, send)
    assert "the client reads nothing" in caplog.text
    assert closed == ([] if large else [asyncio.current_task()])
    assert not any("more_body" in message and not message["more_body"] for message in sent), "it looks complete"


@in_loop
async def test_an_exchange_leaves_nothing_to_the_garbage_collector() -> None:
    async def handler(request: Request) -> Response:
        return Response(await request.read())

    scope = http_scope("POST", headers=POST)
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        # In a separate task: its context holds the request, and ends with the task.
        script = await asyncio.create_task(exchange(handler, Script(chunk(b"abcdef")), scope))
        assert script.body == b"abcdef"
        await asyncio.sleep(0)  # until then the loop itself knows the task
        gc.collect()
        assert not [thing for thing in gc.garbage if type(thing) in (Request, ReceivedBody)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


@in_loop
async def test_an_error_that_was_answered_leaves_nothing_to_the_garbage_collector() -> None:
    """The access log asks for the error, whose traceback refers to the request."""

    class Expected(Exception): ...

    async def handler(request: Request) -> Response:
        raise Expected

    app = application(handler)

    @app.error_handler(Expected)
    async def answer(request: Request, exc: Expected) -> Response:
        return Response("expected", status=409)

    await app.startup(log_access)
    asgi, script = started(app), Script()
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        # In a separate task: its context holds the request, and ends with the task.
        await asyncio.create_task(asgi(http_scope(), script.receive, script.send))
        assert script.status == 409
        await asyncio.sleep(0)  # until then the loop itself knows the task
        gc.collect()
        assert not [thing for thing in gc.garbage if isinstance(thing, (Request, Expected, ScopeConnection))]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    await app.shutdown()
    await app.cleanup()


@in_loop
async def test_a_new_life_has_a_new_timer() -> None:
    """The second life may run in another event loop."""
    asgi = started(Application())
    before = asgi._timer
    script = Script({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    await asgi({"type": "lifespan", "asgi": {"version": "3.0"}}, script.receive, script.send)
    assert asgi._timer is not before
