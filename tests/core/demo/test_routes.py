"""The demo's routes, in memory."""

from __future__ import annotations

import hashlib
import re

from sketch.testing import TestClient
from tests.core.demo.support import run


def test_greeting() -> None:
    async def test(client: TestClient) -> None:
        response = await client.get("/hello/Zo%C3%AB%20%3Cb%3E")
        assert await response.text() == "Hello, Zoë <b>!\n"
        assert response.content_type == "text/plain; charset=utf-8"
        assert response.headers["X-Content-Type-Options"] == "nosniff"

    run(test)


def test_upload_is_hashed_as_it_arrives() -> None:
    async def test(client: TestClient) -> None:
        async def body():
            for _ in range(64):
                yield bytes(1 << 18)

        response = await client.post("/upload", body=body())
        size = 64 << 18
        assert await response.json() == {"size": size, "sha256": hashlib.sha256(bytes(size)).hexdigest()}
        empty = await (await client.post("/upload")).json()
        assert empty == {"size": 0, "sha256": hashlib.sha256().hexdigest()}

    run(test)


def test_clock_ticks_until_the_server_stops() -> None:
    async def test(client: TestClient) -> None:
        response = await client.get("/clock")
        lines = response.stream()
        first, second = await anext(lines), await anext(lines)
        assert re.fullmatch(rb"\d\d:\d\d:\d\d\n", first)
        assert first != second
        await client.shutdown()
        assert [line async for line in lines] == []

    run(test)


def test_error_tells_nothing() -> None:
    async def test(client: TestClient) -> None:
        response = await client.get("/error")
        assert (response.status, await response.text()) == (500, "500 Internal Server Error")

    run(test, raise_errors=False)


def test_the_document_describes_the_routes() -> None:
    async def test(client: TestClient) -> None:
        document = await (await client.get("/openapi.json")).json()
        assert {"/hello/{name}", "/json", "/upload", "/clock", "/error"} == set(document["paths"])
        assert document["paths"]["/error"]["get"]["responses"]["500"]["description"] == "The mistake."
        page = await client.get("/docs")
        assert (page.status, page.content_type) == (200, "text/html; charset=utf-8")

    run(test)
