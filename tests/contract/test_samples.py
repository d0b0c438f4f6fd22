"""The sample applications of the two projects that sketch comes from, with nothing but their import lines changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sketch.testing import TestClient
from tests.contract import razor_sample, sketch_sample
from tests.contract.transports import Served

SAMPLED = (
    "native-asyncio",
    "native-uvloop",
    "uvicorn-httptools",
    "uvicorn-h11",
    "hypercorn",
    "granian",
    "hypercorn-command",
    "granian-command",
)


@pytest.fixture
def sample(request: pytest.FixtureRequest, pool: Any, server_name: str) -> Iterator[Served]:
    with pool.own(server_name, f"tests.contract.{request.param}:app") as served:
        yield served


@pytest.mark.transports(*SAMPLED)
@pytest.mark.parametrize("sample", ["sketch_sample"], indirect=True)
async def test_sketch_sample(sample: Served) -> None:
    reply = await sample.get("/john_doe")
    assert (reply.status, reply.text) == (200, "Welcome, john_doe!")
    reply = await sample.get("/jane")
    assert (reply.status, reply.text) == (404, "No such user with as jane :(")
    assert (await sample.get("/a/b")).status == 404
    assert (await sample.post("/john_doe", b"")).status == 405
    output = sample.program.output  # the server's own lines may stand between a line and its end
    assert 0 <= output.find("Received request to /john_doe") < output.find("Received request to /jane")


@pytest.mark.transports("native-asyncio", "uvicorn-httptools")
@pytest.mark.parametrize("sample", ["loop_sample"], indirect=True)
async def test_a_loop_as_first_argument(sample: Served) -> None:
    assert (await sample.get("/oleh")).text == "Hello, oleh"


RAZOR = [
    ("GET", "/index/", 200, "Hello Razor"),
    ("GET", "/users/ann%20b", 200, "user ann b of razor sample"),
    ("GET", "/orders/41", 200, "order 42"),
    ("GET", "/orders/x", 404, "404 Not Found"),
    ("GET", "/codes/123", 200, "GET code 123"),
    ("POST", "/codes/123", 200, "POST code 123"),
    ("DELETE", "/codes/123", 405, "405 Method Not Allowed"),
    ("GET", "/codes/1234", 404, "404 Not Found"),
    ("GET", "/regexp/abc-12", 200, "/regexp/abc-12"),
    ("GET", "/regexp/abc-12/", 200, "/regexp/abc-12/"),
    ("GET", "/regexp/abc-123", 404, "404 Not Found"),
    ("GET", "/help/", 200, "doc"),
    ("POST", "/doc/", 200, "doc"),
    ("GET", "/test/", 200, "view get"),
    ("POST", "/test/", 200, "view post razor"),
    ("PUT", "/test/", 405, "405 Method Not Allowed"),
    ("GET", "/fail/", 500, "handled on purpose"),
]


@pytest.mark.transports(*SAMPLED)
@pytest.mark.parametrize("sample", ["razor_sample"], indirect=True)
async def test_razor_sample(sample: Served) -> None:
    for method, target, status, text in RAZOR:
        reply = await sample.request(method, target, body=b'{"name": "razor"}' if method == "POST" else None)
        assert (target, reply.status, reply.text) == (target, status, text)
        assert reply.header("x-started") == "startup"
    blocked = await sample.get("/fail/", [("X-Blocked", "yes")])
    assert (blocked.status, blocked.text, blocked.header("x-started")) == (403, "blocked", "startup")


async def test_both_in_memory() -> None:
    async with TestClient(sketch_sample.app) as client:
        assert await (await client.get("/john_doe")).text() == "Welcome, john_doe!"
        assert (await client.get("/jane")).status == 404
    async with TestClient(razor_sample.app, raise_errors=False) as client:
        for method, target, status, text in RAZOR:
            response = await client.request(method, target, json={"name": "razor"} if method == "POST" else None)
            assert (target, response.status, await response.text()) == (target, status, text)
