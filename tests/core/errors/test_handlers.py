"""Error handlers: which one answers an error, by class, by status and by level."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from sketch.application import Application
from sketch.exceptions import HTTPConflict, HTTPException, HTTPNotFound
from sketch.request import Request
from sketch.response import Response
from sketch.routing.group import RouteGroup
from sketch.transport import ClientDisconnected
from tests.support.failing import PLAIN_500, raising, status_and_body
from tests.support.requests import answer, in_loop


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
async def test_a_handler_for_500_answers_logged_errors(debug: bool, caplog: pytest.LogCaptureFixture) -> None:
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
async def test_client_disconnected_in_a_handler_passes_through() -> None:
    app = raising(ValueError("first"))

    @app.error_handler(ValueError)
    async def handler(request: Request, exc: Exception) -> Response:
        raise ClientDisconnected

    with pytest.raises(ClientDisconnected):
        await answer(app)


@pytest.mark.parametrize("kind", ["404", 4.5, object, BaseException, None, True, lambda request, exc: None])
def test_invalid_kinds_are_refused(kind: Any) -> None:
    with pytest.raises(TypeError, match="expected a status or an exception class"):
        Application().error_handler(kind)  # at once: `@app.error_handler` without a kind would never become one


@pytest.mark.parametrize("status", [0, 200, 600, -404])
def test_statuses_of_no_exception_are_refused(status: int) -> None:
    with pytest.raises(ValueError, match="expected a status from 300 to 599, got"):
        Application().error_handler(status)


def generate(request: Request, exc: Exception) -> Any:
    yield Response()


@pytest.mark.parametrize("handler", [3, None, lambda request: None, lambda *, request, exc: None, generate, min])
def test_invalid_handlers_are_refused(handler: Any) -> None:
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
    """`/shop/outer/inner/api` fails; the levels around it by name."""
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
async def test_hooks_of_all_levels_see_unanswered_errors(caplog: pytest.LogCaptureFixture) -> None:
    """A page for 500 in one part hides no error from a hook that reports all of them."""
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
async def test_misses_are_answered_by_the_application_of_the_prefix() -> None:
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
        with pytest.raises(RuntimeError, match="cannot be changed any more"):
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
