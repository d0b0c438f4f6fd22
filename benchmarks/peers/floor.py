"""The floor: an event loop that answers any input with the same bytes. No server in Python can cost less."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.peers.serving import HOST
from benchmarks.work import TEXT, Variant

ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
    b"date: Fri, 20 Nov 2026 12:00:00 GMT\r\nserver: floor\r\n\r\n%b"
) % (len(TEXT), TEXT)


class Floor(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Floor, HOST, port)
    await server.serve_forever()


def serve(variant: Variant, port: int, server: str) -> None:
    import uvloop

    uvloop.run(_serve(port))
