"""Other programs at the other end: connection pools, nginx, curl. A skipped test names the one that is missing."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sketch import Application, Limits, ProxyHeaders, Request, Response, StreamResponse
from sketch.serving.sockets import spell
from tests.support.native import Served, add_refusals, serving, until
from tests.support.nginx import nginx, with_nginx
from tests.support.programs import running
from tests.support.wire import Broken, Wire

STATUSES = (200, 401, 404, 413, 500)
REQUESTS = 60
MIB = 1024 * 1024

with_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def make_app() -> Application:
    """Routes that answer with their status and read nothing, and streams that can be cut."""
    app = Application(limits=Limits(write_timeout=0.3))
    add_statuses(app)
    add_streams(app)
    return app


def add_statuses(app: Application) -> None:
    @app.post("/200")
    async def fine(request: Request) -> Response:
        return Response("fine")

    add_refusals(app)


def add_streams(app: Application) -> None:
    @app.get("/endless")
    async def endless(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 65536

        return StreamResponse(parts())

    @app.get("/waits")
    async def waits(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"first"
            await asyncio.Event().wait()

        return StreamResponse(parts())

    @app.get("/fails")
    async def fails(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"first"
            raise ValueError("broken")

        return StreamResponse(parts())

    @app.get("/whole")
    async def whole(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b"x" * 10_000

        return StreamResponse(parts())


# -- unread bodies ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [400_000, 1_000_000])
async def test_a_pool_of_urllib3_loses_no_request(size: int) -> None:
    urllib3 = pytest.importorskip("urllib3")

    def ask(port: int) -> int:
        body = b"x" * size
        with urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=1, retries=False, timeout=10) as pool:
            for status in STATUSES:
                for _ in range(REQUESTS):
                    assert pool.request("POST", f"/{status}", body=body).status == status
            made: int = pool.num_connections
            return made

    async with serving(make_app()) as served:
        assert await asyncio.to_thread(ask, served.server.port or 0) == 1


async def test_a_pool_of_urllib3_reads_the_answers_to_large_bodies() -> None:
    urllib3 = pytest.importorskip("urllib3")

    def ask(port: int) -> None:
        with urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=1, retries=False, timeout=10) as pool:
            for status in (200, 401, 404, 500):
                for _ in range(REQUESTS // 4):
                    assert pool.request("POST", f"/{status}", body=b"x" * 4 * MIB).status == status

    async with serving(make_app()) as served:
        await asyncio.to_thread(ask, served.server.port or 0)


NODE = """
const http = require('http');
const [port, size, requests, ...statuses] = process.argv.slice(1).map(Number);
const agent = new http.Agent({keepAlive: true, maxSockets: 4});
const body = Buffer.alloc(size, 'x');
const ask = (status) => new Promise((resolve) => {
  const options = {port, agent, method: 'POST', path: '/' + status, headers: {'Content-Length': size}};
  const request = http.request(options, (response) => {
    response.resume();
    response.on('end', () => resolve(response.statusCode));
    response.on('error', (error) => resolve(error.code));
  });
  request.on('error', (error) => resolve(error.code));
  request.end(body);
});
(async () => {
  const seen = {};
  for (const status of statuses) {
    const all = await Promise.all(Array.from({length: requests}, () => ask(status)));
    seen[status] = [...new Set(all)];
  }
  console.log(JSON.stringify(seen));
  agent.destroy();
})();
"""


@with_node
@pytest.mark.parametrize("size", [400_000, 1_000_000, 4 * MIB])
async def test_an_agent_of_node_loses_no_request(size: int) -> None:
    arguments = [str(number) for number in (size, REQUESTS, *STATUSES)]
    async with serving(make_app()) as served:
        node = ("node", "-e", NODE, str(served.server.port), *arguments)
        async with running(*node, stdout=asyncio.subprocess.PIPE) as process:
            output, _ = await process.communicate()
    assert json.loads(output) == {str(status): [status] for status in STATUSES}


# -- nginx ------------------------------------------------------------------------------------------------------------


def upstream(served: Served) -> str:
    """The server's address, as nginx spells it."""
    return spell(served.server.sockets[0].getsockname())


@with_nginx
@pytest.mark.parametrize("way", ["kept", "unbuffered"])
@pytest.mark.parametrize("size", [400_000, 4 * MIB])
async def test_nginx_passes_on_every_answer(size: int, way: str, tmp_path: Path) -> None:
    """And not a 502, because a connection that it keeps has been closed."""
    body = b"x" * size
    async with serving(make_app()) as served, nginx(upstream(served), tmp_path) as port:
        for status in STATUSES:
            for _ in range(REQUESTS // 3):
                wire = await Wire.connect(port)
                head = (
                    f"POST /{way}/{status} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"
                )
                sending = asyncio.create_task(_send(wire, head.encode() + body))
                assert (await wire.receive()).status == status
                await sending
                await wire.close()


async def _send(wire: Wire, data: bytes) -> None:
    try:
        await wire.send(data)
    except ConnectionError:
        return


@with_nginx
@pytest.mark.parametrize("cut", ["/fails", "/waits", "/endless"])
async def test_nginx_sees_that_an_answer_is_cut(cut: str, tmp_path: Path) -> None:
    """It asks by HTTP/1.0, as is its default: only a reset tells it."""
    async with serving(make_app()) as served, nginx(upstream(served), tmp_path) as port:
        wire = await Wire.connect(port, receive_buffer=4096)
        await wire.send(f"GET {cut} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        reply = await wire.head()
        assert reply.header("transfer-encoding") == "chunked"
        if cut == "/waits":
            (connection,) = served.server.connections
            connection.cancel()
        elif cut == "/endless":
            wire.pause()
            await until(lambda: not served.server.connections, "the end of the write timeout")
            wire.resume()
        body = wire.body(reply, "GET")
        with pytest.raises(Broken):
            [part async for part in body]
        wire.abort()
        await wire.close()


@with_nginx
async def test_nginx_passes_on_a_complete_stream(tmp_path: Path) -> None:
    async with serving(make_app()) as served, nginx(upstream(served), tmp_path) as port:
        wire = await Wire.connect(port)
        await wire.send(b"GET /whole HTTP/1.1\r\nHost: x\r\n\r\n")
        assert len((await wire.receive()).body) == 1_000_000
        await wire.close()


@with_nginx
async def test_nginx_before_a_unix_socket(tmp_path: Path) -> None:
    app = make_app()

    @app.get("/client")
    async def client(request: Request) -> Response:
        return Response(f"{request.client} {request.url}")

    app.outer_middlewares.append(ProxyHeaders(["unix"]))
    async with serving(app, uds=str(tmp_path / "app.sock")) as served, nginx(upstream(served), tmp_path) as port:
        wire = await Wire.connect(port)
        answers = []
        for path in ("/client", "/kept/client", "/kept/client"):
            await wire.send(f"GET {path} HTTP/1.1\r\nHost: shop.example\r\n\r\n".encode())
            answers.append((await wire.receive()).text)
        await wire.close()
    assert answers == ["('192.0.2.7', 0) https://shop.example/client", *["None http://sketch/client"] * 2]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(("target", "code"), [("/whole", 0), ("/fails", 56)])
async def test_the_exit_code_of_curl(target: str, code: int) -> None:
    async with serving(make_app()) as served:
        url = f"http://127.0.0.1:{served.server.port}{target}"
        async with running("curl", "--http1.0", "--silent", "--output", os.devnull, url) as process:
            assert await process.wait() == code
