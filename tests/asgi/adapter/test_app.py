"""One scope through the whole adapter, under a server that keeps to the letter of ASGI and no more."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from sketch.files.response import FileResponse
from sketch.request import Request
from sketch.response import Response
from sketch.streams.stream import StreamResponse
from sketch.transport import ClientDisconnected, FileBody
from sketch_asgi.app import ASGIApplication
from tests.support.scripts import (
    DISCONNECT,
    END,
    Script,
    application,
    chunk,
    exchange,
    http_scope,
    in_loop,
    started,
    until,
)

POST = ((b"host", b"test"), (b"content-length", b"6"))


async def hello(request: Request) -> Response:
    return Response("hello")


class Ticks:
    """An endless stream that knows how often it was closed."""

    def __init__(self, fail_after: int | None = None, wait: bool = True) -> None:
        self.closed = 0
        self.count = 0
        self.task: Any = None
        self._fail_after = fail_after
        self._wait = wait

    async def chunks(self) -> Any:
        self.task = asyncio.current_task()
        try:
            while True:
                if self.count == self._fail_after:
                    raise ValueError("broken stream")
                self.count += 1
                yield b"tick"
                if self._wait and self._fail_after is None:
                    await asyncio.Event().wait()
        finally:
            self.closed += 1
            assert asyncio.current_task() is self.task

    async def handler(self, request: Request) -> Response:
        return StreamResponse(self.chunks())


@in_loop
async def test_plain_answer_is_two_messages() -> None:
    script = await exchange(hello, Script())
    assert [message["type"] for message in script.sent] == ["http.response.start", "http.response.body"]
    assert (script.status, script.body) == (200, b"hello")
    assert script.headers[b"content-length"] == b"5"
    assert script.receives == 0


@in_loop
async def test_head_has_no_body() -> None:
    script = await exchange(hello, Script(), http_scope("HEAD"))
    assert (script.body, script.headers[b"content-length"]) == (b"", b"5")
    assert script.complete


@in_loop
async def test_what_the_request_knows_of_the_connection() -> None:
    seen: dict[str, Any] = {}

    async def handler(request: Request) -> Response:
        seen.update(client=request.client, server=request.connection.server, scheme=request.scheme)
        seen.update(state=request.state, tls=request.connection.tls, trailers=list(request.trailers))
        return Response()

    scope = http_scope(client=("::1", "5"), server=["h", "81"], scheme="https", state={"a": 1})
    scope["extensions"] = {"tls": {"version": "TLSv1.3"}}
    app = application(handler)
    app.state["b"] = 2
    await started(app)(scope, Script().receive, Script().send)
    assert seen == {
        "client": ("::1", 5), "server": ("h", 81), "scheme": "https",
        "state": {"a": 1, "b": 2}, "tls": {"version": "TLSv1.3"}, "trailers": [],
    }  # fmt: skip
    seen["state"]["c"] = 3
    assert app.state == {"b": 2}
    await started(app)(http_scope(client=None, server=("/run/x.sock", None)), Script().receive, Script().send)
    assert (seen["client"], seen["server"], seen["tls"]) == (None, ("/run/x.sock", 0), None)


@in_loop
async def test_unknown_attribute_of_the_connection() -> None:
    async def handler(request: Request) -> Response:
        return Response(str(hasattr(request.connection, "nothing")))

    assert (await exchange(handler, Script())).body == b"False"


@pytest.mark.parametrize(
    "scope",
    [http_scope(headers=[]), http_scope(headers=[(b"host", b"a")] * 2), http_scope(target=b"/\xff")],
)
@in_loop
async def test_refused_heads_never_reach_the_application(scope: dict[str, Any]) -> None:
    async def handler(request: Request) -> Response:
        raise AssertionError("reached")

    script = await exchange(handler, Script(), scope)
    assert script.status == 400
    assert script.headers[b"content-type"] == b"text/plain; charset=utf-8"
    assert script.complete


async def echo(request: Request) -> Response:
    return Response(await request.read())


@in_loop
async def test_body_is_read() -> None:
    script = await exchange(
        echo, Script(chunk(b"abc"), chunk(b""), chunk(b"def"), END), http_scope("POST", headers=POST)
    )
    assert script.body == b"abcdef"


@pytest.mark.parametrize("before", [[], [chunk(b"abc")]])
@in_loop
async def test_truncated_body_gets_no_answer(before: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sketch")
    script = await exchange(echo, Script(*before, DISCONNECT), http_scope("POST", headers=POST))
    assert script.sent == []
    assert "left before the end of the request body" in caplog.text


@in_loop
async def test_short_body_of_a_client_that_stays_is_refused() -> None:
    script = await exchange(echo, Script(chunk(b"abc"), END), http_scope("POST", headers=POST))
    assert script.status == 400


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
    assert "'/a\\nb'" in caplog.text


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


@in_loop
async def test_cancellation_passes_through_and_closes() -> None:
    ticks = Ticks()
    task = asyncio.create_task(exchange(ticks.handler, Script()))
    await until(lambda: ticks.count)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ticks.closed == 1


@in_loop
async def test_handler_may_wait_for_the_client_to_leave() -> None:
    async def handler(request: Request) -> Response:
        await request.wait_disconnected()
        raise ClientDisconnected("seen")

    assert (await exchange(handler, Script(DISCONNECT))).sent == []


@in_loop
async def test_waiting_task_does_not_outlive_the_exchange() -> None:
    waiting: list[asyncio.Task[None]] = []

    async def handler(request: Request) -> Response:
        waiting.append(asyncio.create_task(request.wait_disconnected()))
        await asyncio.sleep(0)
        return Response("done")

    assert (await exchange(handler, Script())).body == b"done"
    await waiting[0]


@in_loop
async def test_one_response_in_two_exchanges_at_once() -> None:
    ok = Response("ok")
    gate = asyncio.Event()

    class Slow(Script):
        async def send(self, message: dict[str, Any]) -> None:
            await gate.wait()
            await super().send(message)

    async def handler(request: Request) -> Response:
        return ok

    asgi = started(application(handler))
    slow, head = Slow(), Script()
    first = asyncio.create_task(asgi(http_scope(), slow.receive, slow.send))
    await asyncio.sleep(0)
    await asgi(http_scope("HEAD"), head.receive, head.send)
    gate.set()
    await first
    assert (slow.body, head.body) == (b"ok", b"")


@pytest.mark.parametrize("kind", ["http2", "", "smtp"])
@in_loop
async def test_unknown_scope_type(kind: str) -> None:
    with pytest.raises(RuntimeError, match=f"expected a scope of type .*, got {kind!r}"):
        await ASGIApplication(application(hello))({"type": kind}, Script().receive, Script().send)


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


@in_loop
async def test_access_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sketch.access")
    asgi = started(application(hello))
    asgi.access_log = True
    await asgi(http_scope(target=b"/a?b"), Script().receive, Script().send)
    await asgi(http_scope(headers=[], target=b'/"\x1b'), Script().receive, Script().send)
    lines = [record.getMessage().rpartition(" ")[0] for record in caplog.records]
    assert lines[0] == '192.0.2.1:1234 "GET /a?b" 200 5'
    assert lines[1].startswith('192.0.2.1:1234 "GET /\\"\\x1b" 400 ')
