"""Forms as clients send them, and requests with them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sketch.application import Application
from sketch.request import Request
from sketch.transport import WireResponse
from tests.support.requests import answer, exchange, finished, make_request

BOUNDARY = "bound"
MULTIPART = [(b"content-type", b"multipart/form-data; boundary=bound")]
URLENCODED = [(b"content-type", b"application/x-www-form-urlencoded")]

needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc, to see open files")


def part(disposition: str, content: bytes = b"", *fields: str) -> bytes:
    """One part, with the boundary before it."""
    lines = [f"--{BOUNDARY}", f"Content-Disposition: form-data; {disposition}", *fields, "", ""]
    return "\r\n".join(lines).encode() + content + b"\r\n"


def field(name: str, content: bytes) -> bytes:
    return part(f'name="{name}"', content)


def file(name: str, filename: str, content: bytes, content_type: str = "text/plain") -> bytes:
    return part(f'name="{name}"; filename="{filename}"', content, f"Content-Type: {content_type}")


LAST = f"--{BOUNDARY}--\r\n".encode()


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def form_request(
    *body: bytes | Exception, app: Application | None = None, headers: Sequence[tuple[bytes, bytes]] = MULTIPART
) -> Request:
    """A request with a body that arrives in these chunks."""
    return make_request(
        "/", method="POST", headers=[(b"host", b"example"), *headers], body=body, app=app or Application()
    )


async def handled(
    handler: Callable[..., Any],
    *body: bytes | Exception,
    headers: Iterable[tuple[bytes, bytes]] = MULTIPART,
    **options: Any,
) -> WireResponse:
    """The response of a one-handler application to a form. The exchange is over when this returns or raises."""
    app = Application(**options)
    app.add_post("/", handler)
    return await answer(app, "/", method="POST", headers=[(b"host", b"example"), *headers], body=body)


@asynccontextmanager
async def streaming(handler: Callable[..., Any], *body: bytes | Exception) -> AsyncIterator[Any]:
    """The streamed body of a one-handler application's response to a form. The exchange ends with the block."""
    app = Application()
    app.add_post("/", handler)
    wire, request = await exchange(app, method="POST", headers=[(b"host", b"example"), *MULTIPART], body=body)
    yield wire.payload
    await finished(app, request, wire)


async def happens(event: threading.Event) -> None:
    """Wait for what a thread does."""
    assert await asyncio.to_thread(event.wait, 10)


def names(directory: Path) -> list[str]:
    """The names in a directory."""
    return sorted(entry.name for entry in directory.iterdir())
