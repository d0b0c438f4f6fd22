"""The pipeline of an application: hooks, middleware, errors, and the two ways that a request may take through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sketch.application import Application
from sketch.exceptions import HTTPConflict, HTTPException, HTTPGone, HTTPNotFound, HTTPUnauthorized
from sketch.files.response import FileResponse
from sketch.limits import Limits
from sketch.request import BaseRequest, Request
from sketch.response import JSONResponse, Response
from sketch.results import PreparedResponse
from sketch.routing import WEBSOCKET
from sketch.streams.stream import StreamResponse
from sketch.testing import TestClient
from sketch.transport import Chunks, FileBody, WireResponse
from sketch.websocket import WebSocket
from sketch.websocket.response import WebSocketResponse
from tests.core.websocket.support import Pipe, handshake
from tests.support.requests import answer, finished, in_loop, make_request


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
        assert (response.payload, [name for name, _ in response.fields].count(b"x-a")) == (b"early", 1)
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
    assert (b"x-path", b"/") in response.fields
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
    assert (b"x-last", b"1") in (await answer(app)).fields
    assert seen == [("/", 200)]


# -- finishing ---------------------------------------------------------------------------------------------------------


def changed(**attributes: Any) -> Response:
    response = Response("a")
    response.headers.extend(attributes.pop("headers", {}))
    for name, value in attributes.items():
        setattr(response, name, value)
    return response


def unsendable(response: Response) -> Response:
    response.headers["A"] = "\n"
    return response


UNSENDABLE: dict[str, Callable[[], Response]] = {
    "line break": lambda: changed(headers={"A": "b\r\nSet-Cookie: x=1"}),
    "number": lambda: changed(headers={"A": 5}),
    "not Latin-1": lambda: changed(headers={"A": "€"}),
    "length": lambda: Response("a", headers={"Content-Length": "7"}),
    "framing": lambda: changed(headers={"Transfer-Encoding": "chunked"}),
    "status": lambda: changed(status="404"),
    "status out of range": lambda: changed(status=42),
    "body": lambda: changed(body="text"),
}
"""Responses that were changed into what no adapter can send."""


@pytest.mark.parametrize("make", UNSENDABLE.values(), ids=UNSENDABLE)
@pytest.mark.parametrize("around", ["nothing", "middlewares", "outer_middlewares", "hooks", "mounted"])
@in_loop
async def test_an_unsendable_response_is_a_500_like_any_other(
    around: str, make: Callable[[], Response], caplog: pytest.LogCaptureFixture
) -> None:
    """Hooks and outer middlewares see the 500, and add to it; the log names the handler."""
    seen: list[int] = []

    async def broken() -> Response:
        return make()

    async def stamp(request: Request, handler: Any) -> Response:
        response: Response = await handler(request)
        seen.append(response.status)
        response.headers["X-Stamp"] = "1"
        return response

    app = serving(broken, **({around: [stamp]} if around == "outer_middlewares" else {}))
    if around == "middlewares":
        app = serving(broken, middlewares=[_through], outer_middlewares=[stamp])
    elif around == "hooks":
        app.after_request(lambda response: seen.append(response.status))
        app.on_response_prepare(lambda response: response.headers.add("X-Stamp", "1"))
    elif around == "mounted":
        inner = serving(broken, outer_middlewares=[stamp])
        app = Application()
        app.mount("/in", inner)
    sent = await answer(app, "/in/" if around == "mounted" else "/")
    assert (sent.status, sent.payload) == (500, b"500 Internal Server Error")
    assert seen == ([] if around == "nothing" else [500])
    assert ((b"x-stamp", b"1") in sent.fields) is (around != "nothing")
    assert "in the response of" in caplog.text
    assert "broken" in caplog.text
    assert caplog.text.count("error while handling") == 1


@pytest.mark.parametrize("handled", ["class", "status", "hook", "to_response"])
@in_loop
async def test_an_unsendable_response_of_an_error_handler(handled: str, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[int] = []

    class Custom(HTTPException):
        def to_response(self) -> Response:
            return changed(status=99)

    async def fail() -> Response:
        raise Custom(409) if handled == "to_response" else KeyError("first")

    async def broken(request: Request, exc: Exception) -> Response:
        return unsendable(Response("a"))

    app = serving(fail)
    app.after_request(lambda response: seen.append(response.status))
    if handled == "hook":
        app.exception(broken)
    elif handled != "to_response":
        app.error_handler(KeyError if handled == "class" else 500)(broken)
    sent = await answer(app)
    assert (sent.status, sent.payload) == (500, b"500 Internal Server Error")
    assert seen == [500]
    (note,) = (line for line in caplog.text.splitlines() if line.startswith("in the response of "))
    assert ("Custom.to_response" if handled == "to_response" else "broken") in note


@in_loop
async def test_an_unsendable_response_before_the_handler_names_its_hook(caplog: pytest.LogCaptureFixture) -> None:
    app = serving()

    @app.before_request
    def early() -> Response:
        return unsendable(Response("a"))

    app.after_request(lambda response: response.headers.add("X-Status", str(response.status)))
    assert (b"x-status", b"500") in (await answer(app)).fields
    (note,) = (line for line in caplog.text.splitlines() if line.startswith("in the response of "))
    assert "early" in note


@pytest.mark.parametrize("where", ["outer_middlewares", "after_request", "on_response_prepare"])
@pytest.mark.parametrize("mounted", [False, True])
@in_loop
async def test_what_is_added_outside_the_boundary(where: str, mounted: bool, caplog: pytest.LogCaptureFixture) -> None:
    """The 500 goes through `on_response_prepare`; the log names what may have done it."""

    async def guilty(request: Request, handler: Any) -> Response:
        response: Response = await handler(request)
        response.headers["X-Bad"] = 5  # type: ignore[assignment]
        return response

    def guilty_hook(response: Response) -> None:
        response.headers["X-Bad"] = 5  # type: ignore[assignment]

    app = serving(_ok, **({where: [guilty]} if where == "outer_middlewares" else {}))
    if where != "outer_middlewares":
        getattr(app, where).append(guilty_hook)
    outermost = app
    if mounted:
        outermost = Application()
        outermost.mount("/in", app)
    outermost.on_response_prepare(lambda response: response.headers.add("X-Prepared", "1"))
    sent = await answer(outermost, "/in/" if mounted else "/")
    assert (sent.status, sent.payload) == (500, b"500 Internal Server Error")
    assert [value for name, value in sent.fields if name == b"x-prepared"] == [b"1"]
    assert "changed outside the handler by one of: " in caplog.text
    assert ("guilty_hook" if where != "outer_middlewares" else "guilty") in caplog.text
    assert "header X-Bad, got 5" in caplog.text
    if where == "on_response_prepare" and not mounted:
        assert "guilty_hook" in caplog.messages[-1], "the hook that did it again"


@in_loop
async def test_an_error_outside_the_boundary_goes_through_the_preparing_hooks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def failing(request: Request, handler: Any) -> Response:
        await handler(request)
        raise ValueError("broken")

    app = serving(_ok, outer_middlewares=[failing])
    app.on_response_prepare(lambda response: response.headers.add("X-Prepared", "1"))
    sent = await answer(app)
    assert sent.status == 500
    assert (b"x-prepared", b"1") in sent.fields


async def _ok() -> Response:
    return Response("ok")


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
        response = StreamResponse(stream, status=204 if case == "no content" else 200)
        return unsendable(response) if case == "bad header" else response

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
        return changed(status=42)

    app = serving(handler)

    @app.error_handler(500)
    async def page(request: Request, exc: Exception) -> Response:
        return unsendable(StreamResponse(stream, status=500))

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


# -- responses that are prepared ---------------------------------------------------------------------------------------


class Asked(PreparedResponse):
    """A response whose `prepare` counts its calls and returns the response itself."""

    def __init__(self) -> None:
        super().__init__("asked")
        self.requests: list[BaseRequest] = []

    async def prepare(self, request: BaseRequest) -> Response:
        self.requests.append(request)
        return self


async def _look(response: Response) -> None:
    """A hook that changes nothing."""


@pytest.mark.parametrize("mounted", [False, True])
@pytest.mark.parametrize("around", ["nothing", "middlewares", "outer_middlewares", "hooks", "all"])
@in_loop
async def test_a_response_that_prepares_itself_is_asked_once(around: str, mounted: bool) -> None:
    shared = Asked()

    async def handler() -> Response:
        return shared

    every = around == "all"
    names = [name for name in ("middlewares", "outer_middlewares") if every or around == name]
    app = serving(handler, **{name: [_through] for name in names})
    if every or around == "hooks":
        app.before_request(lambda: None)
        app.after_request(_look)
        app.on_response_prepare(_look)
    outer = app
    if mounted:
        outer = Application(**{name: [_through] for name in names})
        outer.mount("/in", app)
        outer.after_request(_look)
    for _ in range(3):
        assert (await answer(outer, "/in/" if mounted else "/")).payload == b"asked"
    assert len({id(request) for request in shared.requests}) == len(shared.requests) == 3
    assert not hasattr(shared, "_ready"), "expected the handler's own object as it was"


@pytest.mark.parametrize(("where", "asked"), [("middlewares", 1), ("outer_middlewares", 2), ("after_request", 2)])
@pytest.mark.parametrize("how", ["a copy", "a new one"])
@in_loop
async def test_a_replacement_is_prepared_too(where: str, asked: int, how: str) -> None:
    """What middleware inside the error handling returns is prepared once, at its end."""
    asks: list[BaseRequest] = []

    def make() -> Response:
        response = Asked()
        response.requests = asks
        return response

    async def handler() -> Response:
        return make()

    async def middleware(request: Request, handler: Any) -> Response:
        response: Response = await handler(request)
        return response.copy() if how == "a copy" else make()

    app = serving(handler, **({where: [middleware]} if where.endswith("middlewares") else {}))
    if where == "after_request":
        app.after_request(lambda response: response.copy() if how == "a copy" else make())
    await answer(app)
    assert len(asks) == asked


@in_loop
async def test_a_response_that_was_prepared_for_another_request_is_prepared_again() -> None:
    kept: list[Response] = [Asked()]

    async def handler() -> Response:
        return kept[-1]

    app = serving(handler)
    app.after_request(kept.append)
    for _ in range(3):
        await answer(app)
    assert isinstance(kept[-1], Asked)
    assert len({id(request) for request in kept[-1].requests}) == len(kept[-1].requests) == 3


# -- the two ways through the pipeline ---------------------------------------------------------------------------------


class Noting:
    """A source of two chunks that notes in a log when it is closed."""

    def __init__(self, log: list[str]) -> None:
        self._log = log
        self._chunks = iter([b"1", b"2"])

    def __aiter__(self) -> Noting:
        return self

    async def __anext__(self) -> bytes:
        for chunk in self._chunks:
            return chunk
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self._log.append("stream closed")


class NotingFile(FileBody):
    """A file that notes in a log when it is closed."""

    log: list[str]

    def close(self) -> None:
        self.log.append("file closed")
        super().close()


def everything(log: list[str], path: Path) -> Application:
    """An application with a route for each kind of response. What is closed is noted in the log."""
    app = Application(limits=Limits(body=10))
    add_usual_routes(app)
    add_errors(app, log)
    add_bodies(app, log, path)
    add_ends(app, log)
    add_websockets(app)
    return app


def add_usual_routes(app: Application) -> None:
    @app.get("/text")
    async def text() -> Response:
        return Response("text")

    @app.get("/bytes")
    async def binary() -> Response:
        return Response(b"bytes", status=201, headers={"X-A": "1"})

    @app.get("/thread")
    def thread() -> Response:
        return Response("thread")

    @app.get("/status/{status:int}")
    async def of_status(status: int) -> Response:
        return Response("ab", status=status)

    @app.get("/prepared")
    async def prepared() -> Response:
        return Asked()

    @app.post("/read")
    async def read(request: Request) -> Response:
        return Response(await request.read())


def add_errors(app: Application, log: list[str]) -> None:
    @app.get("/raised")
    async def raised() -> Response:
        raise HTTPConflict("taken")

    @app.get("/group")
    async def grouped() -> Response:
        raise ExceptionGroup("one", [HTTPConflict("taken")])

    @app.get("/returned")
    async def returned() -> Any:
        return HTTPConflict("taken")

    @app.get("/error/{kind}")
    async def error(kind: str) -> Response:
        raise {"handled": KeyError, "gone": HTTPGone, "twice": LookupError, "page": OSError}.get(kind, ValueError)(kind)

    @app.error_handler(KeyError)
    async def handle(request: Request, exc: Exception) -> Response:
        return Response("handled", status=418)

    @app.error_handler(410)
    async def gone(request: Request, exc: Exception) -> Any:
        return Response("gone for good", status=410)

    @app.error_handler(LookupError)
    async def fail(request: Request, exc: Exception) -> Response:
        raise ValueError("broken error handler")

    @app.error_handler(OSError)
    async def unsendable_page(request: Request, exc: Exception) -> Response:
        return unsendable(StreamResponse(Noting(log), status=500))

    @app.get("/nothing")
    async def nothing() -> Any:
        return None

    @app.get("/unsendable")
    async def unsendable_answer() -> Response:
        return unsendable(Response("a"))


def add_bodies(app: Application, log: list[str], path: Path) -> None:
    @app.get("/stream")
    async def stream() -> Response:
        return StreamResponse(Noting(log))

    @app.get("/stream/{status:int}")
    async def stream_of_status(status: int) -> Response:
        response = StreamResponse(Noting(log))
        response.status = status
        return response

    @app.get("/file")
    async def file() -> Response:
        response = Response()
        response.body = body = NotingFile(path.open("rb"), str(path), 2, 5)
        body.log = log
        return response

    @app.get("/small")
    async def small() -> Response:
        return FileResponse(path)

    @app.get("/absent")
    async def absent() -> Response:
        return FileResponse(path / "absent")


def add_ends(app: Application, log: list[str]) -> None:
    @app.get("/held")
    async def held(request: Request) -> Response:
        request.at_end.resources.append(Noting(log))
        return Response("held")

    @app.get("/background")
    async def background() -> Response:
        response = Response("background")
        response.background = lambda: None
        return response

    @app.post("/form", limits=Limits(body=1000, form_file_memory=0))
    async def form(request: Request) -> Response:
        upload: Any = (await request.form())["f"]
        return Response(await upload.read())


def add_websockets(app: Application) -> None:
    @app.websocket("/ws")
    async def talk(ws: WebSocket) -> None:
        await ws.send("hello")

    async def refuse() -> Response:
        return WebSocketResponse(talk, headers={"Upgrade": "other"})

    app.add_route(WEBSOCKET, "/ws/unsendable", refuse)


class Case(NamedTuple):
    """A request to `everything`, and what comes of it."""

    target: str
    method: str
    status: int
    payload: bytes
    log: tuple[str, ...] = ()
    errors: int = 0
    """How many errors are logged."""
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed


FAILED = b"500 Internal Server Error"
CLOSED = ("stream closed",)
UPLOAD: dict[str, Any] = {
    "headers": [(b"host", b"x"), (b"content-type", b"multipart/form-data; boundary=b")],
    "body": [b'--b\r\nContent-Disposition: form-data; name="f"; filename="n"\r\n\r\nfile\r\n--b--\r\n'],
}
ANNOUNCED: dict[str, Any] = {"headers": [(b"host", b"x"), (b"content-length", b"11")], "body": [AssertionError()]}
CASES = [
    Case("/text", "GET", 200, b"text"),
    Case("/text", "HEAD", 200, b""),
    Case("/text", "OPTIONS", 204, b""),
    Case("/text", "POST", 405, b"405 Method Not Allowed"),
    Case("/none", "GET", 404, b"404 Not Found"),
    Case("/none", "HEAD", 404, b""),
    Case("/bytes", "GET", 201, b"bytes"),
    Case("/thread", "GET", 200, b"thread"),
    Case("/status/204", "GET", 204, b""),
    Case("/status/205", "GET", 205, b""),
    Case("/status/304", "GET", 304, b""),
    Case("/status/42", "GET", 500, FAILED, errors=1),
    Case("/raised", "GET", 409, b"taken"),
    Case("/group", "GET", 409, b"taken"),
    Case("/returned", "GET", 409, b"taken"),
    Case("/error/handled", "GET", 418, b"handled"),
    Case("/error/gone", "GET", 410, b"gone for good"),
    Case("/error/unexpected", "GET", 500, FAILED, errors=1),
    Case("/error/twice", "GET", 500, FAILED, errors=1),
    Case("/error/page", "GET", 500, FAILED, CLOSED, errors=1),
    Case("/nothing", "GET", 500, FAILED, errors=1),
    Case("/unsendable", "GET", 500, FAILED, errors=1),
    Case("/stream", "GET", 200, b"12", CLOSED),
    Case("/stream", "HEAD", 200, b"", CLOSED),
    Case("/stream/204", "GET", 204, b"", CLOSED),
    Case("/stream/42", "GET", 500, FAILED, CLOSED, errors=1),
    Case("/file", "GET", 200, b"23456", ("file closed",)),
    Case("/file", "HEAD", 200, b"", ("file closed",)),
    Case("/small", "GET", 200, b"0123456789"),
    Case("/small", "HEAD", 200, b""),
    Case("/absent", "GET", 404, b"404 Not Found"),
    Case("/held", "GET", 200, b"held", CLOSED),
    Case("/background", "GET", 200, b"background"),
    Case("/prepared", "GET", 200, b"asked"),
    Case("/read", "POST", 200, b"abc", options={"body": [b"a", b"bc"]}),
    Case("/read", "POST", 413, b"", options=ANNOUNCED),
    Case("/none", "POST", 413, b"", options=ANNOUNCED),
    Case("/read", "POST", 413, b"", options={"body": [b"12345", b"678901"]}),
    Case("/form", "POST", 200, b"file", options=UPLOAD),
    Case("/ws", "GET", 426, b""),
    Case("/ws", WEBSOCKET, 101, b""),
    Case("/ws/unsendable", WEBSOCKET, 500, FAILED, errors=1),
    Case("/text", WEBSOCKET, 404, b""),
]


class Taken(NamedTuple):
    """What an adapter sees of one exchange, from its response to its end."""

    wire: WireResponse
    """With the content as the payload, and without the switch."""
    sent: list[str | bytes]
    """What a websocket's session has sent."""
    held: list[str]
    """The classes of what was to be closed at the end."""
    work: int
    """How many functions were to be begun at the end."""
    log: tuple[str, ...]


