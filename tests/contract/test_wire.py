"""Raw connections to every real server: framing, persistence, refusals and access lines."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

import pytest

from tests.contract.support import access_line
from tests.contract.transports import Served
from tests.support.wire import Broken, Wire

POST = b"POST /echo?q=1 HTTP/1.1\r\nHost: x\r\nX-Secret: token\r\nContent-Length: 6\r\n\r\nabcdef"
GET = b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_a_connection_is_used_again(wired: Served) -> None:
    """No header, body or query of a request is left for the next."""
    async with wired.connect() as wire:
        for _ in range(3):
            await wire.send(POST)
            first = (await wire.receive()).json()
            assert (first["body"], first["query"]) == ("abcdef", [["q", "1"]])
            await wire.send(GET)
            second = (await wire.receive()).json()
            assert (second["body"], second["query"]) == ("", [])
            assert "x-secret" not in [name.lower() for name, _ in second["headers"]]


async def test_requests_sent_ahead_are_answered_in_order(wired: Served) -> None:
    targets = [b"/item/0", b"/timeout", b"/item/2", b"/stream/2", b"/nowhere", b"/item/5"]
    async with wired.connect() as wire:
        await wire.send(b"".join(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % target for target in targets))
        replies = [await wire.receive() for _ in targets]
    assert [reply.status for reply in replies] == [200, 200, 200, 200, 404, 200]
    assert [replies[n].json()["name"][1] for n in (0, 2, 5)] == ["0", "2", "5"]
    assert replies[1].text == "timed out"


async def test_a_request_sent_byte_by_byte(wired: Served) -> None:
    whole = await wired.exchange(POST)
    async with wired.connect() as wire:
        for byte in POST:
            await wire.send(bytes([byte]))
            await asyncio.sleep(0)
        reply = await wire.receive()
    assert (reply.status, reply.body) == (whole.status, whole.body)


@pytest.mark.parametrize("at", [b"/ec", b"X-Sec", b"tok", b"\r\n\r", b"abc"])
async def test_a_request_in_two_parts(wired: Served, key: str, at: bytes) -> None:
    """Each part has arrived before the next is sent: another request is answered in between."""
    whole = await wired.exchange(POST)
    cut = POST.index(at) + len(at)
    async with wired.connect() as wire:
        await wire.send(POST[:cut])
        await wired.get("/")
        await wire.send(POST[cut:])
        assert (await wire.receive()).body == whole.body


async def test_head_has_no_body_and_the_connection_goes_on(wired: Served) -> None:
    async with wired.connect() as wire:
        for target in (b"/get", b"/stream/3", b"/status/204", b"/status/304", b"/nowhere"):
            await wire.send(b"HEAD %b HTTP/1.1\r\nHost: x\r\n\r\n" % target)
            await wire.receive("HEAD")
        await wire.send(GET)
        assert (await wire.receive()).json()["method"] == "GET"


async def test_statuses_without_content_have_none_on_the_wire(wired: Served) -> None:
    async with wired.connect() as wire:
        for status in (204, 304, 205, 200):
            await wire.send(b"GET /status/%d HTTP/1.1\r\nHost: x\r\n\r\n" % status)
            reply = await wire.receive()
            assert reply.status == status
            assert reply.header("transfer-encoding") is None
        assert reply.text == "body"


async def test_close_is_honoured(wired: Served) -> None:
    async with wired.connect() as wire:
        await wire.send(b"GET /get HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        reply = await wire.receive()
        assert reply.text == "got it"
        assert reply.header("connection") == "close"
        assert await wire.ended() == b""


@pytest.mark.parametrize("target", [b"/get", b"/stream/2"])
async def test_http_1_0_is_answered_and_closed(wired: Served, target: bytes) -> None:
    async with wired.connect() as wire:
        await wire.send(b"GET %b HTTP/1.0\r\n\r\n" % target)
        reply = await wire.receive()
        assert reply.status == 200
        assert reply.header("transfer-encoding") is None
        assert reply.body in (b"got it", b"chunk 0\nchunk 1\n")
        assert await wire.ended() == b""


async def test_a_stream_that_fails_halfway_is_reset_for_http_1_0(wired: Served) -> None:
    """Only the end of the connection marks the end of such a body: an orderly one would make it look complete."""
    async with wired.connect() as wire:
        await wire.send(b"GET /stream/broken HTTP/1.0\r\n\r\n")
        with pytest.raises(Broken):
            await wire.receive()


@pytest.mark.parametrize("target", ["/same", "/nowhere", "/limited"])
@pytest.mark.parametrize("size", [2000, 400_000, 1_000_000])
async def test_an_unread_body_costs_no_later_request(wired: Served, target: str, size: int) -> None:
    """The body comes after the answer. If the connection is closed because of it, the answer has announced that."""
    async with wired.connect() as wire:
        for _ in range(2):
            await wire.send(f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode())
            reply = await wire.receive()
            assert reply.status == {"/nowhere": 404, "/limited": 413}.get(target, 200)
            if reply.header("connection") == "close":
                break
            await wire.send(b"x" * size + b"GET /get HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await wire.receive()).text == "got it"


@pytest.mark.parametrize(
    "raw",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /get HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n",
        b"GET /get HTTP/1.1\r\nHost: x\r\nX : y\r\n\r\n",
        b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
    ],
    ids=["no request line", "no field", "space before colon", "negative length", "two lengths", "TLS hello"],
)
async def test_malformed_bytes_are_refused_and_the_connection_closed(wired: Served, raw: bytes) -> None:
    async with wired.connect() as wire:
        await wire.send(raw)
        assert (await wire.receive()).status == 400
        await wire.ended()
    assert (await wired.get("/")).text == "hello"


@pytest.mark.parametrize(
    "hosts",
    [b"", b"Host: a\r\nHost: a\r\n", b"Host: user@evil\r\n", b"Host: a b\r\n", b"Host: a:99999\r\n", b"Host: a/b\r\n",
     b"Host: xn--a\r\n"],
    ids=["none", "two", "userinfo", "space", "port", "path", "punycode"],
)  # fmt: skip
async def test_the_host_is_checked(wired: Served, hosts: bytes) -> None:
    assert (await wired.exchange(b"GET /get HTTP/1.1\r\n%b\r\n" % hosts)).status == 400


async def test_an_absolute_target(wired: Served) -> None:
    """Its host replaces the field."""
    got = (await wired.exchange(b"GET http://other.example/echo?a=1 HTTP/1.1\r\nHost: x\r\n\r\n")).json()
    assert (got["path"], got["query"]) == ("/echo", [["a", "1"]])


async def test_continue_comes_before_the_answer(wired: Served) -> None:
    async with wired.connect() as wire:
        await wire.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        async with asyncio.timeout(10):
            assert (await wire.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        await wire.send(b"ok")
        reply = await wire.receive()
        assert (reply.status, reply.json()["body"]) == (200, "ok")


async def test_an_answer_has_one_date(wired: Served) -> None:
    for path in ("/", "/own-date"):
        assert len((await wired.get(path)).all("date")) == 1


async def test_an_answer_has_one_server_field(wired: Served) -> None:
    assert (await wired.get("/own-date")).all("server") == ["mine"]


async def test_trailers_are_no_headers(wired: Served) -> None:
    body = b"3\r\nabc\r\n0\r\nX-Evil: yes\r\n\r\n"
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with wired.connect() as wire:
        await wire.send(head + body + GET)
        got = (await wire.receive()).json()
        assert got["body"] == "abc"
        assert "x-evil" not in [name.lower() for name, _ in got["headers"]]
        assert (await wire.receive()).json()["body"] == ""


async def test_a_client_that_leaves_early_does_not_stop_the_server(wired: Served) -> None:
    for raw in (b"", b"GET", GET[:-2], POST[:-3], GET):
        wire = await Wire.connect(wired.port, wired.tls)
        await wire.send(raw)
        wire.abort()
        await wire.close()
    assert (await wired.get("/")).text == "hello"


async def test_one_access_line_per_request(wired: Served, key: str) -> None:
    """The line is the same on every server, which writes no other."""
    await wired.get(f"/get?{key}")
    line = await access_line(wired, f"/get?{key}")
    assert re.search(rf' 127\.0\.0\.1:[0-9]+ "GET /get\?{key}" 200 6 [0-9]\.[0-9]{{6}}$', line), line


async def test_one_access_line_for_what_breaks_off(wired: Served, key: str) -> None:
    """A truncated upload, a failing stream and a stream left by its client have their line, too."""
    for target, expected in ((f"/stream/broken?{key}", "200 9"), (f"/boom?{key}", "500 25")):
        with suppress(Broken):
            await wired.get(target)
        assert f'"GET {target}" {expected} ' in await access_line(wired, target)
    target = f"/read?key={key}"
    async with wired.connect() as wire:
        await wire.send(f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc".encode())
    assert f'"POST {target}" ' in await access_line(wired, target)
    target = f"/stream/idle?key={key}"
    async with wired.stream("GET", target) as stream:
        await stream.chunk()
    assert f'"GET {target}" 200 5 ' in await access_line(wired, target)


async def test_a_broken_connection_is_noticed_by_the_suite(wired: Served) -> None:
    """The other tests rely on it: a truncated answer must not count as complete."""
    async with wired.connect() as wire:
        await wire.send(b"GET /stream/broken HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(Broken):
            await wire.receive()
