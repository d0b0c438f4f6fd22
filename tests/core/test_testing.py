"""The in-memory adapter, the test client and the pytest plugin."""

from __future__ import annotations

import asyncio
import functools
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from sketch.application import Application
from sketch.exceptions import HTTPNotFound
from sketch.files import FileResponse
from sketch.request import Request
from sketch.response import JSONResponse, Response, StreamResponse
from sketch.testing import TestClient
from sketch.transport import ClientDisconnected


def in_loop(function: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run a coroutine test in a loop of its own, bounded."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(asyncio.wait_for(function(*args, **kwargs), 20))

    return run


def serving(handler: Any, *methods: str, path: str = "/{rest:path}") -> Application:
    """An application with one handler for everything."""
    app = Application()
    for method in methods or ("GET", "POST"):
        app.router.add_route(method, path, handler)
    return app


async def echo(request: Request) -> Response:
    return JSONResponse(
        {
            "method": request.method,
            "target": request.target.decode("latin-1"),
            "path": request.path,
            "url": str(request.url),
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "cookies": dict(request.cookies),
            "query": list(request.query.items()),
            "body": (await request.read()).decode("latin-1"),
            "has_body": request.has_body,
        }
    )


# -- what is sent --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/plain", "/plain"),
        ("/a b/é", "/a%20b/%C3%A9"),
        ("/a%20b%2Fc", "/a%20b%2Fc"),
        ("/100%", "/100%25"),
        ("/x?a=1 2&b=é", "/x?a=1%202&b=%C3%A9"),
        ("/x?a=b/c?d#fragment", "/x?a=b/c?d"),
        (b"/%ff%zz", "/%ff%zz"),
        ("//two", "//two"),
    ],
)
@in_loop
async def test_path_is_sent_as_a_client_sends_it(path: str | bytes, target: str) -> None:
    seen: list[str] = []

    async def note(request: Request, handler: Any) -> Response:
        seen.append(request.target.decode())
        return Response("x")

    async with TestClient(Application(middlewares=[note])) as client:
        await client.get(path)
    assert seen == [target]


@in_loop
async def test_params_become_the_query() -> None:
    async with TestClient(serving(echo)) as client:
        got = await (await client.get("/x?a=1", params={"b": "2 3", "c": ["4", "5"], "d": ""})).json()
    assert got["query"] == [["a", "1"], ["b", "2 3"], ["c", "4"], ["c", "5"], ["d", ""]]
    assert got["path"] == "/x"


@in_loop
async def test_a_relative_path_is_refused() -> None:
    async with TestClient(serving(echo)) as client:
        with pytest.raises(ValueError, match="expected a path that starts with '/', got 'x'"):
            await client.get("x")


@in_loop
async def test_default_headers_and_their_replacement() -> None:
    async with TestClient(serving(echo), headers={"X-A": "1", "X-B": "2"}) as client:
        got = await (await client.get("/", headers={"x-a": "mine", "Host": "other:81"})).json()
    assert got["headers"]["x-a"] == "mine"
    assert got["headers"]["x-b"] == "2"
    assert got["url"] == "http://other:81/"


@pytest.mark.parametrize("headers", [{"X\r\nEvil": "x"}, {"X": "a\r\nEvil: b"}, {"": "x"}, {"X": "\0"}])
@in_loop
async def test_headers_that_no_client_can_send(headers: dict[str, str]) -> None:
    async with TestClient(serving(echo)) as client:
        with pytest.raises(ValueError, match="expected a header field that can be sent"):
            await client.get("/", headers=headers)


@in_loop
async def test_an_invalid_host_is_answered_as_by_a_server() -> None:
    async with TestClient(serving(echo)) as client:
        assert (await client.get("/", headers={"Host": "user@host"})).status == 400
        assert (await client.get("/", headers=[("Host", "a"), ("Host", "a")])).status == 400


