"""Files as responses: what is opened, and who closes it."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sketch import files
from sketch.application import Application
from sketch.exceptions import HTTPNotFound
from sketch.files import FileResponse
from sketch.request import Request
from sketch.response import Response
from sketch.transport import FileBody
from tests.core.support import answer, in_loop, make_request

MTIME = 784_111_777  # Sun, 06 Nov 1994 08:49:37 GMT

# -- what is opened ----------------------------------------------------------------------------------------------------


class Opened:
    """Every file that a test opens through FileResponse, and how often each was closed."""

    def __init__(self) -> None:
        self.bodies: list[FileBody] = []
        self.closed: list[FileBody] = []

    @property
    def open(self) -> list[FileBody]:
        return [body for body in self.bodies if not body.file.closed]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    seen = Opened()
    real_open, real_close = files._open, FileBody.close

    def open_and_note(path: str) -> Any:
        result = real_open(path)
        seen.bodies.append(result[0])
        return result

    def close_and_note(body: FileBody) -> None:
        seen.closed.append(body)
        real_close(body)

    monkeypatch.setattr(files, "_open", open_and_note)
    monkeypatch.setattr(FileBody, "close", close_and_note)
    return seen


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "page.html"
    path.write_bytes(b"0123456789" * 10)
    os.utime(path, (MTIME, MTIME))
    return path


def serving(handler: Callable[..., Awaitable[Any]], **options: Any) -> Application:
    app = Application(**options)
    app.add_route(("GET", "POST"), "/", handler)
    return app


def one_file(path: Path, **options: Any) -> Callable[[], Awaitable[Response]]:
    response = FileResponse(path, **options)

    async def handler() -> Response:
        return response

    return handler


@in_loop
async def test_the_whole_file(path: Path, opened: Opened) -> None:
    response = await answer(serving(one_file(path)))
    body = response.payload
    assert isinstance(body, FileBody)
    assert (response.status, response.length, body.offset, body.count) == (200, 100, 0, 100)
    assert body.path == str(path)
    assert body.file.read(3) == b"012"
    assert (b"content-type", b"text/html; charset=utf-8") in response.raw_headers
    assert opened.closed == [], "now it is the adapter's"
    body.close()


@in_loop
async def test_one_response_object_serves_every_request(path: Path) -> None:
    app = serving(one_file(path, headers={"X-A": "1"}))
    part = await answer(app, headers=[(b"range", b"bytes=5-7")])
    whole = await answer(app)
    assert (part.status, part.length, whole.status, whole.length) == (206, 3, 200, 100)
    for response in (part, whole):
        assert (b"x-a", b"1") in response.raw_headers
        assert isinstance(response.payload, FileBody)
        response.payload.close()
    assert not any(name == b"content-range" for name, _ in whole.raw_headers)


@pytest.mark.parametrize(
    ("method", "headers", "status", "length"),
    [
        ("HEAD", [], 200, 100),
        ("GET", [(b"if-none-match", b"*")], 304, None),
        ("POST", [(b"if-none-match", b"*")], 412, None),
        ("GET", [(b"range", b"bytes=100-")], 416, None),
    ],
)
@in_loop
async def test_what_sends_no_byte_of_it_closes_it_once(
    path: Path, opened: Opened, method: str, headers: Any, status: int, length: int | None
) -> None:
    response = await answer(serving(one_file(path)), method=method, headers=headers)
    assert response.status == status
    assert isinstance(response.payload, bytes)
    assert opened.closed == opened.bodies
    assert len(opened.bodies) == 1
    if length is not None:
        assert response.length == length
    if status in (412, 416):
        assert dict(response.raw_headers)[b"content-type"] == b"text/plain; charset=utf-8"


@pytest.mark.parametrize("kind", ["missing", "directory", "fifo", "socket", "below a file", "long name"])
@in_loop
async def test_what_is_no_file_is_a_404(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(os.fspath(path))
    elif kind == "below a file":
        path.write_bytes(b"")
        path /= "y"
    elif kind == "long name":
        path = tmp_path / ("x" * 300)
    with pytest.raises(HTTPNotFound):
        await FileResponse(path).prepare(make_request())
    assert (await answer(serving(one_file(path)))).status == 404


@in_loop
async def test_a_file_that_may_not_be_read_is_the_servers_fault(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(path: str) -> Any:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(files, "_open", refuse)
    assert (await answer(serving(one_file(path)))).status == 500
    assert "Permission denied" in caplog.text


@in_loop
async def test_error_pages_may_be_files(path: Path) -> None:
    app = Application()

    @app.error_handler(404)
    async def page(request: Request, exc: Exception) -> Response:
        return FileResponse(path, status=404)

    response = await answer(app, "/nothing", headers=[(b"range", b"bytes=0-1")])
    assert (response.status, response.length) == (404, 100)
    assert isinstance(response.payload, FileBody)
    response.payload.close()


# -- who closes it when something else is sent -------------------------------------------------------------------------


@in_loop
async def test_a_hook_that_fails_closes_it_once(path: Path, opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    app = serving(one_file(path))

    @app.on_response_prepare
    async def fail(response: Response) -> None:
        raise ValueError("broken hook")

    assert (await answer(app)).status == 500
    assert opened.closed == opened.bodies
    assert len(opened.bodies) == 1


@pytest.mark.parametrize("with_file", [False, True])
@in_loop
async def test_a_hook_that_replaces_it_closes_it_once(path: Path, opened: Opened, with_file: bool) -> None:
    app = serving(one_file(path))

    @app.after_request
    async def replace(response: Response) -> Response:
        return FileResponse(path) if with_file else Response("instead")

    response = await answer(app)
    assert len(opened.bodies) == 1 + with_file
    assert opened.closed == opened.bodies[:1]
    if isinstance(response.payload, FileBody):
        assert response.payload is opened.bodies[1]
        response.payload.close()


@in_loop
async def test_an_outer_middleware_that_replaces_or_asks_twice_leaves_nothing_open(path: Path, opened: Opened) -> None:
    async def twice(request: Request, handler: Any) -> Response:
        await handler(request)
        second: Response = await handler(request)
        return second

    async def instead(request: Request, handler: Any) -> Response:
        await handler(request)
        return Response("instead")

    response = await answer(serving(one_file(path), outer_middlewares=[twice]))
    assert response.payload is opened.bodies[1]
    assert opened.closed == opened.bodies[:1]
    opened.bodies[1].close()
    assert (await answer(serving(one_file(path), outer_middlewares=[instead]))).payload == b"instead"
    assert not opened.open
    assert len(opened.closed) == len(opened.bodies) == 3


@in_loop
async def test_an_inner_middleware_sees_the_response_before_anything_is_open(path: Path, opened: Opened) -> None:
    async def look(request: Request, handler: Any) -> Response:
        response: Response = await handler(request)
        assert isinstance(response, FileResponse)
        response.headers["X-Seen"] = "1"
        return response

    shared = FileResponse(path)

    async def handler() -> Response:
        return shared

    for _ in range(3):
        response = await answer(serving(handler, middlewares=[look]))
        assert [value for name, value in response.raw_headers if name == b"x-seen"] == [b"1"]
    assert "X-Seen" not in shared.headers
    for body in opened.bodies:
        body.close()


@in_loop
async def test_cancellation_while_it_is_opened_leaves_nothing_open(
    path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    inner = files._open

    def slow(path: str) -> Any:
        loop.call_soon_threadsafe(entered.set)
        assert go.wait(10)
        return inner(path)

    monkeypatch.setattr(files, "_open", slow)
    closed = asyncio.Event()
    close = FileBody.close
    monkeypatch.setattr(FileBody, "close", lambda body: (close(body), closed.set()))
    task = asyncio.create_task(answer(serving(one_file(path))))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go.set()
    await closed.wait()
    assert len(opened.bodies) == 1
    assert not opened.open


@in_loop
async def test_cancellation_after_it_was_opened_closes_it_once(path: Path, opened: Opened) -> None:
    app = serving(one_file(path))
    entered = asyncio.Event()

    @app.on_response_prepare
    async def wait(response: Response) -> None:
        entered.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(answer(app))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert opened.closed == opened.bodies
    assert len(opened.bodies) == 1


# -- fields ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "media_type"),
    [
        ("a.html", {}, "text/html; charset=utf-8"),
        ("a.png", {}, "image/png"),
        ("a.tar.gz", {}, "application/octet-stream"),
        ("a", {}, "application/octet-stream"),
        ("a.html", {"content_type": "text/plain"}, "text/plain"),
        ("a.html", {"headers": {"Content-Type": "text/plain"}}, "text/plain"),
    ],
)
def test_media_type_is_guessed_by_the_name(name: str, options: dict[str, Any], media_type: str) -> None:
    assert FileResponse(f"/tmp/{name}", **options).content_type == media_type


@pytest.mark.parametrize(
    ("filename", "field"),
    [
        ("report.pdf", 'attachment; filename="report.pdf"'),
        ("a b (1).txt", 'attachment; filename="a b (1).txt"'),
        ("café.txt", "attachment; filename=\"caf_.txt\"; filename*=UTF-8''caf%C3%A9.txt"),
        ('a"b\r\nX: y', "attachment; filename=\"a_b__X_ y\"; filename*=UTF-8''a%22b%0D%0AX%3A%20y"),
        ("../../etc/passwd", 'attachment; filename="passwd"'),
        ("C:\\dir\\x.txt", 'attachment; filename="x.txt"'),
    ],
)
@in_loop
async def test_downloads_have_a_name(path: Path, filename: str, field: str) -> None:
    response = await answer(serving(one_file(path, filename=filename)), method="HEAD")
    assert dict(response.raw_headers)[b"content-disposition"].decode() == field


@in_loop
async def test_a_name_that_cannot_be_sent_leaves_nothing_open(path: Path, opened: Opened) -> None:
    assert (await answer(serving(one_file(path, filename="\udcff")))).status == 500
    assert opened.closed == opened.bodies
    assert len(opened.bodies) == 1


def test_a_copy_is_of_the_same_file(path: Path) -> None:
    response = FileResponse(path, filename="n")
    copy = response.copy()
    assert (copy.path, copy._filename) == (response.path, "n")
    assert copy.headers is not response.headers
