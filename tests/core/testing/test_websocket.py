"""Websockets of the test client: messages, every end, and the errors that a test gets to see."""

from __future__ import annotations

import asyncio
import logging
from datetime import date
from typing import Any

import pytest

from sketch import Application, Outcome, WebSocket, WebSocketPolicy, WebSocketResponse
from sketch.context import current_request
from sketch.request import Request
from sketch.response import Response
from sketch.routing import WEBSOCKET
from sketch.testing import TestClient, WebSocketRefused
from tests.core.testing.websockets import Ends, echo, end_of, serving
from tests.support.requests import in_loop

# -- messages ---------------------------------------------------------------------------------------------------------


@in_loop
async def test_messages_both_ways() -> None:
    async with TestClient(serving(echo)) as client, client.websocket("/ws") as ws:
        await ws.send("text")
        await ws.send(b"bytes")
        await ws.send_json({"a": (1,)})
        await ws.send_json({"at": date(2026, 1, 2)})
        assert await ws.receive_text() == "text"
        assert await ws.receive_bytes() == b"bytes"
        assert await ws.receive_json() == {"a": [1]}
        assert await ws.receive_json() == {"at": "2026-01-02"}
        await ws.send("a")
        with pytest.raises(AssertionError, match="expected a binary message, got 'a'"):
            await ws.receive_bytes()
        await ws.send(b"b")
        with pytest.raises(AssertionError, match="expected a text message, got b'b'"):
            await ws.receive_text()
        with pytest.raises(TypeError, match="use send_json"):
            await ws.send({"a": 1})  # type: ignore[arg-type]


@in_loop
async def test_what_the_application_sees_of_the_handshake() -> None:
    seen: list[Any] = []

    async def session(ws: WebSocket, room: str) -> None:
        request = ws.request
        assert current_request.path == request.path
        seen.extend([room, request.query["a"], request.cookies["k"], request.headers["x-a"], request.headers["x-b"]])
        seen.extend([request.is_websocket, request.scheme, request.client, request.header(b"sec-websocket-version")])
        await request.wait_disconnected()

    app = Application()
    app.add_websocket("/chat/{room}", session)
    async with TestClient(app, base_url="https://example.com", headers={"X-A": "client"}, client=("10.0.0.1", 7)) as c:
        c.cookies.update_from("k=v; Path=/", "/")
        async with c.websocket("/chat/a b", params={"a": "1"}, headers={"X-B": "2"}) as ws:
            assert ws.request.host == "example.com"
            assert repr(ws) == "<ClientWebSocket /chat/a%20b open>"
    assert seen == ["a b", "1", "v", "client", "2", True, "https", ("10.0.0.1", 7), b"13"]


@in_loop
async def test_the_answer_of_the_handshake() -> None:
    async def handler(request: Request) -> Response:
        response = WebSocketResponse(echo, subprotocol="b", headers={"X-Room": "1"})
        response.set_cookie("k", "v")
        return response

    app = Application()
    app.add_route(WEBSOCKET, "/ws", handler)
    async with TestClient(app) as client:
        async with client.websocket("/ws", subprotocols=["a", "b"]) as ws:
            assert (ws.subprotocol, ws.response.status, ws.response.headers["X-Room"]) == ("b", 101, "1")
        async with client.websocket("/ws") as ws:
            assert ws.subprotocol is None
            assert ws.request.cookies == {"k": "v"}
        with pytest.raises(TypeError, match="expected subprotocols as a list, got 'b'"):
            async with client.websocket("/ws", subprotocols="b"):
                raise AssertionError("expected no websocket")


@in_loop
async def test_iteration_ends_with_the_websocket() -> None:
    async def count(ws: WebSocket) -> None:
        for number in range(3):
            await ws.send(str(number))

    async with TestClient(serving(count)) as client, client.websocket("/ws") as ws:
        assert [message async for message in ws] == ["0", "1", "2"]
        assert (ws.close_code, ws.close_reason) == (1000, "")
        assert repr(ws) == "<ClientWebSocket /ws closed with 1000>"


@in_loop
async def test_several_at_once() -> None:
    async with TestClient(serving(echo)) as client, client.websocket("/ws") as one, client.websocket("/ws") as two:
        await one.send("1")
        await two.send("2")
        assert (await two.receive(), await one.receive()) == ("2", "1")


