"""Websocket routes: the arguments of a session, subprotocols, and mistakes."""

from __future__ import annotations

from functools import wraps
from typing import Any

import pytest

from sketch import WebSocket, WebSocketResponse
from sketch.application import Application
from sketch.request import Request, WebSocketRequest
from sketch.response import Response
from sketch.routing import WEBSOCKET
from tests.core.websocket.support import Pipe, handshake, session, shake
from tests.support.requests import in_loop


@pytest.mark.parametrize(
    ("offered", "chosen"), [(b"v1, v2", "v2"), (b"v1", "v1"), (b"v0", None), (b"", None), (None, None)]
)
@in_loop
async def test_the_first_offered_subprotocol_of_the_route_is_chosen(offered: bytes | None, chosen: str | None) -> None:
    app = Application()
    app.add_websocket("/ws", session, subprotocols=["v2", "v1"])
    response = await shake(app, headers=None if offered is None else [(b"sec-websocket-protocol", offered)])
    assert response.switch is not None
    assert response.switch.subprotocol == chosen


def by_keywords(function: Any) -> Any:
    @wraps(function)
    async def wrapper(**kwargs: Any) -> None:
        await function(**kwargs)

    return wrapper


@in_loop
async def test_a_session_gets_its_arguments() -> None:
    app = Application()
    got: list[Any] = []

    @app.websocket("/one/{room}", "/two/{room}", name="chat")
    async def chat(ws: WebSocket, room: str) -> None:
        got.append((room, ws.request.raw_path))

    @app.websocket("/whole/{id:int}")
    async def whole(request: WebSocketRequest, id: int, websocket: WebSocket, more: Any = 3) -> None:
        got.append((request is websocket.request, id, more))

    @app.websocket("/left/{room}")
    async def left(room: str, anything: WebSocket) -> None:
        got.append((type(anything), room))

    @app.websocket("/types/{room}")
    async def types(application: Application, room: str, socket: WebSocket | None, handshake: WebSocketRequest) -> None:
        got.append((application is app, room, type(socket), handshake.raw_path))

    @app.websocket("/names")
    async def names(request: Missing, ws: Missing) -> None:  # type: ignore[name-defined] # noqa: F821
        got.append((type(request), type(ws)))

    @app.websocket("/decorated/{room}")
    @by_keywords
    async def decorated(anything: WebSocket, room: str) -> None:
        got.append((type(anything), room))

    paths = ("/one/a", "/two/b", "/whole/7", "/left/c", "/types/d", "/names", "/decorated/e")
    for path in paths:
        request = handshake(app, path)
        response = await app.handle(request)
        assert response.switch is not None
        await response.switch.run(request, Pipe())
    assert got == [
        ("a", "/one/a"), ("b", "/two/b"), (True, 7, 3), (WebSocket, "c"), (True, "d", WebSocket, "/types/d"),
        (WebSocketRequest, WebSocket), (WebSocket, "e"),
    ]  # fmt: skip
    assert app.router.named("chat").url_path(room="x") == "/one/x"


def test_invalid_sessions_are_refused() -> None:
    app = Application()

    def blocking(ws: WebSocket) -> None:
        raise AssertionError

    async def wanting(ws: WebSocket, other: Any) -> None:
        raise AssertionError

    with pytest.raises(ValueError, match=r"expected a session `async def \(ws\)`.*blocking"):
        app.add_websocket("/a", blocking)
    with pytest.raises(ValueError, match="expected a session"):
        app.add_websocket("/a", WebSocket)
    with pytest.raises(ValueError, match=r"expected a parameter of 'ws', 'websocket', 'request', 'room'.*'other'"):
        app.add_websocket("/a/{room}", wanting)
    with pytest.raises(ValueError, match=r"expected a type that a request can supply, got 'q: .*Pipe'"):

        @app.websocket("/q/{room}")
        async def annotated(ws: WebSocket, q: Pipe) -> None:
            raise AssertionError

    with pytest.raises(ValueError, match="begins with '/'"):
        app.websocket("chat")
    with pytest.raises(TypeError, match=r"expected a path, got <function session .*: write @app.websocket\('/path'\)$"):
        app.websocket(session)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"expected a session `async \(websocket\)`, got 'chat'"):
        WebSocketResponse("chat")  # type: ignore[arg-type]


def test_malformed_subprotocols_are_refused() -> None:
    with pytest.raises(TypeError, match="expected subprotocols as a list, got 'chat'"):
        Application().add_websocket("/a", session, subprotocols="chat")
    with pytest.raises(TypeError, match="expected subprotocols as a list, got 'chat'"):
        Application().websocket("/a", subprotocols="chat")
    with pytest.raises(ValueError, match=r"expected subprotocols of names without spaces.*, got 'a, b'"):
        Application().websocket("/a", subprotocols=["a, b"])


@in_loop
async def test_a_session_route_can_be_wrapped_by_another_handler() -> None:
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
async def test_a_session_sees_its_mounted_application() -> None:
    app, inner = Application("outer"), Application("inner")
    seen: list[Any] = []

    @inner.websocket("/{room}")
    async def chat(ws: WebSocket, room: str) -> None:
        seen.append((ws.request.app.name, room))

    app.mount("/chat", inner)
    await app.startup()
    request = handshake(app, "/chat/a")
    response = await app.handle(request)
    assert response.switch is not None
    await response.switch.run(request, Pipe())
    await app.shutdown()
    await app.cleanup()
    assert seen == [("inner", "a")]
