"""Any pipeline, in any segments, against any mix of handlers and limits: each request gets its answer, in order."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from sketch import Application, Request, Response, StreamResponse
from sketch_native import ServerLimits
from tests.support.native import HOST, Certificates, serving, turns
from tests.support.wire import Wire, chunked

SCENES = 400 if os.environ.get("SKETCH_FUZZ") else 15

Case = tuple[bytes, str, bytes]
"""A request, its method, and the body of its answer."""


async def echo(request: Request) -> Response:
    return Response(await request.read())


async def slow(request: Request) -> Response:
    parts = []
    async for part in request.stream():
        parts.append(part)
        await asyncio.sleep(0)
    return Response(b"".join(parts))


async def first(request: Request) -> Response:
    async for part in request.stream():
        return Response(part[:1])
    return Response(b"")


async def ignore(request: Request) -> Response:
    return Response("ignored")


async def copy(request: Request) -> Response:
    """Streams the body back while it reads it."""

    async def parts() -> AsyncIterator[bytes]:
        async for part in request.stream():
            yield part

    return StreamResponse(parts())


async def large(request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"l" * 10_000

    return StreamResponse(parts())


HANDLERS = (echo, slow, first, ignore)
STREAMS = (copy, large)


def app_with_everything() -> Application:
    app = Application()
    for handler in (*HANDLERS, *STREAMS):
        app.add_route(("GET", "POST"), f"/{handler.__name__}", handler)
    return app


def make_case(rng: random.Random, handlers: Sequence[Callable[..., object]]) -> Case:
    method = rng.choice(("GET", "GET", "POST", "POST", "POST", "HEAD"))
    target = rng.choice(handlers).__name__
    body = rng.randbytes(rng.choice((0, 1, 10, 1000, 16_384, 70_000))) if method == "POST" else b""
    head = f"{method} /{target} HTTP/1.1\r\n".encode() + HOST
    if rng.random() < 0.2:
        head += b"Connection: Upgrade\r\nUpgrade: h2c\r\n"
    if method != "POST":
        raw = head + b"\r\n"
    elif target not in ("echo", "slow") or rng.random() < 0.5:  # the answer to an unread chunked body may be the last
        raw = head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    else:
        size = rng.choice((1, 100, 5000))
        size = max(size, len(body) // 300)
        parts = [chunked(body[at : at + size]) for at in range(0, len(body), size)]
        raw = head + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(parts) + b"0\r\n\r\n"
    whole = {"first": body[:1], "ignore": b"ignored", "large": b"l" * 300_000}
    return raw, method, b"" if method == "HEAD" else whole.get(target, body)


async def send(wire: Wire, data: bytes, rng: random.Random, half_closing: bool) -> None:
    """Send in segments of random sizes, with a pause after some of them."""
    position = 0
    while position < len(data):
        size = rng.choice((1, 7, 300, 5000, 16_384, 100_000, len(data)))
        await wire.send(data[position : position + size])
        position += size
        if rng.random() < 0.3:
            await turns(rng.randrange(8))
    if half_closing:
        wire.half_close()


@pytest.mark.parametrize("kind", ["plain", "half-closing", "tls"])
async def test_any_pipeline_is_answered_in_order(kind: str, certificates: Certificates) -> None:
    """A client that half-closes asks for no streams: its end is the end of a stream under way."""
    rng = random.Random(20261120)
    handlers = HANDLERS if kind == "half-closing" else (*HANDLERS, *STREAMS)
    for scene in range(SCENES):
        limits = ServerLimits(pipeline=rng.choice((1, 2, 16)), body_buffer=rng.choice((1, 1000, 65_536)))
        cases = [make_case(rng, handlers) for _ in range(rng.randrange(1, 20))]
        server = serving(app_with_everything(), certificates if kind == "tls" else None, server_limits=limits)
        async with server as served, served.connect(rng.choice((None, 4096))) as wire, asyncio.TaskGroup() as group:
            group.create_task(send(wire, b"".join(raw for raw, _, _ in cases), rng, kind == "half-closing"))
            for number, (raw, method, body) in enumerate(cases):
                reply = await wire.receive(method)
                about = f"scene {scene}, answer {number} of {len(cases)} to {raw[:40]!r}, {limits}"
                assert (reply.status, reply.body) == (200, body), about
