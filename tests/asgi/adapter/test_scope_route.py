"""What ASGI middleware is told of the route: before the handler runs, and for every kind of handler."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sketch import Application, HTTPNotFound, Request, Response, View, WebSocket
from tests.support.requests import make_request
from tests.support.scripts import END, Script, http_scope, in_loop, started


class Page(View):
    async def get(self) -> Response:
        return Response("page")


async def foreign(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def user(request: Request, id: int) -> Response:
    assert request.scope is not None
    assert request.scope["route"].path == "/users/{id:int}"
    assert request.scope["path_params"] == {"id": id} == {"id": 5}
    return Response("user")


async def inner(request: Request) -> Response:
    raise HTTPNotFound


async def talk(ws: WebSocket) -> None:
    assert ws.request.scope is not None
    await ws.send_json([ws.request.scope["type"], ws.request.scope["route"].path])


def make_app() -> Application:
    app, mounted = Application(slashes="redirect"), Application()
    app.add_get("/users/{id:int}", user, name="user")
    app.add_get(re.compile("/old/.*"), inner)
    app.add_route("*", "/page", Page)
    app.add_websocket("/ws/{room}", talk)
    mounted.add_get("/inner", inner)
    app.mount("/{tenant}/shop", mounted)
    app.mount("/foreign", foreign)
    return app


async def ask(app: Any, target: bytes, method: str = "GET") -> dict[str, Any]:
    scope, script = http_scope(target=target, method=method), Script(END)
    await app(scope, script.receive, script.send)
    return {**scope, "status": script.sent[0]["status"]}


@pytest.mark.parametrize(
    ("target", "path", "endpoint", "parameters"),
    [
        (b"/users/5", "/users/{id:int}", user, {"id": 5}),
        (b"/old/5", "/old/.*", inner, {}),
        (b"/page", "/page", Page, {}),
        (b"/a/shop/inner", "/{tenant}/shop/inner", inner, {"tenant": "a"}),
        (b"/foreign/x", "/foreign/*", foreign, {}),
    ],
)
@in_loop
async def test_the_route_is_in_the_scope(target: bytes, path: str, endpoint: Any, parameters: dict[str, Any]) -> None:
    app = make_app()
    for _ in range(2):
        scope = await ask(app, target)
        assert (scope["route"].path, scope["route"].path_format) == (path, path)
        assert scope["endpoint"] is endpoint
        assert scope["path_params"] == parameters
        assert (scope["route"].name, repr(scope["route"])) == (
            "user" if endpoint is user else None,
            f"<ScopeRoute {path}>",
        )


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [("GET", b"/nowhere", 404), ("POST", b"/users/5", 405), ("OPTIONS", b"/users/5", 204), ("GET", b"/page/", 308)],
)
@in_loop
async def test_without_a_route_of_the_application_there_is_none(method: str, target: bytes, status: int) -> None:
    scope = await ask(make_app(), target, method)
    assert scope["status"] == status
    assert {"route", "endpoint", "path_params"}.isdisjoint(scope)


@in_loop
async def test_the_session_of_a_websocket() -> None:
    scope = {**http_scope(target=b"/ws/a"), "type": "websocket", "scheme": "ws", "subprotocols": []}
    del scope["method"]
    script = Script({"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000})
    await make_app()(scope, script.receive, script.send)
    assert script.sent[1]["text"] == '["websocket","/ws/{room}"]'
    assert (scope["route"].path, scope["endpoint"], scope["path_params"]) == ("/ws/{room}", talk, {"room": "a"})


@in_loop
async def test_a_second_adapter_of_one_application() -> None:
    app = make_app()
    assert (await ask(started(app), b"/page"))["endpoint"] is Page
    assert (await ask(started(app), b"/users/5"))["endpoint"] is user


@in_loop
async def test_an_application_that_is_also_served_without_asgi() -> None:
    app = make_app()
    started(app)
    request = make_request("/page", app=app)
    assert (await app.handle(request)).status == 200
    assert request.scope is None
