"""A scripted server of RSGI: it does what the script says, however bad that is."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from sketch import Application
from sketch_rsgi.app import RSGIApplication
from tests.support.scripts import until

BROKEN: Any = object()
"""In a script of chunks: the body breaks off here, as granian tells it: by one empty chunk more."""


class Fields:
    """The header fields, as granian hands them out: without those that are not ASCII."""

    def __init__(self, *fields: tuple[str, str]) -> None:
        self._fields = fields
        self.converted = 0

    def items(self) -> list[tuple[str, str]]:
        self.converted += 1
        return [field for field in self._fields if field[1].isascii()]

    def get(self, name: str) -> str | None:
        return next((value for key, value in self.items() if key == name), None)

    def get_all(self, name: str) -> list[str]:
        return [value for key, value in self._fields if key == name and value.isascii()]

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self._fields)


def scope(
    method: str = "GET", path: str = "/", *fields: tuple[str, str], host: str | None = "test", **others: Any
) -> SimpleNamespace:
    hosts = [] if host is None else [("host", host)]
    values = {
        "proto": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": "",
        "authority": None,
        "scheme": "http",
        "client": "192.0.2.1:1234",
        "server": "192.0.2.2:80",
        "headers": Fields(*hosts, *fields),
    }
    return SimpleNamespace(**(values | others))


class Transport:
    """The transport of a streamed response."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    async def send_bytes(self, data: bytes) -> None:
        if self._protocol.left.is_set():
            raise RuntimeError("RSGI transport is closed")
        self._protocol.body += data


class Protocol:
    """The exchange of a request: `sent` is what was answered.

    Args:
        chunks: of the body.
        error: raised by every method that answers.
    """

    def __init__(self, *chunks: Any, error: Exception | None = None) -> None:
        self._chunks = list(chunks)
        self._ends = 2 if BROKEN in chunks else 1
        self._error = error
        self.iterated = 0
        self.left = asyncio.Event()
        self.sent: list[tuple[str, Any]] = []
        self.body = b""

    @property
    def status(self) -> int:
        assert len(self.sent) == 1, self.sent
        status: int = self.sent[0][1][0]
        return status

    @property
    def fields(self) -> list[tuple[str, str]]:
        fields: list[tuple[str, str]] = self.sent[0][1][1]
        return fields

    def __aiter__(self) -> Protocol:
        self.iterated += 1
        return self

    async def __anext__(self) -> bytes:
        await asyncio.sleep(0)
        if self._chunks and self._chunks[0] is not BROKEN:
            chunk = self._chunks.pop(0)
            if isinstance(chunk, Exception):
                raise chunk
            return chunk  # type: ignore[no-any-return]
        if not self._ends:
            raise StopAsyncIteration
        self._ends -= 1
        return b""

    async def client_disconnect(self) -> None:
        await self.left.wait()

    def _note(self, kind: str, *arguments: Any) -> None:
        if self._error is not None:
            raise self._error
        self.sent.append((kind, arguments))

    def response_bytes(self, status: int, headers: Any, body: bytes) -> None:
        self._note("bytes", status, headers)
        self.body = body

    def response_file_range(self, status: int, headers: Any, file: str, start: int, end: int) -> None:
        self._note("file", status, headers, file, start, end)

    def response_stream(self, status: int, headers: Any) -> Transport:
        self._note("stream", status, headers)
        return Transport(self)


class Message:
    """A message of a websocket; it comes once so many were sent."""

    def __init__(self, kind: Any, data: Any = None, *, after: int = 0) -> None:
        self.kind = kind
        self.data = data
        self.after = after


class WebSocketProtocol:
    """The exchange of a websocket, and its transport.

    Args:
        messages: what is received; then nothing more comes.
        refused: raised by `accept`.
    """

    def __init__(self, *messages: Message | Exception, refused: Exception | None = None) -> None:
        self._messages = list(messages)
        self._refused = refused
        self._closing = asyncio.Event()
        self.accepted = False
        self.closed: list[int | None] = []
        self.sent: list[str | bytes] = []

    async def accept(self) -> WebSocketProtocol:
        if self._refused is not None:
            raise self._refused
        self.accepted = True
        return self

    def close(self, status: int | None = None) -> None:
        self.closed.append(status)
        self._closing.set()

    async def receive(self) -> Message:
        if not self._messages:
            await self._closing.wait()
            raise RuntimeError("RSGI transport is closed")
        message = self._messages.pop(0)
        if isinstance(message, Exception):
            raise message
        await until(lambda: len(self.sent) >= message.after)
        return message

    async def _send(self, data: str | bytes) -> None:
        if self._closing.is_set():
            raise RuntimeError("RSGI protocol error")
        self.sent.append(data)

    send_str = send_bytes = _send


async def started(app: Application) -> RSGIApplication:
    """The application, started as by `__rsgi_init__` in a loop that runs. Signals stay as they are."""
    rsgi = RSGIApplication(app)
    rsgi.life._signals = False
    rsgi.init(asyncio.get_running_loop())
    assert await rsgi.life.ready()
    return rsgi


async def ask(app: Application, head: Any, protocol: Any) -> Any:
    """Serve one scope."""
    rsgi = await started(app)
    try:
        await rsgi.serve(head, protocol)
    finally:
        await rsgi.life._end()
    assert not rsgi.life.exchanges
    return protocol
