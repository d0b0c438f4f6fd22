"""From an exception to an answer."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from sketch.application import Application
from sketch.exceptions import HTTPConflict, HTTPException, HTTPNotFound
from sketch.request import Request
from sketch.response import Response
from sketch.routing.group import RouteGroup
from sketch.transport import ClientDisconnected
from tests.support.requests import answer, in_loop, make_request

PLAIN_500 = (500, b"500 Internal Server Error")


def raising(error: BaseException, **options: Any) -> Application:
    app = Application(**options)

    @app.get("/")
    async def handler() -> Response:
        raise error

    return app


async def status_and_body(app: Application, target: str = "/") -> tuple[int, Any]:
    response = await answer(app, target)
    return response.status, response.payload


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
async def test_in_debug_it_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    app = raising(ValueError("<b>"), debug=True)
    response = await answer(app, headers=[(b"host", b"x"), (b"accept", b"text/html")])
    assert response.status == 500
    assert isinstance(response.payload, bytes)
    assert b"ValueError: &lt;b&gt;" in response.payload
    assert b"ValueError: <b>\n" in (await status_and_body(app))[1]


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
async def test_a_group_of_one_counts_as_what_is_in_it(depth: int) -> None:
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
        assert [name for name, _ in response.raw_headers].count(b"x-a") == 1
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
async def test_handlers_by_class_take_the_nearest_base_and_come_before_status() -> None:
    app = Application()
    errors: dict[str, Exception] = {
        "key": KeyError("k"), "lookup": LookupError("l"), "conflict": HTTPConflict(), "other": HTTPException(409),
        "missing": HTTPNotFound(),
    }  # fmt: skip

    @app.get("/{name}")
    async def handler(name: str) -> Response:
        raise errors[name]

    def answering(text: str) -> Any:
        async def error_handler(request: Request, exc: Exception) -> Response:
            return Response(f"{text} {request.path}", status=400)

        return error_handler

    for kind, text in ((LookupError, "lookup"), (KeyError, "key"), (HTTPConflict, "class"), (409, "status")):
        registered = answering(text)
        assert app.error_handler(kind)(registered) is registered
    assert await status_and_body(app, "/key") == (400, b"key /key")
    assert await status_and_body(app, "/lookup") == (400, b"lookup /lookup")
    assert await status_and_body(app, "/conflict") == (400, b"class /conflict")
    assert await status_and_body(app, "/other") == (400, b"status /other")
    assert (await status_and_body(app, "/missing"))[0] == 404


@in_loop
async def test_404_and_405_have_handlers(caplog: pytest.LogCaptureFixture) -> None:
    app = Application()
    app.add_route("GET", "/a", lambda: Response())

    @app.error_handler(404)
    async def missing(request: Request, exc: HTTPException) -> Response:
        return Response("nothing here", status=exc.status)

    @app.error_handler(405)
    async def wrong(request: Request, exc: HTTPException) -> Response:
        return Response(exc.headers["Allow"], status=exc.status)

    assert await status_and_body(app, "/b") == (404, b"nothing here")
    assert (await answer(app, "/a", method="POST")).payload == b"GET, HEAD, OPTIONS"
    assert caplog.records == []


@pytest.mark.parametrize("debug", [False, True])
@in_loop
async def test_a_handler_for_500_answers_what_was_logged(debug: bool, caplog: pytest.LogCaptureFixture) -> None:
    app = raising(ValueError("broken"), debug=debug)

    @app.error_handler(500)
    async def page(request: Request, exc: Exception) -> Response:
        return Response(f"our page, {type(exc).__name__}", status=500)

    status, body = await status_and_body(app)
    assert status == 500
    assert (b"our page, ValueError" in body) is not debug
    assert [record.name for record in caplog.records] == ["sketch"]


@pytest.mark.parametrize("fault", ["raise", "none", "header", "stopped"])
@in_loop
async def test_a_handler_that_fails_leaves_a_plain_500(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    app = raising(ValueError("first"))

    @app.error_handler(ValueError)
    async def handler(request: Request, exc: Exception) -> Any:
        if fault == "raise":
            raise KeyError("second")
        if fault == "stopped":
            raise HTTPNotFound
        return None if fault == "none" else Response("a", headers={"A": "b\r\nX: y"})

    assert await status_and_body(app) == PLAIN_500
    assert caplog.records


@in_loop
async def test_a_handler_whose_client_left_passes_it_on() -> None:
    app = raising(ValueError("first"))

    @app.error_handler(ValueError)
    async def handler(request: Request, exc: Exception) -> Response:
        raise ClientDisconnected

    with pytest.raises(ClientDisconnected):
        await answer(app)


@pytest.mark.parametrize("kind", ["404", 4.5, object, BaseException, None, True, lambda request, exc: None])
def test_kinds_that_are_none(kind: Any) -> None:
    with pytest.raises(TypeError, match="expected a status or an exception class"):
        Application().error_handler(kind)  # at once: `@app.error_handler` without a kind would never become one


@pytest.mark.parametrize("status", [0, 200, 600, -404])
def test_statuses_that_no_exception_has(status: int) -> None:
    with pytest.raises(ValueError, match="expected a status from 300 to 599, got"):
        Application().error_handler(status)


@pytest.mark.parametrize("handler", [3, None, lambda request: None, lambda *, request, exc: None])
def test_handlers_that_are_none(handler: Any) -> None:
    with pytest.raises(TypeError, match=r"expected an error handler `async \(request, exc\)`, got"):
        Application().error_handler(404)(handler)


@pytest.mark.parametrize("awaited", [False, True])
@in_loop
async def test_a_plain_function_is_called_in_a_thread(awaited: bool) -> None:
    app = Application()

    @app.error_handler(404)
    def handler(request: Request, exc: Exception) -> Any:
        assert threading.current_thread() is not threading.main_thread()
        return take(request, exc) if awaited else Response(f"no {request.path}", status=404)

    assert await status_and_body(app, "/x") == ((200, b"taken") if awaited else (404, b"no /x"))


@in_loop
async def test_a_plain_function_that_returns_nothing_is_named(caplog: pytest.LogCaptureFixture) -> None:
    app = Application()
    app.error_handler(404)(forgetful)
    assert await status_and_body(app, "/x") == PLAIN_500
    assert "expected a Response from forgetful, got None" in caplog.text


def forgetful(request: Request, exc: Exception) -> None:
    pass


@in_loop
async def test_a_group_that_only_says_that_the_client_left_passes_like_one_exception() -> None:
    left = ExceptionGroup("group", [ClientDisconnected("a"), ClientDisconnected("b")])
    with pytest.raises(ClientDisconnected):
        await answer(raising(left))


@in_loop
async def test_error_handlers_cannot_be_added_after_the_start() -> None:
    app = raising(ValueError("x"))
    await answer(app)
    with pytest.raises(RuntimeError, match="before the application starts"):
        app.error_handler(404)(take)


async def take(request: Request, exc: Exception) -> Response:
    return Response("taken")


# -- groups and mounted applications -----------------------------------------------------------------------------------


def saying(text: str) -> Any:
    async def error_handler(request: Request, exc: Exception) -> Response:
        return Response(f"{text} in {request.app.name}", status=400)

    return error_handler


def composed(error: Exception) -> tuple[dict[str, Any], Application]:
    """`/outer/inner/shop/api` fails; the levels round it by name."""
    root, shop = Application("root"), Application("shop")
    outer = RouteGroup("/outer")
    inner = outer.group("/inner")

    async def fail() -> Response:
        raise error

    inner.add_get("/api", fail)
    shop.add_group(outer)
    shop.add_get("/plain", fail)
    root.mount("/shop", shop)
    return {"inner": inner, "outer": outer, "shop": shop, "root": root}, root


LEVELS = ("inner", "outer", "shop", "root")
API = "/shop/outer/inner/api"


@pytest.mark.parametrize("kind", [LookupError, 418])
@pytest.mark.parametrize("present", [LEVELS, LEVELS[1:], LEVELS[2:], LEVELS[3:], ("outer", "root")])
@in_loop
async def test_the_nearest_level_answers(kind: Any, present: tuple[str, ...]) -> None:
    levels, root = composed(HTTPException(418) if kind == 418 else KeyError("x"))
    for name in reversed(LEVELS):
        if name in present:
            levels[name].errors.add(kind, saying(name))
    app = "root" if present[0] == "root" else "shop"
    assert await status_and_body(root, API) == (400, f"{present[0]} in {app}".encode())


@in_loop
async def test_a_nearer_level_comes_before_a_nearer_class() -> None:
    levels, root = composed(HTTPConflict())
    levels["inner"].errors.add(409, saying("status"))
    levels["root"].errors.add(HTTPConflict, saying("class"))
    assert await status_and_body(root, API) == (400, b"status in shop")
    assert await status_and_body(root, "/shop/plain") == (400, b"class in root")


@in_loop
async def test_a_hook_of_a_nearer_level_comes_before_a_handler_of_another() -> None:
    levels, root = composed(KeyError("x"))
    levels["shop"].exception(lambda exc: Response("hook", status=400))
    levels["root"].error_handler(KeyError)(saying("handler"))
    assert await status_and_body(root, API) == (400, b"hook")


@in_loop
async def test_hooks_of_all_levels_see_what_nobody_answers(caplog: pytest.LogCaptureFixture) -> None:
    """A page for 500 in one part keeps no error from who reports them all."""
    levels, root = composed(KeyError("x"))
    seen: list[str] = []
    for name in LEVELS:
        levels[name].errors.exception(lambda exc, name=name: seen.append(name))
    levels["outer"].error_handler(500)(saying("page"))
    levels["root"].error_handler(500)(saying("other page"))
    assert await status_and_body(root, API) == (400, b"page in shop")
    assert seen == list(LEVELS)
    assert await status_and_body(root, "/shop/plain") == (400, b"other page in root")
    assert len(caplog.records) == 2


@in_loop
async def test_what_no_route_takes_is_answered_by_the_application_that_has_the_prefix() -> None:
    levels, root = composed(KeyError("x"))
    for name in LEVELS:
        levels[name].error_handler(404)(saying(name))
    assert await status_and_body(root, "/shop/nothing") == (400, b"shop in shop")
    assert await status_and_body(root, "/nothing") == (400, b"root in root")


@in_loop
async def test_a_handler_of_another_application_is_not_asked(caplog: pytest.LogCaptureFixture) -> None:
    _, root = composed(KeyError("x"))
    sibling = Application("sibling")
    sibling.error_handler(KeyError)(saying("sibling"))
    root.mount("/sibling", sibling)
    assert await status_and_body(root, API) == PLAIN_500
    assert f"error while handling GET '{API}'" in caplog.text


@in_loop
async def test_handlers_of_groups_cannot_be_added_after_the_start() -> None:
    levels, root = composed(KeyError("x"))
    await answer(root, API)
    for name in LEVELS:
        with pytest.raises(RuntimeError, match="before the application starts"):
            levels[name].error_handler(404)(take)
        with pytest.raises(RuntimeError, match="has started"):
            levels[name].errors.exception(take)


@pytest.mark.parametrize("debug", [False, True])
@in_loop
async def test_a_failing_handler_of_a_group_is_a_plain_500(debug: bool, caplog: pytest.LogCaptureFixture) -> None:
    levels, root = composed(KeyError("first"))
    root.debug = debug

    @levels["inner"].error_handler(KeyError)
    async def failing(request: Request, exc: Exception) -> Response:
        raise ValueError("second")

    levels["root"].error_handler(ValueError)(saying("root"))
    status, body = await status_and_body(root, API)
    assert status == 500
    assert body == b"500 Internal Server Error" if not debug else b"ValueError: second" in body
    assert "first" in caplog.text
    assert "second" in caplog.text