# -- ends --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "seen"), [(1000, 1000), (4321, 4321), (None, 1005)])
@in_loop
async def test_the_client_closes(code: int | None, seen: int) -> None:
    ends = Ends()
    async with TestClient(serving(ends.session)) as client, client.websocket("/ws") as ws:
        await ws.send("last")
        await ws.close(code, "" if code is None else "why")
        await ws.close(4000)
        assert await end_of(ws.receive()) == (seen, "" if code is None else "why")
        assert await end_of(ws.send("late")) == (seen, "" if code is None else "why")
    assert (ends.received, ends.code, ends.reason) == (["last"], seen, "" if code is None else "why")


@pytest.mark.parametrize(("code", "reason"), [(1005, ""), (999, ""), (1000, "x" * 124)])
@in_loop
async def test_invalid_closes_are_refused(code: int, reason: str) -> None:
    async with TestClient(serving(echo)) as client, client.websocket("/ws") as ws:
        with pytest.raises(ValueError, match="expected a"):
            await ws.close(code, reason)


@in_loop
async def test_the_end_of_the_block_is_a_close() -> None:
    ends = Ends()
    async with TestClient(serving(ends.session)) as client:
        async with client.websocket("/ws"):
            pass
        assert ends.code == 1000


@in_loop
async def test_a_block_that_raises_breaks_off() -> None:
    ends = Ends()
    async with TestClient(serving(ends.session)) as client:
        with pytest.raises(LookupError):
            async with client.websocket("/ws"):
                raise LookupError
    assert ends.code == 1006


@in_loop
async def test_a_client_that_breaks_off() -> None:
    gone = asyncio.Event()
    ends = Ends()

    async def session(ws: WebSocket) -> None:
        await ends.session(ws)
        await ws.request.wait_disconnected()
        gone.set()

    async with TestClient(serving(session)) as client, client.websocket("/ws") as ws:
        ws.abort()
        assert await end_of(ws.receive()) == (1006, "")
        await gone.wait()
        assert ws.request.connection.disconnected
    assert ends.code == 1006


@in_loop
async def test_the_application_closes() -> None:
    async def session(ws: WebSocket) -> None:
        await ws.send("last")
        await ws.close(4000, "done")

    async with TestClient(serving(session)) as client, client.websocket("/ws") as ws:
        assert await ws.receive() == "last"
        assert await end_of(ws.receive()) == (4000, "done")
        assert await end_of(ws.send("late")) == (4000, "done")
        assert (ws.close_code, ws.close_reason) == (4000, "done")


@in_loop
async def test_the_application_stops() -> None:
    ends = Ends()
    app = serving(ends.session, WebSocketPolicy(close_reason="update"))
    async with TestClient(app) as client, client.websocket("/ws") as ws:
        await client.shutdown()
        assert await end_of(ws.receive()) == (1012, "update")
    assert (ends.code, ends.reason) == (1012, "update")


@in_loop
async def test_a_client_that_stops_leaves_its_websockets() -> None:
    ends = Ends()
    client = TestClient(serving(ends.session))
    await client.start()
    block = client.websocket("/ws")
    await block.__aenter__()
    await client.stop()
    assert ends.code == 1006
    await block.__aexit__(None, None, None)


@in_loop
async def test_a_session_that_does_not_end_is_not_waited_for_too_long() -> None:
    cancelled = asyncio.Event()

    async def session(ws: WebSocket) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with TestClient(serving(session), shutdown_timeout=0.01) as client:
        async with client.websocket("/ws"):
            pass
        assert not cancelled.is_set()
    assert cancelled.is_set()


# -- refused, and failed -----------------------------------------------------------------------------------------------


@in_loop
async def test_a_handshake_that_is_refused() -> None:
    async def refuse(request: Request, handler: Any) -> Response:
        return (
            Response("no entry", status=401, headers={"X-A": "1"}) if request.path == "/ws" else await handler(request)
        )

    async with TestClient(serving(echo, middlewares=[refuse])) as client:
        with pytest.raises(WebSocketRefused, match="status 401") as caught:
            async with client.websocket("/ws"):
                raise AssertionError("expected no websocket")
        response = caught.value.response
        assert (response.status, response.headers["X-A"], await response.text()) == (401, "1", "no entry")
        with pytest.raises(WebSocketRefused, match="status 404"):
            async with client.websocket("/nothing"):
                raise AssertionError("expected no websocket")
        with pytest.raises(WebSocketRefused, match="status 400"):
            async with client.websocket("/ws", headers={"Host": "a b"}):
                raise AssertionError("expected no websocket")
        assert (await client.get("/ws")).status == 401


