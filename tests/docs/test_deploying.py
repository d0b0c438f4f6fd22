"""What the pages on deploying give to other programs is given to them: nginx and systemd, where they are installed."""

from __future__ import annotations

import asyncio
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from sketch import Application, Event, EventStreamResponse, JSONResponse, Limits, Request, Response, WebSocket, serve
from sketch.cli import _parsers
from sketch.serving.options import ServeOptions
from sketch.serving.processes.table import MARGIN
from tests.docs.documents import ROOT, blocks
from tests.support.frames import TEXT, frame, shake
from tests.support.nginx import started_nginx, with_nginx
from tests.support.programs import free_port
from tests.support.requests import in_loop
from tests.support.wire import Reply, Wire

HERE = "tests/docs/test_deploying.py"
MIB = 1024 * 1024
HOST = "shop.example"


def tried(name: str) -> list[str]:
    """The blocks of a page of the deployments that this file tries."""
    found = blocks(ROOT / "docs" / "deploying" / f"{name}.md")
    return [block.text for block in found if block.marks.get("tried") == HERE]


# -- nginx ------------------------------------------------------------------------------------------------------------


def make_app(served: list[str]) -> Application:
    app = Application("shop")
    begun = asyncio.Event()

    @app.get("/who", name="who")
    async def who(request: Request) -> Response:
        served.append("who")
        client = request.client and request.client[0]
        fields = [request.headers.get(name) for name in ("Connection", "Upgrade")]
        return JSONResponse([client, str(request.url_for("who")), request.http_version, *fields])

    @app.post("/uploads/new", limits=Limits(body=64 * MIB))
    async def new(request: Request) -> Response:
        size = 0
        async for chunk in request.stream():
            begun.set()
            size += len(chunk)
        return JSONResponse(size)

    @app.post("/form")
    async def form(request: Request) -> Response:
        served.append("form")
        return JSONResponse(len(await request.read()))

    @app.get("/begun")
    async def has_begun(request: Request) -> Response:
        await begun.wait()
        return Response("it has")

    @app.get("/events")
    async def events(request: Request) -> Response:
        async def source() -> AsyncIterator[Event]:
            yield Event("first")
            await asyncio.Event().wait()

        return EventStreamResponse(source())

    @app.websocket("/chat")
    async def chat(ws: WebSocket) -> None:
        async for message in ws:
            await ws.send(message)

    return app


class Site:
    """nginx as the page has it, before a server on a unix socket; connections to it."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.port = port
        self._context = context

    async def connect(self, name: str = HOST) -> Wire:
        """Open a TLS connection for a host."""
        return await Wire._open("create_connection", "127.0.0.1", self.port, ssl=self._context, server_hostname=name)

    async def ask(self, wire: Wire, head: str, body: bytes = b"") -> Reply:
        """Send a request; the answer."""
        await wire.send(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        return await wire.receive(head.partition(" ")[0])


@asynccontextmanager
async def site(folder: Path, app: Application, upstream: str) -> AsyncIterator[tuple[Site, Any]]:
    """The server and nginx before it, which speak by TCP or by a unix socket."""
    (text,) = tried("nginx")
    port, inner, socket = free_port(), free_port(), folder / "shop.sock"
    context = write_certificate(folder)
    place = f"127.0.0.1:{inner}" if upstream == "tcp" else f"unix:{socket}"
    replaced = text.replace("unix:/run/shop/shop.sock", place).replace("listen 443", f"listen 127.0.0.1:{port}")
    replaced = replaced.replace("/etc/letsencrypt/live/shop.example", str(folder))
    proxy = "127.0.0.1" if upstream == "tcp" else "unix"
    serving = serve(app, bind=[place], uds_mode=0o600, trusted_proxies=[proxy])
    async with serving as server, started_nginx(replaced, port, folder):
        yield Site(port, context), server


def write_certificate(folder: Path) -> ssl.SSLContext:
    """Write the files of a certificate as certbot names them; the context of a client that trusts it."""
    authority = trustme.CA()
    issued = authority.issue_cert(HOST)
    (folder / "fullchain.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(folder / "privkey.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@with_nginx
@pytest.mark.parametrize("upstream", ["unix", "tcp"])
@in_loop
async def test_nginx_as_it_is_written(upstream: str, tmp_path: Path) -> None:
    """One nginx for all that the page promises: to start one takes most of the time."""
    served: list[str] = []
    async with site(tmp_path, make_app(served), upstream) as (shop, server):
        await check_origin(shop, server)
        await check_hosts(shop, served)
        await check_uploads(shop, served)
        await check_streams(shop)


async def check_origin(shop: Site, server: Any) -> None:
    """The application sees the client and the site, whatever the client forges; connections are kept."""
    wire = await shop.connect()
    forged = "X-Forwarded-For: 6.6.6.6\nX-Forwarded-Host: evil.example\nX-Forwarded-Port: 1\nX-Forwarded-Proto: http"
    for _ in range(3):
        reply = await shop.ask(wire, f"GET /who HTTP/1.1\nHost: {HOST}\n{forged}")
        assert reply.json() == ["127.0.0.1", f"https://{HOST}:{shop.port}/who", "1.1", None, None]
    assert len(server.connections) == 1
    await wire.close()


async def check_hosts(shop: Site, served: list[str]) -> None:
    """Hosts that are not the site's get nothing, in the handshake or in the request."""
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        await shop.connect("evil.example")
    served.clear()
    wire = await shop.connect()
    reply = await shop.ask(wire, "GET /who HTTP/1.1\nHost: evil.example")
    assert (reply.status, served) == (421, [])
    await wire.close()


