"""RFC 9112 sections 6 and 7: where a body ends. Ambiguous framing is refused."""

from __future__ import annotations

import pytest

from sketch import Application, Request, Response
from tests.native.parsing import bytewise
from tests.support.native import GET, HOST, make_app, serving, turns

POST = b"POST /echo HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
REST = b"hello" + GET


# -- Content-Length ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field", [b"Content-Length: 5", b"content-length:5", b"Content-Length: \t5 ", b"Content-Length: 005"]
)
async def test_lengths_that_are_taken(field: bytes) -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(POST + field + b"\r\n\r\n" + REST)
        assert (await wire.receive()).body == b"hello"
        assert (await wire.receive()).body == b"ok"


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: +5\r\n",
        b"Content-Length: -5\r\n",
        b"Content-Length: -0\r\n",
        b"Content-Length: 5.0\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length: 5e0\r\n",
        b"Content-Length: 1_0\r\n",
        b"Content-Length: 5 5\r\n",
        b"Content-Length: five\r\n",
        b"Content-Length:\r\n",
        b"Content-Length: 5,\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length: 5, 6\r\n",
        b"Content-Length: \xb2\r\n",
        b"Content-Length: \xd9\xa5\r\n",
        b"Content-Length: \x0b5\r\n",
        b"Content-Length: 5\xa0\r\n",
        b"Content-Length: 5\0\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5\r\nContent-Length: 5\r\n",
        b"Content-Length: 0\r\nContent-Length: 34\r\n",
        b"Content-Length: 18446744073709551621\r\n",
        b"Content-Length: 99999999999999999999999999\r\n",
        b"Content-Length: " + b"9" * 5000 + b"\r\n",
        b"Content-Length: " + b"0" * 5000 + b"5\r\n",
    ],
)
async def test_lengths_that_are_refused(fields: bytes) -> None:
    async with serving(make_app()) as served:
        assert (await served.refusal(POST + fields + b"\r\n" + REST)).status == 400


