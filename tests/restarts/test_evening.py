"""An operator's evening: two workers behind nginx and under load, with all that is done to them until they stop.

No request is lost, and the log alone tells what has happened.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import trustme

from tests.restarts.clients import Place, Tally, clients, keep_alive
from tests.support.nginx import started_nginx, with_nginx
from tests.support.programs import free_port
from tests.support.wire import Wire
from tests.support.workers import PATIENCE, ROOT, Parent

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]

SHOP = """
import asyncio, sys
from sketch import Application, Request, Response

app = Application("shop")

@app.get("/")
async def version(request: Request) -> Response:
    return Response("{version}")

@app.get("/slow")
async def slow(request: Request) -> Response:
    sys.stderr.write("slow request\\n")
    await app.stopping.wait()
    await asyncio.sleep(0.2)
    return Response("{version}")
"""
BROKEN = SHOP.replace("\napp =", "\nraise ValueError('the price list is missing')\napp =")

NGINX = """
    upstream shop {{ server unix:{folder}/shop.sock; keepalive 8; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass https://shop;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $remote_addr;
        }}
    }}
"""
OPTIONS = (
    *("--uds", "shop.sock", "--uds-mode", "660", "--trusted-proxies", "unix", "--workers", "2"),
    *("--ssl-certfile", "chain.pem", "--ssl-keyfile", "key.pem", "--no-access-log"),
    *("--shutdown-timeout", "4", "--keep-alive-drain", "0.3", "--limit-connections", "500"),
)
STEADY = clients(keep_alive(0.02), 4)
SLOW = 3


class Evening:
    """The folder of the server, the server, and what the operator does.

    Args:
        folder: where everything is.
        parent: the server.
        port: of nginx.
    """

    def __init__(self, folder: Path, parent: Parent, port: int) -> None:
        self.folder = folder
        self.parent = parent
        self.port = port

    async def wait_for(self, pattern: str, times: int = 1) -> None:
        """Wait until the log has a pattern so many times."""
        await asyncio.to_thread(self.parent.wait_for, pattern, times)

    async def ask(self, path: str = "/") -> str:
        """Ask through nginx; the version that answers."""
        wire = await Wire.connect(self.port)
        await wire.send(f"GET {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n".encode())
        reply = await wire.receive()
        await wire.close()
        assert reply.status == 200, reply
        return reply.text

    async def versions(self) -> set[str]:
        """The versions that answer some requests: workers take turns, as the kernel likes."""
        return {await self.ask() for _ in range(8)}

    async def replace(self, version: str, stopped: int) -> None:
        """Put a version on the disk, and have the workers replaced by it: so many have stopped then."""
        write(self.folder, SHOP.format(version=version))
        self.parent.send(signal.SIGHUP)
        await self.wait_for(r"worker \d \(process \d+\) has stopped", stopped)
        assert await self.versions() == {version}

    async def serial(self) -> str:
        """The serial number of the certificate that a new connection is shown."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        path = str(self.folder / "shop.sock")
        _, writer = await asyncio.open_unix_connection(path, ssl=context, server_hostname="localhost")
        shown: ssl.SSLObject = writer.get_extra_info("ssl_object")
        found = shown.getpeercert(binary_form=True)
        writer.close()
        assert found is not None
        return found.hex()


def write(folder: Path, source: str) -> None:
    """Replace the application on the disk. Python takes what it has compiled for a file of the same second and size."""
    (folder / "new.py").write_text(f"{source}\n# {os.urandom(8 + len(list(folder.iterdir()))).hex()}\n")
    (folder / "new.py").replace(folder / "shop.py")


