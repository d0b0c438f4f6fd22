"""The conversation with a foreign application: work after its answer, wrong messages, and its end."""

from __future__ import annotations

import asyncio
import logging

import pytest

from sketch.lifecycle import background
from sketch_native import server
from tests.asgi.hosting.serving import MODES, Message, Receive, Send, answer, app_of, errors, hosting, part, start
from tests.support.native import until
from tests.support.scripts import in_loop
from tests.support.wire import Broken

pytestmark = pytest.mark.parametrize("mode", MODES)


# -- work after the answer --------------------------------------------------------------------------------------------


@in_loop
async def test_work_after_the_answer_does_not_delay_the_next_request(mode: str) -> None:
    leave, notes = asyncio.Event(), []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        async with asyncio.timeout(15):  # entered and left in the same task
            await answer(send, scope["query_string"])
            await leave.wait()
        assert await receive() == {"type": "http.disconnect"}
        notes.append(scope["query_string"])

    async with hosting(app_of(app), mode) as client:
        async with client.connect() as wire:
            await wire.send(client.head("GET", "/?1") + client.head("GET", "/?2"))
            assert [(await wire.receive()).body, (await wire.receive()).body] == [b"1", b"2"]
            assert notes == []
        leave.set()
    assert sorted(notes) == [b"1", b"2"]


@in_loop
async def test_work_after_the_answer_has_the_grace_period(mode: str) -> None:
    notes = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await answer(send)
        try:
            await asyncio.sleep(30 if scope["query_string"] else 0.02)
            notes.append("done")
        except asyncio.CancelledError:
            notes.append("cancelled")
            raise

    async with hosting(app_of(app), mode) as client:
        await client.get()
    assert notes == ["done"]
    async with hosting(app_of(app), mode, shutdown_timeout=0.02) as client:
        await client.get("/?long")
    assert notes == ["done", "cancelled"]


@in_loop
async def test_errors_after_the_answer_are_logged(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await answer(send)
        raise LookupError("too late")

    async with hosting(app_of(app), mode) as client:
        assert (await client.get()).body == b"ok"
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "after its answer to <Request GET /" in record.getMessage()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], LookupError)


# -- failures ---------------------------------------------------------------------------------------------------------


@in_loop
async def test_an_error_before_the_answer_is_a_500(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["query_string"]:
            await send(start(200, (b"content-length", b"5")))
        raise LookupError("broken")

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        for target in ("/", "/?begun"):
            await wire.send(client.head("GET", target))
            reply = await wire.receive()
            assert (reply.status, reply.body) == (500, b"500 Internal Server Error")
    assert errors(caplog) == ["broken", "broken"]


@in_loop
async def test_an_error_in_a_stream_breaks_the_answer(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start())
        await send(part(b"half"))
        if not scope["query_string"]:
            raise LookupError("broken")

    async with hosting(app_of(app), mode) as client:
        for target in ("/", "/?returns"):
            with pytest.raises(Broken):
                await client.get(target)
    assert errors(caplog) == [
        "broken", "expected the ASGI application to send the end of its response before it returned",
    ]  # fmt: skip


@in_loop
async def test_no_answer_is_a_500(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["query_string"]:
            await send(start())

    async with hosting(app_of(app), mode) as client:
        for target in ("/", "/?begun"):
            assert (await client.get(target)).status == 500
    assert errors(caplog) == ["expected the ASGI application to send a response before it returned"] * 2


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([part(b"x")], "RuntimeError: expected http.response.start, got 'http.response.body'"),
        ([start(), start()], "RuntimeError: expected http.response.body, got 'http.response.start'"),
        ([start(), part(b"x"), start()], "RuntimeError: expected http.response.body, got 'http.response.start'"),
        (
            [start(), part(b"x", more=False), part(b"y")],
            "RuntimeError: expected nothing after the end of the answer, got 'http.response.body'",
        ),
        (
            [start(), part(b"x", more=False), start()],
            "RuntimeError: expected nothing after the end of the answer, got 'http.response.start'",
        ),
        ([{"type": "http.response.trailers"}], "expected http.response.start, got 'http.response.trailers'"),
        ([start(), {"type": "http.response.zerocopysend", "path": "/x"}], "got 'http.response.zerocopysend'"),
        ([start(), part("text")], "TypeError: expected a body of bytes in http.response.body, got 'text'"),
        ([start(99), part()], "ValueError: expected a final status from 200 to 599, got 99"),
        ([start(200, (b"a b", b"x")), part()], "ValueError: expected a header name of token characters"),
        ([start(200, (b"x", b"a\r\nb")), part()], "ValueError: expected no control characters in header b'x'"),
        ([start(200, ("x", b"y")), part()], "TypeError: expected header names of bytes, got 'x'"),
        ([start(200, (b"x", "y")), part()], "TypeError: expected header values of bytes, got 'y' for b'x'"),
        ([start(200, (b"content-length", b"x")), part()], "ValueError: expected one Content-Length of digits, got "),
        ([start(200, (b"content-length", b"9")), part(b"x", more=False)], "ValueError: expected Content-Length 1, "),
    ],
)  # fmt: skip
def test_wrong_messages(mode: str, messages: list[Message], error: str) -> None:
    """`send()` raises in the application; if the error passes through, it is answered like any other."""
    found: list[str] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        try:
            for message in messages:
                await send(message)
        except Exception as exc:
            found.append(f"{type(exc).__name__}: {exc}")
            raise

    @in_loop
    async def run() -> None:
        async with hosting(app_of(app), mode) as client:
            try:
                status = (await client.get()).status
            except Broken:
                status = 0
        whole = messages[1:] and messages[1] == part(b"x", more=False) and "after the end" in error
        begun = len(messages) > 2 and not whole
        assert status == (200 if whole else 0 if begun else 500)

    run()
    if mode == "native" or ("header" not in error and "status" not in error and "Content-Length" not in error):
        assert len(found) == 1
        assert error in found[0]


# -- ends -------------------------------------------------------------------------------------------------------------


@in_loop
async def test_an_application_that_never_answers(mode: str) -> None:
    running, notes = asyncio.Event(), []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        running.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            notes.append("cancelled")
            raise

    async with hosting(app_of(app), mode, shutdown_timeout=0.02) as client, client.connect() as wire:
        await wire.send(client.head())
        await running.wait()
        await client.served.server.stop()
        assert (await wire.ended()).startswith(b"HTTP/1.1 503 ")
    assert notes == ["cancelled"]


@in_loop
async def test_an_application_that_does_not_let_itself_be_cancelled(
    mode: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "CANCELLED_GRACE", 0.02)
    monkeypatch.setattr(background, "CANCELLED_GRACE", 0.02)
    running, leave, notes = asyncio.Event(), asyncio.Event(), []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        running.set()
        while not leave.is_set():
            try:
                await leave.wait()
            except asyncio.CancelledError:
                continue
        try:
            await answer(send)
        except OSError:
            notes.append("nobody waits")

    async with hosting(app_of(app), mode, shutdown_timeout=0.02) as client:
        async with client.connect() as wire:
            await wire.send(client.head())
            await running.wait()
            await client.served.server.stop()
        assert "left behind" in caplog.text
        leave.set()
        await until(lambda: len(asyncio.all_tasks()) == 1, "its end")
    # Natively the application still writes its answer itself, and a half-closed client may still read it.
    assert notes == (["nobody waits"] if mode == "mounted" else [])
