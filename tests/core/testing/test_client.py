"""The test client: its methods and options, its life, and the errors that it raises."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest

from sketch.application import Application
from sketch.exceptions import HTTPNotFound
from sketch.request import Request
from sketch.response import Response
from sketch.serving.options import ServeError
from sketch.streams.stream import StreamResponse
from sketch.testing import TestClient, make_request
from sketch.transport import Outcome
from tests.core.testing.support import Endless, echo, serving
from tests.support.requests import in_loop


@in_loop
async def test_default_headers_and_their_replacement() -> None:
    async with TestClient(serving(echo), headers={"X-A": "1", "X-B": "2"}) as client:
        got = await (await client.get("/", headers={"x-a": "mine", "Host": "other:81"})).json()
    assert got["headers"]["x-a"] == "mine"
    assert got["headers"]["x-b"] == "2"
    assert got["url"] == "http://other:81/"


@in_loop
async def test_verbs() -> None:
    app = serving(echo, "GET", "POST", "PUT", "PATCH", "DELETE", "QUERY")
    async with TestClient(app) as client:
        for verb in ("get", "post", "put", "patch", "delete"):
            assert (await (await getattr(client, verb)("/")).json())["method"] == verb.upper()
        assert (await (await client.request("QUERY", "/")).json())["method"] == "QUERY"
        head = await client.head("/")
        assert (head.status, await head.read()) == (200, b"")
        assert int(head.headers["Content-Length"]) > 0
        assert (await client.options("/")).status == 204


@in_loop
async def test_root_path_and_base_url() -> None:
    async with TestClient(serving(echo), root_path="/api", base_url="https://example.org:8443") as client:
        got = await (await client.get("/api/items")).json()
        assert (got["path"], got["url"]) == ("/items", "https://example.org:8443/api/items")
        assert (await (await client.get("/items")).json())["path"] == "/items"
    with pytest.raises(ValueError, match="expected a base_url"):
        TestClient(Application(), base_url="example.org")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"root_path": 5}, ServeError, "expected a root path like '/api', percent-encoded, got 5"),
        ({"root_path": "x/"}, ServeError, "expected a root path like '/api', percent-encoded, got 'x/'"),
        (
            {"shutdown_timeout": "1"},
            ServeError,
            "expected shutdown_timeout as a number of seconds from 0 to 31536000, got '1'",
        ),
        (
            {"shutdown_timeout": -1},
            ServeError,
            "expected shutdown_timeout as a number of seconds from 0 to 31536000, got -1",
        ),
        ({"client": "host"}, TypeError, "expected client as (host, port) or None, got 'host'"),
        ({"client": ("host",)}, TypeError, "expected client as (host, port) or None, got ('host',)"),
        ({"transport": "native", "server_options": 5}, TypeError, "expected server_options to be a mapping"),
        (
            {"transport": "native", "certificate": "a.pem", "base_url": "https://a.test"},
            TypeError,
            "expected certificate as (certificate, key), the paths of two files, got 'a.pem'",
        ),
        (
            {"transport": "native", "certificate": ("a.pem", "a.key")},
            ValueError,
            "expected certificate with a base_url of https, got http://testserver",
        ),
    ],
)
def test_options_are_checked_before_the_start(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        TestClient(Application(), **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"method": None}, TypeError, "expected a method of str, got None"),
        ({"method": "G T"}, ValueError, "expected a method like 'GET' (RFC 9110 section 9.1), got 'G T'"),
        ({"method": "GET\n"}, ValueError, "expected a method like 'GET'"),
        ({"cookies": "a=b"}, TypeError, "expected cookies to be a mapping from names to values, got 'a=b'"),
        ({"cookies": {"a": 5}}, TypeError, "expected name and value of a cookie to be str, got 'a' and 5"),
        ({"cookies": {"a": "b; c=d"}}, ValueError, "expected a cookie that can be sent"),
        ({"files": {"a": (1, b"x")}}, TypeError, "expected name and type of the file 'a' to be str, got 1"),
        ({"files": {"a": ("n", b"x", 3)}}, TypeError, "expected name and type of the file 'a' to be str, got 3"),
        ({"files": {"a": ("n", b"x", "a\r\nB: c")}}, ValueError, "expected a media type of the file 'a' that can"),
    ],
)
@in_loop
async def test_arguments_of_a_request_are_checked(options: Any, error: type[Exception], message: str) -> None:
    arguments = {"method": "POST", "path": "/", **options}
    with pytest.raises(error, match=re.escape(message)):
        make_request(**arguments)
    async with TestClient(serving(echo)) as client:
        with pytest.raises(error, match=re.escape(message)):
            await client.request(**arguments)


@in_loop
async def test_follow_redirects_of_a_request_is_a_flag() -> None:
    async with TestClient(serving(echo)) as client:
        with pytest.raises(TypeError, match="expected follow_redirects to be True or False, got 1"):
            await client.get("/", follow_redirects=1)


@in_loop
async def test_requests_need_a_started_application() -> None:
    client = TestClient(serving(echo))
    with pytest.raises(RuntimeError, match="the application is not started"):
        await client.get("/")
    async with client:
        with pytest.raises(RuntimeError, match="already started"):
            await client.start()


def test_a_client_belongs_to_the_event_loop_of_its_start() -> None:
    client = TestClient(serving(echo))
    with asyncio.Runner() as runner, asyncio.Runner() as other:
        runner.run(client.start())
        for call in (lambda: client.get("/"), client.websocket("/").__aenter__, client.shutdown, client.stop):
            with pytest.raises(RuntimeError, match="expected the event loop in which the client was started"):
                other.run(_called(call))
        assert runner.run(client.get("/")).status == 200
        runner.run(client.stop())


async def _called(call: Callable[[], Awaitable[object]]) -> object:
    return await call()


def test_a_client_is_no_plain_context_manager() -> None:
    with pytest.raises(TypeError, match="expected `async with` for a client, got `with`"), TestClient(Application()):
        raise AssertionError("expected no block")


def test_a_loop_that_is_not_of_asyncio() -> None:
    starting = TestClient(Application()).start()
    with pytest.raises(RuntimeError, match="expected an asyncio event loop: sketch does not run on trio"):
        starting.send(None)


@in_loop
async def test_requests_run_in_contexts_of_their_own() -> None:
    variable: ContextVar[str] = ContextVar("variable", default="unset")

    async def handler() -> Response:
        seen = variable.get()
        variable.set("changed")
        return Response(seen)

    async with TestClient(serving(handler)) as client:
        assert await (await client.get("/")).text() == "unset"
        variable.set("from the test")
        assert await (await client.get("/")).text() == "from the test"
        assert variable.get() == "from the test"


@in_loop
async def test_a_stream_ends_when_the_application_stops() -> None:
    async def handler(request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b"begin "
            await request.app.stopping.wait()
            yield b"end"

        return StreamResponse(body())

    async with TestClient(serving(handler)) as client:
        response = await client.get("/")
        reading = asyncio.create_task(response.read())
        await asyncio.sleep(0)
        await client.shutdown()
        assert await reading == b"begin end"


async def boom() -> Response:
    raise ZeroDivisionError("unexpected")


@in_loop
async def test_unexpected_errors_are_raised_in_the_test() -> None:
    async with TestClient(serving(boom)) as client:
        with pytest.raises(ZeroDivisionError, match="unexpected"):
            await client.get("/")


@in_loop
async def test_unexpected_errors_are_answered_500_on_request() -> None:
    async with TestClient(serving(boom), raise_errors=False) as client:
        response = await client.get("/")
        assert response.status == 500
        assert "unexpected" not in await response.text()


@in_loop
async def test_http_errors_are_answers() -> None:
    async def handler() -> Response:
        raise HTTPNotFound("nothing here")

    async with TestClient(serving(handler)) as client:
        response = await client.get("/")
        assert (response.status, await response.text()) == (404, "nothing here")


@in_loop
async def test_leaving_the_client_closes_what_is_open() -> None:
    endless = Endless()
    async with TestClient(serving(endless.handler)) as client:
        await anext((await client.get("/")).stream())
    assert endless.closed == endless.tasks


@in_loop
async def test_a_cancelled_request_is_a_client_that_leaves() -> None:
    events: list[str] = []

    async def handler(request: Request) -> Response:
        events.append("waiting")
        await request.wait_disconnected()
        events.append("went on")
        return Response("to nobody")

    async with TestClient(serving(handler)) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await client.get("/")
    assert events == ["waiting", "went on"]


@in_loop
async def test_a_handler_that_does_not_end_is_cancelled_at_the_end() -> None:
    ended: list[str] = []

    async def handler() -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")
        return Response()

    async with TestClient(serving(handler), shutdown_timeout=0.01) as client:
        request = asyncio.create_task(client.get("/"))
        await asyncio.sleep(0)
    with pytest.raises(ConnectionResetError):
        await request
    assert ended == ["cancelled"]


@in_loop
async def test_the_outcome_of_a_handler_that_is_cancelled_at_the_end() -> None:
    """It is the application's stop that ended it, though the client has left as well."""
    outcomes: list[Outcome] = []
    running = asyncio.Event()

    async def handler() -> Response:
        running.set()
        await asyncio.Event().wait()
        return Response()

    app = serving(handler)
    app.on_finished(outcomes.append)
    async with TestClient(app, shutdown_timeout=0.01) as client:
        request = asyncio.create_task(client.get("/"))
        await running.wait()
    with pytest.raises(ConnectionResetError):
        await request
    (outcome,) = outcomes
    assert (outcome.status, outcome.sent, outcome.disconnected, outcome.cancelled) == (None, 0, False, True)