async def test_a_get_may_have_a_body() -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        for target in (b"/echo", b"/"):
            await wire.send(b"GET %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (target, len(GET)) + GET)
        assert (await wire.receive()).body == GET
        assert (await wire.receive()).body == b"ok"
        await wire.send(GET)
        assert (await wire.receive()).body == b"ok"


async def test_every_byte_can_be_in_a_body() -> None:
    body = bytes(range(256)) * 300
    async with serving(make_app()) as served:
        reply = await served.exchange(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert reply.body == body


# -- Transfer-Encoding ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [b"chunked", b"CHUNKED", b" chunked ", b"chunked\t", b"\tChunked"])
async def test_codings_that_are_taken(value: bytes) -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(POST + b"Transfer-Encoding:" + value + b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + GET)
        assert (await wire.receive()).body == b"hello"
        assert (await wire.receive()).body == b"ok"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400),
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Content-Length: 5\r\nTransfer-Encoding: gzip\r\n", 400),
        (b"Transfer-Encoding: gzip, chunked\r\n", 501),
        (b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", 501),
        (b"Transfer-Encoding: gzip\r\n", 400),
        (b"Transfer-Encoding: identity\r\n", 400),
        (b"Transfer-Encoding: chunked, identity\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400),
        (b"Transfer-Encoding: chunked, chunked\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Transfer-Encoding: chunked, gzip\r\n", 400),
        (b"Transfer-Encoding: xchunked\r\n", 400),
        (b"Transfer-Encoding: chunkedx\r\n", 400),
        (b"Transfer-Encoding: chunked;a=b\r\n", 400),
        (b'Transfer-Encoding: "chunked"\r\n', 400),
        (b"Transfer-Encoding: \x0bchunked\r\n", 400),
        (b"Transfer-Encoding: chunked\0\r\n", 400),
        (b"Transfer-Encoding: chun ked\r\n", 400),
        (b"Transfer-Encoding:\r\n", 400),
        (b"Transfer-Encoding: ,\r\n", 400),
    ],
)
async def test_codings_that_are_refused(fields: bytes, status: int) -> None:
    async with serving(make_app()) as served:
        assert (await served.refusal(POST + fields + b"\r\n5\r\nhello\r\n0\r\n\r\n" + GET)).status == status


@pytest.mark.parametrize("fields", [b"", b"Content-Length: 5\r\n", b"Connection: keep-alive\r\n"])
async def test_http_1_0_knows_no_transfer_coding(fields: bytes) -> None:
    raw = b"POST /echo HTTP/1.0\r\n" + fields + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    async with serving(make_app()) as served:
        assert (await served.refusal(raw + GET)).status == 400


async def test_fields_with_similar_names_frame_nothing() -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(POST + b"Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + REST)
        assert (await wire.receive()).body == b"hello"
        assert (await wire.receive()).body == b"ok"


# -- chunks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chunks", "body"),
    [
        (b"0\r\n\r\n", b""),
        (b"000\r\n\r\n", b""),
        (b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", b"hello world"),
        (b"a\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
        (b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
        (b"00005\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"5;a\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b'5;a=b;c="d e"\r\nhello\r\n0;x\r\n\r\n', b"hello"),
        (b"4\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n\r\n"),
        (b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", b"0\r\n\r\n"),
        (b"1\r\na\r\n" * 3000 + b"0\r\n\r\n", b"a" * 3000),
    ],
)
async def test_chunks_that_are_taken(chunks: bytes, body: bytes) -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(CHUNKED + chunks + GET)
        assert (await wire.receive()).body == body
        assert (await wire.receive()).body == b"ok"
        for byte in bytewise((CHUNKED + chunks)[:600]):
            await wire.send(byte)
            await turns(1)
        await wire.send((CHUNKED + chunks)[600:])
        assert (await wire.receive()).body == body


@pytest.mark.parametrize(
    "chunks",
    [
        b"x\r\nhello\r\n",
        b"\r\nhello\r\n",
        b";a=b\r\nhello\r\n",
        b"+5\r\nhello\r\n",
        b"-5\r\nhello\r\n",
        b" 5\r\nhello\r\n",
        b"\t5\r\nhello\r\n",
        b"5\xa0\r\nhello\r\n",
        b"5\0\r\nhello\r\n",
        b"5\x0b\r\nhello\r\n",
        b"\xb2\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b"5 6\r\nhello\r\n",
        b"5a=b\r\nhello\r\n",
        b"5\nhello\r\n",
        b"5\rhello\r\n",
        b"5\r\rhello\r\n",
        b"5\r\nhello\n",
        b"5\r\nhello!\r\n",
        b"5\r\nhell\r\n",
        b"5;a\nb\r\nhello\r\n",
        b"5;a\rb\r\nhello\r\n",
        b"5;a\0\r\nhello\r\n",
        b"10000000000000005\r\nhello\r\n",
        b"ffffffffffffffff0\r\nhello\r\n",
        b"5\r\nhello\r\n0\n\n",
        b"5\r\nhello\r\n0\r\nX : 1\r\n\r\n",
        b"5\r\nhello\r\n0\r\n folded: 1\r\n\r\n",
        b"5\r\nhello\r\n0\r\nX: a\0b\r\n\r\n",
        b"5\r\nhello\r\n0\r\nno colon\r\n\r\n",
    ],
)
async def test_chunks_that_are_refused(chunks: bytes) -> None:
    async with serving(make_app()) as served:
        assert (await served.refusal(CHUNKED + chunks + b"0\r\n\r\n" + GET)).status == 400


async def test_a_bad_chunk_of_an_unread_body_is_refused() -> None:
    """The answer is sent, and the connection is closed."""
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(CHUNKED.replace(b"/echo", b"/noread") + b"x\r\n" + GET)
        assert (await wire.receive()).body == b"noread"
        assert await wire.ended() == b""


@pytest.mark.parametrize(
    "raw", [POST + b"Content-Length: 6\r\n\r\nhello", CHUNKED + b"5\r\nhello\r\n", CHUNKED + b"9\r\nhello"]
)
async def test_a_body_that_is_cut_short_is_never_complete(raw: bytes) -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(raw)
        wire.half_close()
        assert (await wire.receive()).status == 400
        assert await wire.ended() == b""


# -- trailers ---------------------------------------------------------------------------------------------------------


def app_with_trailers() -> Application:
    app = Application()

    @app.post("/")
    async def show(request: Request) -> Response:
        await request.read()
        return Response(f"{sorted(request.headers)} {list(request.trailers.items())}")

    return app


TRAILED = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n%b\r\n"


async def test_trailers_are_kept_apart() -> None:
    async with serving(app_with_trailers()) as served, served.connect() as wire:
        await wire.send(TRAILED % b"X-T: 1\r\nx-t:  2 \r\n" + TRAILED % b"")
        assert (await wire.receive()).text == "['host', 'transfer-encoding'] [('x-t', '1'), ('x-t', '2')]"
        assert (await wire.receive()).text.endswith("[]")


@pytest.mark.parametrize(
    "name",
    ["Host", "Transfer-Encoding", "Authorization", "Cookie", "Content-Type", "Connection", "Expect", "Te", "Trailer"],
)
async def test_reserved_trailers_are_dropped(name: str) -> None:
    async with serving(app_with_trailers()) as served, served.connect() as wire:
        await wire.send(TRAILED % f"X-A: 1\r\n{name}: chunked\r\nX-B: 2\r\n".encode())
        reply = await wire.receive()
        if reply.status == 200:
            assert name.lower() not in reply.text.rpartition("[")[2]
            assert "x-b" in reply.text.lower()
            await wire.send(TRAILED % b"")
            assert (await wire.receive()).status == 200
        else:
            assert reply.status == 400
            assert await wire.ended() == b""
