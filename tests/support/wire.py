"""HTTP/1.1 from the client's side, on a raw socket: sends any bytes, and reads answers strictly.

A client of a library would repair or refuse half of what the suite has to send, and forgive what a server must not do.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([0-9]{3}) ([^\x00-\x08\x0a-\x1f\x7f]*)\r\n")
FIELD_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*\r\n")
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})\r\n")

Headers = Sequence[tuple[str, str]]
Upload = bytes | AsyncIterable[bytes] | None

DEADLINE = 20.0


class Cut(Exception):
    """Raised by an upload's iterator: the client leaves here."""


class Broken(Exception):
    """The connection ended before the end of the body."""


@dataclass
class Reply:
    """A whole answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""
    version: str = "1.1"
    interim: list[int] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        """The values of a field, by its name in lower case."""
        return [value for key, value in self.headers if key == name]

    def header(self, name: str) -> str | None:
        """The only value of a field; None where there is none."""
        values = self.all(name)
        assert len(values) <= 1, f"expected one {name}, got {values}"
        return values[0] if values else None

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class Reader(asyncio.StreamReader):
    """Returns received bytes also after a reset; the standard reader withholds them."""

    begun = False
    reset: BaseException | None = None

    def feed_data(self, data: bytes) -> None:
        self.begun = True
        super().feed_data(data)

    def set_exception(self, exc: BaseException) -> None:
        self.reset = exc
        self.feed_eof()


class _Socket(socket.socket):
    """Tells of a reset first where it is read, behind what has arrived: asyncio reads no more once sending has failed.

    Only if what is there is not read then does sending fail, too.
    """

    _met: ConnectionError | None = None

    def send(self, data: Any, flags: int = 0) -> int:
        return self._sent(len(data), super().send, data, flags)

    def sendmsg(self, buffers: Any, *rest: Any) -> int:
        whole = list(buffers)
        return self._sent(sum(map(len, whole)), super().sendmsg, whole, *rest)

    def _sent(self, size: int, send: Callable[..., int], *arguments: Any) -> int:
        try:
            return send(*arguments)
        except ConnectionError as exc:
            if self._met is not None:
                raise
            self._met = exc
            return size

    def recv(self, size: int, flags: int = 0) -> bytes:
        return self._received(super().recv(size, flags))

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        return self._received(super().recv_into(buffer, size, flags))

    def _received(self, found: Any) -> Any:
        if not found and self._met is not None:
            raise self._met
        return found


class Wire:
    """One connection."""

    def __init__(self, reader: Reader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int, tls: ssl.SSLContext | None = None, receive_buffer: int | None = None) -> Wire:
        """Open a connection to the loopback; with a small buffer the kernel takes little that is not read."""
        sock = _Socket()
        sock.setblocking(False)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
            return await cls._open(
                "create_connection", sock=sock, ssl=tls, server_hostname="localhost" if tls else None
            )
        except BaseException:
            sock.close()
            raise

    @classmethod
    async def connect_unix(cls, path: str) -> Wire:
        """Open a connection to a unix socket."""
        return await cls._open("create_unix_connection", path)

    @classmethod
    async def _open(cls, create: str, *address: Any, **options: Any) -> Wire:
        loop = asyncio.get_running_loop()
        reader = Reader(loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport, _ = await getattr(loop, create)(lambda: protocol, *address, **options)
        return cls(reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    def pause(self) -> None:
        """Stop reading: the kernel's buffers fill, then the server's."""
        self.writer.transport.pause_reading()  # type: ignore[attr-defined]

    def resume(self) -> None:
        """Read on."""
        self.writer.transport.resume_reading()  # type: ignore[attr-defined]

    def half_close(self) -> None:
        """Send no more, and go on reading."""
        self.writer.write_eof()

    async def answered(self) -> bool:
        """Whether an answer has begun; a client that goes on sending may lose it to a reset."""
        for _ in range(2):  # the loop polls in the first turn, and reads in the second
            await asyncio.sleep(0)
        return self.reader.begun

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self, method: str = "GET") -> Reply:
        """The next answer, whole. Raises AssertionError for bytes that are no HTTP/1.1."""
        async with asyncio.timeout(DEADLINE):
            reply = await self.head()
            reply.body = b"".join([chunk async for chunk in self.body(reply, method)])
            return reply

    async def switched(self) -> Reply:
        """The next head, which may be the last: of a change of protocols (101)."""
        return await self.head(last=101)

    async def head(self, last: int = 200) -> Reply:
        """The next head that is final, or has the last status of those that are not."""
        interim: list[int] = []
        while True:
            line = await self._line()
            match = STATUS_LINE.fullmatch(line)
            assert match, f"expected a status line, got {line!r}"
            headers = await self._fields()
            status = int(match[2])
            if status >= 200 or status == last:
                return Reply(status, headers, version=f"1.{match[1].decode()}", interim=interim)
            interim.append(status)

    async def head_of_upgrade(self) -> Reply:
        """The next head, which may be a 101: what follows it is not HTTP."""
        async with asyncio.timeout(DEADLINE):
            line = await self._line()
            match = STATUS_LINE.fullmatch(line)
            assert match, f"expected a status line, got {line!r}"
            return Reply(int(match[2]), await self._fields())

    async def _line(self) -> bytes:
        try:
            return await self.reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as exc:
            raise Broken(f"expected a line, got {exc.partial!r} and the end") from exc

    async def _fields(self) -> list[tuple[str, str]]:
        fields: list[tuple[str, str]] = []
        while (line := await self._line()) != b"\r\n":
            match = FIELD_LINE.fullmatch(line)
            assert match, f"expected a field line, got {line!r}"
            fields.append((match[1].decode().lower(), match[2].decode("latin-1")))
        return fields

    async def body(self, reply: Reply, method: str) -> AsyncIterator[bytes]:
        """The body in the chunks it was framed in, by RFC 9112 section 6.3."""
        length, coding = reply.header("content-length"), reply.header("transfer-encoding")
        assert length is None or coding is None, "expected one framing, got Content-Length and Transfer-Encoding"
        if method == "HEAD" or reply.status in (204, 304):
            # RFC 9112 section 6.1 forbids it with 204; to HEAD and 304 it says what a GET would have had.
            assert coding is None or reply.status != 204, "expected no Transfer-Encoding with 204"
            return
        if coding is not None:
            assert coding == "chunked", coding
            async for chunk in self._chunked():
                yield chunk
        elif length is not None:
            async for chunk in self._sized(int(length)):
                yield chunk
        else:
            closing = reply.version == "1.0" or "close" in reply.all("connection")
            assert closing, "expected a body delimited by the end of the connection to be announced"
            while chunk := await self.reader.read(65536):
                yield chunk
            if self.reader.reset is not None:
                raise Broken("expected the end of the connection, got a reset") from self.reader.reset

    async def _chunked(self) -> AsyncIterator[bytes]:
        while True:
            line = await self._line()
            match = CHUNK_LINE.fullmatch(line)
            assert match, f"expected a chunk size, got {line!r}"
            if not (size := int(match[1], 16)):
                assert await self._fields() == [], "expected no trailers"
                return
            yield b"".join([part async for part in self._sized(size)])
            end = await self._line()
            assert end == b"\r\n", f"expected the end of a chunk, got {end!r}"

    async def _sized(self, size: int) -> AsyncIterator[bytes]:
        while size:
            part = await self.reader.read(min(size, 65536))
            if not part:
                raise Broken(f"expected {size} bytes more, got the end")
            size -= len(part)
            yield part

    async def ended(self) -> bytes:
        """Wait until the server closes the connection; what it still sent."""
        async with asyncio.timeout(DEADLINE):
            return await self.reader.read()

    def abort(self) -> None:
        """Leave at once."""
        self.writer.transport.abort()

    def reset(self) -> None:
        """Leave at once, by a TCP reset."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.abort()

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except (ConnectionError, ssl.SSLError):
            # The test or the server has broken the connection on purpose.
            return


def encode_head(method: str, target: str, headers: Headers, body: Upload, host: str) -> bytes:
    """A request head, with Host and framing unless they are given."""
    given = {name.lower() for name, _ in headers}
    fields = list(headers)
    if "host" not in given:
        fields.insert(0, ("Host", host))
    if isinstance(body, bytes) and "content-length" not in given:
        fields.append(("Content-Length", str(len(body))))
    elif body is not None and "content-length" not in given:
        fields.append(("Transfer-Encoding", "chunked"))
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
