"""The document of an application is the same on every transport, wherever the application is said to be."""

from __future__ import annotations

import json

from sketch.openapi import OPENAPI
from tests.contract.transports import Transport
from tests.contract.typed_app import make_typed_app


async def test_the_document(transport: Transport) -> None:
    reply = await transport.request("GET", "/openapi.json", headers=[("X-Forwarded-Host", "evil.example")])
    assert (reply.status, reply.header("content-type")) == (200, "application/json")
    document = json.loads(reply.body)
    assert document == make_typed_app()[OPENAPI].document()
    assert document["servers"] == [{"url": "/"}], "no scheme, no host"
    assert b"evil" not in reply.body


async def test_the_document_has_no_content_for_head(transport: Transport) -> None:
    reply = await transport.request("HEAD", "/openapi.json")
    assert (reply.status, reply.body) == (200, b"")
