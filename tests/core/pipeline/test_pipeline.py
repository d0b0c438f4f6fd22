"""The pipeline of an application: hooks, middleware, errors, and closing at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sketch.application import Application
from sketch.exceptions import HTTPNotFound, HTTPUnauthorized
from sketch.request import Request
from sketch.response import JSONResponse, Response
from sketch.streams.stream import StreamResponse
from sketch.testing import TestClient
from tests.support.requests import answer, in_loop


async def ok() -> Response:
    return Response("ok")


def serving(handler: Any = ok, **options: Any) -> Application:
    app = Application(**options)
    app.add_route("GET", "/", handler)
    return app


async def _through(request: Request, handler: Any) -> Any:
    return await handler(request)


# -- hooks -------------------------------------------------------------------------------------------------------------


@in_loop
async def test_a_response_before_the_handler_is_the_answer() -> None:
    shared, called = Response("early"), []
    app = Application()
    app.before_request(lambda request: shared if request.path == "/early" else None)
    app.before_request(lambda: called.append("second"))
    app.after_request(lambda response: response.headers.add("X-A", "1"))

    async def handler() -> Response:
        called.append("handler")
        return Response("late")

    app.add_route("GET", "/{rest}", handler)
    for _ in range(2):
        response = await answer(app, "/early")
        assert (response.payload, [name for name, _ in response.raw_headers].count(b"x-a")) == (b"early", 1)
    assert called == []
    assert (await answer(app, "/other")).payload == b"late"
    assert called == ["second", "handler"]
    assert "X-A" not in shared.headers


@in_loop
async def test_a_hook_before_the_handler_may_raise() -> None:
    app = serving()

    @app.before_request
    async def refuse(request: Request) -> None:
        raise HTTPUnauthorized

    assert (await answer(app)).status == 401


@in_loop
async def test_a_hook_before_the_handler_must_return_a_response_or_nothing(caplog: pytest.LogCaptureFixture) -> None:
    app = serving()
    app.before_request(lambda: "text")
    assert (await answer(app)).status == 500
    assert "expected a Response from" in caplog.text


@in_loop
async def test_hooks_after_the_handler_change_or_replace() -> None:
    app, seen = serving(), []

    @app.after_request
    async def add(request: Request, response: Response) -> None:
        response.headers["X-Path"] = request.path

    @app.after_request
    def replace(response: Response) -> Response:
        return Response("new", status=201, headers=response.headers)

    @app.after_request
    def look(response: Response) -> None:
        seen.append(response.status)

    response = await answer(app)
    assert (response.status, response.payload) == (201, b"new")
    assert (b"x-path", b"/") in response.raw_headers
    assert seen == [201]


@in_loop
async def test_hooks_after_the_handler_see_errors_and_misses() -> None:
    app, seen = serving(), []
    app.after_request(lambda response: seen.append(response.status))
    await answer(app, "/nothing")
    await answer(app, method="POST")
    assert seen == [404, 405]


@pytest.mark.parametrize("fault", ["raise", "text"])
@in_loop
async def test_a_hook_after_the_handler_that_fails_is_a_logged_500(
    fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = serving()

    @app.after_request
    async def fail(response: Response) -> Any:
        if fault == "raise":
            raise ValueError("broken")
        return "text"

    assert (await answer(app)).status == 500
    assert ("broken" if fault == "raise" else "expected a Response from") in caplog.text


@in_loop
async def test_a_hook_may_raise_an_http_exception() -> None:
    app = serving()

    @app.on_response_prepare
    async def vanish(response: Response) -> None:
        raise HTTPNotFound

    assert (await answer(app)).status == 404


@in_loop
async def test_the_last_hook_sees_what_is_sent() -> None:
    app, seen = serving(), []
    app.on_response_prepare(lambda request, response: seen.append((request.path, response.status)))
    app.on_response_prepare(lambda response: response.headers.add("X-Last", "1"))
    assert (b"x-last", b"1") in (await answer(app)).raw_headers
    assert seen == [("/", 200)]


# -- finishing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "response",
    [
        Response("a", headers={"A": "b\r\nSet-Cookie: x=1"}),
        Response("a", headers={"Content-Length": "7"}),
        Response("a", status=42),
        Response("a", headers={"Transfer-Encoding": "chunked"}),
    ],
    ids=repr,
)
@in_loop
async def test_unsendable_responses_are_a_logged_500(response: Response, caplog: pytest.LogCaptureFixture) -> None:
    async def handler() -> Response:
        return response

    sent = await answer(serving(handler))
    assert (sent.status, sent.payload) == (500, b"500 Internal Server Error")
    assert "ValueError" in caplog.text


class Stream:
    """A stream that counts how often it is closed."""

    def __init__(self) -> None:
        self.closed = 0

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("case", ["HEAD", "no content", "bad header", "hook", "cancelled", "sent"])
@in_loop
async def test_a_stream_that_is_not_sent_is_closed_once(case: str, caplog: pytest.LogCaptureFixture) -> None:
    stream, entered = Stream(), asyncio.Event()

    async def handler() -> Response:
        headers = {"A": "\n"} if case == "bad header" else None
        return StreamResponse(stream, status=204 if case == "no content" else 200, headers=headers)

    app = serving(handler)

    @app.on_response_prepare
    async def prepare(response: Response) -> None:
        if case == "hook" and response.status == 200:
            raise ValueError("broken hook")
        if case == "cancelled":
            entered.set()
            await asyncio.Event().wait()

    if case == "cancelled":
        task = asyncio.create_task(answer(app))
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        await answer(app, method="HEAD" if case == "HEAD" else "GET")
    assert stream.closed == (0 if case == "sent" else 1)


@in_loop
async def test_a_stream_that_fails_to_close_changes_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    class Stubborn(Stream):
        async def aclose(self) -> None:
            raise OSError("cannot close")

    async def handler() -> Response:
        return StreamResponse(Stubborn())

    response = await answer(serving(handler), method="HEAD")
    assert (response.status, response.payload) == (200, b"")
    assert "cannot close" in caplog.text


@in_loop
async def test_a_stream_returned_twice_is_a_logged_500_and_the_first_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def produce() -> AsyncIterator[bytes]:
        yield b"1"
        yield b"2"

    shared = StreamResponse(produce())

    async def handler() -> Response:
        return shared

    for options in ({}, {"middlewares": [_through]}):
        app = serving(handler, **options)
        shared = StreamResponse(produce())
        first = await answer(app)
        payload: Any = first.payload
        assert await anext(aiter(payload)) == b"1"
        second = await answer(app)
        assert second.status == 500
        assert "make a new response for each request" in caplog.text
        assert await anext(aiter(payload)) == b"2"


@in_loop
async def test_an_unsendable_error_page_is_a_plain_500(caplog: pytest.LogCaptureFixture) -> None:
    stream = Stream()

    async def handler() -> Response:
        return Response(status=42)

    app = serving(handler)

    @app.error_handler(500)
    async def page(request: Request, exc: Exception) -> Response:
        return StreamResponse(stream, status=500, headers={"A": "\n"})

    response = await answer(app)
    assert (response.status, response.payload, stream.closed) == (500, b"500 Internal Server Error", 1)


@in_loop
async def test_state_of_the_lifespan_reaches_requests() -> None:
    async def lifespan(app: Application) -> AsyncIterator[dict[str, int]]:
        yield {"pool": 1}

    async def handler(request: Request) -> Response:
        return JSONResponse(request.state)

    async with TestClient(serving(handler, lifespan=lifespan)) as client:
        assert await (await client.get("/")).json() == {"pool": 1}
