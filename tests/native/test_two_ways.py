"""A connection whose heads are read as a whole, and one on which all go the general way, behave alike.

What an application sees of the requests, what goes out, and what stays open are the same. So are two requests of which
the first was changed by its handler in every way.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from sketch import Application, JSONResponse, Request, Response
from sketch.middleware import Endpoint
from sketch.request import BaseRequest
from sketch.serving.options import ServeOptions
from sketch_native.protocol import HTTPProtocol
from sketch_native.server import Server
from tests.native.conformance.cases import CASES
from tests.native.parsing import CORPUS, ROUNDS, NoWholeHeads, mutate
from tests.native.test_whole_heads import GET, PROBE, UNUSUAL, USUAL, sent

DATE = re.compile(rb"date: [^\r]*\r\n")


class MemoryTransport(asyncio.Transport):
    """A transport without a peer, which notes what is done to it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.sent = b""
        self.calls: list[str] = []

    def write(self, data: Any) -> None:
        self.sent += data

    def is_closing(self) -> bool:
        return bool({"close", "abort"} & set(self.calls))

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.calls.append("write_eof")

    def close(self) -> None:
        self.calls.append("close")

    def abort(self) -> None:
        self.calls.append("abort")

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")


class Connection:
    """A native connection without a socket."""

    def __init__(self, server: Server, *, general: bool) -> None:
        self.transport = MemoryTransport()
        self.protocol = HTTPProtocol(server)
        if general:
            self.protocol._reader.parser._whole_heads = NoWholeHeads(server.limits)
        self.protocol.connection_made(self.transport)

    @property
    def seen(self) -> tuple[object, ...]:
        protocol = self.protocol
        parser = protocol._reader.parser
        return DATE.sub(b"", self.transport.sent), self.transport.calls, protocol.state, parser.in_head

    def end(self) -> None:
        if self.protocol.task is not None:
            self.protocol.task.cancel()
        self.protocol.connection_lost(None)


def visible(request: BaseRequest) -> dict[str, Any]:
    """All that a handler can read of a request's head."""
    return {
        "method": request.method, "target": request.target.hex(), "version": request.http_version,
        "raw": [(name.hex(), value.hex()) for name, value in request.raw_headers],
        "headers": list(request.headers.items()), "cookies": dict(request.cookies), "host": request.host,
        "url": str(request.url), "path": request.path, "query": list(request.query.items()),
        "length": request.content_length, "type": request.content_type, "charset": request.charset,
        "body": request.has_body, "trailers": list(request.trailers.items()), "state": dict(request.state),
        "client": request.client, "scheme": request.scheme, "attributes": vars(request), "root": request.root_path,
        "query_string": request.query_string, "connection": request.connection.trailers,
    }  # fmt: skip


async def show(request: Request, handler: Endpoint) -> Response:
    return JSONResponse(visible(request))


@asynccontextmanager
async def started(middleware: Any) -> AsyncIterator[Server]:
    """A server that is asked without sockets."""
    server = Server(Application(outer_middlewares=[middleware]), ServeOptions(port=0, access_log=False))
    await server.start()
    try:
        yield server
    finally:
        server.connections.clear()
        await server.stop()


async def quiet(connections: Sequence[Connection]) -> None:
    """Let the exchanges run as far as they get without more bytes."""
    for _ in range(100):
        await asyncio.sleep(0)
        if all(connection.protocol.task is None for connection in connections):
            return


async def compare(server: Server, parts: Sequence[bytes]) -> None:
    connections = [Connection(server, general=general) for general in (False, True)]
    for part in [*parts, PROBE]:
        for connection in connections:
            connection.protocol.data_received(part)
        await quiet(connections)
        assert connections[0].seen == connections[1].seen, parts
    for connection in connections:
        connection.end()
    await quiet(connections)


