"""Answers as ASGI messages: streams, errors of `send()`, and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sketch.files.response import FileResponse
from sketch.request import Request
from sketch.response import Response
from sketch.streams.stream import StreamResponse
from sketch.transport import FileBody
from tests.asgi.adapter.support import Ticks, hello
from tests.support.scripts import DISCONNECT, Script, exchange, http_scope, in_loop


@in_loop
async def test_stream() -> None:
    async def chunks() -> Any:
        for data in (b"a", b"", b"b"):
            yield data

    async def handler(request: Request) -> Response:
        return StreamResponse(chunks())

    script = await exchange(handler, Script())
    assert script.body == b"ab"
    assert [message.get("more_body") for message in script.sent] == [None, True, True, True, False]


@in_loop
async def test_disconnect_ends_a_waiting_stream_and_closes_it_once() -> None:
    ticks = Ticks()
    script = await exchange(ticks.handler, Script(DISCONNECT))
    assert (ticks.count, ticks.closed) == (1, 1)
    assert not script.complete


@in_loop
async def test_disconnect_ends_a_stream_that_never_waits() -> None:
    ticks = Ticks(wait=False)
    await exchange(ticks.handler, Script(DISCONNECT))
    assert ticks.closed == 1


@pytest.mark.parametrize("error", [OSError("gone"), BrokenPipeError()])
@pytest.mark.parametrize("limit", [0, 1, 3])
@in_loop
async def test_send_that_raises_closes_the_stream(error: Exception, limit: int) -> None:
    ticks = Ticks(wait=False)
    await exchange(ticks.handler, Script(send_error=error, send_limit=limit))
    assert ticks.closed == (1 if ticks.count else 0)


@pytest.mark.parametrize("limit", [0, 1])
@in_loop
async def test_send_that_raises_oserror_ends_a_plain_answer_quietly(limit: int) -> None:
    await exchange(hello, Script(send_error=OSError("gone"), send_limit=limit))


@in_loop
async def test_error_of_send_is_not_hidden_while_the_client_is_there() -> None:
    with pytest.raises(RuntimeError, match="a bug of the server"):
        await exchange(Ticks(wait=False).handler, Script(send_error=RuntimeError("a bug of the server"), send_limit=2))


@in_loop
async def test_stream_that_fails_is_raised_to_the_server(caplog: pytest.LogCaptureFixture) -> None:
    ticks = Ticks(fail_after=2)
    script = Script()
    with pytest.raises(ValueError, match="broken stream"):
        await exchange(ticks.handler, script, http_scope(target=b"/a%0ab", path="/a\nb"))
    assert ticks.closed == 1
    assert not script.complete
    assert "'/a%0ab'" in caplog.text


@pytest.mark.parametrize(("declared", "sent"), [(3, b"ab"), (1, b"ab")])
@in_loop
async def test_stream_that_is_not_as_long_as_declared(declared: int, sent: bytes) -> None:
    async def chunks() -> Any:
        yield sent

    async def handler(request: Request) -> Response:
        return StreamResponse(chunks(), headers={"Content-Length": str(declared)})

    script = Script()
    with pytest.raises(RuntimeError, match="Content-Length"):
        await exchange(handler, script)
    assert not script.complete
    assert len(script.body) < 3


@in_loop
async def test_stream_of_something_else_than_bytes() -> None:
    async def chunks() -> Any:
        yield "text"

    async def handler(request: Request) -> Response:
        return StreamResponse(chunks())

    with pytest.raises(TypeError, match="expected the application's stream to yield bytes, got 'text'"):
        await exchange(handler, Script())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file.txt"
    path.write_bytes(CONTENT)
    return path


CONTENT = b"0123456789" * 30_000  # so much that it is not read at once


def replace(path: Path) -> None:
    path.unlink()
    path.write_bytes(b"another!!!" * 30_000)


def truncate(path: Path) -> None:
    path.write_bytes(b"012")


def sender(path: Path, opened: list[Any]) -> Any:
    async def handler(request: Request) -> Response:
        response = await FileResponse(path).prepare(request)
        opened.append(response.body)
        return response

    return handler


@pytest.mark.parametrize("extensions", [None, {}, {"http.response.pathsend": {}}, {"http.response.zerocopysend": {}}])
@in_loop
async def test_file(file: Path, extensions: Any) -> None:
    opened: list[Any] = []
    script = await exchange(sender(file, opened), Script(), http_scope(extensions=extensions))
    assert opened[0].file.closed
    assert script.headers[b"content-length"] == b"300000"
    last = script.sent[-1]
    if not extensions:
        assert script.body == CONTENT
        assert script.complete
    elif "http.response.pathsend" in extensions:
        assert last == {"type": "http.response.pathsend", "path": str(file)}
    else:
        assert (last["type"], last["offset"], last["count"]) == ("http.response.zerocopysend", 0, 300_000)


@in_loop
async def test_part_of_a_file_is_not_sent_by_its_path(file: Path) -> None:
    headers = ((b"host", b"test"), (b"range", b"bytes=2-280001"))
    scope = http_scope(headers=headers, extensions={"http.response.pathsend": {}})
    script = await exchange(sender(file, []), Script(), scope)
    assert (script.status, script.body) == (206, CONTENT[2:280_002])


@pytest.mark.parametrize("extension", ["http.response.pathsend", "http.response.zerocopysend"])
@in_loop
async def test_several_parts_of_a_file_are_a_stream(file: Path, extension: str) -> None:
    headers = ((b"host", b"test"), (b"range", b"bytes=0-2,5-280001"))
    script = await exchange(sender(file, []), Script(), http_scope(headers=headers, extensions={extension: {}}))
    assert script.status == 206
    assert script.headers[b"content-length"] == str(len(script.body)).encode()
    assert CONTENT[5:280_002] in script.body
    assert script.complete


@in_loop
async def test_a_file_whose_name_is_not_trusted_is_not_sent_by_its_path(file: Path) -> None:
    async def handler(request: Request) -> Response:
        response: Response = await sender(file, [])(request)
        assert isinstance(response.body, FileBody)
        response.body.by_name = False
        return response

    script = await exchange(handler, Script(), http_scope(extensions={"http.response.pathsend": {}}))
    assert script.body == CONTENT


@in_loop
async def test_replaced_file_is_not_sent_by_its_path(file: Path) -> None:
    opened: list[Any] = []

    async def handler(request: Request) -> Response:
        response: Response = await sender(file, opened)(request)
        replace(file)
        return response

    script = await exchange(handler, Script(), http_scope(extensions={"http.response.pathsend": {}}))
    assert script.body == CONTENT


@in_loop
async def test_file_that_shrinks_aborts(file: Path) -> None:
    opened: list[Any] = []

    async def handler(request: Request) -> Response:
        response: Response = await sender(file, opened)(request)
        truncate(file)
        return response

    script = Script()
    with pytest.raises(RuntimeError, match="shrunk"):
        await exchange(handler, script)
    assert not script.complete
    assert opened[0].file.closed


@in_loop
async def test_file_is_closed_when_the_client_is_gone(file: Path) -> None:
    opened: list[Any] = []
    await exchange(sender(file, opened), Script(send_error=OSError()))
    assert opened[0].file.closed
