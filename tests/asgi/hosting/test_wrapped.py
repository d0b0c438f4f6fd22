"""Raw ASGI middleware around a sketch application: on the native server, and as an ASGI callable."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sketch import Application, Limits, Request, Response, StreamResponse
from sketch.request import WebSocketRequest
from sketch.routing import WEBSOCKET
from sketch.serving.options import ServeOptions
from sketch.serving.registry import load_served
from tests.asgi.hosting.foreign import Noting, wrapped
from tests.asgi.hosting.serving import Message, Receive, Send, answer, read
from tests.support.frames import TEXT, Refused, frame, shake
from tests.support.native import serving
from tests.support.scripts import END, Script, http_scope, in_loop, until
from tests.support.wire import Broken, encode_head


@in_loop
async def test_a_wrapped_application_is_served_natively() -> None:
    async with serving(wrapped()) as served:
        reply = await served.exchange(encode_head("GET", "/x%20y", [], None, "x"))
        assert (reply.body, reply.all("x-noted")) == (b"pool  /x y", ["inner", "outer"])
        reply = await served.exchange(encode_head("POST", "/echo", [], b"body", "x") + b"body")
        assert (reply.body, reply.all("x-noted")) == (b"body", ["inner", "outer"])
        assert (await served.exchange(encode_head("POST", "/nowhere", [], None, "x"))).status == 405


def test_invalid_middleware_is_refused() -> None:
    with pytest.raises(TypeError, match=r"expected ASGI middleware, called as `middleware\(app\)`, got 'gzip'"):
        Application().wrap_asgi("gzip")  # type: ignore[arg-type]


@in_loop
async def test_a_root_path_with_escapes() -> None:
    async with serving(wrapped(), root_path="/a%20b") as served:
        for target in ("/a%20b/x%20y", "/x%20y"):
            reply = await served.exchange(encode_head("GET", target, [], None, "x"))
            assert reply.body == b"pool /a%20b /a%20b/x y"


@in_loop
async def test_websockets_natively() -> None:
    async with serving(wrapped()) as served, served.connect() as wire:
        socket = await shake(wire)
        assert socket.reply.all("x-noted") == ["inner", "outer"]
        await socket.send(frame(TEXT, b"hello"))
        assert await socket.receive() == "HELLO"
        await socket.close()


@in_loop
async def test_as_an_asgi_callable() -> None:
    app = wrapped()
    life, script = Script({"type": "lifespan.startup"}), Script(END)
    living = asyncio.ensure_future(app({"type": "lifespan"}, life.receive, life.send))
    await until(lambda: life.sent)
    await app(http_scope(target=b"/x"), script.receive, script.send)
    assert script.body == b"pool  /x"
    assert [value for name, value in script.sent[0]["headers"] if name == b"x-noted"] == [b"inner", b"outer"]
    life.put({"type": "lifespan.shutdown"})
    await living
    assert [message["type"] for message in life.sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@in_loop
async def test_the_last_one_is_the_outermost() -> None:
    order: list[str] = []

    def noting(app: Any, *, name: str) -> Any:
        async def middleware(scope: Message, receive: Receive, send: Send) -> None:
            order.append(name)
            await app(scope, receive, send)

        return middleware

    app = Application()
    for name in ("first", "second", "third"):
        app.wrap_asgi(noting, name=name)
    async with serving(app) as served:
        order.clear()
        assert (await served.exchange(encode_head("GET", "/", [], None, "x"))).status == 404
    assert order == ["third", "second", "first"]


@in_loop
async def test_middleware_may_answer_itself() -> None:
    def early(app: Any) -> Any:
        async def middleware(scope: Message, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                await answer(send, await read(receive), 418)
            else:
                await app(scope, receive, send)

        return middleware

    app = Application()
    app.wrap_asgi(early)
    async with serving(app) as served:
        reply = await served.exchange(encode_head("POST", "/", [], b"body", "x") + b"body")
        assert (reply.status, reply.body) == (418, b"body")


@in_loop
async def test_middleware_may_fail(caplog: pytest.LogCaptureFixture) -> None:
    def failing(app: Any) -> Any:
        async def middleware(scope: Message, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                raise LookupError("broken")
            await app(scope, receive, send)

        return middleware

    app = Application()
    app.wrap_asgi(failing)
    async with serving(app) as served:
        assert (await served.exchange(encode_head("GET", "/", [], None, "x"))).status == 500
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["broken"]


@in_loop
async def test_streams_and_their_failures() -> None:
    app = Application()
    app.wrap_asgi(Noting, name="noting")

    @app.get("/{end}")
    async def stream(end: str) -> Response:
        async def parts() -> Any:
            yield b"one,"
            if end == "fails":
                raise LookupError("broken")
            yield b"two"

        return StreamResponse(parts())

    async with serving(app) as served:
        reply = await served.exchange(encode_head("GET", "/whole", [], None, "x"))
        assert (reply.body, reply.header("transfer-encoding")) == (b"one,two", "chunked")
        with pytest.raises(Broken):
            await served.exchange(encode_head("GET", "/fails", [], None, "x"))
        reply = await served.exchange(encode_head("HEAD", "/whole", [], None, "x"), "HEAD")
        assert (reply.status, reply.body) == (200, b"")


# -- what middleware puts into the scope ------------------------------------------------------------------------------


class Counting:
    """A session in a cookie, as Starlette's SessionMiddleware has it: read before, written with the response's head."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        cookie = dict(scope["headers"]).get(b"cookie", b"count=0")
        scope = {**scope, "session": {"count": int(cookie.removeprefix(b"count="))}}

        async def writing(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                field = (b"set-cookie", b"count=%d" % scope["session"]["count"])
                message = {**message, "headers": [*message["headers"], field]}
            await send(message)

        await self.app(scope, receive, writing)


def counting() -> Application:
    app, inner = Application(), Application()
    app.wrap_asgi(Counting)

    def count(request: Request | WebSocketRequest) -> Any:
        assert request.scope is not None
        request.scope["session"]["count"] += 1
        return request.scope["session"]["count"]

    async def handler(request: Request) -> Response:
        return Response(str(count(request)))

    async def foreign(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["session"]["count"] += 1
            assert {"route", "endpoint", "path_params"}.isdisjoint(scope)
            await answer(send, str(scope["session"]["count"]).encode())

    async def refuse(request: WebSocketRequest) -> Response:
        return Response(str(count(request)), status=401)

    app.add_get("/", handler)
    inner.add_get("/", handler)
    app.mount("/inner", inner)
    app.mount("/foreign", foreign)
    app.add_route(WEBSOCKET, "/ws", refuse)
    return app


@pytest.mark.parametrize("target", ["/", "/inner/", "/foreign/"])
@in_loop
async def test_a_session_natively(target: str) -> None:
    async with serving(counting()) as served:
        reply = await served.exchange(encode_head("GET", target, [], None, "x"))
        assert (reply.body, reply.header("set-cookie")) == (b"1", "count=1")
        reply = await served.exchange(encode_head("GET", target, [("Cookie", "count=1")], None, "x"))
        assert (reply.body, reply.header("set-cookie")) == (b"2", "count=2")


@in_loop
async def test_a_session_in_a_handshake_natively() -> None:
    async with serving(counting()) as served, served.connect() as wire:
        with pytest.raises(Refused) as caught:
            await shake(wire, "/ws", [("Cookie", "count=6")])
        assert (caught.value.reply.status, caught.value.reply.body) == (401, b"7")


@pytest.mark.parametrize("target", [b"/", b"/inner/", b"/foreign/"])
@in_loop
async def test_a_session_under_another_server(target: bytes) -> None:
    app = counting()
    for cookie, count in (((), b"1"), (((b"cookie", b"count=6"),), b"7")):
        script = Script(END)
        await app(http_scope(target=target, headers=[(b"host", b"x"), *cookie]), script.receive, script.send)
        assert (script.body, script.headers[b"set-cookie"]) == (count, b"count=" + count)


@in_loop
async def test_without_middleware_there_is_no_scope_natively() -> None:
    app = Application()

    @app.get("/")
    async def scope(request: Request) -> Response:
        return Response(repr(request.scope))

    async with serving(app) as served:
        assert (await served.exchange(encode_head("GET", "/", [], None, "x"))).body == b"None"


# -- the same application as without ----------------------------------------------------------------------------------


def make_app(**options: Any) -> Application:
    app = Application(**options)
    app.wrap_asgi(Noting, name="noting")
    return app


@in_loop
async def test_limits_are_those_of_the_routes() -> None:
    app = make_app(limits=Limits(body=5))

    @app.post("/small")
    @app.post("/large", limits=Limits(body=10))
    async def size(request: Request) -> Response:
        return Response(str(len(await request.read())))

    async with serving(app) as served:
        for target, sent, status in (("/small", 5, 200), ("/small", 6, 413), ("/large", 10, 200), ("/large", 11, 413)):
            head = encode_head("POST", target, [], bytes(sent), "x")
            assert (await served.exchange(head + bytes(sent))).status == status, (target, sent)


@in_loop
async def test_a_handler_may_have_its_own_time() -> None:
    app = make_app()

    @app.get("/", limits=Limits(handler_timeout=0.01))
    async def slow(request: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async with serving(app) as served:
        assert (await served.exchange(encode_head("GET", "/", [], None, "x"))).status == 503


@in_loop
async def test_a_wrapped_application_is_told_of_the_stop() -> None:
    app = make_app()
    running, notes = asyncio.Event(), []
    app.on_shutdown.append(lambda: notes.append("on_shutdown"))
    app.on_cleanup.append(lambda: notes.append("on_cleanup"))

    @app.get("/")
    async def wait(request: Request) -> Response:
        running.set()
        await request.app.stopping.wait()
        notes.append("told")
        return Response("told")

    async with serving(app) as served, served.connect() as wire:
        await wire.send(encode_head("GET", "/", [], None, "x"))
        await running.wait()
        stopping = asyncio.ensure_future(served.server.stop())
        assert (await wire.receive()).body == b"told"
        wire.abort()
        await stopping
    assert notes == ["told", "on_shutdown", "on_cleanup"]


@in_loop
async def test_a_failing_start_inside_middleware_fails_the_start(caplog: pytest.LogCaptureFixture) -> None:
    app = make_app()

    @app.on_startup
    def fail() -> None:
        raise LookupError("no database")

    with pytest.raises(RuntimeError, match=r"could not be started: the start failed: LookupError\('no database'\)"):
        async with serving(app):
            raise AssertionError("unreachable")
    assert "no database" in caplog.text


# -- registering ------------------------------------------------------------------------------------------------------


def test_without_middleware_the_application_is_served_directly() -> None:
    app = Application()
    assert not app.is_wrapped
    assert load_served(app, ServeOptions()) is app
    asgi = object()
    assert app.wrapped(asgi) is asgi  # type: ignore[arg-type]


def test_wrapping_after_the_start_is_an_error() -> None:
    app = make_app()
    assert app.is_wrapped
    app.freeze()
    with pytest.raises(RuntimeError, match="expected ASGI middleware before the application starts, got <class"):
        app.wrap_asgi(Noting, name="late")


@in_loop
async def test_wrapping_after_the_first_call_is_an_error() -> None:
    app = Application()
    script = Script()
    with pytest.raises(RuntimeError, match="expected a scope of type"):
        await app({"type": "x"}, script.receive, script.send)
    with pytest.raises(RuntimeError, match="expected ASGI middleware before the application starts"):
        app.wrap_asgi(Noting, name="late")


@in_loop
async def test_only_the_outermost_application_can_be_wrapped() -> None:
    app, inner = Application(), make_app()
    app.mount("/inner", inner)
    with pytest.raises(RuntimeError, match="expected ASGI middleware around the outermost application"):
        await app.startup()
