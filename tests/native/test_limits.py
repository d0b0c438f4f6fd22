"""Limits of the server on the head, and limits of a route on the body."""

from __future__ import annotations

import pytest

from sketch import Application, Limits, Request, Response, serve
from sketch.serving.options import ServeError
from sketch_native import ServerLimits
from tests.support.native import GET, HOST, make_app, serving, turns

POST = b"POST /echo HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


async def test_a_target_of_just_the_limit() -> None:
    async with serving(make_app(), server_limits=ServerLimits(target=100)) as served:
        assert (await served.exchange(b"GET /show/%b HTTP/1.1\r\n%b\r\n" % (b"a" * 94, HOST))).status == 200
        assert (await served.refusal(b"GET /show/%b HTTP/1.1\r\n%b\r\n" % (b"a" * 95, HOST))).status == 414
        assert (await served.refusal(b"GET /show/?%b" % (b"a" * 100))).status == 414


async def test_eight_thousand_bytes_of_target_are_taken_by_default() -> None:
    """RFC 9112 section 3 recommends at least 8,000 bytes."""
    async with serving(make_app()) as served:
        assert (await served.exchange(b"GET /show/?%b HTTP/1.1\r\n%b\r\n" % (b"a" * 7900, HOST))).status == 200


@pytest.mark.parametrize("parts", [1, 7])
async def test_a_head_of_just_the_limit(parts: int) -> None:
    """All fields together; each counts with its colon, space and line end."""
    limits = ServerLimits(head=2000)
    fill = 2000 - len(HOST) - len(b"X: \r\n")

    def segments(size: int) -> list[bytes]:
        raw = b"GET / HTTP/1.1\r\n%bX: %b\r\n\r\n" % (HOST, b"a" * size)
        step = -(-len(raw) // parts)
        return [raw[start : start + step] for start in range(0, len(raw), step)]

    async with serving(make_app(), server_limits=limits) as served, served.connect() as wire:
        for _ in range(2):
            for segment in segments(fill):
                await wire.send(segment)
                await turns()
            assert (await wire.receive()).status == 200
        assert (await served.refusal(*segments(fill + 1))).status == 431


async def test_as_many_fields_as_the_limit() -> None:
    async with serving(make_app(), server_limits=ServerLimits(headers=10)) as served:
        assert (await served.exchange(b"GET / HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 9 + b"\r\n")).status == 200
        assert (await served.refusal(b"GET / HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 10 + b"\r\n")).status == 431


@pytest.mark.parametrize("endless", [b"X: ", b"X", b"X: y\r\nZ: "], ids=["value", "name", "second value"])
async def test_a_head_without_an_end_is_refused(endless: bytes) -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(b"GET / HTTP/1.1\r\n" + HOST + endless + b"a" * 100_000)
        assert (await wire.receive()).status == 431
        assert await wire.ended() == b""


async def test_trailers_and_extensions_are_bounded() -> None:
    limits = ServerLimits(chunk_overhead=1000)
    large = b"a" * 60_000  # endless input is measured in slices of 16 KiB
    async with serving(make_app(), server_limits=limits) as served:
        assert (await served.exchange(CHUNKED + b"0\r\nX: %b\r\n\r\n" % (b"a" * 990))).status == 200
        assert (await served.refusal(CHUNKED + b"0\r\nX: %b\r\n\r\n" % (b"a" * 1000))).status == 431
        assert (await served.refusal(CHUNKED + b"0\r\n" + b"X: y\r\n" * 200 + b"\r\n")).status == 431
        assert (await served.refusal(CHUNKED + b"1;" + large)).status == 400
        assert (await served.refusal(CHUNKED + b"0\r\nX: " + large)).status == 400


def app_with_body_limits() -> Application:
    app = make_app(limits=Limits(body=100))

    @app.post("/large", limits=Limits(body=1000))
    async def large(request: Request) -> Response:
        return Response(str(len(await request.read())))

    @app.post("/small", limits=Limits(body=10))
    async def small(request: Request) -> Response:
        return Response(str(len(await request.read())))

    return app


@pytest.mark.parametrize(("target", "most"), [(b"/echo", 100), (b"/large", 1000), (b"/small", 10)])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_of_just_the_limit(target: bytes, most: int, chunked: bool) -> None:
    """With the limit of the application, and of the route."""

    def raw(size: int) -> bytes:
        body = b"b" * size
        if chunked:
            framed = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (size, body)
        else:
            framed = b"Content-Length: %d\r\n\r\n%b" % (size, body)
        return b"POST %b HTTP/1.1\r\n%b%b" % (target, HOST, framed)

    async with serving(app_with_body_limits()) as served, served.connect() as wire:
        await wire.send(raw(most))
        assert (await wire.receive()).status == 200
        await wire.send(raw(most + 1) + GET)
        assert (await wire.receive()).status == 413
        assert (await wire.receive()).body == b"ok"


async def test_a_length_over_the_limit_is_refused_before_any_of_the_body() -> None:
    async with serving(app_with_body_limits()) as served, served.connect() as wire:
        await wire.send(POST + b"Content-Length: 101\r\n\r\n")
        assert (await wire.receive()).status == 413


async def test_no_body_byte_of_a_refused_request_is_taken_for_a_request() -> None:
    inner = GET * 10
    async with serving(app_with_body_limits()) as served, served.connect() as wire:
        await wire.send(POST + b"Content-Length: %d\r\n\r\n%b" % (len(inner), inner) + GET)
        assert (await wire.receive()).status == 413
        assert (await wire.receive()).body == b"ok"


@pytest.mark.parametrize("size", [0, 1, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 300_000])
@pytest.mark.parametrize("buffer", [1, 1000, 1_000_000])
async def test_bodies_of_any_size_with_any_buffer(size: int, buffer: int) -> None:
    body = bytes(n % 251 for n in range(size))
    async with serving(make_app(), server_limits=ServerLimits(body_buffer=buffer)) as served, served.connect() as wire:
        await wire.send(POST + b"Content-Length: %d\r\n\r\n%b" % (size, body) + GET)
        assert (await wire.receive()).body == body
        assert (await wire.receive()).body == b"ok"


async def test_server_limits_are_server_limits() -> None:
    with pytest.raises(ServeError, match=r"^expected server_limits as ServerLimits\(\.\.\.\), got \{'head': 5\}$"):
        async with serve(Application(), server_limits={"head": 5}):
            pass
