"""What the unit tests of the core share: a loop per test, requests without a server, files that count their closes."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from sketch.application import Application
from sketch.http.fields import RawHeaders
from sketch.http.grammar import Address
from sketch.request import Request
from sketch.transport import Outcome, WireResponse


def in_loop(function: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run a coroutine test in a loop of its own, bounded."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(asyncio.wait_for(function(*args, **kwargs), 20))

    return run


def timed(function: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run a coroutine test in a loop of its own, whose clock it may advance: there is no timer around it."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(function(*args, **kwargs))

    return run


class Peer:
    """A connection without a client: `gone` says that it has left."""

    def __init__(self, server: Address | None = ("127.0.0.1", 8080), scheme: str = "http") -> None:
        self.client: Address | None = ("127.0.0.1", 50000)
        self.server = server
        self.scheme = scheme
        self.tls: dict[str, Any] | None = None
        self.state: dict[str, Any] = {}
        self.trailers: RawHeaders = []
        self.gone = asyncio.Event()

    @property
    def disconnected(self) -> bool:
        return self.gone.is_set()

    async def wait_disconnected(self) -> None:
        await self.gone.wait()


class ScriptedBody:
    """A request body: chunks as they arrive; an exception among them is raised."""

    complete = False

    def __init__(self, chunks: Iterable[bytes | BaseException], announced: bytes | None = None) -> None:
        self._chunks = iter(chunks)
        self.length = None if announced is None else int(announced)

    async def read(self) -> bytes:
        chunk = next(self._chunks, b"")
        if isinstance(chunk, BaseException):
            raise chunk
        return chunk


def make_request(
    target: bytes | str = b"/",
    *,
    method: str = "GET",
    headers: RawHeaders | None = None,
    body: Iterable[bytes | BaseException] | None = None,
    app: Application | None = None,
    connection: Peer | None = None,
    **options: Any,
) -> Request:
    """A request as an adapter builds it; with `app` for those that never see `handle`."""
    headers = [(b"host", b"example.com")] if headers is None else headers
    request = Request(
        method,
        target.encode("latin-1") if isinstance(target, str) else target,
        headers,
        body=None if body is None else ScriptedBody(body, dict(headers).get(b"content-length")),
        connection=connection or Peer(),
        **options,
    )
    if app is not None:
        request.app = app
    return request


async def exchange(app: Application, target: bytes | str = b"/", **options: Any) -> tuple[WireResponse, Request]:
    """What the application answers to one request, as an adapter gets it, and the request: end it with `finished`."""
    request = make_request(target, **options)
    return await app.handle(request), request


async def finished(
    app: Application, request: Request, wire: WireResponse | None = None, *, fault: BaseException | None = None
) -> None:
    """End an exchange as an adapter does, at the time 2: it began at 0, its first byte was written at 1."""
    sent = (wire and wire.length) or 0
    status, first = (None, None) if wire is None else (wire.status, 1.0)
    outcome = Outcome.of(request, status, sent, began_at=0.0, first_byte_at=first, ended_at=2.0, fault=fault)
    await app.finished(request, outcome)


async def answer(app: Application, target: bytes | str = b"/", **options: Any) -> WireResponse:
    """What the application answers to one request, as an adapter gets it.

    The exchange is over when this returns or raises, though nothing has read or closed the payload. A test of a payload
    that reads from what the request holds open needs `exchange`.
    """
    request, wire, fault = make_request(target, **options), None, None
    try:
        wire = await app.handle(request)
    except BaseException as exc:
        fault = exc
        raise
    finally:
        await finished(app, request, wire, fault=fault)
        fault = None  # its traceback refers to this frame, which would form a cycle
    return wire
