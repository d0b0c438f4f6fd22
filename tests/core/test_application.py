"""The application: registering, freezing, handling."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from typing import Any

import pytest

from sketch.application import Application
from sketch.exceptions import HTTPUnauthorized
from sketch.limits import Limits
from sketch.request import Request
from sketch.response import JSONResponse, Response
from sketch.testing import TestClient
from tests.support.requests import Peer, answer, in_loop, make_request


async def ok() -> Response:
    return Response("ok")


def serving(handler: Any = ok, **options: Any) -> Application:
    app = Application(**options)
    app.add_route("GET", "/", handler)
    return app


# -- registering -------------------------------------------------------------------------------------------------------


def test_names() -> None:
    assert (Application().name, Application("mine").name, repr(Application("mine"))) == (
        "sketch", "mine", "<Application mine>",
    )  # fmt: skip


def test_a_loop_as_first_argument_is_ignored() -> None:
    loop = asyncio.new_event_loop()
    try:
        assert Application(loop).name == "sketch"
    finally:
        loop.close()


def test_making_one_touches_no_loop() -> None:
    assert not Application().stopping
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


def test_events_by_name() -> None:
    app = Application()
    assert app.on_event("startup") is app.on_startup
    assert app.on_event("shutdown") is app.on_shutdown
    assert app.on_event("cleanup") is app.on_cleanup
    assert app.on_event("before_request") is app.on_before_request is app.before_request
    assert app.on_event("after_request") is app.on_after_request is app.after_request
    assert app.on_event("exception") is app.on_exception is app.exception
    assert app.on_event("response_prepare") is app.on_response_prepare
    with pytest.raises(ValueError, match=r"expected an event of startup, .* got 'start'"):
        app.on_event("start")


def test_decorators_return_the_function() -> None:
    app = Application()

    @app.get("/a")
    @app.on_event("startup")
    @app.route("/b", methods=["POST"])
    async def handler() -> Response:
        return Response()

    assert callable(handler)
    assert handler.__name__ == "handler"
    assert {(route.template, *route.methods) for route in app.router.routes()} == {("/a", "GET"), ("/b", "POST")}
    assert list(app.on_startup) == [handler]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"slashes": "never"}, "expected slashes to be 'strict' or 'redirect', got 'never'"),
        ({"limits": {"body": 1}}, r"expected limits as Limits\(...\), got {'body': 1}"),
    ],
)
def test_invalid_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        Application(**options)


def test_any_attribute_may_be_set() -> None:
    app = Application()
    assert not hasattr(app, "db")
    app.db = 1  # type: ignore[attr-defined]
    assert app.db == 1  # type: ignore[attr-defined]


def test_limits_are_complete() -> None:
    app = Application(limits=Limits(body=1))
    assert (app.limits.body, app.limits.query_fields) == (1, 1000)


@in_loop
async def test_after_the_first_request_routes_and_hooks_are_frozen() -> None:
    app = serving()
    assert (await answer(app)).payload == b"ok"
    with pytest.raises(RuntimeError, match="before the application starts"):
        app.add_route("GET", "/late", ok)
    for signal in (
        app.on_startup,
        app.on_cleanup,
        app.cleanup_ctx,
        app.before_request,
        app.after_request,
        app.exception,
    ):
        with pytest.raises(RuntimeError, match="cannot be changed any more"):
            signal.append(ok)


@in_loop
async def test_limits_of_a_route_come_before_those_of_the_application() -> None:
    app = Application(limits=Limits(body=2))
    for path, limits in (("/app", None), ("/route", Limits(body=4))):

        async def handler(request: Request) -> Response:
            return Response(await request.read())

        app.add_route("POST", path, handler, limits=limits)
    assert (await answer(app, "/app", method="POST", body=[b"ab"])).status == 200
    assert (await answer(app, "/app", method="POST", body=[b"abc"])).status == 413
    assert (await answer(app, "/route", method="POST", body=[b"abcd"])).status == 200
    assert (await answer(app, "/route", method="POST", body=[b"abcde"])).status == 413


# -- routing -----------------------------------------------------------------------------------------------------------


@in_loop
async def test_the_request_knows_its_route() -> None:
    seen: dict[str, Any] = {}

    async def note(request: Request, handler: Any) -> Any:
        seen[request.path] = (request.route and request.route.name, dict(request.match_info), request.app)
        return await handler(request)

    app = Application(middlewares=[note])
    app.add_route("GET", "/orders/{number:int}", ok, name="order")
    await answer(app, "/orders/7")
    await answer(app, "/nothing")
    assert seen == {"/orders/7": ("order", {"number": 7}, app), "/nothing": (None, {}, app)}


@in_loop
async def test_head_options_and_405() -> None:
    app = serving()
    head = await answer(app, method="HEAD")
    assert (head.status, head.payload, head.length) == (200, b"", 2)
    options = await answer(app, method="OPTIONS")
    assert (options.status, dict(options.fields)[b"allow"]) == (204, b"GET, HEAD, OPTIONS")
    wrong = await answer(app, method="POST")
    assert (wrong.status, dict(wrong.fields)[b"allow"]) == (405, b"GET, HEAD, OPTIONS")


@in_loop
async def test_an_announced_body_over_the_limit_is_refused_before_anything_is_read() -> None:
    called: list[str] = []

    async def note(request: Request, handler: Any) -> Any:
        called.append("middleware")
        return await handler(request)

    for hook in (False, True):
        app = Application(middlewares=[note], limits=Limits(body=2))
        if hook:
            app.before_request(lambda: called.append("before"))
        app.add_route("POST", "/", ok)
        headers = [(b"content-length", b"3")]
        assert (await answer(app, method="POST", headers=headers, body=[AssertionError("read")])).status == 413
        assert called == []


# -- handlers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("result", [None, "text", {"a": 1}, 5, Response, (Response(), 200)])
@in_loop
async def test_anything_but_a_response_is_a_logged_500(result: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def forgetful() -> Any:
        return result

    for options in ({}, {"middlewares": [_through]}, {"outer_middlewares": [_through]}):
        caplog.clear()
        response = await answer(serving(forgetful, **options))
        assert (response.status, response.payload) == (500, b"500 Internal Server Error")
        assert f"expected a Response from {forgetful.__qualname__}, got {result!r}" in caplog.text


async def _through(request: Request, handler: Any) -> Any:
    return await handler(request)


@in_loop
async def test_http_exceptions_may_be_returned() -> None:
    async def handler() -> Any:
        return HTTPUnauthorized("who are you?", headers={"WWW-Authenticate": "Basic"})

    for options in ({}, {"middlewares": [_through]}):
        response = await answer(serving(handler, **options))
        assert (response.status, response.payload) == (401, b"who are you?")
        assert (b"www-authenticate", b"Basic") in response.fields


@in_loop
async def test_timeouts_groups_and_context_variables_work_in_a_handler() -> None:
    var: ContextVar[str] = ContextVar("var", default="unset")

    async def handler(request: Request) -> Response:
        before = var.get()
        var.set("set")
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            task = group.create_task(_read(var))
        return Response(f"{before} {task.result()}")

    async with TestClient(serving(handler)) as client:
        for _ in range(2):
            assert await (await client.get("/")).text() == "unset set"


async def _read(var: ContextVar[str]) -> str:
    return var.get()


@in_loop
async def test_plain_functions_run_in_a_thread_and_can_wait() -> None:
    async def late(value: str) -> str:
        await asyncio.sleep(0)
        return value

    def handler(request: Request) -> Response:
        data = request.wait(request.json())
        return JSONResponse([data, request.wait(late("x")), threading.get_ident()])

    app = Application()
    app.add_route("POST", "/", handler)
    async with TestClient(app) as client:
        data, late_value, ident = await (await client.post("/", json={"a": 1})).json()
        assert (data, late_value) == ({"a": 1}, "x")
        assert ident != threading.get_ident()


@in_loop
async def test_threads_are_bounded_and_a_full_pool_leaves_coroutines_alone() -> None:
    loop, entered, go = asyncio.get_running_loop(), asyncio.Semaphore(0), threading.Event()

    def slow() -> Response:
        loop.call_soon_threadsafe(entered.release)
        assert go.wait(10)
        return Response("slow")

    app = serving(threads=2)
    app.add_route("GET", "/slow", slow)
    async with TestClient(app) as client:
        tasks = [asyncio.create_task(client.get("/slow")) for _ in range(3)]
        await entered.acquire()
        await entered.acquire()
        assert await (await client.get("/")).text() == "ok"
        assert len(app.threads.running()) == 2
        go.set()
        assert [await (await task).text() for task in tasks] == ["slow"] * 3


@in_loop
async def test_a_thread_that_never_ends_is_named_and_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    loop, entered, go = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def stuck() -> Response:
        loop.call_soon_threadsafe(entered.set)
        assert go.wait(10)
        return Response()

    app = serving(stuck)
    await app.startup()
    task = asyncio.create_task(answer(app))
    await entered.wait()
    await app.shutdown()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await app.cleanup()
    assert f"handler {stuck.__qualname__} still runs in its thread" in caplog.text
    await app.startup()
    assert await app.threads.run(lambda: "works") == "works"
    go.set()
    await app.cleanup()


# -- adapters ----------------------------------------------------------------------------------------------------------


@in_loop
async def test_it_is_an_asgi_application() -> None:
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": "/",
        "raw_path": b"/", "query_string": b"", "headers": [(b"host", b"h")], "scheme": "http",
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError("never")

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    app = serving()
    for _ in range(2):  # the adapter starts it, as this server sends no lifespan
        await app(scope, receive, send)
    await app.cleanup()
    assert [message.get("status", message.get("body")) for message in sent] == [200, b"ok"] * 2


def test_run_is_run_app(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr("sketch.serving.run.run_app", lambda app, **options: calls.append((app, options)) or 3)
    app = Application()
    assert app.run(port=1) == 3
    assert calls == [(app, {"port": 1})]


@in_loop
async def test_a_request_context_for_tests() -> None:
    app, request = serving(), make_request(connection=Peer())
    with app.request_context(request):
        assert request.app is app
