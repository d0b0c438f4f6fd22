"""Handlers that end when their client leaves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from sketch import Application, ClientDisconnected, Limits, Request, Response
from sketch.request import WebSocketRequest
from sketch.transport import WireResponse
from tests.support.requests import Peer, ScriptedBody, in_loop, make_request


class Attended:
    """A handler that waits for ever, and notes what happens to it."""

    def __init__(self) -> None:
        self.running = asyncio.Event()
        self.notes: list[str] = []

    async def __call__(self, request: Request) -> Response:
        self.running.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.notes.append("cancelled")
            raise
        finally:
            await asyncio.sleep(0)
            self.notes.append("cleaned up")
        raise AssertionError("expected not to get here")


def app_of(handler: Callable[..., Any], **options: Any) -> Application:
    app = Application()
    app.router.add_route("GET", "/", handler, **{"on_disconnect": "cancel", **options})
    return app


def begin(app: Application, peer: Peer) -> asyncio.Task[WireResponse]:
    return asyncio.create_task(app.handle(make_request(connection=peer)))


@in_loop
async def test_the_handler_is_cancelled_and_cleans_up() -> None:
    handler, peer = Attended(), Peer()
    task = begin(app_of(handler), peer)
    await handler.running.wait()
    peer.gone.set()
    with pytest.raises(ClientDisconnected, match="the client left, so its handler was cancelled"):
        await task
    assert handler.notes == ["cancelled", "cleaned up"]
    assert task.cancelling() == 0


@in_loop
async def test_a_client_that_has_left_before() -> None:
    handler, peer = Attended(), Peer()
    peer.gone.set()
    with pytest.raises(ClientDisconnected):
        await begin(app_of(handler), peer)
    assert handler.notes == ["cancelled", "cleaned up"]


@in_loop
async def test_the_default_goes_on() -> None:
    peer, go_on = Peer(), asyncio.Event()

    async def handler(request: Request) -> Response:
        await request.wait_disconnected()
        await go_on.wait()
        return Response("went on")

    for on_disconnect in ("ignore", None):
        task = begin(app_of(handler, on_disconnect=on_disconnect), peer)
        peer.gone.set()
        await asyncio.sleep(0)
        go_on.set()
        assert (await task).payload == b"went on"


@in_loop
async def test_routes_inherit_from_their_group() -> None:
    app, handler, peer = Application(), Attended(), Peer()
    app.group("/g", on_disconnect="cancel").add_get("/", handler)
    task = asyncio.create_task(app.handle(make_request("/g/", connection=peer)))
    await handler.running.wait()
    peer.gone.set()
    with pytest.raises(ClientDisconnected):
        await task


@in_loop
async def test_nothing_is_left_of_an_answered_request() -> None:
    async def handler() -> Response:
        await asyncio.sleep(0)
        return Response("done")

    before = asyncio.all_tasks()
    peer = Peer()
    assert (await begin(app_of(handler), peer)).payload == b"done"
    peer.gone.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


@in_loop
async def test_cancellation_from_outside_stays_a_cancellation() -> None:
    for client_leaves in (False, True):
        handler, peer = Attended(), Peer()
        task = begin(app_of(handler), peer)
        await handler.running.wait()
        task.cancel()
        if client_leaves:
            peer.gone.set()
        with pytest.raises(asyncio.CancelledError):
            await task


@in_loop
async def test_a_handler_that_will_not_end_answers() -> None:
    async def handler(request: Request) -> Response:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return Response("all the same")
        raise AssertionError

    peer = Peer()
    peer.gone.set()
    task = begin(app_of(handler), peer)
    assert (await task).payload == b"all the same"
    assert task.cancelling() == 0


@in_loop
async def test_an_error_during_clean_up_is_a_500() -> None:
    async def handler(request: Request) -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            raise LookupError("in the clean-up")

    peer = Peer()
    peer.gone.set()
    request = make_request(connection=peer)
    assert (await app_of(handler).handle(request)).status == 500
    assert isinstance(request.error, LookupError)


@in_loop
async def test_with_time_limits_of_route_and_handler() -> None:
    async def handler(request: Request) -> Response:
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            await asyncio.Event().wait()
        raise AssertionError

    peer = Peer()
    app = app_of(handler, limits=Limits(handler_timeout=10))
    peer.gone.set()
    with pytest.raises(ClientDisconnected):
        await begin(app, peer)
    app = app_of(handler, limits=Limits(handler_timeout=0.01))
    assert (await begin(app, Peer())).status == 503


@in_loop
async def test_middleware_sees_that_the_client_has_left() -> None:
    seen: list[str] = []

    async def watch(request: Request, handler: Any) -> Response:
        try:
            return await handler(request)
        except ClientDisconnected as exc:
            seen.append(str(exc))
            raise

    handler, peer = Attended(), Peer()
    peer.gone.set()
    with pytest.raises(ClientDisconnected):
        await begin(app_of(handler, middlewares=[watch]), peer)
    assert seen == ["the client left, so its handler was cancelled"]


@in_loop
async def test_a_body_that_is_read_at_the_same_time() -> None:
    async def handler(request: Request) -> Response:
        return Response(await request.read())

    request = make_request(method="GET", connection=Peer(), body=[b"one ", b"two"])
    assert (await app_of(handler).handle(request)).payload == b"one two"
    request = make_request(method="GET", connection=Peer(), body=[b"one", ClientDisconnected("cut")])
    with pytest.raises(ClientDisconnected, match="cut"):
        await app_of(handler).handle(request)


@in_loop
async def test_a_thread_is_not_waited_for() -> None:
    loop, running, release = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def handler(request: Request) -> Response:
        loop.call_soon_threadsafe(running.set)
        release.wait(10)
        return Response("too late")

    peer = Peer()
    app = app_of(handler)
    task = begin(app, peer)
    await running.wait()
    peer.gone.set()
    with pytest.raises(ClientDisconnected):
        await task
    release.set()
    app.threads.close()


@in_loop
async def test_handshakes_are_not_cancelled() -> None:
    async def handler(request: Request) -> Response:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return Response("refused", status=403)

    app = Application()
    app.router.add_route("(websocket)", "/", handler, on_disconnect="cancel")
    peer = Peer()
    peer.gone.set()
    request = WebSocketRequest("GET", b"/", [(b"host", b"x")], connection=peer)
    assert (await app.handle(request)).status == 403


@in_loop
async def test_a_failing_wait_cancels_nothing() -> None:
    class Broken(Peer):
        async def wait_disconnected(self) -> None:
            raise OSError("no idea")

    async def handler(request: Request) -> Response:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return Response(await request.read())

    request = make_request(connection=Broken(), body=[b"all"])
    assert isinstance(request._reader, ScriptedBody)
    assert (await app_of(handler).handle(request)).payload == b"all"
