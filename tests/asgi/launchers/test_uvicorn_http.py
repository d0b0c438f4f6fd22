"""uvicorn's protocol as the launcher uses it: however the bytes are cut, each request has its own body."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
import uvicorn
from uvicorn.server import ServerState

from sketch_asgi.launchers.uvicorn_http import UpgradesIgnored, framing
from tests.support.native import turns, until
from tests.support.requests import in_loop

UPGRADE = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"


def request(target: bytes, fields: bytes, body: bytes = b"") -> bytes:
    return b"POST %b HTTP/1.1\r\nHost: x\r\n%b\r\n%b" % (target, fields, body)


PIPELINE = b"".join(
    [
        request(b"/length", UPGRADE + b"Content-Length: 5\r\n", b"hello"),
        request(b"/chunked", UPGRADE + b"Transfer-Encoding: chunked\r\n", b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
        request(b"/nothing", UPGRADE),
        request(b"/zero", UPGRADE + b"Content-Length: 0\r\n"),
        request(b"/inner", UPGRADE + b"Content-Length: 36\r\n", b"POST /smuggled HTTP/1.1\r\nHost: y\r\n\r\n"),
        request(b"/plain", b"Content-Length: 5\r\n", b"plain"),
    ]
)
EXPECTED = [
    (b"/length", b"hello"),
    (b"/chunked", b"hello"),
    (b"/nothing", b""),
    (b"/zero", b""),
    (b"/inner", b"POST /smuggled HTTP/1.1\r\nHost: y\r\n\r\n"),
    (b"/plain", b"plain"),
]


class Connection:
    """uvicorn's side of a connection, without a socket."""

    def __init__(self) -> None:
        self.found: list[tuple[bytes, bytes]] = []
        self.written = b""
        self.closed = False
        config = uvicorn.Config(self.answer, interface="asgi3", log_config=None)
        config.load()
        self.protocol = UpgradesIgnored(config, ServerState(), {}, asyncio.get_running_loop())
        self.protocol.connection_made(cast("asyncio.Transport", self))

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.found.append((scope["raw_path"], body))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    def get_extra_info(self, _name: str) -> None:
        return None

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        """The test feeds what it likes."""

    resume_reading = pause_reading

    def end(self) -> None:
        self.protocol.connection_lost(None)


@in_loop
async def test_each_request_has_its_body_wherever_the_bytes_are_cut() -> None:
    for cut in range(len(PIPELINE)):
        connection = Connection()
        for part in (PIPELINE[:cut], PIPELINE[cut:]):
            connection.protocol.data_received(part)
            await turns()
        await until(lambda connection=connection: len(connection.found) == len(EXPECTED), "all requests")
        assert connection.found == EXPECTED, cut
        connection.end()


@in_loop
async def test_byte_by_byte() -> None:
    connection = Connection()
    for byte in PIPELINE:
        connection.protocol.data_received(bytes([byte]))
        await turns(2)
    await until(lambda: len(connection.found) == len(EXPECTED), "all requests")
    assert connection.found == EXPECTED
    connection.end()


@pytest.mark.parametrize("fields", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
@in_loop
async def test_the_handshake_of_a_websocket_with_a_body_is_refused(fields: bytes) -> None:
    connection = Connection()
    handshake = request(b"/ws", b"Connection: Upgrade\r\nUpgrade: websocket\r\n" + fields)
    connection.protocol.data_received(handshake)
    assert connection.written.startswith(b"HTTP/1.1 400 ")
    assert connection.closed
    connection.end()


def test_what_announces_a_body() -> None:
    length, coded = (b"content-length", b"5"), (b"transfer-encoding", b"chunked")
    assert framing([(b"host", b"x"), length, coded]) == [length, coded]
    assert framing([(b"host", b"x"), (b"content-length", b"0")]) == []
