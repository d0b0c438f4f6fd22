"""The request that asks for a websocket: what a request has, without a body."""

from __future__ import annotations

import pytest

from sketch import Application, Response, WebSocket
from sketch.request import BaseRequest, Request, WebSocketRequest
from sketch.results import Endpoint
from sketch.testing import TestClient
from tests.core.websocket.support import handshake
from tests.support.requests import in_loop

ACCESSORS = (
    "json",
    "form",
    "read",
    "text",
    "stream",
    "multipart",
    "take_body",
    "replace_body",
    "check_announced_length",
)


def test_a_handshake_has_no_body() -> None:
    request = handshake(Application())
    assert isinstance(request, BaseRequest)
    assert not isinstance(request, Request)
    assert not request.has_body
    assert [name for name in ACCESSORS if hasattr(request, name)] == []
    with pytest.raises(AttributeError, match="'WebSocketRequest' object has no attribute 'json'"):
        request.json()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["form", "json", "multipart", "read", "stream", "text"])
def test_a_missing_body_is_explained(name: str) -> None:
    """Code that serves both kinds of requests may ask a handshake for its body."""
    request = handshake(Application())
    with pytest.raises(AttributeError, match=f"no attribute '{name}': .*handshake has no body; .*request.is_websocket"):
        getattr(request, name)
    assert not hasattr(request, name)


def test_another_missing_name() -> None:
    with pytest.raises(AttributeError) as caught:
        handshake(Application()).nothing  # type: ignore[attr-defined]  # noqa: B018
    assert str(caught.value) == "'WebSocketRequest' object has no attribute 'nothing'"


@pytest.mark.parametrize(("sent", "offered"), [(None, ()), (b"", ()), (b"v2", ("v2",)), (b"v2, v1,,", ("v2", "v1"))])
def test_subprotocols(sent: bytes | None, offered: tuple[str, ...]) -> None:
    fields = [] if sent is None else [(b"sec-websocket-protocol", sent)]
    assert handshake(Application(), headers=fields).subprotocols == offered


@in_loop
async def test_middleware_and_hooks_see_both_kinds() -> None:
    seen: list[object] = []

    async def middleware(request: Request, handler: Endpoint) -> Response:
        seen.append((type(request), request.path, request.has_body))
        return await handler(request)

    app = Application(middlewares=[middleware], outer_middlewares=[middleware])
    app.before_request.append(lambda request: seen.append(type(request)))

    @app.websocket("/ws")
    async def session(ws: WebSocket) -> None: ...

    @app.post("/")
    async def index(request: Request) -> Response:
        return Response(await request.read())

    async with TestClient(app) as client:
        async with client.websocket("/ws") as ws:
            assert type(ws.request) is WebSocketRequest
        assert await (await client.post("/", body=b"x")).text() == "x"
    of_handshake, of_request = (WebSocketRequest, "/ws", False), (Request, "/", True)
    assert seen == [of_handshake, WebSocketRequest, of_handshake, of_request, Request, of_request]


@in_loop
async def test_a_session_sees_the_handshake() -> None:
    app = Application()

    @app.websocket("/{room}")
    async def chat(ws: WebSocket, request: WebSocketRequest, room: str) -> None:
        await ws.send_json([type(request).__name__, request is ws.request, request.match_info["room"] == room])

    async with TestClient(app) as client, client.websocket("/lobby") as ws:
        assert await ws.receive_json() == ["WebSocketRequest", True, True]
