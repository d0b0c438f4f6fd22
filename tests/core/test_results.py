"""Results of handlers and middleware become a separate response for each request."""

from __future__ import annotations

from typing import Any

import pytest

from sketch.application import Application
from sketch.exceptions import HTTPNotFound
from sketch.request import BaseRequest, Request
from sketch.response import Response
from sketch.results import PreparedResponse, as_endpoint, as_response, must_prepare, prepare_response
from tests.support.requests import answer, in_loop, make_request
from tests.support.tagging import tagging, tags


async def ok() -> Response:
    return Response("ok")


@pytest.mark.parametrize("where", ["middlewares", "outer_middlewares", "route", "after_request", "on_response_prepare"])
@in_loop
async def test_a_response_may_be_returned_a_hundred_times(where: str) -> None:
    shared = Response("ok", headers={"X-Own": "1"})

    async def handler() -> Response:
        return shared

    app = Application(**({where: [tagging("x")]} if where.endswith("middlewares") else {}))
    app.add_route("GET", "/", handler, middlewares=[tagging("x")] if where == "route" else [])
    if where in ("after_request", "on_response_prepare"):
        getattr(app, where).append(lambda response: response.headers.add("X-Tag", "x"))
    for _ in range(100):
        response = await answer(app)
        assert tags(response) == [b"x"]
        assert response.payload == b"ok"
    assert dict(shared.headers) == {"X-Own": "1", "Content-Type": "text/plain; charset=utf-8"}


@pytest.mark.parametrize("raised", [True, False])
@in_loop
async def test_an_exception_may_be_raised_or_returned_a_hundred_times(raised: bool) -> None:
    shared = HTTPNotFound("none", headers={"X-Own": "1"})

    async def handler() -> Any:
        if raised:
            raise shared
        return shared

    app = Application(outer_middlewares=[tagging("x")])
    app.add_get("/", handler)
    app.after_request(lambda response: response.headers.add("X-Tag", "y"))
    for _ in range(100):
        response = await answer(app)
        assert (response.status, response.payload, tags(response)) == (404, b"none", [b"x", b"y"])
    assert shared.headers == {"X-Own": "1"}
    assert shared.__traceback__ is None, "a traceback that grows keeps every frame alive"


def test_a_response_is_copied_once() -> None:
    request, response = make_request(), Response("a")
    mine = as_response(response, request, ok)
    assert mine is not response
    assert as_response(mine, request, ok) is mine
    assert as_response(mine, make_request(), ok) is not mine


def test_another_result_names_its_source() -> None:
    with pytest.raises(TypeError, match="expected a Response from ok, got 'text'"):
        as_response("text", make_request(), ok)
    with pytest.raises(TypeError, match="expected a Response from 5"):
        as_response(None, make_request(), 5)


@pytest.mark.parametrize(
    ("result", "advice"),
    [
        (None, "did it forget to return one?"),
        ({"a": 1}, "use JSONResponse(data)"),
        ([1], "use JSONResponse(data)"),
        ((b"a", 404), "use JSONResponse(data)"),
        ("text", "use Response(body)"),
        (b"bytes", "use Response(body)"),
        (iter([b"a"]), "use StreamResponse(iterable)"),
        (Response, "use JSONResponse(data), or Response(str(value))"),
        ({"a": "x" * 1000}, "use JSONResponse(data)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_advice_for_another_result(result: Any, advice: str) -> None:
    with pytest.raises(TypeError) as caught:
        as_response(result, make_request(), ok)
    assert str(caught.value) == f"expected a Response from ok, got {result!r:.200}: {advice}"


@in_loop
async def test_a_coroutine_that_a_handler_returns_was_not_awaited(caplog: pytest.LogCaptureFixture) -> None:
    app = Application()
    app.add_get("/", lambda: ok())
    app.add_get("/inner", forgetful)
    assert (await answer(app, "/inner")).status == 500
    assert "did you forget to await it?" in caplog.text


async def forgetful() -> Any:
    return ok()


@in_loop
async def test_an_endpoint_gives_each_request_a_response_of_its_own() -> None:
    shared = Response("a")

    async def call(request: Request) -> Response:
        return shared

    endpoint, request = as_endpoint(call, ok), make_request()
    response = await endpoint(request)
    assert response is not shared
    assert response.owner is request
    assert shared.owner is None


class Prepared(PreparedResponse):
    async def prepare(self, request: BaseRequest) -> Response:
        return Response("ready")


def test_most_responses_need_no_preparation() -> None:
    assert must_prepare(Prepared(), make_request())
    assert not must_prepare(Response(), make_request())


@in_loop
async def test_a_prepared_response_keeps_its_background_work() -> None:
    response = Prepared()
    response.background = print
    ready = await prepare_response(make_request(), response)
    assert ready.body == b"ready"
    assert ready.background == (print,)
