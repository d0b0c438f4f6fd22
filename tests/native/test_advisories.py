"""Bytes from published advisories of other servers: each is refused, in any segments.

What cannot be shown by one request (floods, slowness, memory) has its tests elsewhere; docs/threat-model.md
names them.
"""

from __future__ import annotations

import pytest

from tests.native.parsing import bytewise, parse

CHUNKED = b"Transfer-Encoding: chunked"


def post(*fields: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    return b"\r\n".join([b"POST / HTTP/%b" % version, b"Host: x", *fields, b"", body])


ADVISORIES = {
    "CVE-2019-16785 waitress: LF ends a line": (b"GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n", 400),
    "CVE-2019-16789 waitress: white space of other kinds": (
        post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"),
        400,
    ),
    "CVE-2022-24761 waitress: signed length": (post(b"Content-Length: +10", body=b"0123456789"), 400),
    "CVE-2022-24761 waitress: length as int() reads it": (post(b"Content-Length: 1_0", body=b"0123456789"), 400),
    "CVE-2022-24761 waitress: chunk size as int() reads it": (post(CHUNKED, body=b"0x01\r\na\r\n0\r\n\r\n"), 400),
    "CVE-2022-24761 waitress: control bytes in a chunk extension": (post(CHUNKED, body=b"1;\0\r\na\r\n0\r\n\r\n"), 400),
    "CVE-2023-37276 aiohttp: a field begins behind CR": (
        post(b"X-Abc: \rxTransfer-Encoding: chunked", body=b"1\r\nA\r\n"),
        400,
    ),
    "CVE-2023-47641 aiohttp: chunked123": (
        post(b"Transfer-Encoding: chunked123", b"Content-Length: 3", body=b"abc"),
        400,
    ),
    "CVE-2024-1135 gunicorn: conflicting codings": (
        post(CHUNKED, b"Transfer-Encoding: identity", body=b"0\r\n\r\n"),
        400,
    ),
    "CVE-2024-6827 gunicorn: unknown coding beside a length": (
        post(b"Transfer-Encoding: x", b"Content-Length: 1", body=b"a"),
        400,
    ),
    "gunicorn 22.0.0: chunked in HTTP/1.0": (post(CHUNKED, body=b"0\r\n\r\n", version=b"1.0"), 400),
    "aiohttp 3.10.11: LF in a chunk extension": (post(CHUNKED, body=b"1;a\nb\r\na\r\n0\r\n\r\n"), 400),
    "CVE-2025-43859 h11: any two bytes end a chunk": (post(CHUNKED, body=b"3\r\nabcXX0\r\n\r\n"), 400),
    "CVE-2025-69224 aiohttp: letters that lower() makes ASCII": (
        post("Transfer-Encoding: chun\u212aed".encode(), body=b"0\r\n\r\n"),
        400,
    ),
    "CVE-2026-34525 aiohttp: two Hosts": (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
    "CVE-2026-48710 starlette: a path in Host": (b"GET / HTTP/1.1\r\nHost: a/?x=\r\n\r\n", 400),
    "PYSEC-2026-248 starlette: a target without a slash": (b"GET @evil.example HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "CVE-2026-22815 aiohttp: endless trailers": (post(CHUNKED, body=b"0\r\n" + b"T: x\r\n" * 3000), 431),
    "CVE-2026-54277 aiohttp: an endless line in small parts": (
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000,
        431,
    ),
}


@pytest.mark.parametrize("name", ADVISORIES)
def test_attacks_of_published_advisories_are_refused(name: str) -> None:
    raw, status = ADVISORIES[name]
    assert parse([raw])[-1] == ("refused", status)
    assert parse(bytewise(raw))[-1] == ("refused", status)


@pytest.mark.parametrize("name", ADVISORIES)
def test_nothing_is_smuggled(name: str) -> None:
    """Bytes after the malformed request are never parsed as another request."""
    raw, _ = ADVISORIES[name]
    heads = [event for event in parse([raw + b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"]) if event[0] == "head"]
    assert not [event for event in heads if event[2] == b"/smuggled"]