@in_loop
async def test_json_data_and_bytes() -> None:
    async with TestClient(serving(echo)) as client:
        got = await (await client.post("/", json={"é": 1})).json()
        assert (got["headers"]["content-type"], got["body"]) == ("application/json", '{"\\u00e9": 1}')
        got = await (await client.post("/", data={"a": "1 2", "b": ["x", "y"]})).json()
        assert got["headers"]["content-type"] == "application/x-www-form-urlencoded"
        assert got["body"] == "a=1+2&b=x&b=y"
        got = await (await client.post("/", body=b"\xff")).json()
        assert (got["headers"]["content-length"], got["body"]) == ("1", "\xff")


@in_loop
async def test_json_may_be_falsy_and_bodies_empty() -> None:
    async with TestClient(serving(echo)) as client:
        assert (await (await client.post("/", json=0)).json())["body"] == "0"
        got = await (await client.post("/", body=b"")).json()
        assert (got["headers"]["content-length"], got["has_body"]) == ("0", False)
        assert "content-length" not in (await (await client.get("/")).json())["headers"]


@in_loop
async def test_files_become_a_multipart_body() -> None:
    files = {"a": b"raw", "b": ("name.txt", "text", "text/plain"), "c": ('q"uote', io.BytesIO(b"file"))}
    async with TestClient(serving(echo)) as client:
        got = await (await client.post("/", data={"field": "1"}, files=files)).json()
    kind, _, boundary = got["headers"]["content-type"].partition("; boundary=")
    assert kind == "multipart/form-data"
    parts = got["body"].split(f"--{boundary}")
    assert parts[0] == ""
    assert parts[-1] == "--\r\n"
    assert parts[1:-1] == [
        '\r\nContent-Disposition: form-data; name="field"\r\n\r\n1\r\n',
        (
            '\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n'
            "Content-Type: application/octet-stream\r\n\r\nraw\r\n"
        ),
        '\r\nContent-Disposition: form-data; name="b"; filename="name.txt"\r\nContent-Type: text/plain\r\n\r\ntext\r\n',
        (
            '\r\nContent-Disposition: form-data; name="c"; filename="q%22uote"\r\n'
            "Content-Type: application/octet-stream\r\n\r\nfile\r\n"
        ),
    ]


@pytest.mark.parametrize("options", [{"json": 1, "body": b""}, {"files": {}, "body": b""}, {"body": "text"}])
@in_loop
async def test_contradictory_bodies(options: dict[str, Any]) -> None:
    async with TestClient(serving(echo)) as client:
        with pytest.raises(TypeError, match="expected"):
            await client.post("/", **options)


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


# -- cookies -------------------------------------------------------------------------------------------------------


@in_loop
async def test_cookies_are_kept() -> None:
    async def handler(request: Request) -> Response:
        response = JSONResponse(dict(request.cookies))
        if request.path == "/set":
            response.set_cookie("a", "1")
            response.set_cookie("deep", "2", path="/deep")
            response.set_cookie("safe", "3", secure=True)
        if request.path == "/forget":
            response.delete_cookie("a")
        return response

    async with TestClient(serving(handler)) as client:
        assert await (await client.get("/set")).json() == {}
        assert await (await client.get("/")).json() == {"a": "1"}
        assert await (await client.get("/deep/er")).json() == {"deep": "2", "a": "1"}
        assert await (await client.get("/deeper")).json() == {"a": "1"}
        assert sorted(client.cookies) == ["a", "deep", "safe"]
        await client.get("/forget")
        assert await (await client.get("/")).json() == {}
        client.cookies.set("mine", "4")
        assert await (await client.get("/")).json() == {"mine": "4"}
        assert client.cookies.get("mine") == "4"
        assert client.cookies.get("other") is None
        client.cookies.clear()
        assert len(client.cookies) == 0


