"""How launched servers are led to their end: what the launchers know of servers that tell nothing."""

from __future__ import annotations

import asyncio
import inspect
import socket

import pytest
from hypercorn.asyncio import run as hypercorn_run

from sketch.serving.loops import loop_factory, opened_servers
from sketch_asgi.launchers import hypercorn
from sketch_asgi.launchers.stopping import close_servers

LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


def test_hypercorn_serves_a_connection_in_a_coroutine_of_the_name_that_is_counted() -> None:
    """The launcher counts connections by this name alone: a hypercorn that changes it has to be noticed."""
    assert f"async def {hypercorn.CONNECTION}(" in inspect.getsource(hypercorn_run.worker_serve)


@LOOPS
def test_connections_that_are_accepted_when_the_listener_closes_are_served(loop: str) -> None:
    served: list[str] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append((await reader.read(10)).decode())
        writer.close()
        await writer.wait_closed()

    async def main() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        assert opened_servers() == [server]
        port = server.sockets[0].getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"hello")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await close_servers([server])
            async with asyncio.timeout(10):
                while not served:  # noqa: ASYNC110  # the server tells nothing
                    await asyncio.sleep(0.001)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))

    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        runner.run(main())
    assert served == ["hello"]
