"""RFC 9112 section 3: the request line, the forms of its target, and the Host that belongs to it."""

from __future__ import annotations

import pytest

from tests.support.native import make_app, serving

END = b"\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("line", "first"),
    [
        (b"GET /show/a HTTP/1.1", "GET /show/a? 1.1"),
        (b"GET /show/a?b=c&d=%20 HTTP/1.1", "GET /show/a?b=c&d=%20 1.1"),
        (b"GET /show/a?x?y/z HTTP/1.1", "GET /show/a?x?y/z 1.1"),
        (b"GET http://x/show/abs?q HTTP/1.1", "GET /show/abs?q 1.1"),
        (b"GET HTTPS://x:443/show/abs HTTP/1.1", "GET /show/abs? 1.1"),
        (b"PROPFIND /show/a HTTP/1.1", "PROPFIND /show/a? 1.1"),
        (b"QUERY /show/a HTTP/1.1", "QUERY /show/a? 1.1"),
        (b"M-SEARCH /show/a HTTP/1.1", "M-SEARCH /show/a? 1.1"),
        (b"\r\nGET /show/a HTTP/1.1", "GET /show/a? 1.1"),
        (b"\r\n\r\nGET /show/a HTTP/1.1", "GET /show/a? 1.1"),
    ],
)
async def test_request_lines_that_are_taken(line: bytes, first: str) -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        for _ in range(2):
            await wire.send(line + END)
            reply = await wire.receive()
            assert (reply.status, reply.text.splitlines()[0]) == (200, first)


async def test_an_absolute_target_without_a_path_is_the_root() -> None:
    async with serving(make_app()) as served:
        assert (await served.exchange(b"GET http://x HTTP/1.1" + END)).body == b"ok"
        assert (await served.exchange(b"GET http://x?q HTTP/1.1" + END)).body == b"ok"


async def test_the_asterisk_is_for_options() -> None:
    async with serving(make_app()) as served:
        assert (await served.exchange(b"OPTIONS * HTTP/1.1" + END)).status < 500
        assert (await served.refusal(b"GET * HTTP/1.1" + END)).status == 400


@pytest.mark.parametrize(
    ("line", "status"),
    [
        # targets
        (b"GET x:80 HTTP/1.1", 400),
        (b"GET x HTTP/1.1", 400),
        (b"GET ftp://x/ HTTP/1.1", 400),
        (b"GET http:///a HTTP/1.1", 400),
        (b"GET http://user@x/ HTTP/1.1", 400),
        (b"GET http://x:99999/ HTTP/1.1", 400),
        (b"GET http://[/ HTTP/1.1", 400),
        (b"GET /a#b HTTP/1.1", 400),
        (b"GET /a\x7fb HTTP/1.1", 400),
        (b"GET /\xc3\xa9 HTTP/1.1", 400),
        (b"GET /\xff HTTP/1.1", 400),
        (b"GET /\0 HTTP/1.1", 400),
        (b"GET /a b HTTP/1.1", 400),
        (b"GET  HTTP/1.1", 400),
        (b"GET", 400),
        (b"CONNECT x:443 HTTP/1.1", 501),
        # methods
        (b"FOO / HTTP/1.1", 501),
        (b"GET-ME / HTTP/1.1", 501),
        (b"get / HTTP/1.1", 501),
        (b"VERYLONGMETHODNAME / HTTP/1.1", 501),
        (b"A" * 33 + b" / HTTP/1.1", 400),
        (b"G(T / HTTP/1.1", 400),
        (b"G\0T / HTTP/1.1", 400),
        (b" / HTTP/1.1", 400),
        (b"GET\t/ HTTP/1.1", 400),
        # versions
        (b"GET / HTTP/0.9", 400),
        (b"GET / HTTP/1.2", 505),
        (b"GET / HTTP/2.0", 505),
        (b"GET / HTTP/3.0", 505),
        (b"GET / HTTP/1.10", 400),
        (b"GET / HTTP/1", 400),
        (b"GET / HTTP/11", 400),
        (b"GET / http/1.1", 400),
        (b"GET / HTP/1.1", 400),
        (b"GET / HTTP/1.\xb2", 400),
        (b"GET / RTSP/1.0", 505),
        (b"GET / HTTP/1.1 ", 400),
        # line ends
        (b"GET / HTTP/1.1\r", 400),
        (b"GET / HTTP/1.1\rX: y", 400),
    ],
)
async def test_request_lines_that_are_refused(line: bytes, status: int) -> None:
    """And nothing behind them is answered."""
    async with serving(make_app()) as served:
        assert (await served.refusal(line + END + b"GET / HTTP/1.1" + END)).status == status
        assert (await served.exchange(b"GET / HTTP/1.1" + END)).body == b"ok"


async def test_the_preface_of_http_2_is_another_version() -> None:
    async with serving(make_app()) as served:
        assert (await served.refusal(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")).status == 505


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nHost: x\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\n",
        b"GET / HTTP/1.1\rHost: x\r\r",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\0\0\0\0",
    ],
    ids=["bare LF", "bare LF behind a field", "bare LF at the end", "bare CR", "TLS", "SSH", "NUL"],
)
async def test_bytes_other_than_http_are_refused(raw: bytes) -> None:
    async with serving(make_app()) as served:
        assert (await served.refusal(raw)).status == 400


@pytest.mark.parametrize(
    "host",
    [
        b"x",
        b"x:80",
        b"x:",
        b"",
        b"[::1]",
        b"[::1]:8080",
        b"127.0.0.1:1",
        b"a.b-c.d",
        b"xn--e1afmkfd",
        b"a%20b",
        b"x:65535",
    ],
)
async def test_hosts_that_are_taken(host: bytes) -> None:
    async with serving(make_app()) as served:
        reply = await served.exchange(b"GET / HTTP/1.1\r\nHost:  %b \r\n\r\n" % host)
        assert reply.status == 200


@pytest.mark.parametrize(
    "fields",
    [
        b"",
        b"Host: x\r\nHost: x\r\n",
        b"Host: x\r\nhost: y\r\n",
        b"Host: a b\r\n",
        b"Host: user@x\r\n",
        b"Host: x/y\r\n",
        b"Host: x?y\r\n",
        b"Host: x#y\r\n",
        b"Host: x:80:80\r\n",
        b"Host: x:http\r\n",
        b"Host: x:65536\r\n",
        b"Host: [::1\r\n",
        b"Host: <x>\r\n",
        b"Host: x, y\r\n",
        b"Host: \xe9\r\n",
        b"Host: a\\b\r\n",
        b"Host: %zz\r\n",
        b"Host: " + b"x" * 600 + b"\r\n",
    ],
)
async def test_hosts_that_are_refused(fields: bytes) -> None:
    async with serving(make_app()) as served:
        assert (await served.refusal(b"GET / HTTP/1.1\r\n%b\r\n" % fields)).status == 400


async def test_a_missing_host_is_refused_with_an_absolute_target_too() -> None:
    async with serving(make_app()) as served:
        assert (await served.refusal(b"GET http://x/ HTTP/1.1\r\n\r\n")).status == 400


async def test_http_1_0_needs_no_host() -> None:
    async with serving(make_app()) as served:
        assert (await served.exchange(b"GET / HTTP/1.0\r\n\r\n")).body == b"ok"
        assert (await served.refusal(b"GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n")).status == 400
