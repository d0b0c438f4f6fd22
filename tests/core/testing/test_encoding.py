"""Targets, header fields and bodies of the test client, as they are sent."""

from __future__ import annotations

import io
from typing import Any

import pytest

from sketch.application import Application
from sketch.request import Request
from sketch.response import Response
from sketch.testing import TestClient
from tests.core.testing.support import echo, serving
from tests.support.requests import in_loop


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/plain", "/plain"),
        ("/a b/é", "/a%20b/%C3%A9"),
        ("/a%20b%2Fc", "/a%20b%2Fc"),
        ("/100%", "/100%25"),
        ("/x?a=1 2&b=é", "/x?a=1%202&b=%C3%A9"),
        ("/x?a=b/c?d#fragment", "/x?a=b/c?d"),
        (b"/%ff%zz", "/%ff%zz"),
        ("//two", "//two"),
    ],
)
@in_loop
async def test_path_is_sent_as_a_client_sends_it(path: str | bytes, target: str) -> None:
    seen: list[str] = []

    async def note(request: Request, handler: Any) -> Response:
        seen.append(request.target.decode())
        return Response("x")

    async with TestClient(Application(middlewares=[note])) as client:
        await client.get(path)
    assert seen == [target]


@in_loop
async def test_params_become_the_query() -> None:
    async with TestClient(serving(echo)) as client:
        got = await (await client.get("/x?a=1", params={"b": "2 3", "c": ["4", "5"], "d": ""})).json()
    assert got["query"] == [["a", "1"], ["b", "2 3"], ["c", "4"], ["c", "5"], ["d", ""]]
    assert got["path"] == "/x"


@in_loop
async def test_a_relative_path_is_refused() -> None:
    async with TestClient(serving(echo)) as client:
        with pytest.raises(ValueError, match="expected a path that starts with '/', got 'x'"):
            await client.get("x")


@pytest.mark.parametrize("headers", [{"X\r\nEvil": "x"}, {"X": "a\r\nEvil: b"}, {"": "x"}, {"X": "\0"}])
@in_loop
async def test_headers_that_no_client_can_send(headers: dict[str, str]) -> None:
    async with TestClient(serving(echo)) as client:
        with pytest.raises(ValueError, match="expected a header field that can be sent"):
            await client.get("/", headers=headers)


@in_loop
async def test_json_data_and_bytes() -> None:
    async with TestClient(serving(echo)) as client:
        got = await (await client.post("/", json={"é": 1})).json()
        assert (got["headers"]["content-type"], got["body"]) == ("application/json", '{"\\u00e9": 1}')
        got = await (await client.post("/", data={"a": "1 2", "b": ["x", "y"]})).json()
        assert got["headers"]["content-type"] == "application/x-www-form-urlencoded"
        assert got["body"] == "a=1+2&b=x&b=y"
        got = await (await client.post("/", body=b"\xff")).json()
        assert (got["headers"]["content-length"], got["body"]) == ("1", "\xff")


@in_loop
async def test_json_may_be_falsy_and_bodies_empty() -> None:
    async with TestClient(serving(echo)) as client:
        assert (await (await client.post("/", json=0)).json())["body"] == "0"
        got = await (await client.post("/", body=b"")).json()
        assert (got["headers"]["content-length"], got["has_body"]) == ("0", False)
        assert "content-length" not in (await (await client.get("/")).json())["headers"]


@in_loop
async def test_files_become_a_multipart_body() -> None:
    files = {"a": b"raw", "b": ("name.txt", "text", "text/plain"), "c": ('q"uote', io.BytesIO(b"file"))}
    async with TestClient(serving(echo)) as client:
        got = await (await client.post("/", data={"field": "1"}, files=files)).json()
    kind, _, boundary = got["headers"]["content-type"].partition("; boundary=")
    assert kind == "multipart/form-data"
    parts = got["body"].split(f"--{boundary}")
    assert parts[0] == ""
    assert parts[-1] == "--\r\n"
    assert parts[1:-1] == [
        '\r\nContent-Disposition: form-data; name="field"\r\n\r\n1\r\n',
        (
            '\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n'
            "Content-Type: application/octet-stream\r\n\r\nraw\r\n"
        ),
        '\r\nContent-Disposition: form-data; name="b"; filename="name.txt"\r\nContent-Type: text/plain\r\n\r\ntext\r\n',
        (
            '\r\nContent-Disposition: form-data; name="c"; filename="q%22uote"\r\n'
            "Content-Type: application/octet-stream\r\n\r\nfile\r\n"
        ),
    ]


@pytest.mark.parametrize("options", [{"json": 1, "body": b""}, {"files": {}, "body": b""}, {"body": "text"}])
@in_loop
async def test_contradictory_bodies(options: dict[str, Any]) -> None:
    async with TestClient(serving(echo)) as client:
        with pytest.raises(TypeError, match="expected"):
            await client.post("/", **options)
