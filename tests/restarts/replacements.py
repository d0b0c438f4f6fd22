"""Ways to replace a server, while clients load it."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trustme

from tests.restarts.clients import Load, Place, Tally
from tests.support.workers import Parent, parent_of_workers

APP = "tests.restarts.app:app"
Replace = Callable[[Parent], Awaitable[None]]


class Observed:
    """What has happened in one run.

    Args:
        tally: of the clients.
        executed: how many requests the application has seen.
    """

    def __init__(self, tally: Tally, executed: int) -> None:
        self.tally = tally
        self.executed = executed


def certificates(directory: Path) -> tuple[dict[str, Any], ssl.SSLContext]:
    """The options of a server with TLS, and the context of its clients."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    chain, key = directory / "chain.pem", directory / "key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return {"ssl_certfile": str(chain), "ssl_keyfile": str(key)}, context


async def by_sighup(parent: Parent, times: int, workers: int = 2) -> None:
    """Replace all workers of a parent, several times."""
    for number in range(1, times + 1):
        parent.send(signal.SIGHUP)
        await asyncio.to_thread(parent.wait_for, r"worker \d+ \(process \d+\) has stopped", number * workers)


@contextmanager
def inherited_socket(backlog: int = 2048) -> Iterator[socket.socket]:
    """A listening socket that outlives the servers, as systemd's do."""
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as sock:
        sock.set_inheritable(True)
        yield sock


async def observe(
    directory: Path, load: Load, replace: Replace, *, tls: ssl.SSLContext | None = None, **options: Any
) -> Observed:
    """Load a parent and its workers, replace them meanwhile, and stop."""
    over = asyncio.Event()
    options = {"workers": 2, "app": APP, **options}
    with parent_of_workers(directory, **options) as parent:
        running = asyncio.create_task(load(Place(parent.port, over, tls)))
        await replace(parent)
        over.set()
        tally = await running
        await asyncio.to_thread(parent.stop)
        return Observed(tally, executed([parent]))


async def observe_successors(
    directory: Path,
    load: Load,
    times: int,
    *,
    overlap: bool,
    lives: float = 0.0,
    tls: ssl.SSLContext | None = None,
    **options: Any,
) -> Observed:
    """Load an inherited socket, and replace the parent on it several times.

    Args:
        overlap: whether the next parent is ready before the one before is told to stop; else it is started after that
            one has ended, and new connections wait in the socket.
        lives: seconds for which a parent serves the load before it is replaced, at least.
        directory, load, times, tls, options: as for `observe`.
    """
    over = asyncio.Event()
    parents: list[Parent] = []
    with inherited_socket() as sock:
        options = {"workers": 2, "app": APP, "bind": [f"fd:{sock.fileno()}"], "pass_fds": [sock.fileno()], **options}
        port = sock.getsockname()[1]

        def start() -> None:
            parents.append(Parent(directory, port=port, **options))
            parents[-1].wait_for(r"worker \d+ \(process \d+\) is ready", options["workers"])

        try:
            await asyncio.to_thread(start)
            running = asyncio.create_task(load(Place(port, over, tls)))
            for _ in range(times):
                before = parents[-1]
                await asyncio.sleep(lives)
                if overlap:
                    await asyncio.to_thread(start)
                await asyncio.to_thread(before.stop)
                if not overlap:
                    await asyncio.to_thread(start)
            over.set()
            tally = await running
            await asyncio.to_thread(parents[-1].stop)
            return Observed(tally, executed(parents))
        finally:
            for parent in parents:
                parent.kill()


def executed(parents: Sequence[Parent]) -> int:
    """How many requests the workers of these parents have run: each has told it at its end."""
    return sum(int(count) for parent in parents for count in re.findall(r"executed (\d+)", parent.output))
