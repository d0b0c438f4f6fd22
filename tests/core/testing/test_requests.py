"""What a test passes, as it is sent; cookies."""

from __future__ import annotations

import io
from typing import Any

import pytest

from sketch.application import Application
from sketch.request import Request
from sketch.response import JSONResponse, Response
from sketch.testing import TestClient
from tests.core.testing.support import echo, in_loop, serving


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


@in_loop
async def test_default_headers_and_their_replacement() -> None:
    async with TestClient(serving(echo), headers={"X-A": "1", "X-B": "2"}) as client:
        got = await (await client.get("/", headers={"x-a": "mine", "Host": "other:81"})).json()
    assert got["headers"]["x-a"] == "mine"
    assert got["headers"]["x-b"] == "2"
    assert got["url"] == "http://other:81/"


@pytest.mark.parametrize("headers", [{"X\r\nEvil": "x"}, {"X": "a\r\nEvil: b"}, {"": "x"}, {"X": "\0"}])
@in_loop
async def test_headers_that_no_client_can_send(headers: dict[str, str]) -> None:
    async with TestClient(serving(echo)) as client:
        with pytest.raises(ValueError, match="expected a header field that can be sent"):
            await client.get("/", headers=headers)


@in_loop
async def test_an_invalid_host_is_answered_as_by_a_server() -> None:
    async with TestClient(serving(echo)) as client:
        assert (await client.get("/", headers={"Host": "user@host"})).status == 400
        assert (await client.get("/", headers=[("Host", "a"), ("Host", "a")])).status == 400


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


@in_loop
async def test_verbs() -> None:
    app = serving(echo, "GET", "POST", "PUT", "PATCH", "DELETE", "QUERY")
    async with TestClient(app) as client:
        for verb in ("get", "post", "put", "patch", "delete"):
            assert (await (await getattr(client, verb)("/")).json())["method"] == verb.upper()
        assert (await (await client.request("QUERY", "/")).json())["method"] == "QUERY"
        head = await client.head("/")
        assert (head.status, await head.read()) == (200, b"")
        assert int(head.headers["Content-Length"]) > 0
        assert (await client.options("/")).status == 204


@in_loop
async def test_root_path_and_base_url() -> None:
    async with TestClient(serving(echo), root_path="/api", base_url="https://example.org:8443") as client:
        got = await (await client.get("/api/items")).json()
        assert (got["path"], got["url"]) == ("/items", "https://example.org:8443/api/items")
        assert (await (await client.get("/items")).json())["path"] == "/items"
    with pytest.raises(ValueError, match="expected a base_url"):
        TestClient(Application(), base_url="example.org")


@in_loop
async def test_cookies_are_kept() -> None:
    async def handler(request: Request) -> Response:
        response = JSONResponse(dict(request.cookies))
        if request.path == "/set":
            response.set_cookie("a", "1")
            response.set_cookie("deep", "2", path="/deep")
            response.set_cookie("safe", "3", secure=True)
        if request.path == "/forget":
            response.delete_cookie("a")
        return response

    async with TestClient(serving(handler)) as client:
        assert await (await client.get("/set")).json() == {}
        assert await (await client.get("/")).json() == {"a": "1"}
        assert await (await client.get("/deep/er")).json() == {"deep": "2", "a": "1"}
        assert await (await client.get("/deeper")).json() == {"a": "1"}
        assert sorted(client.cookies) == ["a", "deep", "safe"]
        await client.get("/forget")
        assert await (await client.get("/")).json() == {}
        client.cookies.set("mine", "4")
        assert await (await client.get("/")).json() == {"mine": "4"}
        assert client.cookies.get("mine") == "4"
        assert client.cookies.get("other") is None
        client.cookies.clear()
        assert len(client.cookies) == 0


@in_loop
async def test_cookie_attributes_as_others_write_them() -> None:
    fields = [
        ("Set-Cookie", "gone=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
        ("Set-Cookie", "kept=1; Expires=Fri, 01 Jan 2100 00:00:00 GMT; Path=relative"),
    ]

    async def handler() -> Response:
        return Response("x", headers=fields)

    async with TestClient(serving(handler), base_url="https://testserver") as client:
        await client.get("/dir/page")
        assert list(client.cookies) == ["kept"]
        assert client.cookies.header("/dir/other", secure=True) == "kept=1"
        assert client.cookies.header("/elsewhere", secure=True) == ""
