"""A native server in the test's own event loop, and raw connections to it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from sketch import Application, HTTPUnauthorized, Limits, Request, Response, StreamResponse, serve
from sketch_native import Server
from sketch_native.protocol import HTTPProtocol
from tests.support.wire import Reply, Wire

HOST = b"Host: x\r\n"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"

DEADLINE = 10.0


@dataclass
class Certificates:
    """The server's certificate and its CA."""

    authority: trustme.CA
    path: Path

    def of_server(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.path)
        return context

    def of_client(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context


class Served:
    """A running server, from the outside."""

    def __init__(self, server: Server, tls: ssl.SSLContext | None) -> None:
        self.server = server
        self.tls = tls

    @asynccontextmanager
    async def connect(self, receive_buffer: int | None = None) -> AsyncIterator[Wire]:
        """A raw connection."""
        assert self.server.port is not None
        wire = await Wire.connect(self.server.port, self.tls, receive_buffer)
        try:
            yield wire
        finally:
            wire.abort()
            await wire.close()

    async def exchange(self, raw: bytes, method: str = "GET") -> Reply:
        """Send bytes on a new connection, and read one answer."""
        async with self.connect() as wire:
            await wire.send(raw)
            return await wire.receive(method)

    async def refusal(self, *parts: bytes) -> Reply:
        """Send bytes, in these parts, on a new connection; the one answer, after which the server has closed."""
        async with self.connect() as wire:
            for part in parts:
                await wire.send(part)
                await turns()
            reply = await wire.receive()
            assert reply.header("connection") == "close"
            assert await wire.ended() == b""
        return reply

    async def alone(self) -> None:
        """Wait until the server has no connection."""
        await until(lambda: not self.server.connections, "the last connection to end")


async def opened(server: Server) -> HTTPProtocol:
    """The server's only connection, once it is open."""
    await until(lambda: any(isinstance(one, HTTPProtocol) for one in server.connections), "a connection")
    (connection,) = server.connections
    assert isinstance(connection, HTTPProtocol)
    return connection


@asynccontextmanager
async def serving(app: Application, certificates: Certificates | None = None, **options: Any) -> AsyncIterator[Served]:
    """The application, served. At the end every connection must have ended by itself."""
    options.setdefault("shutdown_timeout", 5)
    options.setdefault("access_log", False)
    if certificates is not None:
        options["ssl"] = certificates.of_server()
    async with serve(app, port=0, **options) as server:
        served = Served(server, certificates.of_client() if certificates else None)
        yield served
        await served.alone()


async def until(condition: Callable[[], object], what: str, seconds: float = DEADLINE) -> None:
    """Wait for a condition that has no event."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not condition():
        assert loop.time() < end, f"waited {seconds} s for {what}"
        await asyncio.sleep(0.002)


async def turns(number: int = 4) -> None:
    """Let the loop read and handle what has arrived."""
    for _ in range(number):
        await asyncio.sleep(0)


def make_app(**options: Any) -> Application:
    """An application that shows how requests were understood."""
    app = Application(**options)

    @app.route("/", methods=("GET", "POST", "PUT", "OPTIONS"))
    async def root(request: Request) -> Response:
        return Response("ok")

    @app.route("/echo", methods=("GET", "POST"))
    async def echo(request: Request) -> Response:
        return Response(await request.read())

    @app.route("/show/{rest:path}", methods="*")
    async def show(request: Request) -> Response:
        """The parsed request as text."""
        body = await request.read()
        lines = [
            f"{request.method} {request.path}?{request.query_string} {request.http_version}",
            *(f"{name}: {value}" for name, value in request.headers.items()),
            f"body: {body!r}",
            *(f"trailer {name}: {value}" for name, value in request.trailers.items()),
        ]
        return Response("\n".join(lines))

    @app.post("/noread")
    async def noread(request: Request) -> Response:
        return Response("noread")

    @app.get("/stream")
    async def stream(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"one,"
            yield b"two"

        return StreamResponse(parts())

    return app


def add_refusals(app: Application) -> None:
    """Add routes that refuse an upload, each by another status, without reading it."""

    @app.post("/401")
    async def unauthorized(request: Request) -> Response:
        raise HTTPUnauthorized

    @app.post("/413", limits=Limits(body=1000))
    async def too_large(request: Request) -> Response:
        return Response("not reached")

    @app.post("/500")
    async def broken(request: Request) -> Response:
        raise ValueError("broken")