@in_loop
async def test_cookie_attributes_as_others_write_them() -> None:
    fields = [
        ("Set-Cookie", "gone=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
        ("Set-Cookie", "kept=1; Expires=Fri, 01 Jan 2100 00:00:00 GMT; Path=relative"),
    ]

    async def handler() -> Response:
        return Response("x", headers=fields)

    async with TestClient(serving(handler), base_url="https://testserver") as client:
        await client.get("/dir/page")
        assert list(client.cookies) == ["kept"]
        assert client.cookies.header("/dir/other", secure=True) == "kept=1"
        assert client.cookies.header("/elsewhere", secure=True) == ""


# -- what is answered ----------------------------------------------------------------------------------------------


@in_loop
async def test_answers_can_be_read_in_every_way() -> None:
    async def handler() -> Response:
        return Response("é".encode("latin-1"), content_type="text/plain; charset=latin-1", headers={"X-A": "1"})

    async with TestClient(serving(handler)) as client:
        response = await client.get("/")
        assert response.headers["x-a"] == "1"
        assert await response.text() == "é"
        assert await response.read() == b"\xe9"
        assert [chunk async for chunk in response.stream()] == [b"\xe9"]
        assert "200" in repr(response)


@in_loop
async def test_a_body_is_streamed_once() -> None:
    async def handler() -> Response:
        return StreamResponse(iter([b"a", b"b"]))

    async with TestClient(serving(handler)) as client:
        response = await client.get("/")
        assert [chunk async for chunk in response.stream()] == [b"a", b"b"]
        with pytest.raises(RuntimeError, match="streamed before"):
            await response.read()


class Endless:
    """An endless body that notes what happens to it."""

    def __init__(self) -> None:
        self.produced = 0
        self.tasks: list[Any] = []
        self.closed: list[Any] = []

    async def body(self) -> AsyncIterator[bytes]:
        self.tasks.append(asyncio.current_task())
        try:
            while True:
                self.produced += 1
                yield b"x"
        finally:
            self.closed.append(asyncio.current_task())

    async def handler(self) -> Response:
        return StreamResponse(self.body())


@in_loop
async def test_chunks_are_produced_when_they_are_read() -> None:
    endless = Endless()
    async with TestClient(serving(endless.handler)) as client:
        response = await client.get("/")
        stream = response.stream()
        assert endless.produced == 0
        for count in (1, 2, 3):
            assert await anext(stream) == b"x"
            assert endless.produced == count


@in_loop
async def test_closing_a_response_closes_its_body_once_in_its_task() -> None:
    endless = Endless()
    async with TestClient(serving(endless.handler)) as client:
        async with await client.get("/") as response:
            await anext(response.stream())
        assert endless.closed == endless.tasks
        await response.close()
        assert len(endless.closed) == 1


@in_loop
async def test_leaving_the_client_closes_what_is_open() -> None:
    endless = Endless()
    async with TestClient(serving(endless.handler)) as client:
        await anext((await client.get("/")).stream())
    assert endless.closed == endless.tasks


@in_loop
async def test_a_producer_that_waits_is_stopped_when_the_client_leaves() -> None:
    ended = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def handler() -> Response:
        return StreamResponse(body())

    async with TestClient(serving(handler)) as client:
        response = await client.get("/")
        stream = response.stream()
        assert await anext(stream) == b"first"
        reading = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        await response.close()
        with pytest.raises(ConnectionError):
            await reading
    assert ended.is_set()


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
async def test_files_are_read_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"0123456789" * 100_000)
    opened: list[Any] = []

    async def note(request: Request, handler: Any) -> Response:
        response = await handler(request)
        opened.append(request)
        return response

    async def handler() -> Response:
        return FileResponse(path)

    app = Application(outer_middlewares=[note])
    app.router.add_route("GET", "/", handler)
    async with TestClient(app) as client:
        response = await client.get("/")
        assert response.headers["Content-Length"] == "1000000"
        sizes = [len(chunk) async for chunk in response.stream()]
        assert sum(sizes) == 1_000_000
        assert len(sizes) > 1
        part = await client.get("/", headers={"Range": "bytes=5-7"})
        assert (part.status, await part.read()) == (206, b"567")
        assert await (await client.head("/")).read() == b""
        unread = await client.get("/")
        await unread.close()


