"""Compressed request bodies, expanded within bounds."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sketch import Application, JSONResponse, Limits, Request, Response
from sketch.concurrency.threads import coding_threads
from sketch.http.codings import NAMES, find_coding
from sketch.middleware.decompression import STEP, Decompression, ExpandedBody
from sketch.testing import ClientResponse, TestClient
from sketch.transport import ClientDisconnected
from tests.support.requests import ScriptedBody, in_loop, make_request

TEXT = b"a text that is sent often, and compresses well; " * 100


def make_app(most: int = 1_000_000, **options: Any) -> Application:
    app = Application(middlewares=[Decompression(**options)], limits=Limits(body=most))

    @app.post("/")
    async def handler(request: Request) -> Response:
        return Response(await request.read())

    @app.post("/head")
    async def head(request: Request) -> Response:
        names = ("content-encoding", "content-length", "content-type")
        return JSONResponse({name: request.headers.get(name) for name in names} | {"length": request.content_length})

    @app.post("/unread")
    async def unread() -> Response:
        return Response("not read")

    return app


async def send(app: Application, coding: str, body: Any, path: str = "/") -> ClientResponse:
    async with TestClient(app) as client:
        response = await client.post(path, headers={"Content-Encoding": coding, "Content-Type": "a/b"}, body=body)
        await response.read()
        return response


def compress(name: str, data: bytes) -> bytes:
    coding = find_coding(name)
    return coding.compress(data, coding.level)


async def chunked(data: bytes, size: int = 10) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.parametrize("name", NAMES)
@in_loop
async def test_a_body_is_expanded(name: str) -> None:
    data = compress(name, TEXT)
    for body in (data, chunked(data), chunked(data, 1)):
        response = await send(make_app(), name, body)
        assert (response.status, await response.read()) == (200, TEXT)


@pytest.mark.parametrize("field", ["x-gzip", "GZIP", " gzip ", "identity, gzip", "gzip,"])
@in_loop
async def test_names(field: str) -> None:
    assert await (await send(make_app(), field, compress("gzip", TEXT))).read() == TEXT


@in_loop
async def test_white_space_is_spaces_and_tabs() -> None:
    assert (await send(make_app(), "gzip\xa0", compress("gzip", TEXT))).status == 415


@pytest.mark.parametrize("field", ["identity", "", ","])
@in_loop
async def test_no_coding(field: str) -> None:
    assert await (await send(make_app(), field, TEXT)).read() == TEXT


@in_loop
async def test_the_request_is_as_if_it_had_been_sent_without() -> None:
    seen = await (await send(make_app(), "gzip", compress("gzip", TEXT), "/head")).json()
    assert seen == {"content-encoding": None, "content-length": None, "content-type": "a/b", "length": None}


@in_loop
async def test_the_view_of_the_headers_is_made_anew() -> None:
    async def look(request: Request, handler: Any) -> Response:
        assert request.headers["Content-Encoding"] == "gzip"
        return await handler(request)

    app = make_app()
    app.middlewares.insert(0, look)
    seen = await (await send(app, "gzip", compress("gzip", TEXT), "/head")).json()
    assert seen["content-encoding"] is None


@in_loop
async def test_expanding_twice_is_expanding_once() -> None:
    app = make_app()
    app.middlewares.append(Decompression())
    assert await (await send(app, "gzip", compress("gzip", TEXT))).read() == TEXT


@in_loop
async def test_without_it_the_body_is_as_it_was_sent() -> None:
    app = make_app()
    app.middlewares.clear()
    data = compress("gzip", TEXT)
    assert await (await send(app, "gzip", data)).read() == data


@pytest.mark.parametrize("field", ["compress", "lzma", "gzip, br", "gzip, gzip", "chunked", "\xff"])
@in_loop
async def test_unknown_codings(field: str) -> None:
    for path in ("/", "/unread"):
        response = await send(make_app(), field, TEXT, path)
        assert (response.status, response.headers["Accept-Encoding"]) == (415, "zstd, br, gzip, deflate")


@in_loop
async def test_codings_of_the_application() -> None:
    app = make_app(codings=["gzip"])
    assert (await send(app, "gzip", compress("gzip", TEXT))).status == 200
    response = await send(app, "br", compress("br", TEXT))
    assert (response.status, response.headers["Accept-Encoding"]) == (415, "gzip")
    assert "expected a body in one coding of gzip" in await response.text()


def test_arguments() -> None:
    with pytest.raises(TypeError, match="expected codings as a list of names, got 'gzip'"):
        Decompression(codings="gzip")
    with pytest.raises(ValueError, match="expected a content coding"):
        Decompression(codings=["lzma"])


@in_loop
async def test_a_request_without_body_needs_no_coding() -> None:
    app = make_app()

    @app.get("/")
    async def get() -> Response:
        return Response("got")

    async with TestClient(app) as client:
        assert await (await client.get("/", headers={"Content-Encoding": "unknown"})).text() == "got"


@pytest.mark.parametrize("name", NAMES)
@in_loop
async def test_malformed_bodies(name: str) -> None:
    data = compress(name, TEXT)
    for body in (b"\xff" * 50, data[: len(data) // 2], data[:-1], data + b"\xff" * 20):
        response = await send(make_app(), name, body)
        assert response.status == 400
        assert f"expected a body in {name}" in await response.text()


@in_loop
async def test_an_empty_body_needs_no_end() -> None:
    assert await (await send(make_app(), "gzip", chunked(b""))).read() == b""


# -- bounds --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@in_loop
async def test_expanded_size_is_bounded(name: str) -> None:
    app = make_app(len(TEXT))
    assert (await send(app, name, compress(name, TEXT))).status == 200
    assert (await send(app, name, compress(name, TEXT + b"x"))).status == 413


@pytest.mark.parametrize("name", NAMES)
@in_loop
async def test_a_bomb_is_expanded_no_further_than_it_is_allowed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expanded: list[int] = []
    real = ExpandedBody._decode

    async def count(self: ExpandedBody, data: bytes) -> bytes:
        part = await real(self, data)
        expanded.append(len(part))
        return part

    monkeypatch.setattr(ExpandedBody, "_decode", count)
    bomb = compress(name, bytes(50_000_000))
    assert (await send(make_app(1_000_000), name, bomb)).status == 413
    assert 1_000_000 < sum(expanded) < 1_000_000 + 2 * STEP
    assert max(expanded) < 2 * STEP


@in_loop
async def test_compressed_size_is_bounded_too() -> None:
    """Skippable frames of zstd, empty blocks of deflate."""
    skipped = b"\x50\x2a\x4d\x18" + (50_000).to_bytes(4, "little") + bytes(50_000)
    assert (await send(make_app(100_000), "zstd", chunked(skipped * 3, 5000))).status == 413
    assert (await send(make_app(100_000), "zstd", skipped * 3)).status == 413, "by its announced length"
    encoder = find_coding("gzip").encoder(5)
    body = encoder.encode(b"") + b"\x00\x00\x00\xff\xff" * 30_000
    assert (await send(make_app(100_000), "gzip", chunked(body, 5000))).status == 413


@in_loop
async def test_an_announced_length_is_refused_before_anything_is_read() -> None:
    """Also outside the error handling, before the application checks the length."""
    app = Application(outer_middlewares=[Decompression()], limits=Limits(body=10))

    @app.post("/")
    async def handler() -> Response:
        raise AssertionError("expected not to be called")

    assert (await send(app, "gzip", b"x" * 11)).status == 413


@in_loop
async def test_small_bodies_are_expanded_in_place_and_large_ones_in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    real = coding_threads.run

    async def run(function: Any, *args: Any) -> Any:
        def call(*inner: Any) -> Any:
            calls.append(threading.current_thread().name)
            return function(*inner)

        return await real(call, *args)

    monkeypatch.setattr(coding_threads, "run", run)
    assert (await send(make_app(), "gzip", compress("gzip", bytes(32 * 1024 - 1)))).status == 200
    assert calls == []
    assert len(await (await send(make_app(), "gzip", compress("gzip", bytes(700_000)))).read()) == 700_000
    assert 2 < len(calls) < 7
    assert all(name.startswith("sketch-coding") for name in calls)


# -- ends ----------------------------------------------------------------------------------------------------------


@in_loop
async def test_a_body_that_is_cut_short_by_its_client() -> None:
    data = compress("gzip", TEXT)

    async def cut() -> AsyncIterator[bytes]:
        yield data[:30]
        raise ClientDisconnected

    with pytest.raises(ClientDisconnected):
        await send(make_app(), "gzip", cut())


@in_loop
async def test_the_end_can_be_read_again() -> None:
    body = ExpandedBody(find_coding("gzip"), None, ScriptedBody([compress("gzip", TEXT)]))
    assert b"".join([await body.read(), await body.read(), await body.read()]) == TEXT


@in_loop
async def test_replacing_a_read_body_is_an_error() -> None:
    app = make_app()

    @app.before_request
    async def early(request: Request) -> None:
        await request.read()

    async with TestClient(app) as client:
        with pytest.raises(RuntimeError, match="expected a body that was not read before"):
            await client.post("/", headers={"Content-Encoding": "gzip"}, body=compress("gzip", TEXT))


@in_loop
async def test_a_body_is_replaced_before_it_is_read() -> None:
    app = Application()
    request = make_request(method="POST", body=[b"x"], app=app)
    request.replace_body(lambda reader: ScriptedBody([b"replaced"]), [(b"a", b"b")])
    assert (await request.read(), dict(request.headers)) == (b"replaced", {"a": "b"})
    with pytest.raises(RuntimeError, match="was not read before"):
        request.replace_body(lambda reader: reader, [])
    with pytest.raises(RuntimeError, match="was not read before"):
        make_request(app=app).replace_body(lambda reader: reader, [])