@in_loop
async def test_a_client_that_leaves_before_its_handshake_is_answered() -> None:
    outcomes: list[Outcome] = []
    running = asyncio.Event()

    async def never(ws: WebSocket) -> None:
        raise AssertionError("expected no session")

    async def slow(request: Request) -> Response:
        running.set()
        await request.wait_disconnected()
        return WebSocketResponse(never)

    app = Application()
    app.add_route(WEBSOCKET, "/ws", slow)
    app.on_finished(outcomes.append)
    async with TestClient(app) as client:
        opening = asyncio.create_task(client.websocket("/ws").__aenter__())
        await running.wait()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
    (outcome,) = outcomes
    assert (outcome.status, outcome.sent, outcome.first_byte_at) == (None, 0, None)
    assert (outcome.error, outcome.disconnected, outcome.cancelled) == (None, True, False)


@in_loop
async def test_a_plain_request_to_a_websocket_needs_an_upgrade() -> None:
    async with TestClient(serving(echo)) as client:
        assert (await client.get("/ws")).status == 426


@in_loop
async def test_the_error_of_a_handler_is_raised() -> None:
    async def handler(request: Request) -> Response:
        raise ZeroDivisionError

    app = Application()
    app.add_route(WEBSOCKET, "/ws", handler)
    async with TestClient(app) as client:
        with pytest.raises(ZeroDivisionError):
            async with client.websocket("/ws"):
                raise AssertionError("expected no websocket")
    async with TestClient(app, raise_errors=False) as client:
        with pytest.raises(WebSocketRefused, match="status 500"):
            async with client.websocket("/ws"):
                raise AssertionError("expected no websocket")


async def fail(ws: WebSocket) -> None:
    raise ZeroDivisionError


@in_loop
async def test_the_error_of_a_session_is_raised_by_the_next_call(caplog: pytest.LogCaptureFixture) -> None:
    async with TestClient(serving(fail)) as client:
        async with client.websocket("/ws") as ws:
            with pytest.raises(ZeroDivisionError):
                await ws.receive()
            assert await end_of(ws.receive()) == (1011, "")
        async with client.websocket("/ws") as ws:
            await asyncio.sleep(0)
            with pytest.raises(ZeroDivisionError):
                await ws.send("a")
    assert caplog.text.count("error in the websocket session") == 2


@in_loop
async def test_the_error_of_a_session_is_raised_at_the_end_of_the_block() -> None:
    async with TestClient(serving(fail)) as client:
        with pytest.raises(ZeroDivisionError):
            async with client.websocket("/ws"):
                pass


@in_loop
async def test_without_raise_errors_the_error_of_a_session_is_a_close() -> None:
    async with TestClient(serving(fail), raise_errors=False) as client, client.websocket("/ws") as ws:
        assert await end_of(ws.receive()) == (1011, "")


@in_loop
async def test_a_cancelled_session_breaks_off(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)

    async def session(ws: WebSocket) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    async with TestClient(serving(session)) as client, client.websocket("/ws") as ws:
        assert await end_of(ws.receive()) == (1006, "")


@in_loop
async def test_background_work_begins_once_when_the_session_is_over() -> None:
    order: list[str] = []
    begun = asyncio.Event()

    async def work() -> None:
        order.append("work")
        begun.set()

    async def session(ws: WebSocket) -> None:
        async for _ in ws:
            order.append("message")

    async def handler(request: Request) -> Response:
        response = WebSocketResponse(session)
        response.background = [work]
        return response

    app = Application()
    app.add_route(WEBSOCKET, "/ws", handler)
    async with TestClient(app) as client:
        async with client.websocket("/ws") as ws:
            await ws.send("a")
        await begun.wait()
    assert order == ["message", "work"]


@in_loop
async def test_a_client_that_is_not_started() -> None:
    with pytest.raises(RuntimeError, match="not started"):
        async with TestClient(serving(echo)).websocket("/ws"):
            raise AssertionError("expected no websocket")