def write_certificate(folder: Path) -> None:
    issued = trustme.CA().issue_cert("localhost")
    (folder / "chain.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key = folder / "key.pem"
    key.touch(0o600)
    key.write_bytes(issued.private_key_pem.bytes())


@contextmanager
def served(folder: Path) -> Iterator[Parent]:
    """The server, with all of its workers ready."""
    command = [sys.executable, "-m", "sketch", "run", "shop:app", *OPTIONS]
    parent = Parent(folder, command=command, environment={"PYTHONUNBUFFERED": "1"})
    try:
        parent.wait_for(r"worker \d \(process \d+\) is ready", 2)
        yield parent
    finally:
        parent.kill()


@asynccontextmanager
async def steady_clients(port: int) -> AsyncIterator[Tally]:
    """Clients that ask all the time, until the block ends; the tally is theirs then."""
    over, total = asyncio.Event(), Tally()
    running = asyncio.create_task(STEADY(Place(port, over)))
    try:
        yield total
    finally:
        over.set()
        seen = await running
        total.answered, total.lost = seen.answered, seen.lost


@with_nginx
def test_an_evening(tmp_path: Path) -> None:
    write(tmp_path, SHOP.format(version="one"))
    write_certificate(tmp_path)
    ask_the_doctor(tmp_path)
    with served(tmp_path) as parent:
        asyncio.run(asyncio.wait_for(spend(tmp_path, parent), 5 * PATIENCE))
        assert parent.wait() == 0
        read_the_log(parent.output)


def ask_the_doctor(folder: Path) -> None:
    """Nothing but advice is found in what will run."""
    done = subprocess.run(
        [sys.executable, "-m", "sketch", "doctor", "shop:app", *OPTIONS, "--json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/adapters"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["server"]["processes"] == 2


async def spend(folder: Path, parent: Parent) -> None:
    """Do what an operator does in an evening, and stop the server at its end."""
    port = free_port()
    async with started_nginx(NGINX.format(folder=folder, port=port), port, folder):
        evening = Evening(folder, parent, port)
        async with steady_clients(port) as tally:
            assert await evening.versions() == {"one"}
            await evening.replace("two", stopped=2)
            await renew_the_certificate(evening)
            await try_what_is_broken(evening)
            await evening.replace("three", stopped=4)
        assert tally.failed == 0, tally
        assert tally.answered > 50
        await stop(evening)


async def renew_the_certificate(evening: Evening) -> None:
    """New connections are shown the new one, and no other is touched."""
    before = await evening.serial()
    write_certificate(evening.folder)
    evening.parent.send(signal.SIGUSR1)
    await evening.wait_for(RENEWED, 2)
    assert await evening.serial() != before


async def try_what_is_broken(evening: Evening) -> None:
    """The workers of the version before serve on."""
    write(evening.folder, BROKEN)
    evening.parent.send(signal.SIGHUP)
    await evening.wait_for("serves on, and no other worker is replaced")
    assert await evening.versions() == {"two"}


async def stop(evening: Evening) -> None:
    """What is under way is answered."""
    asking = [asyncio.create_task(evening.ask("/slow")) for _ in range(SLOW)]
    await evening.wait_for("slow request", SLOW)
    evening.parent.send(signal.SIGTERM)
    assert [await each for each in asking] == ["three"] * SLOW


# -- the log ----------------------------------------------------------------------------------------------------------

WORKER = r"worker {} \(process \d+\) "
REPLACED = [
    r"INFO sketch: replacing the workers, one after the other\n",
    *(WORKER.format(index) + end for index in (0, 1) for end in ("is ready", "has stopped")),
]
RENEWED = r"INFO sketch: SIGUSR1: reread the certificate chain\.pem\n"


def read_the_log(log: str) -> None:
    """Find in the log what has happened, in the order in which it has."""
    story = [
        r"Started server on unix:shop\.sock \(native, 2 workers\)",
        *REPLACED,
        RENEWED,
        RENEWED,
        REPLACED[0],
        "ValueError: the price list is missing",
        r"ERROR sketch: " + WORKER.format(0) + r"could not start: shop\.py:5: ValueError: the price list is missing\n",
        r"ERROR sketch: " + WORKER.format(0) + "serves on, and no other worker is replaced",
        *REPLACED,
        r"INFO sketch: stopping the workers\n",
        r"INFO sketch.server: stopping: \d request",
        r"INFO sketch.server: stopped after 0\.\d s",
        WORKER.format(r"\d") + "has stopped",
    ]
    assert_in_order(log, story)
    assert log.partition("stopping the workers")[2].count("has stopped") == 2, log
    errors = [line for line in log.splitlines() if re.search(" (WARNING|ERROR|CRITICAL) ", line)]
    assert len(errors) == 2, log


def assert_in_order(log: str, patterns: Sequence[str]) -> None:
    """Each pattern stands in the log behind the one before."""
    place = 0
    for pattern in patterns:
        match = re.compile(pattern).search(log, place)
        assert match, f"expected {pattern!r} in:\n{log[place:]}\nof\n{log}"
        place = match.end()