async def taken(case: Case, path: Path, in_steps: bool) -> Taken:
    """Take a request through an application of its own, as an adapter does."""
    log: list[str] = []
    app = everything(log, path)
    app.freeze()
    request: Any = (
        handshake(app, case.target)
        if case.method == WEBSOCKET
        else make_request(case.target, method=case.method, **case.options)
    )
    assert app.pipeline._answer is None, "expected an application for the shorter way"
    wire = await (app.pipeline.handle_in_steps if in_steps else app.pipeline.handle)(request)
    content, pipe = b"", Pipe()
    if wire.switch is not None:
        await wire.switch.run(request, pipe)
    elif isinstance(wire.payload, bytes):
        content = wire.payload
    elif isinstance(wire.payload, FileBody):
        wire.payload.file.seek(wire.payload.offset)
        content = wire.payload.file.read(wire.payload.count)
        wire.payload.close()
    else:
        async with Chunks(wire.payload, wire.length) as chunks:
            while chunk := await chunks.next():
                content += chunk
    end = request.finishing
    held, work = ([], 0) if end is None else ([type(one).__name__ for one in end.resources], len(end.background))
    await finished(app, request, wire)
    return Taken(replace(wire, payload=content, switch=None), pipe.sent, held, work, tuple(log))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.method} {case.target} {case.status}")
@in_loop
async def test_both_ways_through_the_pipeline_are_one(
    case: Case, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """`handle` does for the usual application, without a call for each step, what `handle_in_steps` does for any."""
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    short, errors = await taken(case, path, in_steps=False), logged(caplog)
    caplog.clear()
    long = await taken(case, path, in_steps=True)
    assert (short, errors) == (long, logged(caplog))
    assert (short.wire.status, short.log, len(errors)) == (case.status, case.log, case.errors)
    if case.payload or case.status < 400:
        assert short.wire.payload == case.payload
    assert short.work == (case.target == "/background")
    assert short.sent == (["hello"] if case.status == 101 else [])
    assert ("Spool" in short.held) == (case.target == "/form")


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """The messages that were logged, each with the class and text of its error."""
    return [(record.getMessage(), repr(record.exc_info and record.exc_info[1])) for record in caplog.records]
