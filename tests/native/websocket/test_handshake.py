"""The opening handshake (RFC 6455 section 4.2, RFC 7692 section 7.1): pure functions over fields."""

from __future__ import annotations

import pytest

from sketch_native.websocket import handshake
from sketch_native.websocket.handshake import accept_fields, check_handshake, negotiate

KEY = (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==")
VERSION = (b"sec-websocket-version", b"13")


def test_a_valid_handshake() -> None:
    assert check_handshake([(b"host", b"x"), VERSION, KEY]) is None


@pytest.mark.parametrize("versions", [[], [b"8"], [b"14"], [b"13x"], [b""], [b"13", b"13"], [b"13", b"8"]])
def test_versions(versions: list[bytes]) -> None:
    wrong = check_handshake([KEY, *[(VERSION[0], value) for value in versions]])
    assert wrong is not None
    assert wrong[0] == 426


@pytest.mark.parametrize(
    "keys",
    [[], [b""], [b"c2hvcnQ="], [b"!!!!not-base64!!!!!!!!!"], [KEY[1], KEY[1]], [b"dGhlIHNhbXBsZSBub25jZQ"],
     [b"dGhlIHNhbXBsZSBub25jZQ== x"], [b"dGhlIHNhbXBsZSBub25jZSEh"], [b"\xff" * 24]],
)  # fmt: skip
def test_keys(keys: list[bytes]) -> None:
    wrong = check_handshake([VERSION, *[(KEY[0], value) for value in keys]])
    assert wrong is not None
    assert wrong[0] == 400


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "available", lambda: False)
    assert check_handshake([VERSION, KEY]) == (501, "websockets are not supported by this server")


def test_the_answer() -> None:
    """The sample of RFC 6455 section 1.3."""
    assert accept_fields(KEY[1], None, None) == (
        b"upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    )
    assert accept_fields(KEY[1], "chat", b"x; y=1").endswith(
        b"sec-websocket-protocol: chat\r\nsec-websocket-extensions: x; y=1\r\n"
    )


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        (b"permessage-deflate", b"permessage-deflate; server_max_window_bits=12"),
        (
            b"permessage-deflate; client_max_window_bits",
            b"permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
        ),
        (
            b"permessage-deflate; client_max_window_bits=10; server_max_window_bits=9",
            b"permessage-deflate; server_max_window_bits=9; client_max_window_bits=10",
        ),
        (
            b"permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            b"permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12",
        ),
        (
            b"x-other; a=b, permessage-deflate; odd, permessage-deflate",
            b"permessage-deflate; server_max_window_bits=12",
        ),
        (b'permessage-deflate; server_max_window_bits="10"', b"permessage-deflate; server_max_window_bits=10"),
    ],
)
def test_offers_that_are_taken(offer: bytes, answer: bytes) -> None:
    chosen, extension = negotiate(offer)
    assert chosen == answer
    assert extension is not None


@pytest.mark.parametrize(
    "offer",
    [
        None,
        b"",
        b";;=,",
        b"x-other",
        b"permessage-deflate; foo=1",
        b"permessage-deflate; server_max_window_bits=16",
        b"permessage-deflate; server_max_window_bits=7",
        b"permessage-deflate; server_max_window_bits=8",
        b"permessage-deflate; server_max_window_bits",
        b"permessage-deflate; client_max_window_bits=abc",
        b"permessage-deflate; server_no_context_takeover=1",
        b"permessage-deflate; server_no_context_takeover; server_no_context_takeover",
    ],
)
def test_offers_that_are_declined(offer: bytes | None) -> None:
    assert negotiate(offer) == (None, None)
