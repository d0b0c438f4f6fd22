"""The transports of the suite: every way of serving an application, behind one interface.

`stream()` and `request()` work everywhere. `connect()` gives a raw connection; only real servers have one, so a test of
bytes on the wire takes the fixture `wired` instead of `transport`: that is the one rule for what runs where.
"""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from sketch.testing import TestClient
from sketch.transport import ClientDisconnected
from tests.contract.scripted import ScriptedServer
from tests.contract.sockets import Websocket, open_in_memory, open_on_the_wire
from tests.support.programs import SHUTDOWN, Program, Running, free_port
from tests.support.wire import DEADLINE, Broken, Cut, Headers, Reply, Upload, Wire, chunked, encode_head


class Stream(Protocol):
    """An answer with its head received; the body is received as it is read."""

    status: int
    headers: list[tuple[str, str]]

    async def chunk(self) -> bytes:
        """The next piece of the body, `b""` at the end. Raises `Broken` where the body was broken off."""

    async def leave(self) -> None:
        """The client goes away."""


class Transport:
    """The interface of a transport in the tests."""

    name: str

    def stream(self, method: str, target: str, *, headers: Headers = (), body: Upload = None) -> Any:
        """An async context manager: sends a request, gives a `Stream`, leaves at the end of the block.

        Raises:
            Broken: in place of an answer, where the server breaks the connection, or the upload raises `Cut`.
        """
        raise NotImplementedError

    async def request(self, method: str, target: str, *, headers: Headers = (), body: Upload = None) -> Reply:
        """One request and its whole answer."""
        async with asyncio.timeout(DEADLINE), self.stream(method, target, headers=headers, body=body) as stream:
            parts = []
            while part := await stream.chunk():
                parts.append(part)
            return Reply(stream.status, stream.headers, b"".join(parts))

    def websocket(self, target: str, *, headers: Headers = (), subprotocols: Sequence[str] = ()) -> Any:
        """An async context manager: opens a `Websocket`, and closes it at the end of the block.

        Raises:
            Refused: where the handshake is answered otherwise.
        """
        raise NotImplementedError

    async def get(self, target: str, headers: Headers = ()) -> Reply:
        return await self.request("GET", target, headers=headers)

    async def post(self, target: str, body: Upload, headers: Headers = ()) -> Reply:
        return await self.request("POST", target, headers=headers, body=body)

    async def journal(self, key: str, entry: str) -> list[str]:
        """Wait until a handler has written an entry; all entries of the key."""
        return (await self.get(f"/journal/{key}/{quote(entry)}")).json()

    async def __aenter__(self) -> Transport:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None


# -- in this process -----------------------------------------------------------------------------------------------


class MemoryStream:
    def __init__(self, response: Any) -> None:
        self._response = response
        self._chunks = response.stream()
        self.status = response.status
        self.headers = [(name.decode(), value.decode("latin-1")) for name, value in response.raw_headers]

    async def chunk(self) -> bytes:
        try:
            return await anext(self._chunks, b"")
        except ConnectionError as exc:
            raise Broken(str(exc)) from exc

    async def leave(self) -> None:
        await self._response.close()


class Memory(Transport):
    """The in-memory adapter of sketch.testing."""

    name = "memory"

    def __init__(self, make_app: Callable[[], Any]) -> None:
        self._client = TestClient(make_app(), raise_errors=False)

    async def __aenter__(self) -> Transport:
        await self._client.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._client.stop()

    @asynccontextmanager
    async def stream(
        self, method: str, target: str, *, headers: Headers = (), body: Upload = None
    ) -> AsyncIterator[MemoryStream]:
        if body is not None and not isinstance(body, bytes):
            body = _disconnecting(body)
        self._client.cookies.clear()
        try:
            response = await self._client.request(method, target.encode("latin-1"), headers=headers, body=body)
        except ClientDisconnected as exc:
            raise Broken("no answer") from exc
        stream = MemoryStream(response)
        try:
            yield stream
        finally:
            await stream.leave()

    def websocket(self, target: str, *, headers: Headers = (), subprotocols: Sequence[str] = ()) -> Any:
        self._client.cookies.clear()
        return open_in_memory(self._client, target, headers, subprotocols)


async def _disconnecting(body: Any) -> AsyncIterator[bytes]:
    try:
        async for chunk in body:
            yield chunk
    except Cut:
        raise ClientDisconnected from None


class Scripted(Transport):
    """The transport of the hostile ASGI server: see `tests.contract.scripted`."""

    name = "scripted"

    def __init__(self, make_app: Callable[[], Any]) -> None:
        self._server = ScriptedServer(make_app())

    async def __aenter__(self) -> Transport:
        await self._server.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._server.stop()

    @asynccontextmanager
    async def stream(
        self, method: str, target: str, *, headers: Headers = (), body: Upload = None
    ) -> AsyncIterator[Any]:
        exchange = self._server.exchange(method, target, headers, body)
        try:
            await exchange.head()
            yield exchange
        finally:
            await exchange.leave()

    @asynccontextmanager
    async def websocket(
        self, target: str, *, headers: Headers = (), subprotocols: Sequence[str] = ()
    ) -> AsyncIterator[Websocket]:
        websocket = await self._server.websocket(target, headers, subprotocols)
        try:
            yield websocket
        finally:
            await websocket.leave()


# -- real servers --------------------------------------------------------------------------------------------------


