"""Targets, header fields and bodies of the test client, as they are sent."""

from __future__ import annotations

import io
from base64 import b64decode
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sketch.application import Application
from sketch.request import Request
from sketch.response import JSONResponse, Response
from sketch.testing import TestClient
from sketch.testing.encoding import encode_body, encode_headers, encode_params
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
        assert (got["headers"]["content-type"], got["body"].encode("latin-1").decode()) == (
            "application/json",
            '{"é":1}',
        )
        got = await (await client.post("/", data={"a": "1 2", "b": ["x", "y"]})).json()
        assert got["headers"]["content-type"] == "application/x-www-form-urlencoded"
        assert got["body"] == "a=1+2&b=x&b=y"
        got = await (await client.post("/", body=b"\xff")).json()
        assert (got["headers"]["content-length"], got["body"]) == ("1", "\xff")


@dataclass
class Order:
    item: str
    at: date


@in_loop
async def test_json_of_what_a_response_takes() -> None:
    async def orders(request: Request) -> Response:
        return JSONResponse(await request.json(type=list[Order]))

    async with TestClient(serving(orders)) as client:
        sent = [Order("tea", date(2026, 1, 2))]
        assert await (await client.post("/", json=sent)).json() == [{"item": "tea", "at": "2026-01-02"}]
        with pytest.raises(TypeError, match=r"an object of type object at \$\.a"):
            await client.post("/", json={"a": object()})


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


@pytest.mark.parametrize(
    ("params", "query"),
    [
        ("a=1&b=é x", "a=1&b=%C3%A9%20x"),
        ("?a=1", "a=1"),
        ([("a", 1), ("a", 2.5), ["b", True]], "a=1&a=2.5&b=true"),
        ({"a": ("x", "y")}, "a=x&a=y"),
        ({}, ""),
        ("", ""),
    ],
)
def test_params(params: Any, query: str) -> None:
    assert encode_params(params) == query.encode()


@pytest.mark.parametrize("params", [{"a": None}, {"a": {"b": 1}}, [1], b"a=1", 7, [("a", "b", "c")]])
def test_params_that_are_none(params: Any) -> None:
    with pytest.raises(TypeError, match="expected"):
        encode_params(params)


@in_loop
async def test_header_values_as_people_write_them() -> None:
    headers: Any = [("X-Int", 1), ("X-Float", 1.5), ("X-Bytes", b"\xe9"), (b"X-Name", "text"), ("X-Int", 2)]
    async with TestClient(serving(echo)) as client:
        got = (await (await client.get("/", headers=headers)).json())["headers"]
    assert {name: value for name, value in got.items() if name.startswith("x-")} == {
        "x-int": "2",
        "x-float": "1.5",
        "x-bytes": "\xe9",
        "x-name": "text",
    }


@pytest.mark.parametrize("value", [None, True, [1], {}])
def test_header_values_that_are_none(value: Any) -> None:
    with pytest.raises(TypeError, match="expected the header field 'X' to be a text or a number"):
        encode_headers({"X": value})


def test_a_header_value_beyond_latin_1() -> None:
    with pytest.raises(ValueError, match="in Latin-1, got '日': give bytes for another encoding"):
        encode_headers({"X": "日"})
    with pytest.raises(TypeError, match="expected headers to be a mapping or pairs"):
        encode_headers("X: 1")  # type: ignore[arg-type]


@in_loop
async def test_text_and_bytes_as_data() -> None:
    async with TestClient(serving(echo)) as client:
        got = await (await client.post("/", data="grüße")).json()
        assert got["headers"]["content-type"] == "text/plain; charset=utf-8"
        assert got["body"].encode("latin-1").decode() == "grüße"
        got = await (await client.post("/", data=b"\xff")).json()
        assert (got["headers"]["content-type"], got["body"]) == ("application/octet-stream", "\xff")
        got = await (await client.post("/", data="a=1", headers={"Content-Type": "text/csv"})).json()
        assert got["headers"]["content-type"] == "text/csv"
        got = await (await client.post("/", data=[("a", 1), ("a", True)])).json()
        assert got["body"] == "a=1&a=true"


@in_loop
async def test_files_from_paths_and_open_files(tmp_path: Path) -> None:
    path = tmp_path / "tea.png"
    path.write_bytes(b"\x89PNG")
    text = io.StringIO("text")
    with path.open("rb") as opened, path.open("rb", buffering=0) as raw:
        files: Any = [("a", path), ("b", opened), ("c", text), ("d", ("x.bin", raw)), ("e", bytearray(b"e"))]
        with pytest.raises(TypeError, match="expected the file 'e'"):
            encode_body(None, None, None, [*files[:-1], ("e", 7)])  # type: ignore[list-item]
        opened.seek(0)
        raw.seek(0)
        text.seek(0)
        body, _ = encode_body(None, None, None, files)
    assert isinstance(body, bytes)
    assert body.count(b"\x89PNG\r\n") == 3
    assert body.count(b'filename="tea.png"\r\nContent-Type: image/png\r\n') == 2
    assert b'name="c"; filename="c"\r\nContent-Type: application/octet-stream\r\n\r\ntext\r\n' in body
    assert b'name="d"; filename="x.bin"' in body


@pytest.mark.parametrize(
    ("data", "files"),
    [("text", {"a": b"1"}), (None, {"a": ("only a name",)}), (None, [b"x"]), (None, {"a": 7}), (7, None)],
)
def test_bodies_that_are_none(data: Any, files: Any) -> None:
    with pytest.raises(TypeError, match="expected"):
        encode_body(None, None, data, files)


@in_loop
async def test_basic_authentication() -> None:
    async with TestClient(serving(echo), auth=("ada", "grün:1")) as client:
        got = await (await client.get("/")).json()
        assert b64decode(got["headers"]["authorization"].removeprefix("Basic ")).decode() == "ada:grün:1"
        got = await (await client.get("/", auth=("bob", ""))).json()
        assert b64decode(got["headers"]["authorization"].removeprefix("Basic ")) == b"bob:"
        got = await (await client.get("/", headers={"Authorization": "Bearer x"})).json()
        assert got["headers"]["authorization"] == "Bearer x"
    for auth in (("a:b", "c"), "a:b", ("a",), ("a", 1)):
        with pytest.raises(ValueError, match="expected"):
            TestClient(Application(), auth=auth)  # type: ignore[arg-type]
