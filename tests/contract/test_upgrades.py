"""Requests that ask for another protocol and have a body: it arrives, or the request is refused; it is never lost."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.contract.transports import COMMANDS, RARE, SERVED

HEAD = (
    b"POST /echo HTTP/1.1\r\nHost: x\r\n"
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"
)
"""As sent by `curl --http2`, and by Java's HTTP client with its first request."""
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
BODIES = {
    "length": (b"Content-Length: 5\r\n\r\n", b"hello"),
    "chunked": (CHUNKED, b"5\r\nhello\r\n0\r\n\r\n"),
}
INNER = b"GET /item/1 HTTP/1.1\r\nHost: x\r\n\r\n"
NEXT = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nnext"

pytestmark = pytest.mark.transports(*SERVED, *COMMANDS, *RARE)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("parts", [1, 2])
async def test_the_body_behind_an_upgrade_that_is_not_taken(pool: Any, server_name: str, body: str, parts: int) -> None:
    end, data = BODIES[body]
    served = pool.get(server_name)
    async with served.connect() as wire:
        for part in (HEAD + end + data,) if parts == 1 else (HEAD + end, data):
            await wire.send(part)
            await served.get("/")  # each part has arrived before the next is sent
        assert (await wire.receive()).json()["body"] == "hello"
        await wire.send(NEXT)
        assert (await wire.receive()).json()["body"] == "next"


@pytest.mark.parametrize("body", BODIES)
async def test_a_body_that_cannot_arrive_is_refused(pool: Any, server_name: str, body: str) -> None:
    """Whatever the server does, the answer is never made from an empty body."""
    end, data = BODIES[body]
    served = pool.get(server_name)
    reply = await served.exchange(HEAD + end + data)
    assert reply.status == 400 or reply.json()["body"] == "hello"


async def test_the_body_is_no_request(pool: Any, server_name: str) -> None:
    served = pool.get(server_name)
    async with served.connect() as wire:
        await wire.send(HEAD + b"Content-Length: %d\r\n\r\n" % len(INNER))
        await served.get("/")
        await wire.send(INNER + NEXT)
        replies = [await wire.receive() for _ in range(2)]
    assert [reply.json()["body"] for reply in replies] == [INNER.decode(), "next"]


async def test_an_empty_body_of_unknown_size(pool: Any, server_name: str) -> None:
    served = pool.get(server_name)
    reply = await served.exchange(HEAD + CHUNKED + b"0\r\n\r\n")
    assert (reply.status, reply.json()["body"]) == (200, "")


async def test_the_request_behind_one_without_a_body(pool: Any, server_name: str) -> None:
    served = pool.get(server_name)
    async with served.connect() as wire:
        await wire.send(HEAD.replace(b"POST", b"GET").replace(b"h2c", b"other") + b"\r\n" + NEXT)
        assert [(await wire.receive()).json()["body"] for _ in range(2)] == ["", "next"]


JAVA = """
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.io.ByteArrayInputStream;

class Ask {
    public static void main(String[] arguments) throws Exception {
        for (var address : arguments) {
            var client = HttpClient.newHttpClient();
            for (var publisher : new HttpRequest.BodyPublisher[] {
                HttpRequest.BodyPublishers.ofString("hello"),
                HttpRequest.BodyPublishers.ofInputStream(() -> new ByteArrayInputStream("hello".getBytes())),
            }) {
                var request = HttpRequest.newBuilder(URI.create(address)).POST(publisher).build();
                System.out.println(address + " " + client.send(request, HttpResponse.BodyHandlers.ofString()).body());
            }
        }
    }
}
"""


@pytest.mark.skipif(shutil.which("java") is None, reason="no JDK is installed")
async def test_the_http_client_of_java(pool: Any, tmp_path: Path) -> None:
    """One program asks the four servers: Java takes longer to start than to ask."""
    source = tmp_path / "Ask.java"
    source.write_text(JAVA)
    names = ("native-asyncio", "uvicorn-httptools", "hypercorn", "granian")
    urls = [f"http://127.0.0.1:{pool.get(name).program.port}/echo" for name in names]
    command = ["java", str(source), *urls]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=40, check=True)  # noqa: ASYNC221
    answers = [line.partition(" ") for line in ended.stdout.splitlines()]
    assert [(url, json.loads(answer)["body"]) for url, _, answer in answers] == [
        (url, "hello") for url in urls for _ in range(2)
    ]
