"""What an ASGI application that is not ours is told and may answer: served natively, and mounted in one of ours."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextvars import ContextVar
from typing import Any

import pytest

from sketch import Application, Limits, Request, Response, current_request
from sketch.lifecycle import background
from sketch.testing import TestClient
from sketch_asgi.hosting import conversation
from sketch_native import ServerLimits, server
from tests.asgi.hosting.serving import MODES, PREFIX, Message, Receive, Send, answer, app_of, hosting, part, start
from tests.support.native import until
from tests.support.scripts import in_loop
from tests.support.wire import Broken

pytestmark = pytest.mark.parametrize("mode", MODES)


# -- the scope --------------------------------------------------------------------------------------------------------


class Seen:
    """An application that keeps its scopes."""

    def __init__(self) -> None:
        self.scopes: list[Message] = []

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            scope["state"].update(pool="p", names=["shared"])
            assert await receive() == {"type": "lifespan.startup"}
            await send({"type": "lifespan.startup.complete"})
            assert await receive() == {"type": "lifespan.shutdown"}
            await send({"type": "lifespan.shutdown.complete"})
            return
        scope["state"]["mine"] = len(self.scopes)
        self.scopes.append(scope)
        await answer(send)


@in_loop
async def test_scope(mode: str) -> None:
    app = Seen()
    async with hosting(app, mode) as client:
        async with client.connect() as wire:
            fields = [("Two", "1"), ("Accept", "a"), ("Two", "\xe9")]
            await wire.send(client.head("POST", "/a%20b%2Fc/%C3%A9?q=%20&x", fields, b"12"))
            assert (await wire.receive()).body == b"ok"
            peer = wire.writer.get_extra_info("sockname")
        server = ("127.0.0.1", client.served.server.port)
    prefix = client.prefix
    (scope,) = app.scopes
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.5"}
    assert {name: scope[name] for name in ("type", "http_version", "method", "scheme")} == {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http",
    }  # fmt: skip
    assert scope["path"] == f"{prefix}/a b/c/é"
    assert scope["raw_path"] == f"{prefix}/a%20b%2Fc/%C3%A9".encode()
    assert scope["query_string"] == b"q=%20&x"
    assert scope["root_path"] == prefix
    assert scope["headers"] == [
        (b"host", b"x"), (b"two", b"1"), (b"accept", b"a"), (b"two", b"\xe9"), (b"content-length", b"2"),
    ]  # fmt: skip
    assert (scope["client"], scope["server"]) == (peer[:2], server)
    assert scope["extensions"] == {}
    assert scope["state"] == {"pool": "p", "names": ["shared"], "mine": 0}


@in_loop
async def test_each_request_has_a_state_and_headers_of_its_own(mode: str) -> None:
    app = Seen()
    async with hosting(app, mode) as client:
        for _ in range(2):
            await client.get()
            app.scopes[-1]["headers"].append((b"x", b"y"))
    first, second = app.scopes
    assert (first["state"]["mine"], second["state"]["mine"]) == (0, 1)
    assert first["state"]["names"] is second["state"]["names"]  # the copy is a shallow one
    assert len(first["headers"]) == len(second["headers"]) == 2


@in_loop
async def test_root_path_is_a_part_of_the_path(mode: str) -> None:
    app = Seen()
    async with hosting(app, mode, root_path="/api%20x/") as client:
        await client.get("/y")
    (scope,) = app.scopes
    assert scope["root_path"] == "/api x" + client.prefix
    assert scope["path"] == f"/api x{client.prefix}/y"
    assert scope["raw_path"] == f"/api%20x{client.prefix}/y".encode()


@in_loop
async def test_http_1_0(mode: str) -> None:
    app = Seen()
    async with hosting(app, mode) as client, client.connect() as wire:
        await wire.send(f"GET {client.prefix}/ HTTP/1.0\r\n\r\n".encode())
        reply = await wire.receive()
    assert (reply.body, reply.header("connection")) == (b"ok", "close")
    assert app.scopes[0]["http_version"] == "1.0"


# -- answers ----------------------------------------------------------------------------------------------------------


@in_loop
async def test_a_whole_answer(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        fields = [(b"X-Two", b"1"), [b"x-two", b"\xe9"], (b"content-type", b"text/x")]
        if scope["path"].endswith("/sized"):
            fields.append((b"Content-Length", b"4"))
        await answer(send, memoryview(b"body"), 201, *fields)

    async with hosting(app_of(app), mode) as client:
        for target in ("/", "/sized", "/sized"):  # once as it comes, once as it is known
            reply = await client.get(target)
            assert (reply.status, reply.body) == (201, b"body")
            assert reply.all("x-two") == ["1", "\xe9"]
            assert (reply.header("content-type"), reply.header("content-length")) == ("text/x", "4")


@in_loop
async def test_whole_answers_in_every_situation(mode: str) -> None:
    """There is a short way for most of them: each comes twice, at first unknown, and all have to be the same."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        size = int(scope["query_string"] or b"4")
        await answer(send, b"x" * size, 200, (b"content-type", b"text/%d" % size), (b"content-length", b"%d" % size))

    async with hosting(app_of(app), mode) as client:
        target = f"{client.prefix}/"
        for _ in range(2):
            async with client.connect() as wire:
                for size in (0, 4, 300_000):
                    await wire.send(client.head("GET", f"/?{size}"))
                    reply = await wire.receive()
                    assert (len(reply.body), reply.header("content-type")) == (size, f"text/{size}")
                    assert (reply.header("content-length"), reply.header("connection")) == (str(size), None)
                await wire.send(client.head("GET") * 3)
                assert [(await wire.receive()).body for _ in range(3)] == [b"xxxx"] * 3
                await wire.send(client.head("HEAD"))
                assert (await wire.receive("HEAD")).header("content-length") == "4"
                await wire.send(client.head("GET", "/", [("Connection", "close")]))
                assert (await wire.receive()).header("connection") == "close"
                assert await wire.ended() == b""
            for version, connection in (("1.0", "close"), ("1.0\r\nConnection: keep-alive", "keep-alive")):
                async with client.connect() as wire:
                    await wire.send(f"GET {target} HTTP/{version}\r\nHost: x\r\n\r\n".encode())
                    reply = await wire.receive()
                    assert (reply.body, reply.header("connection")) == (b"xxxx", connection)
            async with client.connect() as wire:
                await wire.send(client.head("POST", "/", [("Content-Length", "4"), ("Expect", "100-continue")]))
                reply = await wire.receive()  # nobody has told it to go on, and it may do so all the same
                assert (reply.body, reply.header("connection")) == (b"xxxx", "close")


