"""`Compression`: which answers are compressed, and which fields change with them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from sketch import Application, Response
from sketch.middleware.compression import Compression
from sketch.testing import TestClient
from tests.core.middleware.coded import TEXT, app_of, ask, plain, stream
from tests.support.requests import in_loop

# -- negotiation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, br", "br"),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip;q=1, br;q=0.5, zstd;q=0.1", "gzip"),
        ("*", "zstd"),
        ("*;q=0.5, zstd;q=0", "br"),
        ("identity;q=0, gzip", "gzip"),
        ("deflate", None),
        ("identity", None),
        ("gzip;q=0", None),
        ("*;q=0", None),
        ("", None),
        (None, None),
    ],
)
@in_loop
async def test_the_client_chooses(accept: str | None, coding: str | None) -> None:
    response = await ask(app_of(lambda _: Response(TEXT)), {} if accept is None else {"Accept-Encoding": accept})
    assert response.headers.get("Content-Encoding") == coding
    assert response.headers["Vary"] == "Accept-Encoding"
    assert await plain(response) == TEXT
    assert response.headers["Content-Length"] == str(len(await response.read()))


@in_loop
async def test_codings_and_levels_of_the_application() -> None:
    app = app_of(lambda _: Response(TEXT), codings={"gzip": 9, "br": 0})
    assert (await ask(app)).headers["Content-Encoding"] == "gzip"
    assert (await ask(app, {"Accept-Encoding": "zstd"})).headers.get("Content-Encoding") is None
    sizes = [len(await (await ask(app_of(lambda _: Response(TEXT), codings={"br": n}))).read()) for n in (0, 11)]
    assert sizes[0] > sizes[1]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"minimum_size": -1}, ValueError, "expected minimum_size as a number of bytes, got -1"),
        ({"codings": ["gzip"]}, TypeError, "expected codings as names with levels"),
        ({"codings": {"deflate": 5}}, ValueError, "expected codings of zstd, br, gzip, got 'deflate'"),
        ({"codings": {"gzip": 10}}, ValueError, "expected a level of gzip from 0 to 9, got 10"),
        ({"codings": {"zstd": 22}}, ValueError, "expected a level of zstd from 1 to 19, got 22"),
        ({"codings": {"br": "best"}}, ValueError, "expected a level of br from 0 to 11, got 'best'"),
        ({"types": "text/html"}, TypeError, "expected types as a list"),
        ({"types": ["html"]}, ValueError, "expected media types like"),
        ({"types": ["*/*"]}, ValueError, "expected media types like"),
        ({"types": ["text/x*"]}, ValueError, "expected media types like"),
        ({"types": ["te*t/html"]}, ValueError, "expected media types like"),
    ],
)
def test_arguments(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Compression(**options)


# -- what is compressed --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "compressed"),
    [
        ("text/html; charset=utf-8", True),
        ("TEXT/CSS", True),
        ("application/json", True),
        ("application/problem+json", True),
        ("image/svg+xml", True),
        ("text/event-stream", True),
        ("application/wasm", True),
        ("image/png", False),
        ("image/jpeg", False),
        ("video/mp4", False),
        ("font/woff2", False),
        ("application/zip", False),
        ("application/octet-stream", False),
    ],
)
@in_loop
async def test_types(kind: str, compressed: bool) -> None:
    response = await ask(app_of(lambda _: Response(TEXT, content_type=kind)))
    assert ("Content-Encoding" in response.headers) is compressed
    assert ("Vary" in response.headers) is compressed
    assert await plain(response) == TEXT


@in_loop
async def test_types_of_the_application() -> None:
    async def coded(kind: str) -> bool:
        app = app_of(lambda _: Response(TEXT, content_type=kind), types=["model/*", "*+zip", "Text/Plain"])
        return "Content-Encoding" in (await ask(app)).headers

    assert [await coded(kind) for kind in ("model/mesh", "application/epub+zip", "text/plain;a=b")] == [True] * 3
    assert [await coded(kind) for kind in ("text/html", "models/x", "application/zip")] == [False] * 3


@in_loop
async def test_the_size() -> None:
    for size, compressed in ((99, False), (100, True)):
        headers = (await ask(app_of(lambda _, size=size: Response("x" * size), minimum_size=100))).headers
        assert ("Content-Encoding" in headers) is compressed
        assert ("Vary" in headers) is compressed, "what is never compressed does not depend on what is accepted"
    assert (await ask(app_of(lambda _: Response("x" * 1023)))).headers.get("Content-Encoding") is None
    assert (await ask(app_of(lambda _: Response("x" * 1024)))).headers["Content-Encoding"] == "zstd"


@in_loop
async def test_incompressible_bodies_are_sent_unchanged() -> None:
    data = os.urandom(5000)
    response = await ask(app_of(lambda _: Response(data, content_type="text/plain", headers={"ETag": '"x"'})))
    assert response.headers.get("Content-Encoding") is None
    assert (response.headers["Vary"], response.headers["ETag"]) == ("Accept-Encoding", '"x"')
    assert await response.read() == data


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Encoding": "br"},
        {"Content-Encoding": "identity"},
        {"Cache-Control": "no-transform"},
        {"Cache-Control": "private,No-Transform , max-age=5"},
        {"Content-Range": "bytes 0-9/10"},
        {"Content-Digest": "sha-256=:x:"},
        {"Repr-Digest": "sha-256=:x:"},
    ],
)
@in_loop
async def test_responses_with_fields_about_their_bytes_are_not_compressed(headers: dict[str, str]) -> None:
    response = await ask(app_of(lambda _: Response(TEXT, headers=headers)))
    assert {name: response.headers.get(name) for name in headers} == headers
    assert "Vary" not in response.headers
    assert await response.text() == TEXT


@in_loop
async def test_a_quoted_no_transform_is_no_member() -> None:
    field = 'private="a, no-transform, b"'
    response = await ask(app_of(lambda _: Response(TEXT, headers={"Cache-Control": field})))
    assert "Content-Encoding" in response.headers
    assert await plain(response) == TEXT


@in_loop
async def test_coded_responses_are_not_compressed_again() -> None:
    app = Application(middlewares=[Compression()], outer_middlewares=[Compression()])

    @app.get("/", middlewares=[Compression(codings={"gzip": 5})])
    async def handler() -> Response:
        return Response(TEXT)

    response = await ask(app)
    assert response.headers.getall("Content-Encoding") == ["gzip"]
    assert response.headers.getall("Vary") == ["Accept-Encoding"]
    assert await plain(response) == TEXT


@pytest.mark.parametrize(("status", "compressed"), [(200, True), (404, True), (500, True), (206, False), (204, False)])
@in_loop
async def test_statuses(status: int, compressed: bool) -> None:
    response = await ask(app_of(lambda _: Response(TEXT, status=status)))
    assert ("Content-Encoding" in response.headers) is compressed
    assert ("Vary" in response.headers) is (status != 204)


@in_loop
async def test_error_pages_outside_the_error_handling() -> None:
    app = Application(outer_middlewares=[Compression(minimum_size=1)])
    response = await ask(app, {"Accept-Encoding": "gzip"})
    assert (response.status, response.headers["Vary"]) == (404, "Accept, Accept-Encoding")


# -- what changes with it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("etag", "sent"), [('"a"', 'W/"a"'), ('W/"a"', 'W/"a"')])
@in_loop
async def test_tags_become_weak(etag: str, sent: str) -> None:
    app = app_of(lambda _: Response(TEXT, headers={"ETag": etag}))
    assert (await ask(app)).headers["ETag"] == sent
    assert (await ask(app, {})).headers["ETag"] == etag


@in_loop
async def test_vary_is_extended() -> None:
    app = app_of(lambda _: Response(TEXT, headers=[("Vary", "Cookie"), ("Vary", "Origin")]))
    assert (await ask(app)).headers["Vary"] == "Cookie, Origin, Accept-Encoding"
    app = app_of(lambda _: Response(TEXT, headers={"Vary": "*"}))
    assert (await ask(app)).headers["Vary"] == "*"


@in_loop
async def test_a_304_says_what_the_200_said() -> None:
    app = app_of(lambda _: Response(status=304, headers={"ETag": '"a"'}))
    assert (await ask(app)).headers["ETag"] == 'W/"a"'
    assert (await ask(app)).headers["Vary"] == "Accept-Encoding"
    assert (await ask(app, {})).headers["ETag"] == '"a"'
    assert (await ask(app, {})).headers["Vary"] == "Accept-Encoding"
    app = app_of(lambda _: Response(status=304, headers={"ETag": '"a"'}, content_type="image/png"))
    assert (await ask(app)).headers["ETag"] == '"a"'
    assert "Vary" not in (await ask(app)).headers


@in_loop
async def test_the_answer_of_another_request_is_not_changed() -> None:
    shared = Response(TEXT, headers={"ETag": '"a"'})
    app = app_of(lambda _: shared)
    for _ in range(2):
        assert await plain(await ask(app)) == TEXT
        assert (await ask(app, {})).headers.get("Content-Encoding") is None
    assert (dict(shared.headers), shared.body) == (
        {"ETag": '"a"', "Content-Type": "text/plain; charset=utf-8"},
        TEXT.encode(),
    )


@pytest.mark.parametrize("make", [lambda: Response(TEXT, headers={"ETag": '"a"'}), stream])
@in_loop
async def test_head_has_the_fields_of_get(make: Callable[[], Response]) -> None:
    app = app_of(lambda _: make())
    got, head = await ask(app), await ask(app, method="HEAD")
    assert head.raw_headers == got.raw_headers
    assert await head.read() == b""


@in_loop
async def test_a_handler_of_its_own_for_head_is_believed() -> None:
    app = Application(middlewares=[Compression()])

    @app.head("/")
    async def handler() -> Response:
        return Response(content_type="text/plain", headers={"Content-Length": "5000"})

    response = await ask(app, method="HEAD")
    assert response.headers["Content-Length"] == "5000"
    assert "Content-Encoding" not in response.headers


@in_loop
async def test_a_wrong_length_is_still_an_error() -> None:
    async with TestClient(app_of(lambda _: Response(TEXT, headers={"Content-Length": "7"}))) as client:
        with pytest.raises(ValueError, match="expected Content-Length"):
            await client.get("/", headers={"Accept-Encoding": "gzip"})
