"""Bytes that servers answer differently, and what the RFCs ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.wire import Reply

QUIET = 1.0
"""Seconds without a byte after which nothing more is expected."""
PATIENCE = 15.0
"""Seconds without a byte after which nothing more is expected, for cases about timeouts."""


def _nothing(_: Reply) -> str:
    return ""


@dataclass(frozen=True)
class Case:
    """One question.

    Args:
        name: for the page.
        raw: what is sent.
        rule: what is right, and where that is written.
        right: a regular expression for the outcomes that are right.
        show: what else to say of an answer with status 200.
        patience: how long to wait for a byte, in seconds.
    """

    name: str
    raw: bytes
    rule: str
    right: str
    show: Callable[[Reply], str] = _nothing
    patience: float = QUIET


def request(
    *fields: bytes, method: bytes = b"GET", target: bytes = b"/", host: bytes = b"Host: x", body: bytes = b""
) -> bytes:
    """A request with `fields` as they are."""
    lines = [b"%b %b HTTP/1.1" % (method, target), *([host] if host else []), *fields, b"", b""]
    return b"\r\n".join(lines) + body


def seen(name: str) -> Callable[[Reply], str]:
    """What the application saw."""

    def show(reply: Reply) -> str:
        value: Any = reply.json()[name]
        return f"{name} `{value}`"

    return show


def _framing(reply: Reply) -> str:
    return "chunked" if reply.header("transfer-encoding") else "until the end of the connection"


def _trailer(reply: Reply) -> str:
    return "among the headers" if "x-evil" in reply.json()["headers"] else "not among the headers"


CHUNKED = b"Transfer-Encoding: chunked"
EMPTY = b"0\r\n\r\n"
INNER = request(target=b"/smuggled")
UPGRADE = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__")
WEBSOCKET = (
    *(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"),
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
REFUSED = r"400, closed"

CASES: tuple[Case, ...] = (
    Case("no Host", request(host=b""), "400 (RFC 9112, 3.2)", r"400.*"),
    Case("two Hosts", request(b"Host: y"), "400 (RFC 9112, 3.2)", r"400.*"),
    Case("Host with user information", request(host=b"Host: a@b"), "400 (RFC 9112, 3.2)", r"400.*"),
    Case(
        "Content-Length and Transfer-Encoding",
        request(b"Content-Length: 5", CHUNKED, method=b"POST", body=EMPTY),
        "400, or 200 and close (RFC 9112, 6.1)",
        r".*, closed",
    ),
    Case(
        "two different Content-Lengths",
        request(b"Content-Length: 3", b"Content-Length: 4", method=b"POST", body=b"abcd"),
        "400 and close (RFC 9112, 6.3)",
        REFUSED,
    ),
    Case(
        "`Content-Length: +3`",
        request(b"Content-Length: +3", method=b"POST", body=b"abc"),
        "400 and close (RFC 9112, 6.3)",
        REFUSED,
    ),
    Case(
        "`Transfer-Encoding: chunked, identity`",
        request(b"Transfer-Encoding: chunked, identity", method=b"POST", body=EMPTY),
        "400 and close (RFC 9112, 6.3)",
        r"(400|501), closed",
    ),
    Case(
        "chunk size `0x3`",
        request(CHUNKED, method=b"POST", body=b"0x3\r\nabc\r\n" + EMPTY),
        "refused and closed (RFC 9112, 7.1)",
        r"[45]\d\d, closed",
    ),
    Case(
        "chunk longer than its size",
        request(CHUNKED, method=b"POST", body=b"3\r\nabcde\r\n" + EMPTY),
        "refused and closed (RFC 9112, 7.1)",
        r"[45]\d\d, closed",
    ),
    Case(
        "trailer field",
        request(CHUNKED, method=b"POST", body=b"3\r\nabc\r\n0\r\nX-Evil: yes\r\n\r\n"),
        "not among the headers (RFC 9110, 6.5.1)",
        r"200 \(not.*|400.*",
        _trailer,
    ),
    Case("bare LF as line end", b"GET / HTTP/1.1\nHost: x\n\n", "400, or tolerated (RFC 9112, 2.2)", r"400.*|200"),
    Case("bare CR in a value", request(b"X: a\rb"), "400 (RFC 9112, 2.2)", r"400.*"),
    Case("NUL in a value", request(b"X: a\0b"), "400 (RFC 9110, 5.5)", r"400.*"),
    Case("space before the colon", request(b"X : y"), "400 (RFC 9112, 5.1)", r"400.*"),
    Case("folded field line", request(b"X: a\r\n b"), "400, or unfolded (RFC 9112, 5.2)", r"400.*|200"),
    Case("`Expect: foo`", request(b"Expect: foo"), "417, or nothing (RFC 9110, 10.1.1)", r"417.*|200"),
    Case("method FOO", request(method=b"FOO"), "501, or left to the application (RFC 9110, 9.1)", r"(501|405|200).*"),
    Case("method QUERY", request(method=b"QUERY"), "200: the application knows it", r"200"),
    Case(
        "absolute target",
        request(target=b"http://h/abs?q"),
        "path `/abs` (RFC 9112, 3.2.2)",
        r".*`/abs`\)",
        seen("path"),
    ),
    Case("`/%ff%zz`", request(target=b"/%ff%zz"), "400, or no crash", r"[24].*", seen("path")),
    Case("UTF-8 in the target, not encoded", request(target="/é".encode()), "400 (RFC 9112, 3.2)", r"400.*"),
    Case("target of 100 KB", request(target=b"/" + b"a" * 100_000), "refused: 414 (RFC 9112, 3)", r"4\d\d.*"),
    Case("header field of 200 KB", request(b"X: " + b"a" * 200_000), "refused: 431 (RFC 6585, 5)", r"4\d\d.*"),
    Case(
        "2,000 header fields", request(*[b"X-%d: a" % n for n in range(2000)]), "refused: 431 (RFC 6585, 5)", r"4\d\d.*"
    ),
    Case(
        "stream to an HTTP/1.0 client",
        b"GET /stream HTTP/1.0\r\nHost: x\r\n\r\n",
        "not chunked (RFC 9112, 6.1)",
        r"200 \(until.*",
        _framing,
    ),
    Case(
        "`Upgrade: h2c`",
        request(*UPGRADE),
        "ignored, or HTTP/2 (RFC 9110, 7.8)",
        r"200.*|101.*",
    ),
    Case(
        "`Upgrade: h2c` with a body that is a request",
        request(*UPGRADE, b"Content-Length: %d" % len(INNER), method=b"POST", body=INNER),
        "one answer (RFC 9112, 6)",
        r"[^+]*",
        seen("path"),
    ),
    Case(
        "`Upgrade: h2c` with a body",
        request(*UPGRADE, b"Content-Length: 5", method=b"POST", body=b"hello"),
        "body `hello`, or refused (RFC 9110, 7.8)",
        r"200 \(body `hello`\).*|[45]\d\d.*",
        seen("body"),
    ),
    Case(
        "`Upgrade: h2c` with a chunked body",
        request(*UPGRADE, CHUNKED, method=b"POST", body=b"5\r\nhello\r\n" + EMPTY),
        "body `hello`, or refused (RFC 9110, 7.8)",
        r"200 \(body `hello`\).*|[45]\d\d.*",
        seen("body"),
    ),
    Case(
        "websocket handshake with a body",
        request(*WEBSOCKET, b"Content-Length: 5", body=b"hello"),
        "refused, or body `hello`, not a handshake without it (RFC 9112, 6)",
        r"200 \(body `hello`\).*|[45]\d\d.*|closed.*",
        seen("body"),
    ),
    Case(
        "half a request line, then silence",
        b"GET /sl",
        "not for ever; 408 (RFC 9110, 15.5.9)",
        r"(408|closed).*",
        patience=PATIENCE,
    ),
)