@in_loop
async def test_an_answer_without_headers_or_body(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    async with hosting(app_of(app), mode) as client:
        reply = await client.get()
    assert (reply.status, reply.body, reply.header("content-length")) == (204, b"", None)


@in_loop
async def test_fields_that_can_be_read_once(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        fields = iter([(b"x-one", b"1"), (b"x-two", b"2")])
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": b"body"})

    async with hosting(app_of(app), mode) as client:
        reply = await client.get()
    assert (reply.header("x-one"), reply.header("x-two"), reply.body) == ("1", "2", b"body")


@in_loop
async def test_framing_is_the_servers(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await answer(send, b"body", 200, (b"Transfer-Encoding", b"chunked"), (b"connection", b"close"))

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        await wire.send(client.head())
        reply = await wire.receive()
        assert (reply.body, reply.header("transfer-encoding")) == (b"body", None)
        assert reply.header("connection") == "close"
        assert await wire.ended() == b""


@in_loop
async def test_a_stream_arrives_as_it_is_sent(mode: str) -> None:
    more = asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start())
        await send(part(b"one"))
        await more.wait()
        await send(part(b""))
        await send(part(b"two", more=False))

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        await wire.send(client.head())
        reply = await wire.head()
        body = wire.body(reply, "GET")
        assert await anext(body) == b"one"
        more.set()
        assert [chunk async for chunk in body] == [b"two"]
        await wire.send(client.head())  # the connection is still good
        assert (await wire.receive()).body == b"onetwo"


@in_loop
async def test_a_stream_with_an_announced_length(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start(200, (b"content-length", b"6")))
        for body in scope["query_string"].split(b"-"):
            await send(part(body))
        await send(part(b"", more=False))

    async with hosting(app_of(app), mode) as client:
        reply = await client.get("/?one-two")
        assert (reply.body, reply.header("content-length")) == (b"onetwo", "6")
        with pytest.raises(Broken):
            await client.get("/?one")
        async with client.connect() as wire:
            await wire.send(client.head("GET", "/?one-two-more"))
            with contextlib.suppress(Broken):
                assert (await wire.receive()).body == b"onetwo"
            assert await wire.ended() == b""  # nothing of what is too much


@in_loop
async def test_nothing_is_sent_where_nothing_may_be(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        status = int(scope["query_string"] or b"200")
        if scope["path"].endswith("/stream"):
            await send(start(status))
            await send(part(b"one"))
            await send(part(b"two", more=False))
        else:
            await answer(send, b"body", status, *([] if status == 204 else [(b"content-length", b"4")]))

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        for method, target, length in (
            ("HEAD", "/", "4"), ("HEAD", "/stream", None), ("GET", "/?204", None), ("GET", "/stream?204", None),
            ("GET", "/?304", None), ("GET", "/stream?304", None), ("GET", "/", "4"),
        ):  # fmt: skip
            await wire.send(client.head(method, target))
            reply = await wire.receive(method)
            assert reply.header("content-length") == length, (method, target)
            assert bool(reply.body) == (target == "/" and method == "GET")


@in_loop
async def test_what_nobody_wants_is_dropped_and_then_ended(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "ABANDONED_GRACE", 0.02)
    told, ended = asyncio.Event(), asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start())
        try:
            await send(part(b"x"))
            assert await receive() == {"type": "http.request", "body": b"", "more_body": False} or told.is_set()
            assert await receive() == {"type": "http.disconnect"}
            told.set()
            while True:
                await send(part(b"x"))
        finally:
            ended.set()

    async with hosting(app_of(app), mode) as client:
        reply = await client.request("HEAD")
        assert (reply.status, reply.body) == (200, b"")
        await ended.wait()
    assert told.is_set() or mode == "native"


@in_loop
async def test_the_application_waits_while_nobody_reads(mode: str) -> None:
    sent = 0

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        nonlocal sent
        await send(start())
        for _ in range(1000):
            await send(part(bytes(64 * 1024)))
            sent += 1
        await send(part(b"", more=False))

    async with hosting(app_of(app), mode) as client, client.connect(receive_buffer=16 * 1024) as wire:
        wire.pause()
        await wire.send(client.head())
        seen = -1
        while seen != sent:  # until it stands still
            seen = sent
            await asyncio.sleep(0.05)
        assert 0 < sent < 200
        wire.resume()
        assert len((await wire.receive()).body) == 1000 * 64 * 1024


@in_loop
async def test_two_tasks_may_send(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        async def many(byte: bytes) -> None:
            for _ in range(50):
                await send(part(byte * 20_000))

        await send(start())
        async with asyncio.TaskGroup() as group:
            group.create_task(many(b"a"))
            group.create_task(many(b"b"))
        await send(part(b"", more=False))

    async with hosting(app_of(app), mode) as client:
        body = (await client.get()).body
    assert (body.count(b"a"), body.count(b"b")) == (1_000_000, 1_000_000)


# -- work after the answer --------------------------------------------------------------------------------------------


@in_loop
async def test_nobody_waits_for_what_follows_the_answer(mode: str) -> None:
    leave, notes = asyncio.Event(), []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        async with asyncio.timeout(15):  # whose task it is, it must stay
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
async def test_it_has_the_grace_period_to_end(mode: str) -> None:
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


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(record.exc_info[1]) for record in caplog.records if record.exc_info and record.levelno == logging.ERROR]


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
        ([start(), {"type": "http.response.pathsend", "path": "/x"}], "got 'http.response.pathsend'"),
        ([start(), part("text")], "TypeError: expected a body of bytes in http.response.body, got 'text'"),
        ([start(99), part()], "ValueError: expected a final status from 200 to 999, got 99"),
        ([start(200, (b"a b", b"x")), part()], "ValueError: expected a header name of token characters"),
        ([start(200, (b"x", b"a\r\nb")), part()], "ValueError: expected no control characters in header b'x'"),
        ([start(200, ("x", b"y")), part()], "TypeError: expected header names of bytes, got 'x'"),
        ([start(200, (b"x", "y")), part()], "TypeError: expected header values of bytes, got 'y' for b'x'"),
        ([start(200, (b"content-length", b"x")), part()], "ValueError: expected one Content-Length of digits, got "),
        ([start(200, (b"content-length", b"9")), part(b"x", more=False)], "ValueError: expected Content-Length 1, "),
    ],
)  # fmt: skip
def test_wrong_messages(mode: str, messages: list[Message], error: str) -> None:
    """The application that sends them is told; what it makes of it is answered as any error of its."""
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


