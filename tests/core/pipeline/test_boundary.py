"""The pipeline's boundary: exceptions become responses, and exception hooks are called."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sketch.application import Application
from sketch.exceptions import HTTPConflict, HTTPException, HTTPNotFound
from sketch.request import Request
from sketch.response import Response
from sketch.transport import ClientDisconnected
from tests.support.failing import PLAIN_500, raising, status_and_body
from tests.support.requests import answer, in_loop, make_request

# -- without handlers --------------------------------------------------------------------------------------------------


@in_loop
async def test_an_unexpected_error_is_logged_and_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    app = raising(ValueError("secret"))
    request = make_request("/?token=1")
    response = await app.handle(request)
    assert (response.status, response.payload) == PLAIN_500
    assert isinstance(request.error, ValueError)
    assert "error while handling GET '/'" in caplog.text
    assert "secret" in caplog.text
    assert "token" not in caplog.text


@in_loop
async def test_debug_shows_the_error(caplog: pytest.LogCaptureFixture) -> None:
    app = raising(ValueError("<b>"), debug=True)
    response = await answer(app, headers=[(b"host", b"x"), (b"accept", b"text/html")])
    assert response.status == 500
    assert isinstance(response.payload, bytes)
    assert b"ValueError: &lt;b&gt;" in response.payload
    assert b"ValueError: <b>\n" in (await status_and_body(app))[1]


@in_loop
async def test_debug_for_local_requests_alone() -> None:
    inner, app = raising(ValueError("details")), Application()
    app.debug, app.debug_locally = True, True
    app.mount("/in", inner)

    @app.error_handler(500)
    async def apologise(request: Request, exc: Exception) -> Response:
        return Response("sorry", status=500)

    for host, shown in ((b"localhost", True), (b"example.com", False)):
        response = await answer(app, "/in/", headers=[(b"host", host)])
        assert isinstance(response.payload, bytes)
        assert (b"ValueError: details" in response.payload) == shown
        assert shown or response.payload == b"sorry"
    inner.debug = True
    assert b"ValueError: details" in (await answer(app, "/in/")).payload, "the inner one has it on for everyone"


@in_loop
async def test_a_debug_page_that_fails_is_a_plain_500(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sketch.errors.debug.render_text", lambda traces: 1 // 0)
    assert await status_and_body(raising(ValueError("broken"), debug=True)) == PLAIN_500
    assert "broken" in caplog.text
    assert "ZeroDivisionError" in caplog.text


@in_loop
async def test_an_http_exception_is_its_answer_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert await status_and_body(raising(HTTPConflict("taken"))) == (409, b"taken")
    assert await status_and_body(raising(HTTPException(499))) == (499, b"499 Unknown Status")
    assert caplog.records == []


@pytest.mark.parametrize("depth", [1, 3])
@in_loop
async def test_a_group_of_one_counts_as_its_exception(depth: int) -> None:
    error: Exception = HTTPConflict("taken")
    for _ in range(depth):
        error = ExceptionGroup("group", [error])
    assert await status_and_body(raising(error)) == (409, b"taken")


@in_loop
async def test_an_http_exception_in_a_task_group_is_its_answer() -> None:
    app = Application()

    @app.get("/")
    async def handler() -> Response:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.Event().wait())
            group.create_task(fail())
        raise AssertionError("the group ends with an error")

    async def fail() -> None:
        raise HTTPNotFound("in a task")

    assert await status_and_body(app) == (404, b"in a task")


@in_loop
async def test_a_group_of_several_is_an_unexpected_error(caplog: pytest.LogCaptureFixture) -> None:
    group = ExceptionGroup("two", [HTTPNotFound(), ValueError("second")])
    assert await status_and_body(raising(group)) == PLAIN_500
    assert "second" in caplog.text


@pytest.mark.parametrize("outer", [False, True])
@pytest.mark.parametrize("error", [ClientDisconnected("gone"), ExceptionGroup("g", [ClientDisconnected("gone")])])
@in_loop
async def test_a_client_that_left_gets_no_answer(
    outer: bool, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def through(request: Request, handler: Any) -> Response:
        return await handler(request)  # type: ignore[no-any-return]

    app = raising(error, outer_middlewares=[through] if outer else [])
    seen: list[str] = []
    app.exception(lambda exc: seen.append("exception"))
    app.after_request(lambda response: seen.append("after"))
    with pytest.raises(ClientDisconnected):
        await answer(app)
    assert (seen, caplog.records) == ([], [])


@pytest.mark.parametrize("outer", [False, True])
@in_loop
async def test_cancellation_passes_and_no_hook_sees_an_answer(outer: bool) -> None:
    seen: list[str] = []
    entered = asyncio.Event()

    async def through(request: Request, handler: Any) -> Response:
        return await handler(request)  # type: ignore[no-any-return]

    app = Application(outer_middlewares=[through] if outer else [])
    app.before_request(lambda: seen.append("before"))
    app.after_request(lambda response: seen.append("after"))
    app.exception(lambda exc: seen.append("exception"))

    @app.get("/")
    async def handler() -> Response:
        entered.set()
        await asyncio.Event().wait()
        raise AssertionError("cancelled before")

    task = asyncio.create_task(answer(app))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["before"]


# -- the exception hook ------------------------------------------------------------------------------------------------


@in_loop
async def test_a_hook_that_returns_nothing_leaves_a_logged_500(caplog: pytest.LogCaptureFixture) -> None:
    app, seen = raising(ValueError("broken")), []
    app.exception(lambda request, exc: seen.append((request.path, str(exc))))
    app.on_exception(lambda: seen.append("second"))
    assert await status_and_body(app) == PLAIN_500
    assert seen == [("/", "broken"), "second"]
    assert "broken" in caplog.text


@in_loop
async def test_a_hook_that_returns_a_response_is_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    app, shared, seen = raising(ValueError("broken")), Response("sorry", status=503), []
    app.exception(lambda exc: shared)
    app.exception(lambda exc: seen.append("later"))
    app.after_request(lambda response: response.headers.add("X-A", "1"))
    for _ in range(3):
        response = await answer(app)
        assert (response.status, response.payload) == (503, b"sorry")
        assert [name for name, _ in response.fields].count(b"x-a") == 1
    assert (seen, caplog.records) == ([], [])


@pytest.mark.parametrize("result", ["text", "raise"])
@in_loop
async def test_a_hook_that_fails_leaves_a_logged_500(result: str, caplog: pytest.LogCaptureFixture) -> None:
    app = raising(ValueError("first"))

    @app.exception
    async def hook(exc: Exception) -> Any:
        if result == "raise":
            raise KeyError("second")
        return result

    assert await status_and_body(app) == PLAIN_500
    assert "first" in caplog.text, "as the context of the second"
    assert ("second" if result == "raise" else "expected a Response from") in caplog.text


@in_loop
async def test_http_exceptions_do_not_reach_the_hook() -> None:
    app, seen = raising(HTTPConflict()), []
    app.exception(lambda exc: seen.append(exc))
    assert (await status_and_body(app))[0] == 409
    assert (await status_and_body(app, "/nothing"))[0] == 404
    assert seen == []


# -- error handlers ----------------------------------------------------------------------------------------------------


@in_loop
async def test_a_group_of_client_disconnected_passes_as_one() -> None:
    left = ExceptionGroup("group", [ClientDisconnected("a"), ClientDisconnected("b")])
    with pytest.raises(ClientDisconnected):
        await answer(raising(left))
