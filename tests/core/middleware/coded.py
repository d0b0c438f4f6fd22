"""Applications and clients for the tests of compression."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from sketch import Application, Request, StreamResponse
from sketch.http.codings import Decoder, find_coding
from sketch.middleware.compression import Compression
from sketch.testing import ClientResponse, TestClient

TEXT = "a text that is long enough, and compresses well; " * 50
ACCEPT = {"Accept-Encoding": "gzip, deflate, br, zstd"}


def app_of(make: Callable[[Request], Any], **options: Any) -> Application:
    app = Application(middlewares=[Compression(**options)])

    @app.get("/")
    async def handler(request: Request) -> Any:
        return make(request)

    return app


async def ask(app: Application, headers: dict[str, str] | None = None, method: str = "GET") -> ClientResponse:
    async with TestClient(app) as client:
        response = await client.request(method, "/", headers=ACCEPT if headers is None else headers)
        await response.read()
        return response


def expand(name: str, data: bytes) -> bytes:
    decoder = Decoder(find_coding(name))
    expanded = decoder.decode(data, 1 << 24)
    assert decoder.complete
    return expanded


async def plain(response: ClientResponse) -> str:
    """The text of an answer in whatever coding it is."""
    body = await response.read()
    coding = response.headers.get("Content-Encoding")
    return (expand(coding, body) if coding else body).decode()


def stream(size: int = 3) -> StreamResponse:
    async def chunks() -> AsyncIterator[bytes]:
        for number in range(size):
            yield b"chunk %d " % number

    return StreamResponse(chunks(), content_type="text/plain", headers={"ETag": '"a"'})


class Source:
    """A stream that counts how often it is closed."""

    def __init__(self) -> None:
        self.closed = 0
        self.sent = 0

    def __aiter__(self) -> Source:
        return self

    async def __anext__(self) -> bytes:
        self.sent += 1
        return b"chunk %d" % self.sent

    async def aclose(self) -> None:
        self.closed += 1


def is_open(path: Path) -> bool:
    """Whether this process has the file open (Linux)."""
    for entry in Path("/proc/self/fd").iterdir():
        try:
            if entry.readlink() == path:
                return True
        except FileNotFoundError:  # the directory itself, read through one of them
            continue
    return False