# -- request bodies ---------------------------------------------------------------------------------------------------


@in_loop
async def test_request_bodies(mode: str) -> None:
    seen: list[list[Message]] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        seen.append([])
        while not seen[-1] or seen[-1][-1]["more_body"]:
            seen[-1].append(await receive())
        await answer(send, b"".join(message["body"] for message in seen[-1]))

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        await wire.send(client.head("POST", "/", body=b"whole"))
        assert (await wire.receive()).body == b"whole"
        await wire.send(client.head("GET"))
        assert (await wire.receive()).body == b""
        await wire.send(client.head("POST", "/", [("Transfer-Encoding", "chunked")]))
        await client.upload(wire, b"one", b"two")
        assert (await wire.receive()).body == b"onetwo"
    whole, none, chunks = seen
    assert whole == [{"type": "http.request", "body": b"whole", "more_body": False}]
    assert none == [{"type": "http.request", "body": b"", "more_body": False}]
    assert b"".join(message["body"] for message in chunks) == b"onetwo"
    assert [message["more_body"] for message in chunks] == [*[True] * (len(chunks) - 1), False]


@in_loop
async def test_a_long_upload_comes_in_parts(mode: str) -> None:
    parts = 0

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        nonlocal parts
        size, more = 0, True
        while more:
            message = await receive()
            size, more, parts = size + len(message["body"]), message["more_body"], parts + 1
        await answer(send, b"%d" % size)

    async with hosting(app_of(app), mode) as client:
        assert (await client.request("POST", "/", body=bytes(3_000_000))).body == b"3000000"
    assert parts > 10