# -- uploads -------------------------------------------------------------------------------------------------------


@in_loop
async def test_uploads_are_pulled_by_the_handler() -> None:
    sent: list[str] = []

    async def upload() -> AsyncIterator[bytes]:
        try:
            for chunk in (b"one", b"two", b"three"):
                sent.append(chunk.decode())
                yield chunk
        finally:
            sent.append("closed")

    async def handler(request: Request) -> Response:
        stream = request.stream()
        assert sent == []
        first = await anext(stream)
        assert sent == ["one"]
        await stream.aclose()
        return Response(first)

    async with TestClient(serving(handler)) as client:
        response = await client.post("/", body=upload())
        assert await response.read() == b"one"
        await response.close()
    assert sent == ["one", "closed"]


@pytest.mark.parametrize("how", ["raises", "ends early", "bytes too few"])
@in_loop
async def test_an_upload_cut_short_is_never_complete(how: str) -> None:
    seen: list[str] = []

    async def upload() -> AsyncIterator[bytes]:
        yield b"0123456789"
        if how == "raises":
            raise ClientDisconnected

    async def handler(request: Request) -> Response:
        try:
            await request.read()
        except ClientDisconnected:
            seen.append("ClientDisconnected")
            await request.wait_disconnected()
            raise
        return Response("complete")

    body = b"0123456789" if how == "bytes too few" else upload()
    headers = {} if how == "raises" else {"Content-Length": "100"}
    async with TestClient(serving(handler)) as client:
        with pytest.raises(ClientDisconnected):
            await client.post("/", body=body, headers=headers)
    assert seen == ["ClientDisconnected"]


@in_loop
async def test_an_error_in_the_tests_own_upload_is_raised_in_the_test() -> None:
    async def upload() -> AsyncIterator[bytes]:
        yield b"x"
        raise ZeroDivisionError("mine")

    async with TestClient(serving(echo)) as client:
        with pytest.raises(ZeroDivisionError, match="mine"):
            await client.post("/", body=upload())


# -- errors --------------------------------------------------------------------------------------------------------


async def boom() -> Response:
    raise ZeroDivisionError("unexpected")


@in_loop
async def test_unexpected_errors_are_raised_in_the_test() -> None:
    async with TestClient(serving(boom)) as client:
        with pytest.raises(ZeroDivisionError, match="unexpected"):
            await client.get("/")


@in_loop
async def test_or_answered_as_a_server_does() -> None:
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


@pytest.mark.parametrize(("raise_errors", "expected"), [(True, ZeroDivisionError), (False, ConnectionResetError)])
@in_loop
async def test_a_body_that_fails_halfway(raise_errors: bool, expected: type[Exception]) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        raise ZeroDivisionError

    async def handler() -> Response:
        return StreamResponse(body())

    async with TestClient(serving(handler), raise_errors=raise_errors) as client:
        response = await client.get("/")
        stream = response.stream()
        assert await anext(stream) == b"first"
        with pytest.raises(expected):
            await anext(stream)


@pytest.mark.parametrize("chunks", [[b"ab"], [b"abcd", b"e"]])
@in_loop
async def test_a_body_must_be_as_long_as_announced(chunks: list[bytes]) -> None:
    async def handler() -> Response:
        return StreamResponse(iter(chunks), headers={"Content-Length": "4"})

    async with TestClient(serving(handler)) as client:
        with pytest.raises(ValueError, match="expected a body of 4 bytes"):
            await (await client.get("/")).read()


@in_loop
async def test_a_body_must_be_of_bytes() -> None:
    async def handler() -> Response:
        return StreamResponse(iter(["text"]))  # type: ignore[list-item]

    async with TestClient(serving(handler)) as client:
        with pytest.raises(TypeError, match="expected chunks of bytes, got 'text'"):
            await (await client.get("/")).read()


