"""An id for each request."""

from __future__ import annotations

import io
import logging
import re
from typing import Any

import pytest

from sketch import Application, Request, RequestID, RequestIDFilter, Response
from sketch.testing import ClientResponse, TestClient
from tests.support.requests import in_loop

MADE = re.compile("[0-9a-f]{32}")


def app_of(**options: Any) -> Application:
    app = Application(outer_middlewares=[RequestID(**options)])

    @app.get("/")
    async def index(request: Request) -> Response:
        logging.getLogger("tests.request_id").warning("in the handler")
        return Response(request.id)

    @app.get("/boom")
    async def boom() -> Response:
        raise LookupError

    return app


async def ask(app: Application, path: str = "/", headers: Any = None) -> ClientResponse:
    async with TestClient(app, raise_errors=False) as client:
        response = await client.get(path, headers=headers)
        await response.read()
        return response


@in_loop
async def test_each_request_gets_an_id() -> None:
    app = app_of()
    first, second = await ask(app), await ask(app)
    ids = [response.headers["X-Request-ID"] for response in (first, second)]
    assert ids == [await first.text(), await second.text()]
    assert all(MADE.fullmatch(one) for one in ids)
    assert ids[0] != ids[1]


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/boom", 500)])
@in_loop
async def test_errors_have_an_id(path: str, status: int) -> None:
    response = await ask(app_of(), path, {"X-Request-ID": "abc"})
    assert (response.status, response.headers["X-Request-ID"]) == (status, "abc")


@pytest.mark.parametrize("brought", ["a", "7f3a-11.b_c~d+e/f=:@", "x" * 128])
@in_loop
async def test_a_valid_id_is_taken_over(brought: str) -> None:
    assert (await ask(app_of(), headers={"x-request-id": brought})).headers["X-Request-ID"] == brought


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Request-ID": ""},
        {"X-Request-ID": "x" * 129},
        {"X-Request-ID": "a b"},
        {"X-Request-ID": "a\tb"},
        {"X-Request-ID": '<script>"'},
        {"X-Request-ID": "caf\xe9"},
        [("X-Request-ID", "one"), ("X-Request-ID", "two")],
    ],
)
@in_loop
async def test_an_invalid_id_is_replaced(headers: Any) -> None:
    assert MADE.fullmatch((await ask(app_of(), headers=headers)).headers["X-Request-ID"])


@in_loop
async def test_options() -> None:
    app = app_of(header="Trace-ID", accept=False, make=lambda: "mine")
    assert (await ask(app, headers={"Trace-ID": "theirs"})).headers["Trace-ID"] == "mine"
    assert "X-Request-ID" not in (await ask(app)).headers
    with pytest.raises(ValueError, match="expected header as the name of a field, got 'X Y'"):
        RequestID(header="X Y")


@in_loop
async def test_a_mounted_application_keeps_the_id() -> None:
    app = Application(outer_middlewares=[RequestID()])
    app.mount("/part", app_of(accept=False))
    response = await ask(app, "/part/", {"X-Request-ID": "outer"})
    assert (response.headers.getall("X-Request-ID"), await response.text()) == (["outer"], "outer")


@in_loop
async def test_log_records_have_the_id() -> None:
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.addFilter(RequestIDFilter())
    handler.setFormatter(logging.Formatter("%(request_id)s %(message)s"))
    logger = logging.getLogger("tests.request_id")
    logger.addHandler(handler)
    try:
        await ask(app_of(), headers={"X-Request-ID": "abc"})
        logger.warning("outside")
    finally:
        logger.removeHandler(handler)
    assert lines.getvalue() == "abc in the handler\n- outside\n"


@in_loop
async def test_without_the_middleware_there_is_no_id() -> None:
    app = Application()

    @app.get("/")
    async def index(request: Request) -> Response:
        return Response(str(hasattr(request, "id")))

    assert await (await ask(app)).text() == "False"