class WireStream:
    def __init__(self, wire: Wire, reply: Reply, method: str) -> None:
        self._wire = wire
        self._body = wire.body(reply, method)
        self.status = reply.status
        self.headers = reply.headers

    async def chunk(self) -> bytes:
        return await anext(self._body, b"")

    async def leave(self) -> None:
        self._wire.abort()


def start_program(name: str, command: list[str], logs: Path) -> Program:
    """Start a server on a free port; another process may take the port first, so try more than once.

    Args:
        name: of the transport.
        command: arguments for Python; `PORT` in them becomes a free port.
        logs: a folder for what it prints.
    """
    for attempt in (1, 2, 3):
        port = free_port()
        arguments = [part.replace("PORT", str(port)) for part in command]
        program = Program([sys.executable, *arguments], port, ROOT, logs / f"{port}.log", FIND_TESTS)
        try:
            program.wait_until_it_listens()
            if name in TRIES_FIRST:
                program.wait_until_it_answers()
        except AssertionError:
            program.stop()
            if attempt == 3:
                raise
        else:
            return program
    raise AssertionError("unreachable")


class Served(Transport):
    """A server in a process of its own, on a port of the loopback.

    Args:
        name: of the transport.
        program: the process.
        tls: how the client speaks to it; None for no TLS.
    """

    def __init__(self, name: str, program: Running, tls: ssl.SSLContext | None = None) -> None:
        self.name = name
        self.program = program
        self.port = program.port
        self.pid = program.pid
        self.tls = tls

    def terminate(self) -> None:
        """Tell it to stop, and do not wait."""
        os.kill(self.pid, signal.SIGTERM)

    async def exit_code(self) -> int:
        """Wait for its end."""
        return await asyncio.to_thread(self.program.process.wait, SHUTDOWN)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Wire]:
        """A raw connection."""
        wire = await Wire.connect(self.port, self.tls)
        try:
            yield wire
        finally:
            wire.abort()
            await wire.close()

    async def exchange(self, raw: bytes, method: str = "GET") -> Reply:
        """Send these bytes on a new connection, and read one answer."""
        async with self.connect() as wire:
            await wire.send(raw)
            return await wire.receive(method)

    @asynccontextmanager
    async def stream(
        self, method: str, target: str, *, headers: Headers = (), body: Upload = None
    ) -> AsyncIterator[WireStream]:
        async with self.connect() as wire:
            head = encode_head(method, target, headers, body, f"127.0.0.1:{self.port}")
            sending = asyncio.create_task(self._send(wire, head, headers, body))
            try:
                yield WireStream(wire, await wire.head(), method)
            finally:
                sending.cancel()
                with suppress(asyncio.CancelledError):
                    await sending

    async def _send(self, wire: Wire, head: bytes, headers: Headers, body: Upload) -> None:
        """Send a request. A server may answer and close before it is all sent: that is not an error here."""
        try:
            await wire.send(head)
            if isinstance(body, bytes):
                await wire.send(body)
            elif body is not None:
                framed = not any(name.lower() == "content-length" for name, _ in headers)
                async for chunk in body:
                    if await wire.answered():
                        return
                    if chunk:
                        await wire.send(chunked(chunk) if framed else chunk)
                await wire.send(b"0\r\n\r\n" if framed else b"")
        except Cut:
            wire.abort()
        except ConnectionError:
            return

    def websocket(self, target: str, *, headers: Headers = (), subprotocols: Sequence[str] = ()) -> Any:
        return open_on_the_wire(self.port, self.tls, target, headers, subprotocols)

    def forget_peak(self) -> int:
        """Begin a new peak of memory; the bytes that the server's process holds now (Linux)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        return self._memory("VmRSS:")

    def peak(self) -> int:
        """The most bytes the process has held since `forget_peak()`."""
        return self._memory("VmHWM:")

    def _memory(self, entry: str) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition(entry)[2].split()[0]) * 1024


IN_PROCESS: dict[str, type[Memory | Scripted]] = {"memory": Memory, "scripted": Scripted}
SERVED = (
    *("native-asyncio", "native-uvloop", "native-tls", "uvicorn-httptools", "uvicorn-h11", "hypercorn"),
    *("granian", "granian-rsgi"),
)
COMMANDS = ("hypercorn-command", "granian-command")
"""The servers' own command lines (as uvicorn-h11 is), for tests that start a server of their own."""
TRIES_FIRST = ("granian-rsgi", "granian-command")
"""Those whose parent listens for a moment to see whether it can, before its worker does."""
RARE = ("uvicorn-command",)
"""As `COMMANDS`, for the tests alone that name them."""
BACKENDS = tuple(f"{name}-command" for name in os.environ.get("SKETCH_BACKENDS", "").split())
"""Further servers, by their own commands: `nox -s backends` names them, and runs the tests on them alone."""
ALL = (*IN_PROCESS, *SERVED, *COMMANDS, *RARE)
SMOKE = ("memory", "scripted", "native-asyncio")
EXTENDED = ("native-asyncio", "uvicorn-h11", "granian-rsgi", *COMMANDS)
"""Those that only `nox -s extended` asks. In the plain run, native-tls stands for asyncio."""
WHOLE_TABLES = ("memory", "scripted", "native-uvloop", "uvicorn-httptools")
"""Those that run every row of a rule which the core alone decides: in memory, and one server of each adapter."""

ROOT = Path(__file__).parents[2]
FIND_TESTS = {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])}
"""For processes that import `tests`, also where PYTHONSAFEPATH keeps the working directory off the path."""

assert os.name == "posix", "the contract suite runs on POSIX"