async def check_uploads(shop: Site, served: list[str]) -> None:
    """What is too large is refused by nginx; elsewhere a handler reads while the client still sends."""
    wire = await shop.connect()
    size = 17 * MIB
    reply = await shop.ask(wire, f"POST /form HTTP/1.1\nHost: {HOST}\nContent-Length: {size}")
    assert (reply.status, served) == (413, [])
    await wire.close()
    wire = await shop.connect()
    reply = await shop.ask(wire, f"POST /form HTTP/1.1\nHost: {HOST}\nContent-Length: {2 * MIB}", b"x" * 2 * MIB)
    assert (reply.json(), served) == (2 * MIB, ["form"])
    await wire.send(f"POST /uploads/new HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {size}\r\n\r\n".encode())
    await wire.send(b"x" * MIB)
    other = await shop.connect()
    assert (await shop.ask(other, f"GET /begun HTTP/1.1\nHost: {HOST}")).text == "it has"
    await wire.send(b"x" * (size - MIB))
    assert (await wire.receive()).json() == size
    await other.close()
    await wire.close()


async def check_streams(shop: Site) -> None:
    """An event arrives while the stream goes on, and a websocket answers."""
    wire = await shop.connect()
    await wire.send(f"GET /events HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    reply = await wire.head()
    body = wire.body(reply, "GET")
    assert await anext(body) == b"data: first\n\n"
    await body.aclose()  # type: ignore[attr-defined]
    wire.abort()
    await wire.close()
    wire = await shop.connect()
    chat = await shake(wire, "/chat", [("Host", HOST)])
    await chat.send(frame(TEXT, b"tea"))
    assert await chat.receive() == "tea"
    await chat.close()


# -- systemd ----------------------------------------------------------------------------------------------------------

with_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
EXPOSURE = 25
"""Of 100: `systemd-analyze security` calls a unit OK up to 50."""


@with_systemd
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    socket, service = tried("systemd")
    command = "/srv/shop/.venv/bin/sketch"
    assert f"ExecStart={command} run " in service
    (tmp_path / "shop.socket").write_text(socket)
    (tmp_path / "shop.service").write_text(service.replace(command, sys.executable))
    done = analyze(tmp_path, "verify", "--man=no", "shop.service", "shop.socket")
    assert (done.returncode, done.stderr) == (0, "")
    done = analyze(tmp_path, "security", "--offline=yes", f"--threshold={EXPOSURE}", "shop.service")
    assert done.returncode == 0, done.stdout[-200:] + done.stderr


def analyze(folder: Path, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze on the units in a folder."""
    paths = [str(folder / each) if each.startswith("shop.") else each for each in arguments]
    return subprocess.run(["systemd-analyze", command, *paths], cwd=folder, capture_output=True, text=True, timeout=50)


def test_the_command_of_the_unit_is_one_that_sketch_takes() -> None:
    """And so are those of the other pages."""
    _, service = tried("systemd")
    (line,) = re.findall(r"^ExecStart=\S+/sketch (run .*)$", service, re.MULTILINE)
    parser, _ = _parsers()
    given = vars(parser.parse_args(line.split()))
    assert (given["app"], given["workers"], given["trusted_proxies"]) == ("shop:app", 0, ["unix"])


def test_the_times_of_the_unit_are_longer_than_those_of_the_server() -> None:
    _, service = tried("systemd")
    times = {name: float(value) for name, value in re.findall(r"^(\w+Sec)=(\d+)$", service, re.MULTILINE)}
    options = ServeOptions()
    assert times["TimeoutStartSec"] > options.start_timeout
    assert times["TimeoutStopSec"] > options.drain_delay + options.shutdown_timeout + MARGIN
