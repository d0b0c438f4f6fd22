"""Middlewares outside the error handling: a 404, a 413 and a 500 carry their fields like any other answer."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from tests.contract.transports import Served, Transport

PAGE = "https://page.example"
TOO_MUCH = [("Content-Length", str(100 * 1024 * 1024))]

ANSWERS = pytest.mark.parametrize(
    ("method", "target", "headers", "status"),
    [
        ("GET", "/", [], 200),
        ("GET", "/nowhere", [], 404),
        ("DELETE", "/", [], 405),
        ("POST", "/echo", TOO_MUCH, 413),
        ("GET", "/boom", [], 500),
        ("GET", "/forbidden/raised", [], 403),
        ("GET", "/stream/3", [], 200),
        ("GET", "/unsendable/number", [], 500),
        ("GET", "/unsendable/status", [], 500),
        ("GET", "/length-lie", [], 500),
        ("GET", "/foreign/unsendable", [], 500),
    ],
    ids=["200", "404", "405", "413", "500", "403", "stream", "field", "status", "length", "foreign"],
)


async def ask(transport: Transport, outer: str, method: str, target: str, headers: Any, *more: Any) -> Any:
    """The head of an answer; an announced body is not sent."""
    fields = [("X-Outer", outer), *headers, *more]
    body = None if not headers else _nothing()
    async with transport.stream(method, target, headers=fields, body=body) as stream:
        return stream.status, dict(stream.headers)


async def _nothing() -> Any:
    for part in ():
        yield part


@pytest.mark.core_rule
@ANSWERS
async def test_request_ids(transport: Transport, method: str, target: str, headers: Any, status: int) -> None:
    got, fields = await ask(transport, "request-id", method, target, headers, ("X-Request-ID", "abc-1"))
    assert (got, fields["x-request-id"]) == (status, "abc-1")
    got, fields = await ask(transport, "request-id", method, target, headers, ("X-Request-ID", "not sane"))
    assert (got, len(fields["x-request-id"])) == (status, 32)


@pytest.mark.core_rule
@ANSWERS
async def test_cors(transport: Transport, method: str, target: str, headers: Any, status: int) -> None:
    got, fields = await ask(transport, "cors", method, target, headers, ("Origin", PAGE))
    assert (got, fields["access-control-allow-origin"]) == (status, PAGE)
    assert fields["access-control-allow-credentials"] == "true"
    assert "Origin" in fields["vary"]
    got, fields = await ask(transport, "cors", method, target, headers, ("Origin", "https://evil.example"))
    assert (got, "access-control-allow-origin" in fields) == (status, False)
    assert "Origin" in fields["vary"]


async def test_a_preflight(transport: Transport) -> None:
    """A preflight for a path without a route."""
    asked = [("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "x-token")]
    reply = await transport.request("OPTIONS", "/preflight", headers=[("Origin", PAGE), *asked])
    assert (reply.status, reply.body) == (204, b"")
    assert reply.header("access-control-allow-origin") == PAGE
    assert reply.header("access-control-allow-headers") == "X-Token"
    assert "PUT" in str(reply.header("access-control-allow-methods"))
    reply = await transport.request("OPTIONS", "/preflight", headers=[("Origin", "https://evil.example"), *asked])
    assert (reply.status, reply.header("access-control-allow-origin")) == (403, None)


@pytest.mark.core_rule
@ANSWERS
async def test_security_headers(transport: Transport, method: str, target: str, headers: Any, status: int) -> None:
    got, fields = await ask(transport, "security", method, target, headers)
    assert (got, fields["x-content-type-options"], fields["x-frame-options"]) == (status, "nosniff", "DENY")
    assert fields["content-security-policy"] == "frame-ancestors 'none'"
    encrypted = isinstance(transport, Served) and transport.tls is not None
    assert ("strict-transport-security" in fields) is encrypted


async def test_error_pages_are_compressed(transport: Transport) -> None:
    plain = await transport.get("/nowhere")
    reply = await transport.get("/nowhere", [("X-Outer", "compression"), ("Accept-Encoding", "gzip")])
    if reply.header("content-encoding") is None:  # it would not become shorter
        assert (reply.status, reply.body) == (404, plain.body)
    else:
        assert (reply.status, gzip.decompress(reply.body)) == (404, plain.body)
    assert "Accept-Encoding" in str(reply.header("vary"))