# -- life ----------------------------------------------------------------------------------------------------------


@in_loop
async def test_the_application_is_started_and_stopped_in_one_task() -> None:
    events: list[tuple[str, Any]] = []
    app = serving(echo)

    def note(name: str) -> None:
        events.append((name, asyncio.current_task()))

    async def context(app: Application) -> AsyncIterator[None]:
        note("enter")
        yield
        note("exit")

    app.cleanup_ctx.append(context)
    app.on_startup.append(lambda: note("startup"))
    app.on_shutdown.append(lambda: note("shutdown"))
    app.on_cleanup.append(lambda: note("cleanup"))
    client = TestClient(app)
    await asyncio.create_task(client.start())
    await client.shutdown()
    assert app.stopping
    assert (await client.get("/")).status == 200
    await asyncio.create_task(client.stop())
    assert [name for name, _ in events] == ["enter", "startup", "shutdown", "cleanup", "exit"]
    assert len({task for _, task in events}) == 1
    await client.stop()
    assert len(events) == 5


@in_loop
async def test_a_failed_start_is_raised() -> None:
    app = serving(echo)

    async def fail() -> None:
        raise ZeroDivisionError("no database")

    app.on_startup.append(fail)
    with pytest.raises(ZeroDivisionError, match="no database"):
        async with TestClient(app):
            raise AssertionError("expected no body")


@in_loop
async def test_requests_need_a_started_application() -> None:
    client = TestClient(serving(echo))
    with pytest.raises(RuntimeError, match="the application is not started"):
        await client.get("/")
    async with client:
        with pytest.raises(RuntimeError, match="already started"):
            await client.start()


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


@in_loop
async def test_what_the_lifespan_hands_out_is_copied_per_request() -> None:
    async def lifespan(app: Application) -> AsyncIterator[dict[str, Any]]:
        yield {"pool": 7}

    async def handler(request: Request) -> Response:
        fresh = "mark" not in request.state
        request.state["mark"] = True
        return JSONResponse([request.state["pool"], fresh])

    app = Application(lifespan=lifespan)
    app.router.add_route("GET", "/", handler)
    async with TestClient(app) as client:
        assert await (await client.get("/")).json() == [7, True]
        assert await (await client.get("/")).json() == [7, True]


@in_loop
async def test_websockets_say_that_they_are_not_built() -> None:
    async with TestClient(serving(echo)) as client:
        with pytest.raises(NotImplementedError, match="websockets are not built yet"):
            client.websocket("/chat")


# -- the plugin ----------------------------------------------------------------------------------------------------


def test_plugin(pytester_session: Path) -> None:
    """A test run of its own, with nothing but the plugin."""
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(pytester_session)],
        capture_output=True,
        text=True,
        timeout=50,
        cwd=pytester_session,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr


@pytest.fixture
def pytester_session(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -W error\n")
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["sketch.testing.plugin"]\n')
    (tmp_path / "test_it.py").write_text(
        "from sketch.application import Application\n"
        "from sketch.response import Response\n"
        "\n"
        "\n"
        "def make_app(log):\n"
        "    app = Application()\n"
        "    app.on_cleanup.append(lambda: log.append('stopped'))\n"
        "    async def hello():\n"
        "        return Response('hello')\n"
        "    app.router.add_route('GET', '/', hello)\n"
        "    return app\n"
        "\n"
        "\n"
        "LOG = []\n"
        "\n"
        "\n"
        "def test_request(sketch_run, sketch_client):\n"
        "    client = sketch_client(make_app(LOG))\n"
        "    response = sketch_run(client.get('/'))\n"
        "    assert sketch_run(response.text()) == 'hello'\n"
        "    assert LOG == []\n"
        "\n"
        "\n"
        "def test_stopped_afterwards():\n"
        "    assert LOG == ['stopped']\n"
    )
    return tmp_path
