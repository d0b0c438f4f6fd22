"""Compressed answers and request bodies."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sketch.http.codings import Decoder, find_coding
from tests.contract.routes_codings import TEXT, UPLOAD_LIMIT
from tests.contract.transports import Transport
from tests.support.wire import Broken, Reply

ACCEPT = [("Accept-Encoding", "gzip, deflate, br, zstd")]
CODINGS = ["gzip", "br", "zstd"]


def accept(coding: str) -> list[tuple[str, str]]:
    return [("Accept-Encoding", coding)]


def expand(reply: Reply) -> bytes:
    decoder = Decoder(find_coding(str(reply.header("content-encoding"))))
    expanded = decoder.decode(reply.body, 1 << 24)
    assert decoder.complete
    return expanded


def compress(name: str, data: bytes) -> bytes:
    coding = find_coding(name)
    return coding.compress(data, coding.level)


def lasting(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The fields that are equal in each answer."""
    return sorted(field for field in headers if field[0] not in ("date", "server", "connection", "transfer-encoding"))


@pytest.mark.parametrize("coding", CODINGS)
async def test_an_answer_in_the_coding_of_the_client(transport: Transport, coding: str) -> None:
    for target, text in (("/coded/text", TEXT), ("/coded/large", TEXT * 100)):
        reply = await transport.get(target, accept(coding))
        assert (reply.status, reply.header("content-encoding")) == (200, coding)
        assert reply.header("content-length") == str(len(reply.body))
        assert reply.header("vary") == "Accept-Encoding"
        assert expand(reply) == text.encode()


@pytest.mark.core_rule
@pytest.mark.parametrize("field", [None, "", "identity", "gzip;q=0", "*;q=0", "deflate"])
async def test_an_answer_for_a_client_without_codings(transport: Transport, field: str | None) -> None:
    reply = await transport.get("/coded/text", [] if field is None else accept(field))
    assert (reply.header("content-encoding"), reply.header("vary")) == (None, "Accept-Encoding")
    assert (reply.text, reply.header("etag")) == (TEXT, '"text"')


async def test_a_small_answer_stays_as_it_is(transport: Transport) -> None:
    reply = await transport.get("/coded/small", ACCEPT)
    assert (reply.text, reply.header("content-encoding"), reply.header("vary")) == ("small", None, None)


@pytest.mark.parametrize("target", ["/coded/text", "/coded/small", "/coded/events"])
async def test_head_says_what_get_says(transport: Transport, target: str, key: str) -> None:
    target = f"{target}?key={key}"
    async with transport.stream("GET", target, headers=ACCEPT) as stream:
        got = lasting(stream.headers)
    head = await transport.request("HEAD", target, headers=ACCEPT)
    assert (lasting(head.headers), head.body) == (got, b"")


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_compressed_chunk_arrives_before_the_stream_ends(transport: Transport, key: str, coding: str) -> None:
    decoder = Decoder(find_coding(coding))
    async with transport.stream("GET", f"/coded/events?key={key}", headers=accept(coding)) as stream:
        assert dict(stream.headers)["content-encoding"] == coding
        event = b""
        while event != b"data: first\n\n":
            event += decoder.decode(await stream.chunk(), 1000)
        await stream.leave()
    assert await transport.journal(key, "closed") == ["closed"]


async def test_a_compressed_stream_that_fails_does_not_look_complete(transport: Transport) -> None:
    with pytest.raises(Broken):
        await transport.get("/coded/broken", ACCEPT)


@pytest.mark.parametrize("size", [3_000, 300_000])
async def test_a_compressed_file(transport: Transport, tmp_path: Path, size: int) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes((TEXT.encode() * 100)[:size])
    target = f"/coded/file?path={path}"
    for headers in (ACCEPT, [*ACCEPT, ("Range", "bytes=10-19")]):
        reply = await transport.get(target, headers)
        assert (reply.status, reply.header("content-encoding")) == (200, "zstd")
        assert (reply.header("content-range"), reply.header("accept-ranges")) == (None, None)
        assert expand(reply) == path.read_bytes()
    etag = str(reply.header("etag"))
    assert etag.startswith("W/")
    reply = await transport.get(target, [*ACCEPT, ("If-None-Match", etag)])
    assert (reply.status, reply.header("etag"), reply.header("vary")) == (304, etag, "Accept-Encoding")
    reply = await transport.get(target, [("Range", "bytes=10-19")])
    assert (reply.status, reply.body) == (206, path.read_bytes()[10:20])
    head = await transport.request("HEAD", target, headers=ACCEPT)
    assert (head.status, head.header("content-encoding"), head.body) == (200, "zstd", b"")


# -- request bodies ------------------------------------------------------------------------------------------------


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.core_rule
@pytest.mark.parametrize("coding", [*CODINGS, "deflate"])
async def test_a_compressed_upload(transport: Transport, coding: str) -> None:
    body = compress(coding, TEXT.encode() * 40)
    for upload in (body, pieces(body, 100)):
        reply = await transport.post("/coded/upload", upload, [("Content-Encoding", coding)])
        assert (reply.status, reply.json()["size"]) == (200, len(TEXT) * 40)


@pytest.mark.core_rule
@pytest.mark.parametrize("coding", [*CODINGS, "deflate"])
async def test_an_upload_that_expands_beyond_the_limit(transport: Transport, coding: str) -> None:
    body = compress(coding, bytes(UPLOAD_LIMIT + 1))
    reply = await transport.post("/coded/upload", body, [("Content-Encoding", coding)])
    assert reply.status == 413


async def test_an_upload_in_an_unknown_coding(transport: Transport) -> None:
    reply = await transport.post("/coded/upload", b"x", [("Content-Encoding", "lzma")])
    assert (reply.status, reply.header("accept-encoding")) == (415, "zstd, br, gzip, deflate")


async def test_a_malformed_upload(transport: Transport) -> None:
    for body in (b"x" * 100, gzip.compress(b"x" * 100)[:-1]):
        reply = await transport.post("/coded/upload", body, [("Content-Encoding", "gzip")])
        assert reply.status == 400
    assert (await transport.get("/")).text == "hello"


async def test_an_upload_is_not_expanded_without_the_middleware(transport: Transport) -> None:
    body = gzip.compress(TEXT.encode())
    reply = await transport.post("/uncoded/upload", body, [("Content-Encoding", "gzip")])
    assert reply.body == body
