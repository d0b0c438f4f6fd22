"""The backlog of a connection: what is kept of the bytes that arrive after parsing has stopped."""

from __future__ import annotations

import pytest

from sketch_native.backlog import HANDSHAKE, PIPELINE, REFUSAL, Backlog, Stop


def test_constants_are_the_reasons() -> None:
    assert list(Stop) == [PIPELINE, HANDSHAKE, REFUSAL]


@pytest.mark.parametrize("reason", [PIPELINE, HANDSHAKE])
def test_bytes_are_kept_in_order(reason: Stop) -> None:
    backlog = Backlog(reason, b"one ")
    backlog.add(b"two ")
    backlog.add(b"three")
    assert backlog.data == b"one two three"


def test_bytes_after_a_refusal_are_dropped() -> None:
    backlog = Backlog(REFUSAL)
    backlog.add(b"GET / HTTP/1.1\r\n\r\n")
    assert backlog.data == b""


@pytest.mark.parametrize(("data", "expected"), [(b"", False), (b"x", True)])
def test_a_backlog_is_true_with_bytes(data: bytes, expected: bool) -> None:
    assert bool(Backlog(HANDSHAKE, data)) is expected
