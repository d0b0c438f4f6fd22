"""Websocket policies: which origins may connect, and which values are refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sketch import WebSocketPolicy, WebSocketResponse
from sketch.application import Application
from tests.core.websocket.support import session, shake
from tests.support.requests import in_loop, make_request


@pytest.mark.parametrize(
    ("origins", "origin", "status"),
    [
        (None, None, 101),
        (None, b"http://example.com", 101),
        (None, b"https://EXAMPLE.com", 101),
        (None, b"https://example.com:8443", 403),
        (None, b"https://evil.example", 403),
        (None, b"https://example.com.evil.example", 403),
        (None, b"null", 403),
        (None, b"", 403),
        (None, b"http://[", 403),
        (["https://a.example", "https://b.example"], b"https://b.example", 101),
        (["https://a.example"], b"https://A.example", 101),
        (["https://*.a.example"], b"https://b.a.example", 101),
        (["https://*.a.example"], b"https://a.example", 403),
        ([re.compile(r"https://(a|b)\.example")], b"https://b.example", 101),
        (["https://a.example"], b"http://a.example", 403),
        (["https://a.example"], b"http://example.com", 403),
        (["https://a.example"], None, 101),
        ("https://a.example", b"https://a.example", 101),
        ("https://a.example", b"h", 403),
        ((), b"http://example.com", 403),
        (["null"], b"null", 101),
        ("*", b"https://evil.example", 101),
        (["*"], b"null", 101),
    ],
)
@in_loop
async def test_origins(origins: Any, origin: bytes | None, status: int) -> None:
    app = Application()
    app.add_websocket("/ws", session, policy=WebSocketPolicy(origins=origins))
    response = await shake(app, headers=None if origin is None else [(b"origin", origin)])
    assert response.status == status


@pytest.mark.parametrize(
    ("host", "origin", "allowed"),
    [
        (b"example.com:443", b"https://example.com", True),
        (b"EXAMPLE.com:80", b"http://example.com", True),
        (b"[::1]:443", b"https://[::1]", True),
        (b"example.com:443", b"http://example.com", False),
        (b"example.com:8443", b"https://example.com", False),
        (b"example.com", b"https://example.com:8443", False),
        (b"example.com:80", b"evil://example.com", False),
        (b"[::80]", b"http://[:", False),
    ],
)
def test_the_default_port_of_an_origin_may_be_in_the_host(host: bytes, origin: bytes, allowed: bool) -> None:
    request = make_request("/", headers=[(b"host", host), (b"origin", origin)])
    assert WebSocketPolicy().allows(request) is allowed


@pytest.mark.parametrize(
    "options",
    [
        {"max_message": 0},
        {"max_message": 1.5},
        {"max_queue": 0},
        {"max_queue": None},
        {"ping_interval": 0},
        {"ping_timeout": "20"},
        {"idle_timeout": -1.0},
        {"idle_timeout": float("nan")},
        {"close_timeout": 0},
        {"close_timeout": None},
        {"close_reason": "x" * 124},
        {"origins": ["https://example.com/"]},
        {"origins": "example.com"},
    ],
)
def test_invalid_policies_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        WebSocketPolicy(**options)


def test_a_policy_of_another_type_is_refused() -> None:
    policy: Any = {"max_message": 1}
    with pytest.raises(TypeError, match=r"expected policy to be a WebSocketPolicy, got \{'max_message': 1\}"):
        WebSocketResponse(session, policy=policy)
    with pytest.raises(TypeError, match="expected policy to be a WebSocketPolicy"):
        Application().add_websocket("/a", session, policy=policy)