@in_loop
async def test_an_upload_that_nobody_reads(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await answer(send)
        assert await receive() == {"type": "http.disconnect"}

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        await wire.send(client.head("POST", "/", body=bytes(100_000)) + client.head())
        assert (await wire.receive()).body == b"ok"
        assert (await wire.receive()).body == b"ok"


@in_loop
async def test_a_body_that_announces_too_much(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        raise AssertionError("expected not to be called")

    async with hosting(app_of(app), mode, Limits(body=10)) as client:
        reply = await client.request("POST", "/", body=bytes(11))
    assert (reply.status, reply.body) == (413, b"expected a body of at most 10 bytes")


@in_loop
async def test_a_body_that_becomes_too_much(mode: str) -> None:
    told = asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        assert (await receive())["more_body"]
        for _ in range(2):
            assert await receive() == {"type": "http.disconnect"}
        await answer(send, b"it does not matter any more")
        told.set()

    async with hosting(app_of(app), mode, Limits(body=10)) as client, client.connect() as wire:
        await wire.send(client.head("POST", "/", [("Transfer-Encoding", "chunked")]))
        await client.upload(wire, b"12345", b"678901", end=False)
        reply = await wire.receive()
        assert (reply.status, reply.body) == (413, b"expected a body of at most 10 bytes")
        await told.wait()


@in_loop
async def test_a_body_that_becomes_too_much_for_a_stream(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start())
        while True:
            await send(part((await receive())["body"]))

    async with hosting(app_of(app), mode, Limits(body=10)) as client, client.connect() as wire:
        await wire.send(client.head("POST", "/", [("Transfer-Encoding", "chunked")]))
        await client.upload(wire, b"12345", b"678901", end=False)
        with pytest.raises(Broken):
            await wire.receive()


@in_loop
async def test_a_body_that_takes_too_long(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    limits, quick = Limits(body_timeout=0.05), ServerLimits(linger_timeout=0.05)
    async with hosting(app_of(app), mode, limits, server_limits=quick) as client, client.connect() as wire:
        await wire.send(client.head("POST", "/", [("Content-Length", "10")]) + b"12345")
        assert (await wire.receive()).status == 408


# -- clients that leave -----------------------------------------------------------------------------------------------


@in_loop
async def test_a_client_that_leaves_in_its_upload(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    told = asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        told.set()

    async with hosting(app_of(app), mode) as client:
        async with client.connect() as wire:
            await wire.send(client.head("POST", "/", [("Content-Length", "10")]) + b"12345")
        await told.wait()
    assert errors(caplog) == []


@in_loop
async def test_a_client_that_leaves_while_the_application_waits(mode: str) -> None:
    waiting, told = asyncio.Event(), asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "http.request"
        waiting.set()
        for _ in range(2):
            assert await receive() == {"type": "http.disconnect"}
        told.set()

    async with hosting(app_of(app), mode) as client:
        async with client.connect() as wire:
            await wire.send(client.head())
            await waiting.wait()
        await told.wait()


@in_loop
async def test_asking_whether_the_client_has_left(mode: str) -> None:
    """As frameworks do it: a `receive` that is cancelled at its first wait."""
    notes: list[str] = []
    asked, left = asyncio.Event(), asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        async def look() -> str:
            task = asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                return str((await task)["type"])
            return "nothing"

        assert (await receive())["type"] == "http.request"
        notes.append(await look())
        asked.set()
        while notes[-1] == "nothing":
            notes[-1:] = [await look()]
            await asyncio.sleep(0.002)
        left.set()

    async with hosting(app_of(app), mode) as client:
        async with client.connect() as wire:
            await wire.send(client.head())
            await asked.wait()
        await left.wait()
    assert notes == ["http.disconnect"]


@in_loop
async def test_a_stream_whose_client_leaves(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    failed: list[Exception] = []
    ended = asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start())
        try:
            while True:
                await send(part(bytes(10_000)))
        except OSError as exc:
            failed.append(exc)
            assert await receive() == {"type": "http.disconnect"} or scope["query_string"]
            if scope["query_string"]:
                raise DisconnectedInOtherWords from exc
        finally:
            ended.set()

    class DisconnectedInOtherWords(Exception):
        pass

    async with hosting(app_of(app), mode) as client:
        for target in ("/", "/?raise"):
            async with client.connect() as wire:
                await wire.send(client.head("GET", target))
                await wire.head()
            await ended.wait()
            ended.clear()
    assert len(failed) == 2
    assert errors(caplog) == []


@in_loop
async def test_a_stream_that_does_not_hear_of_it_is_cancelled(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "ABANDONED_GRACE", 0.02)
    ended = asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start())
        await send(part(b"x"))
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with hosting(app_of(app), mode) as client:
        async with client.connect() as wire:
            await wire.send(client.head())
            await wire.head()
        await ended.wait()


@in_loop
async def test_an_error_of_a_stream_whose_client_has_left_is_one(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start())
        await send(part(b"x"))
        while (await receive())["type"] != "http.disconnect":
            pass
        raise LookupError("a bug in the clean-up")

    async with hosting(app_of(app), mode) as client:
        async with client.connect() as wire:
            await wire.send(client.head())
            await wire.head()
        await client.served.alone()
        await until(lambda: errors(caplog), "the log")
    assert errors(caplog) == ["a bug in the clean-up"]


@in_loop
async def test_listening_while_a_stream_is_sent(mode: str) -> None:
    """As some frameworks do with every answer: nothing is told before the end."""
    notes: list[Any] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "http.request"
        listening = asyncio.ensure_future(receive())
        await send(start())
        for body in (b"one,", b"two,", b"three"):
            await send(part(body))
            await asyncio.sleep(0.002)
            notes.append(listening.done())
        await send(part(b"", more=False))
        notes.append(await listening)

    async with hosting(app_of(app), mode) as client:
        assert (await client.get()).body == b"one,two,three"
    assert notes == [False, False, False, {"type": "http.disconnect"}]


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
        assert await wire.ended() == b""
    assert notes == ["cancelled"]


@in_loop
async def test_an_application_that_does_not_let_itself_be_cancelled(
    mode: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "CANCELLED", 0.02)
    monkeypatch.setattr(background, "CANCELLED", 0.02)
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
    # Natively it is still its own task's answer, and who has only stopped to send may still read it.
    assert notes == (["nobody waits"] if mode == "mounted" else [])


# -- mounted ----------------------------------------------------------------------------------------------------------

colour: ContextVar[str] = ContextVar("colour", default="none")


@in_loop
async def test_what_is_round_a_mounted_application(mode: str) -> None:
    if mode != "mounted":
        return  # nothing is

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        seen = f"{colour.get()} {current_request.path} {dict(scope['headers'])[b'x']!r}"
        if scope["path"].endswith("/stream"):
            await send(start())
            await send(part(seen.encode()))
            await send(part(b" end", more=False))
        else:
            await answer(send, seen.encode(), 200, (b"x-two", b"1"), (b"x-two", b"\xe9"))

    async def middleware(request: Request, handler: Any) -> Response:
        colour.set("blue")
        response: Response = await handler(request)
        response.headers.add("X-Two", "3")
        return response

    outer = Application(middlewares=[middleware])
    outer.mount(PREFIX, app_of(app))
    async with TestClient(outer) as client:
        for target, body in (("/a", "blue /a b'y'"), ("/stream", "blue /stream b'y' end")):
            response = await client.get(PREFIX + target, headers={"X": "y"})
            assert await response.text() == body
            assert response.headers.getall("X-Two") == ([] if "end" in body else ["1", "\xe9"]) + ["3"]


@in_loop
async def test_a_stream_that_middleware_throws_away(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if mode != "mounted":
        return  # there is no middleware
    monkeypatch.setattr(conversation, "ABANDONED_GRACE", 0.02)
    ended = asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start())
        try:
            while True:
                await send(part(b"x"))
        finally:
            ended.set()

    async def middleware(request: Request, handler: Any) -> Response:
        await handler(request)
        return Response("another")

    outer = Application(middlewares=[middleware])
    outer.mount(PREFIX, app_of(app))
    async with TestClient(outer) as client:
        assert await (await client.get(PREFIX)).text() == "another"
        await ended.wait()


@in_loop
async def test_the_time_for_a_handler(mode: str) -> None:
    notes = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            notes.append("cancelled")
            raise

    async with hosting(app_of(app), mode, Limits(handler_timeout=0.01)) as client:
        reply = await client.get()
    assert (reply.status, reply.body) == (503, b"no answer within 0.01 seconds")
    assert notes == ["cancelled"]


@in_loop
async def test_the_access_log(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sketch.access")

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["path"].endswith("/stream"):
            await send(start(201))
            await send(part(b"one,"))
            await send(part(b"two", more=False))
        else:
            await answer(send, b"body")

    async with hosting(app_of(app), mode, access_log=True) as client:
        for target in ("/x?y", "/stream", "/x?y"):
            await client.get(target)
    lines = [record.getMessage().partition('"')[2].rpartition(" ")[0] for record in caplog.records]
    assert lines == [
        f'GET {client.prefix}/x?y" 200 4', f'GET {client.prefix}/stream" 201 7', f'GET {client.prefix}/x?y" 200 4',
    ]  # fmt: skip
