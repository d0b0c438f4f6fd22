"""One client on every transport: the same requests, the same answers, and clear errors for what one cannot do."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sketch import Application, Request, Response, StreamResponse
from sketch.serving.options import ServeError
from sketch.testing import TestClient
from sketch.transport import ClientDisconnected
from tests.support.requests import in_loop
from tests.testkit.applications import echoing, leaving
from tests.testkit.support import HERE, SERVERS, TRANSPORTS, nothing_left

every_transport = pytest.mark.parametrize("transport", TRANSPORTS)
IN_PROCESS = pytest.mark.parametrize("transport", [name for name in TRANSPORTS if name != "granian"])


@every_transport
@in_loop
async def test_the_same_request_arrives(transport: str) -> None:
    async with TestClient(f"{HERE}:echoing()", transport=transport, headers={"X-Number": 7}) as client:
        client.cookies["k"] = "v"
        response = await client.put("/a b?x=é", params={"y": 1}, data="grüße", headers={"X-Bytes": b"\xff"})
        assert response.status == 200
        got = await response.json()
        assert got == {
            "method": "PUT",
            "target": "/a%20b?x=%C3%A9&y=1",
            "url": "http://testserver/a%20b?x=%C3%A9&y=1",
            "root_path": "",
            "headers": {
                "host": "testserver",
                "x-bytes": "\xff",
                "x-number": "7",
                "accept": "*/*",
                "user-agent": "sketch-testclient",
                "cookie": "k=v",
                "content-type": "text/plain; charset=utf-8",
                "content-length": "7",
            },
            "cookies": {"k": "v"},
            "body": "grüße".encode().decode("latin-1"),
        }
        assert (await client.head("/x")).status == 200


@every_transport
def test_a_client_belongs_to_the_event_loop_of_its_start(transport: str) -> None:
    """In another one, a server in the first loop would never answer."""
    client = TestClient(f"{HERE}:echoing()", transport=transport)
    with asyncio.Runner() as runner, asyncio.Runner() as other:
        runner.run(client.start())
        with pytest.raises(RuntimeError, match="expected the event loop in which the client was started"):
            other.run(client.get("/"))
        assert runner.run(client.get("/")).status == 200
        runner.run(client.stop())


@every_transport
@in_loop
async def test_root_path(transport: str) -> None:
    async with TestClient(f"{HERE}:echoing()", transport=transport, root_path="/api") as client:
        got = await (await client.get("/api/x")).json()
        assert (got["root_path"], got["url"]) == ("/api", "http://testserver/api/x")


@every_transport
@in_loop
async def test_tls(transport: str) -> None:
    with nothing_left():
        async with TestClient(f"{HERE}:leaving()", transport=transport, base_url="https://testserver") as client:
            if client.server_url is not None:
                assert client.server_url.scheme == "https"
            response = await client.get("/endless")
            assert (await anext(response.stream())).startswith(b"x")
            async with client.websocket("/socket") as ws:
                assert await ws.receive() == "open"
                ws.abort()
            assert str(response.url) == "https://testserver/endless"


@pytest.mark.parametrize("transport", SERVERS)
@in_loop
async def test_tls_with_a_certificate_of_the_test(transport: str, tmp_path: Path) -> None:
    import trustme

    path = tmp_path / "own.pem"
    trustme.CA().issue_cert("shop.example").private_key_and_cert_chain_pem.write_to_path(path)
    options: dict[str, Any] = {"transport": transport, "base_url": "https://shop.example", "certificate": (path, path)}
    async with TestClient(f"{HERE}:echoing()", **options) as client:
        assert (await (await client.get("/")).json())["url"] == "https://shop.example/"


async def cut() -> AsyncIterator[bytes]:
    yield b"begin"
    raise ClientDisconnected


async def wrong() -> AsyncIterator[bytes]:
    yield b"begin"
    raise ZeroDivisionError("the test's own")


@every_transport
@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"body": cut}, ClientDisconnected),
        ({"body": wrong}, ZeroDivisionError),
        ({"body": b"five!", "headers": {"Content-Length": 9}}, ClientDisconnected),
        ({"body": b"five!", "headers": {"Content-Length": 3}}, ValueError),
    ],
    ids=["cut", "wrong", "short", "long"],
)
@in_loop
async def test_uploads_that_end_early(transport: str, options: dict[str, Any], error: type[Exception]) -> None:
    body = options["body"]
    async with TestClient(f"{HERE}:echoing()", transport=transport) as client:
        with pytest.raises(error):
            await client.post("/", **{**options, "body": body if isinstance(body, bytes) else body()})
        assert (await client.get("/")).ok


@every_transport
@in_loop
async def test_relative_references_and_redirects_to_the_last_request(transport: str) -> None:
    async with TestClient(f"{HERE}:echoing()", transport=transport) as client:
        await client.get("/shop/tea/green")
        assert (await (await client.get("./black")).json())["target"] == "/shop/tea/black"
        assert (await (await client.get("../cake?a=1")).json())["target"] == "/shop/cake?a=1"
        assert (await (await client.get("?b=2")).json())["target"] == "/shop/cake?b=2"
        assert (await (await client.get(client.base_url / "own")).json())["target"] == "/own"


@IN_PROCESS
@in_loop
async def test_a_stream_ends_when_the_application_stops(transport: str) -> None:
    app = Application()

    @app.get("/")
    async def handler(request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b"begin "
            await request.app.stopping.wait()
            yield b"end"

        return StreamResponse(body())

    with nothing_left():
        async with TestClient(app, transport=transport) as client:
            response = await client.get("/")
            chunks = response.stream()
            assert await anext(chunks) == b"begin "
            await client.shutdown()
            assert await anext(chunks) == b"end"
            assert await anext(chunks, None) is None


@every_transport
@in_loop
async def test_websocket_with_headers_cookies_and_a_subprotocol(transport: str) -> None:
    async with TestClient(f"{HERE}:asking()", transport=transport) as client:
        client.cookies["k"] = "v"
        options: dict[str, Any] = {"subprotocols": ["a", "b"], "headers": {"X-A": 1}, "params": {"q": 2}}
        async with client.websocket("/ws", **options) as ws:
            assert await ws.receive_json() == {"a": "1", "cookie": "v", "q": "2", "host": "testserver"}
            assert ws.subprotocol == "b"
            await ws.send(b"\xff")
            assert await ws.receive_bytes() == b"\xff"
            await ws.close(4001, "enough")
            assert (ws.close_code, ws.close_reason) == (4001, "enough")
        async with client.websocket("/ws", subprotocols=["b"]) as ws:
            await ws.close(None)
            assert ws.close_code == 1005


# -- what a transport cannot do ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", SERVERS)
@in_loop
async def test_what_only_memory_can_do(transport: str) -> None:
    string = f"{HERE}:echoing()"
    with pytest.raises(ValueError, match="expected raise_errors on the transport 'memory' only"):
        TestClient(string, transport=transport, raise_errors=True)
    with pytest.raises(ValueError, match="expected client on the transport 'memory' only"):
        TestClient(string, transport=transport, client=None)
    async with TestClient(string, transport=transport) as client:
        response = await client.get("/")
        with pytest.raises(RuntimeError, match="the request as the application got it is out of reach"):
            _ = response.request
        if transport != "native":
            with pytest.raises(RuntimeError, match="for time control"):
                client.time()


def test_arguments_that_fit_no_transport() -> None:
    with pytest.raises(ValueError, match="expected a transport of memory, native, uvicorn, hypercorn, granian"):
        TestClient(Application(), transport="nginx")
    with pytest.raises(TypeError, match="expected a sketch Application or its import string, got 7"):
        TestClient(7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="for a transport with a server, got 'memory'"):
        TestClient(Application(), server_options={"backlog": 1})
    with pytest.raises(
        TypeError, match=r"expected an import string, got <Application .*granian runs in a process of its own"
    ):
        TestClient(Application(), transport="granian")
    with pytest.raises(ServeError, match="there is no module 'nowhere'"):
        TestClient("nowhere:app")


@in_loop
async def test_the_application_of_another_process_is_out_of_reach() -> None:
    with pytest.raises(RuntimeError, match="the application, which runs in another process, is out of reach"):
        _ = TestClient(f"{HERE}:echoing()", transport="granian").app
    app = leaving()
    assert TestClient(app, transport="uvicorn").app is app


@pytest.mark.parametrize("transport", SERVERS)
@in_loop
async def test_options_of_the_server(transport: str) -> None:
    async with TestClient(f"{HERE}:echoing()", transport=transport, server_options={"backlog": 5}) as client:
        assert (await client.get("/")).ok
    with pytest.raises(ServeError, match="workerz"):
        await TestClient(f"{HERE}:echoing()", transport=transport, server_options={"workerz": 2}).start()


@pytest.mark.parametrize("transport", ["uvicorn", "hypercorn"])
@in_loop
async def test_a_server_that_is_not_installed(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.split(".")[0] == transport or name == f"sketch_asgi.launchers.{transport}_runner":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, transport, None)
    with pytest.raises(
        ServeError, match=f"server '{transport}' is not installed.*pip install 'sketch-web.{transport}.'"
    ):
        await TestClient(echoing(), transport=transport).start()


@in_loop
async def test_websockets_that_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with TestClient(echoing(), transport="native") as client:
        for name in list(sys.modules):
            if name.split(".")[0] == "websockets":
                monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "websockets", None)
        with pytest.raises(ServeError, match="need the package websockets: pip install"):
            async with client.websocket("/ws"):
                pass


def test_no_extra_is_loaded_or_needed() -> None:
    """Memory and native work with the hard dependencies alone."""
    program = """
import asyncio, sys

EXTRAS = ("uvicorn", "hypercorn", "granian", "websockets", "multipart", "msgspec", "brotli", "uvloop", "orjson",
          "trustme", "pytest", "h11", "httpx", "anyio")
for name in EXTRAS:
    sys.modules[name] = None
import sketch, sketch.testing
from sketch import Application, Response
from sketch.testing import TestClient

app = Application()
app.add_get("/", lambda: Response("hello"))

async def main():
    for transport in ("memory", "native"):
        async with TestClient(app, transport=transport) as client:
            assert await (await client.get("/")).text() == "hello"

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr


@in_loop
async def test_clients_of_two_servers_at_once() -> None:
    with nothing_left():
        async with TestClient(echoing(), transport="native") as one, TestClient(echoing(), transport="uvicorn") as two:
            answers = await asyncio.gather(*(client.get(f"/{n}") for n in range(5) for client in (one, two)))
            assert [(await answer.json())["target"] for answer in answers] == [f"/{n // 2}" for n in range(10)]
