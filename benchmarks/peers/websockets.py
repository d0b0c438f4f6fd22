"""The websockets package on its own server."""

from __future__ import annotations

from websockets.asyncio.server import ServerConnection, serve as listen

from benchmarks.peers.serving import HOST
from benchmarks.work import Variant


async def talk(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def _serve(port: int) -> None:
    async with listen(talk, HOST, port, compression=None) as server:
        await server.serve_forever()


def serve(variant: Variant, port: int, server: str) -> None:
    import uvloop

    uvloop.run(_serve(port))
