"""Websockets in the core: the handshake's answer, the socket, its session and every end that it can have."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from sketch import WebSocket, WebSocketDisconnected, WebSocketPolicy, WebSocketResponse
from sketch.application import Application
from sketch.http.fields import RawHeaders
from sketch.request import Request, WebSocketRequest
from sketch.response import Response
from sketch.routing import WEBSOCKET
from sketch.transport import ClientDisconnected
from sketch.websocket import Session, run_session
from tests.support.requests import Peer, answer, in_loop


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


async def shake(app: Application, target: str = "/ws", headers: RawHeaders | None = None) -> Response:
    return await app.handle(handshake(app, target, headers))


async def run(
    session: Session, *messages: str | bytes, leaves: tuple[int, str] | None = None, policy: Any = None
) -> Pipe:
    """A whole session with a peer that has sent everything beforehand. What the session fails with is raised."""
    pipe = Pipe()
    pipe.arrive(*messages)
    if leaves is not None:
        pipe.leave(*leaves)
    request = handshake(Application())
    await run_session(request, WebSocketResponse(session, policy=policy), pipe)
    if request.error is not None:
        raise request.error
    return pipe


@contextmanager
def ended(code: int, reason: str = "") -> Iterator[None]:
    """What is done inside finds the websocket ended like this."""
    with pytest.raises(WebSocketDisconnected) as caught:
        yield
    assert (caught.value.code, caught.value.reason) == (code, reason)


# -- the answer -------------------------------------------------------------------------------------------------------


async def session(ws: WebSocket) -> None:
    raise AssertionError("no session begins in these tests")


def test_it_can_be_made_and_copied() -> None:
    policy = WebSocketPolicy(max_queue=1)
    response = WebSocketResponse(session, subprotocol="chat", headers={"X-A": "1"}, policy=policy)
    copy = response.copy()
    assert (copy.status, copy.session, copy.subprotocol, copy.policy) == (101, session, "chat", policy)
    assert copy.headers == response.headers
    assert copy.headers is not response.headers


@in_loop
async def test_a_handshake_is_answered() -> None:
    app = Application()

    async def chat(request: Request) -> Response:
        return WebSocketResponse(session, headers={"X-Room": "1"})

    app.add_route(WEBSOCKET, "/ws", chat)
    response = await shake(app)
    assert (response.status, response.payload, response.length) == (101, b"", None)
    assert response.raw_headers == [(b"x-room", b"1")]


@in_loop
async def test_a_request_that_is_none_needs_an_upgrade() -> None:
    app = Application()

    @app.get("/ws")
    async def chat() -> Response:
        return WebSocketResponse(session)

    response = await answer(app, "/ws")
    assert response.status == 426
    assert response.headers["Upgrade"] == "websocket"


@in_loop
async def test_middleware_sees_it_and_may_change_or_refuse_it() -> None:
    seen: list[tuple[int, bool]] = []

    async def watch(request: Request, handler: Callable[[Request], Awaitable[Response]]) -> Response:
        if "X-Stop" in request.headers:
            return Response("no", status=403)
        response = await handler(request)
        seen.append((response.status, request.is_websocket))
        response.headers["X-Seen"] = "yes"
        return response

    app = Application(middlewares=[watch])
    app.add_websocket("/ws", session)
    assert (await shake(app)).raw_headers == [(b"x-seen", b"yes")]
    assert seen == [(101, True)]
    refused = await shake(app, headers=[(b"x-stop", b"1")])
    assert (refused.status, refused.payload) == (403, b"no")


@pytest.mark.parametrize("name", ["Sec-WebSocket-Accept", "Sec-WebSocket-Protocol", "Upgrade", "Connection"])
@in_loop
async def test_the_fields_of_the_handshake_are_the_servers(name: str) -> None:
    app = Application()

    async def chat() -> Response:
        return WebSocketResponse(session, headers={name: "x"})

    app.add_route(WEBSOCKET, "/ws", chat)
    assert (await shake(app)).status == 500


@in_loop
async def test_one_response_may_answer_many_handshakes() -> None:
    app = Application()
    same = WebSocketResponse(session, subprotocol="a")

    async def chat() -> Response:
        return same

    app.add_route(WEBSOCKET, "/ws", chat)
    plain = await shake(app)
    agreed = await shake(app, headers=[(b"sec-websocket-protocol", b"b, a")])
    assert isinstance(plain, WebSocketResponse)
    assert isinstance(agreed, WebSocketResponse)
    assert (plain.subprotocol, agreed.subprotocol, same.subprotocol) == (None, "a", "a")


@pytest.mark.parametrize(
    ("offered", "chosen"), [(b"v1, v2", "v2"), (b"v1", "v1"), (b"v0", None), (b"", None), (None, None)]
)
@in_loop
async def test_subprotocols_are_chosen_by_the_session_that_speaks_them(
    offered: bytes | None, chosen: str | None
) -> None:
    app = Application()
    app.add_websocket("/ws", session, subprotocols=["v2", "v1"])
    response = await shake(app, headers=None if offered is None else [(b"sec-websocket-protocol", offered)])
    assert isinstance(response, WebSocketResponse)
    assert response.subprotocol == chosen


# -- origins ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origins", "origin", "status"),
    [
        (None, None, 101),
        (None, b"http://example.com", 101),
        (None, b"https://EXAMPLE.com", 101),
        (None, b"https://example.com:8443", 403),
        (None, b"https://evil.example", 403),
        (None, b"https://example.com.evil.example", 403),
        (None, b"null", 403),
        (None, b"", 403),
        (None, b"http://[", 403),
        (["https://a.example", "https://b.example"], b"https://b.example", 101),
        (["https://a.example"], b"https://A.example", 101),
        (["https://*.a.example"], b"https://b.a.example", 101),
        (["https://*.a.example"], b"https://a.example", 403),
        ([re.compile(r"https://(a|b)\.example")], b"https://b.example", 101),
        (["https://a.example"], b"http://a.example", 403),
        (["https://a.example"], b"http://example.com", 403),
        (["https://a.example"], None, 101),
        ("https://a.example", b"https://a.example", 101),
        ("https://a.example", b"h", 403),
        ((), b"http://example.com", 403),
        (["null"], b"null", 101),
        ("*", b"https://evil.example", 101),
        (["*"], b"null", 101),
    ],
)
@in_loop
async def test_origins(origins: Any, origin: bytes | None, status: int) -> None:
    app = Application()
    app.add_websocket("/ws", session, policy=WebSocketPolicy(origins=origins))
    response = await shake(app, headers=None if origin is None else [(b"origin", origin)])
    assert response.status == status


@pytest.mark.parametrize(
    "options",
    [
        {"max_message": 0},
        {"max_message": 1.5},
        {"max_queue": 0},
        {"max_queue": None},
        {"ping_interval": 0},
        {"ping_timeout": "20"},
        {"idle_timeout": -1.0},
        {"idle_timeout": float("nan")},
        {"close_timeout": 0},
        {"close_timeout": None},
        {"close_reason": "x" * 124},
        {"origins": ["https://example.com/"]},
        {"origins": "example.com"},
    ],
)
def test_policies_that_let_nothing_through(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        WebSocketPolicy(**options)


# -- routes -----------------------------------------------------------------------------------------------------------


@in_loop
async def test_a_session_gets_its_arguments() -> None:
    app = Application()
    got: list[Any] = []

    @app.websocket("/one/{room}", "/two/{room}", name="chat")
    async def chat(ws: WebSocket, room: str) -> None:
        got.append((room, ws.request.raw_path))

    @app.websocket("/whole/{id:int}")
    async def whole(request: Request, id: int, websocket: WebSocket, more: int = 3) -> None:
        got.append((request is websocket.request, id, more))

    @app.websocket("/left/{room}")
    async def left(room: str, anything: WebSocket) -> None:
        got.append((type(anything), room))

    for path in ("/one/a", "/two/b", "/whole/7", "/left/c"):
        request = handshake(app, path)
        response = await app.handle(request)
        assert isinstance(response, WebSocketResponse)
        await run_session(request, response, Pipe())
    assert got == [("a", "/one/a"), ("b", "/two/b"), (True, 7, 3), (WebSocket, "c")]
    assert app.router.named("chat").url_path(room="x") == "/one/x"


def test_what_is_no_session() -> None:
    app = Application()

    def blocking(ws: WebSocket) -> None:
        raise AssertionError

    async def wanting(ws: WebSocket, other: int) -> None:
        raise AssertionError

    with pytest.raises(ValueError, match=r"expected a session `async def \(ws\)`.*blocking"):
        app.add_websocket("/a", blocking)
    with pytest.raises(ValueError, match="expected a session"):
        app.add_websocket("/a", WebSocket)
    with pytest.raises(ValueError, match=r"expected a parameter of 'ws', 'websocket', 'request', 'room'.*'other'"):
        app.add_websocket("/a/{room}", wanting)
    with pytest.raises(ValueError, match="begins with '/'"):
        app.websocket("chat")
    with pytest.raises(TypeError, match=r"expected a path, got <function session .*: write @app.websocket\('/path'\)$"):
        app.websocket(session)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"expected a session `async \(websocket\)`, got 'chat'"):
        WebSocketResponse("chat")  # type: ignore[arg-type]


def test_what_is_no_policy_and_no_subprotocol() -> None:
    policy: Any = {"max_message": 1}
    with pytest.raises(TypeError, match=r"expected policy to be a WebSocketPolicy, got \{'max_message': 1\}"):
        WebSocketResponse(session, policy=policy)
    with pytest.raises(TypeError, match="expected policy to be a WebSocketPolicy"):
        Application().add_websocket("/a", session, policy=policy)
    with pytest.raises(TypeError, match="expected subprotocols as a list, got 'chat'"):
        Application().add_websocket("/a", session, subprotocols="chat")
    with pytest.raises(TypeError, match="expected subprotocols as a list, got 'chat'"):
        Application().websocket("/a", subprotocols="chat")
    with pytest.raises(ValueError, match=r"expected subprotocols of names without spaces.*, got 'a, b'"):
        Application().websocket("/a", subprotocols=["a, b"])


@in_loop
async def test_decorators_round_a_session_and_round_its_route() -> None:
    app = Application()
    route = app.add_websocket("/ws", session)
    inner = route.handler

    async def outer(request: Request) -> Response:
        response: Response = await inner(request)
        return response

    app.add_route(WEBSOCKET, "/again", outer)
    response = await shake(app, "/again")
    assert response.status == 101


@in_loop
async def test_a_mounted_application_is_the_sessions_own() -> None:
    app, inner = Application("outer"), Application("inner")
    seen: list[Any] = []

    @inner.websocket("/{room}")
    async def chat(ws: WebSocket, room: str) -> None:
        seen.append((ws.request.app.name, room))

    app.mount("/chat", inner)
    await app.startup()
    request = handshake(app, "/chat/a")
    response = await app.handle(request)
    assert isinstance(response, WebSocketResponse)
    await run_session(request, response, Pipe())
    await app.shutdown()
    await app.cleanup()
    assert seen == [("inner", "a")]


# -- messages ---------------------------------------------------------------------------------------------------------


@in_loop
async def test_messages() -> None:
    async def talk(ws: WebSocket) -> None:
        assert (await ws.receive(), await ws.receive()) == ("text", b"bytes")
        assert (await ws.receive_text(), await ws.receive_bytes()) == ("text", b"bytes")
        assert (await ws.receive_json(), await ws.receive_json()) == ({"a": 1}, [2])
        for message in ("text", b"bytes", bytearray(b"array"), memoryview(b"view")):
            await ws.send(message)
        await ws.send_json({"ü": [1]})

    pipe = await run(talk, "text", b"bytes", "text", b"bytes", '{"a": 1}', b"[2]")
    assert pipe.sent == ["text", b"bytes", b"array", b"view", '{"ü":[1]}']
    assert [type(message) for message in pipe.sent] == [str, bytes, bytes, bytes, str]
    assert pipe.closed == (1000, "")


@in_loop
async def test_iteration_ends_where_the_websocket_does() -> None:
    got: list[Any] = []

    async def talk(ws: WebSocket) -> None:
        async for message in ws:
            got.append(message)
        got.append((ws.close_code, ws.close_reason))

    pipe = await run(talk, "a", b"b", leaves=(3001, "bye"))
    assert got == ["a", b"b", (3001, "bye")]
    assert pipe.closed is None


@pytest.mark.parametrize(
    ("receive", "message", "code"),
    [("receive_text", b"x", 1003), ("receive_bytes", "x", 1003), ("receive_json", "{", 1007),
     ("receive_json", b"\xff", 1007), ("receive_json", "[" * 100_000, 1007)],
)  # fmt: skip
@in_loop
async def test_a_message_of_another_kind_is_the_peers_mistake(receive: str, message: str | bytes, code: int) -> None:
    async def talk(ws: WebSocket) -> None:
        with pytest.raises(WebSocketDisconnected) as caught:
            await getattr(ws, receive)()
        assert caught.value.code == ws.close_code == code
        raise caught.value

    pipe = await run(talk, message)
    assert pipe.closed is not None
    assert pipe.closed[0] == code


@in_loop
async def test_what_is_no_message() -> None:
    async def talk(ws: WebSocket) -> None:
        with pytest.raises(TypeError, match=r"expected a message of str or bytes, got \{'a': 1\}: use send_json"):
            await ws.send({"a": 1})  # type: ignore[arg-type]

    await run(talk)


# -- ends -------------------------------------------------------------------------------------------------------------


@in_loop
async def test_everything_raises_after_the_end() -> None:
    async def talk(ws: WebSocket) -> None:
        for _ in range(2):
            with ended(4000, "so"):
                await ws.receive()
        with ended(4000, "so"):
            await ws.send("x")
        with ended(4000, "so"):
            await ws.send_json({})
        await ws.close(1000)
        assert (ws.close_code, ws.close_reason) == (4000, "so")
        assert repr(ws) == "<WebSocket /ws closed with 4000>"

    await run(talk, leaves=(4000, "so"))


@in_loop
async def test_closing() -> None:
    async def talk(ws: WebSocket) -> None:
        assert repr(ws) == "<WebSocket /ws open>"
        await ws.close(4001, "enough")
        await ws.close(4002)
        with ended(4001, "enough"):
            await ws.receive()
        with ended(4001, "enough"):
            await ws.send("x")

    assert (await run(talk, "unread")).closed == (4001, "enough")


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000])
@in_loop
async def test_codes_that_cannot_be_sent(code: int) -> None:
    async def talk(ws: WebSocket) -> None:
        with pytest.raises(ValueError, match=f"expected a close code that may be sent.*got {code}"):
            await ws.close(code)

    assert (await run(talk)).closed == (1000, "")


@pytest.mark.parametrize(
    ("code", "reason", "message"),
    [
        (1000.0, "", "expected a close code of int, got 1000.0"),
        ("1000", "", "expected a close code of int, got '1000'"),
        (1000, b"x", "expected a reason of str, got b'x'"),
        (1000, None, "expected a reason of str, got None"),
    ],
)
@in_loop
async def test_what_is_no_code_and_no_reason(code: Any, reason: Any, message: str) -> None:
    async def talk(ws: WebSocket) -> None:
        with pytest.raises(TypeError, match=re.escape(message)):
            await ws.close(code, reason)

    assert (await run(talk)).closed == (1000, "")


@in_loop
async def test_a_reason_that_no_frame_can_hold() -> None:
    async def talk(ws: WebSocket) -> None:
        with pytest.raises(ValueError, match="at most 123 bytes"):
            await ws.close(1000, "ü" * 62)
        await ws.close(1000, "ü" * 61)

    assert (await run(talk)).closed == (1000, "ü" * 61)


@in_loop
async def test_an_error_closes_with_1011_and_is_told_to_the_hooks(caplog: pytest.LogCaptureFixture) -> None:
    app = Application()
    told: list[Any] = []

    @app.exception
    def hook(request: Request, exc: Exception) -> None:
        told.append((request.raw_path, str(exc)))
        raise RuntimeError("of the hook")

    async def talk(ws: WebSocket) -> None:
        raise ValueError("of the session")

    pipe = Pipe()
    request = handshake(app)
    with caplog.at_level(logging.ERROR, "sketch"):
        await run_session(request, WebSocketResponse(talk), pipe)
    assert pipe.closed == (1011, "")
    assert str(request.error) == "of the session"
    assert told == [("/ws", "of the session")]
    assert [record.getMessage() for record in caplog.records] == [
        "error in the websocket session of '/ws'",
        "error in a hook for an error in the websocket session of '/ws'",
    ]


@pytest.mark.parametrize(
    ("error", "logged"),
    [
        (WebSocketDisconnected(1001), False),
        (ClientDisconnected(), False),
        (ExceptionGroup("", [WebSocketDisconnected(), ExceptionGroup("", [WebSocketDisconnected()])]), False),
        (ExceptionGroup("", [WebSocketDisconnected(), ValueError()]), True),
        (ConnectionResetError(), True),
    ],
)
@in_loop
async def test_that_a_peer_has_left_is_no_error(
    error: Exception, logged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def talk(ws: WebSocket) -> None:
        raise error

    pipe = Pipe()
    pipe.leave(1001)
    await run_session(handshake(Application()), WebSocketResponse(talk), pipe)
    assert pipe.closed is None
    assert bool(caplog.records) == logged


@in_loop
async def test_that_the_peer_of_another_websocket_has_left_is_one(caplog: pytest.LogCaptureFixture) -> None:
    """Its own peer has done nothing to be sent away for without a word in the log."""

    async def talk(ws: WebSocket) -> None:
        raise WebSocketDisconnected(1001)

    pipe = Pipe()
    await run_session(handshake(Application()), WebSocketResponse(talk), pipe)
    assert pipe.closed == (1011, "")
    assert [record.getMessage() for record in caplog.records] == ["error in the websocket session of '/ws'"]


@in_loop
async def test_the_peers_close_counts_as_soon_as_it_is_known() -> None:
    """Whatever has come before it and is not received yet."""

    async def talk(ws: WebSocket) -> None:
        assert (ws.close_code, ws.close_reason) == (4000, "so")
        assert await ws.receive() == "first"
        with ended(4000, "so"):
            await ws.receive_text()
        await ws.close(4999)
        assert (ws.close_code, ws.close_reason) == (4000, "so")

    await run(talk, "first", b"no text", leaves=(4000, "so"))


@in_loop
async def test_the_server_stops() -> None:
    app = Application()
    seen: list[Any] = []
    open_ = asyncio.Event()

    async def talk(ws: WebSocket) -> None:
        open_.set()
        try:
            await ws.receive()
        except WebSocketDisconnected as end:
            seen.append((end.code, end.reason, str(end)))
            await asyncio.sleep(0)  # it still has time
            seen.append("tidied up")

    await app.startup()
    pipe = Pipe()
    policy = WebSocketPolicy(close_reason="back soon")
    running = asyncio.create_task(run_session(handshake(app), WebSocketResponse(talk, policy=policy), pipe))
    await open_.wait()
    app.stopping.set()
    await running
    assert pipe.closed == (1012, "back soon")
    assert seen == [(1012, "back soon", "the websocket has ended with 1012: back soon"), "tidied up"]


@in_loop
async def test_a_websocket_that_opens_while_the_server_stops() -> None:
    app = Application()
    app.stopping.set()
    codes: list[int | None] = []

    async def talk(ws: WebSocket) -> None:
        async for _ in ws:
            raise AssertionError
        codes.append(ws.close_code)

    pipe = Pipe()
    await run_session(handshake(app), WebSocketResponse(talk), pipe)
    assert (codes, pipe.closed) == ([1012], (1012, ""))


@in_loop
async def test_cancellation_passes_through_and_leaves_nothing() -> None:
    app = Application()
    open_ = asyncio.Event()

    class Stuck(Pipe):
        async def close(self, code: int = 1000, reason: str = "") -> None:
            open_.set()
            await asyncio.Event().wait()

    async def talk(ws: WebSocket) -> None:
        open_.set()
        await asyncio.Event().wait()

    before = asyncio.all_tasks()
    running = asyncio.create_task(run_session(handshake(app), WebSocketResponse(talk), Stuck()))
    await open_.wait()
    open_.clear()
    app.stopping.set()
    await open_.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


@in_loop
async def test_a_session_that_is_cancelled_when_its_peer_leaves(caplog: pytest.LogCaptureFixture) -> None:
    app = Application()
    seen: list[str] = []
    open_ = asyncio.Event()

    @app.websocket("/ws", on_disconnect="cancel")
    async def talk(ws: WebSocket) -> None:
        open_.set()
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("cancelled")

    request = handshake(app)
    response = await app.handle(request)
    assert isinstance(response, WebSocketResponse)
    pipe = Pipe()
    running = asyncio.create_task(run_session(request, response, pipe))
    await open_.wait()
    pipe.leave(1001)
    cast("Any", request.connection).gone.set()
    await running
    assert seen == ["cancelled"]
    assert not caplog.records


@in_loop
async def test_an_idle_peer_is_left() -> None:
    async def talk(ws: WebSocket) -> None:
        with ended(1001, "idle for too long"):
            await ws.receive()

    pipe = await run(talk, policy=WebSocketPolicy(idle_timeout=0.02))
    assert pipe.closed == (1001, "idle for too long")


@in_loop
async def test_who_does_something_is_not_idle() -> None:
    """Time counts while the session waits for a message and sends none."""
    ticks = asyncio.Event()

    async def talk(ws: WebSocket) -> None:
        ws.idled(10)
        receiving = asyncio.create_task(ws.receive())
        await asyncio.sleep(0)
        for _ in range(5):
            ws.idled(0.8)
            await ws.send("tick")
        assert ws.close_code is None
        ticks.set()
        assert await receiving == "x"

    pipe = Pipe()
    policy = WebSocketPolicy(idle_timeout=1.0)
    request = handshake(Application())
    running = asyncio.create_task(run_session(request, WebSocketResponse(talk, policy=policy), pipe))
    await ticks.wait()
    pipe.arrive("x")
    await running
    assert pipe.closed == (1000, "")


@in_loop
async def test_nothing_is_kept_of_a_session() -> None:
    app = Application()

    async def talk(ws: WebSocket) -> None:
        assert app.stopping._listeners

    await run_session(handshake(app), WebSocketResponse(talk, policy=WebSocketPolicy(idle_timeout=1)), Pipe())
    assert not app.stopping._listeners
