"""Files for responses: what is opened, what is read at once, and that each file is closed exactly once."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from sketch.exceptions import HTTPNotFound
from sketch.files.byteranges import FileParts
from sketch.files.opened import open_regular
from sketch.files.plan import plan_file
from sketch.files.response import FileResponse
from sketch.request import Request
from sketch.response import Response
from sketch.transport import FileBody, close_body
from tests.core.files.support import LARGE, PARTS, Opened, descriptors, one_file, serving
from tests.support.requests import Peer, answer, in_loop, make_request

# -- what is opened ----------------------------------------------------------------------------------------------------


@in_loop
async def test_a_small_file_is_read_and_closed_at_once(path: Path, opened: Opened) -> None:
    response = await answer(serving(one_file(path)))
    assert (response.status, response.length, response.payload) == (200, 100, b"0123456789" * 10)
    assert (b"content-type", b"text/html; charset=utf-8") in response.fields
    assert (len(opened.taken), opened.bodies, opened.closed, descriptors()) == (1, [], [], [])


@in_loop
async def test_a_large_file_stays_open(large: Path, opened: Opened) -> None:
    response = await answer(serving(one_file(large)))
    body = response.payload
    assert isinstance(body, FileBody)
    assert (response.status, response.length, body.offset, body.count) == (200, LARGE, 0, LARGE)
    assert body.path == str(large)
    assert body.file.read(3) == b"012"
    assert opened.closed == [], "now it is the adapter's"
    body.close()


@pytest.mark.parametrize(("most", "stays_open"), [(LARGE - 1, True), (LARGE, False), (0, True)])
@in_loop
async def test_the_connection_sets_the_limit_for_small_files(
    large: Path, opened: Opened, most: int, stays_open: bool
) -> None:
    peer = Peer()
    peer.small_file = most  # type: ignore[attr-defined]
    response = await answer(serving(one_file(large)), connection=peer)
    assert isinstance(response.payload, FileBody) is stays_open
    await close_body(response.payload)


@in_loop
async def test_a_small_part_of_a_large_file_is_read_too(large: Path, opened: Opened) -> None:
    response = await answer(serving(one_file(large)), headers=[(b"range", b"bytes=5-7")])
    assert (response.status, response.payload) == (206, b"567")
    assert opened.bodies == []


@in_loop
async def test_several_parts_of_a_file(path: Path, opened: Opened) -> None:
    response = await answer(serving(one_file(path)), headers=PARTS)
    body = response.payload
    assert isinstance(body, FileParts)
    assert (response.status, response.length) == (206, body.length)
    fields = dict(response.fields)
    assert fields[b"content-type"] == body.content_type.encode()
    assert b"content-range" not in fields
    whole = b"".join([chunk async for chunk in body])
    assert whole.count(b"Content-Type: text/html; charset=utf-8\r\nContent-Range: bytes ") == 2
    assert opened.closed == [body]


@pytest.mark.parametrize(
    ("method", "headers", "status", "length"),
    [
        ("HEAD", [], 200, LARGE),
        ("HEAD", PARTS, 200, LARGE),
        ("GET", [(b"if-none-match", b"*")], 304, None),
        ("POST", [(b"if-none-match", b"*")], 412, None),
        ("GET", [(b"range", b"bytes=100000-")], 416, None),
    ],
)
@in_loop
async def test_answers_without_file_bytes_leave_nothing_open(
    large: Path, opened: Opened, method: str, headers: Any, status: int, length: int | None
) -> None:
    response = await answer(serving(one_file(large)), method=method, headers=headers)
    assert response.status == status
    assert isinstance(response.payload, bytes)
    assert (len(opened.taken), opened.closed, descriptors()) == (1, opened.bodies, [])
    if length is not None:
        assert response.length == length
    if status in (412, 416):
        assert dict(response.fields)[b"content-type"] == b"text/plain; charset=utf-8"


@pytest.mark.parametrize("kind", ["missing", "directory", "fifo", "socket", "below a file", "long name", "loop", "nul"])
@in_loop
async def test_anything_but_a_file_is_a_404(tmp_path: Path, kind: str) -> None:
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
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "nul":
        path = tmp_path / "x\0y"
    with pytest.raises(HTTPNotFound):
        await FileResponse(path).prepare(make_request())
    assert (await answer(serving(one_file(path)))).status == 404


@in_loop
async def test_an_unreadable_file_is_a_500(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(path: str) -> Any:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("sketch.files.response.open_regular", refuse)
    assert (await answer(serving(one_file(path)))).status == 500
    assert "Permission denied" in caplog.text


@in_loop
async def test_a_file_that_shrinks_before_it_is_read_is_a_500(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plan = plan_file

    def shrink(*args: Any) -> Any:
        os.truncate(path, 50)
        return plan(*args)

    monkeypatch.setattr("sketch.files.opened.plan_file", shrink)
    assert (await answer(serving(one_file(path)))).status == 500
    assert "has become shorter" in caplog.text
    assert descriptors() == []


@pytest.mark.parametrize("field", [("ETag", "v1"), ("Content-Type", "text/plain\r\nX: y")])
@in_loop
async def test_answers_that_cannot_be_sent_leave_nothing_open(
    path: Path, opened: Opened, field: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async def handler() -> Response:
        response = FileResponse(path)
        response.headers[field[0]] = field[1]
        return response

    assert (await answer(serving(handler), headers=PARTS)).status == 500
    assert opened.closed == opened.bodies
    assert descriptors() == []


# -- closing the file when something else is sent ----------------------------------------------------------------------


both = pytest.mark.parametrize("headers", [[], PARTS], ids=["whole", "parts"])


@both
@in_loop
async def test_a_hook_that_fails_closes_it_once(
    large: Path, opened: Opened, headers: Any, caplog: pytest.LogCaptureFixture
) -> None:
    app = serving(one_file(large))

    @app.on_response_prepare
    async def fail(response: Response) -> None:
        raise ValueError("broken hook")

    assert (await answer(app, headers=headers)).status == 500
    assert opened.closed == opened.bodies
    assert len(opened.bodies) == 1


@pytest.mark.parametrize("with_file", [False, True])
@both
@in_loop
async def test_a_hook_that_replaces_it_closes_it_once(
    large: Path, opened: Opened, with_file: bool, headers: Any
) -> None:
    app = serving(one_file(large))

    @app.after_request
    async def replace(response: Response) -> Response:
        return FileResponse(large) if with_file else Response("instead")

    response = await answer(app, headers=headers)
    assert len(opened.bodies) == 1 + with_file
    assert opened.bodies[-1] not in opened.closed or not with_file
    await close_body(response.payload)
    assert sorted(map(id, opened.closed)) == sorted(map(id, opened.bodies))


@both
@in_loop
async def test_an_outer_middleware_that_replaces_or_asks_twice_leaves_nothing_open(
    large: Path, opened: Opened, headers: Any
) -> None:
    async def twice(request: Request, handler: Any) -> Response:
        await handler(request)
        second: Response = await handler(request)
        return second

    async def instead(request: Request, handler: Any) -> Response:
        await handler(request)
        return Response("instead")

    response = await answer(serving(one_file(large), outer_middlewares=[twice]), headers=headers)
    assert opened.bodies[1] not in opened.closed
    await close_body(response.payload)
    replaced = await answer(serving(one_file(large), outer_middlewares=[instead]), headers=headers)
    assert replaced.payload == b"instead"
    assert len(opened.bodies) == 3
    assert sorted(map(id, opened.closed)) == sorted(map(id, opened.bodies))


@in_loop
async def test_an_inner_middleware_sees_the_response_before_anything_is_open(large: Path, opened: Opened) -> None:
    async def look(request: Request, handler: Any) -> Response:
        response: Response = await handler(request)
        assert isinstance(response, FileResponse)
        assert opened.taken == []
        response.headers["X-Seen"] = "1"
        return response

    shared = FileResponse(large)

    async def handler() -> Response:
        return shared

    response = await answer(serving(handler, middlewares=[look]))
    assert [value for name, value in response.fields if name == b"x-seen"] == [b"1"]
    assert "X-Seen" not in shared.headers
    opened.bodies[0].close()


@both
@in_loop
async def test_cancellation_while_it_is_opened_leaves_nothing_open(
    large: Path, opened: Opened, headers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go, closed = asyncio.Event(), threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    inner = open_regular

    def slow(path: str) -> Any:
        loop.call_soon_threadsafe(entered.set)
        assert go.wait(10)
        return inner(path)

    monkeypatch.setattr("sketch.files.response.open_regular", slow)
    kind = FileParts if headers else FileBody
    close = kind.close
    monkeypatch.setattr(kind, "close", lambda body: (close(body), closed.set()))
    task = asyncio.create_task(answer(serving(one_file(large)), headers=headers))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go.set()
    await closed.wait()
    assert opened.closed == opened.bodies
    assert len(opened.bodies) == 1


@both
@in_loop
async def test_cancellation_after_it_was_opened_closes_it_once(large: Path, opened: Opened, headers: Any) -> None:
    app = serving(one_file(large))
    entered = asyncio.Event()

    @app.on_response_prepare
    async def wait(response: Response) -> None:
        entered.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(answer(app, headers=headers))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert opened.closed == opened.bodies
    assert len(opened.bodies) == 1