@pytest.mark.loops("asyncio")
async def test_requests_and_answers_are_the_same() -> None:
    async with started(show) as server:
        for raw in (*USUAL, *UNUSUAL, *CORPUS):
            await compare(server, [raw])
            await compare(server, [GET, raw, raw])
        rng = random.Random(20261202)
        for _ in range(ROUNDS or 100):
            raw = rng.choice((*USUAL, *CORPUS))
            await compare(server, [raw, mutate(rng, raw), raw])


@pytest.mark.loops("asyncio")
async def test_the_conformance_cases_are_answered_alike() -> None:
    async with started(show) as server:
        for case in CASES:
            parts = sent(case)
            if sum(map(len, parts)) < 20_000 and len(parts) < 40:
                await compare(server, parts)


# -- nothing of one request shows in the next -------------------------------------------------------------------------

BROWSER = (
    b"GET /a?b=c HTTP/1.1\r\nHost: example.org\r\nUser-Agent: x\r\nCookie: a=b; c=d\r\nAccept: */*\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
)


def spoil(value: object, seen: set[int], depth: int = 0) -> None:
    """Change each list, dict and set that can be reached from a value, and each attribute of a request."""
    if id(value) in seen or depth > 6 or isinstance(value, type | Application | asyncio.AbstractEventLoop):
        return
    seen.add(id(value))
    if isinstance(value, dict):
        for inner in [*value.values()]:
            spoil(inner, seen, depth + 1)
        if not depth or all(isinstance(key, str) for key in value):
            value["spoilt"] = "spoilt"
    elif isinstance(value, list):
        for inner in [*value]:
            spoil(inner, seen, depth + 1)
        value.clear()
        value.append((b"spoilt", b"spoilt"))
    elif isinstance(value, set):
        value.add("spoilt")
    elif isinstance(value, tuple):
        for inner in value:
            spoil(inner, seen, depth + 1)


async def spoiling(request: Request, handler: Endpoint) -> Response:
    """Answer with what is visible, then change everything that the request gives."""
    answer = JSONResponse(visible(request))
    seen: set[int] = set()
    for name in dir(request):
        if not name.startswith("__") and name not in ("app", "connection", "endpoint"):
            with suppress(AttributeError, RuntimeError):  # raised by what is not there, such as a session
                spoil(getattr(request, name), seen)
    spoil(request.connection.trailers, seen)
    request.raw_headers.append((b"spoilt", b"spoilt"))
    request.method, request.target, request.http_version = "SPOILT", b"/spoilt", "9.9"
    request.root_path = request.raw_path = request.query_string = "/spoilt"
    request.state["spoilt"] = request.spoilt = "spoilt"
    request.raw_headers = [(b"host", b"spoilt")]
    return answer


async def test_what_a_handler_changes_does_not_show_in_the_next_request() -> None:
    async with started(spoiling) as server:
        connection = Connection(server, general=False)
        for _ in range(3):
            connection.protocol.data_received(BROWSER)
            await quiet([connection])
        first, *others = DATE.sub(b"", connection.transport.sent).split(b"HTTP/1.1 200 OK\r\n")[1:]
        assert others == [first, first]
        assert b"spoilt" not in connection.transport.sent
        assert b"example.org" in first
        other = Connection(server, general=False)
        other.protocol.data_received(BROWSER)
        await quiet([other])
        assert DATE.sub(b"", other.transport.sent) == b"HTTP/1.1 200 OK\r\n" + first
        for one in (connection, other):
            one.end()


async def test_equal_fields_of_two_requests_are_two_lists_of_the_same_fields() -> None:
    requests: list[Request] = []

    async def keep(request: Request, handler: Endpoint) -> Response:
        requests.append(request)
        return Response("kept")

    async with started(keep) as server:
        connection = Connection(server, general=False)
        for _ in range(2):
            connection.protocol.data_received(BROWSER)
            await quiet([connection])
        one, other = requests
        assert one.raw_headers == other.raw_headers
        assert one.raw_headers is not other.raw_headers
        assert one.raw_headers[0] is other.raw_headers[0]  # an immutable one, read once
        assert one.headers is not other.headers
        assert one.cookies is not other.cookies
        connection.end()
