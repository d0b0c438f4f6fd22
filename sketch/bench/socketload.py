"""Puts load on websockets: each connection sends its next message once the last one has been echoed.

`python -m sketch.bench.socketload PORT TARGET SIZE CONNECTIONS SECONDS`. The frames are made in advance, and
of the echoes only the bytes are counted; `sketch.bench.probe` checks their content.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from time import perf_counter
from typing import cast

from sketch.bench.errors import BenchError
from sketch.bench.program import HOST
from sketch.bench.sockets import ACCEPTED, CLOSE, ENOUGH, answer, frame, handshake


class Client(asyncio.Protocol):
    """One websocket connection; counts the echoed messages.

    Args:
        port, target: where the websocket is.
        message: the message that is sent repeatedly.
    """

    def __init__(self, port: int, target: str, message: bytes) -> None:
        self.done = 0
        self.leaving = False
        self.opened = asyncio.get_running_loop().create_future()
        self.lost = asyncio.get_running_loop().create_future()
        self._head: bytes | None = b""
        self._handshake = handshake(target, port)
        self._frame = frame(message)
        self._size = self._left = len(answer(message))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the handshake."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self._handshake)

    def begin(self) -> None:
        """Send the first message."""
        self.transport.write(self._frame)

    def data_received(self, data: bytes) -> None:
        """Send the next message when the last one is complete."""
        if self._head is not None:
            self._read_head(data)
            return
        left = self._left - len(data)
        if left <= 0:
            self.done += 1
            left += self._size
            if not self.leaving:
                self.transport.write(self._frame)
        self._left = left

    def _read_head(self, data: bytes) -> None:
        assert self._head is not None
        self._head += data
        if b"\r\n\r\n" in self._head:
            if self._head.startswith(ACCEPTED):
                self.opened.set_result(None)
            else:
                self.opened.set_exception(BenchError(f"answers {self._head.splitlines()[0]!r}"))
            self._head = None

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - whatever the reason
        """Note the end of the connection."""
        self.lost.set_result(None)
        if not self.opened.done():
            self.opened.set_exception(BenchError("closes the connection of a websocket"))


async def load(port: int, target: str, message: bytes, connections: int, seconds: float) -> dict[str, float]:
    """Open websockets, then send on all of them for some seconds. Returns how many messages came back, in how long.

    Raises:
        BenchError: if one cannot be opened, or ends.
    """
    loop = asyncio.get_running_loop()
    clients: list[Client] = []
    try:
        for _ in range(connections):
            _, client = await loop.create_connection(lambda: Client(port, target, message), HOST, port)
            clients.append(client)
            async with asyncio.timeout(ENOUGH):
                await client.opened
        begin = perf_counter()
        for client in clients:
            client.begin()
        await asyncio.sleep(seconds)
        taken = perf_counter() - begin
        done = sum(client.done for client in clients)
        if any(client.lost.done() for client in clients):
            raise BenchError("closes the connection of a websocket")
        await _leave(clients)
    finally:
        for client in clients:
            client.transport.abort()
    return {"done": done, "seconds": taken}


async def _leave(clients: Sequence[Client]) -> None:
    """Close in order: some servers log clients that do not. A message may still be on its way."""
    for client in clients:
        client.leaving = True
        client.transport.write(frame(b"\x03\xe8", CLOSE))
    await asyncio.wait([client.lost for client in clients], timeout=ENOUGH)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m sketch.bench.socketload")
    for name, kind in (("port", int), ("target", str), ("size", int), ("connections", int), ("seconds", float)):
        parser.add_argument(name, type=kind)
    given = parser.parse_args()
    try:
        import uvloop
    except ImportError:
        new_loop = asyncio.new_event_loop
    else:
        new_loop = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=new_loop) as runner:
        try:
            report = runner.run(load(given.port, given.target, b"x" * given.size, given.connections, given.seconds))
        except BenchError as exc:
            print(exc, file=sys.stderr)
            return 1
    print(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
