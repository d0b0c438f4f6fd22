"""Padding after boundaries: removed there, and nowhere else, however the body is cut into chunks."""

from __future__ import annotations

import os
from time import process_time

import pytest
from hypothesis import given, settings, strategies as st

from sketch.request.forms.padding import MOST_PADDING, PaddingFilter, TooMuchPadding
from tests.core.request.forms.support import pieces

FUZZ = int(os.environ.get("SKETCH_FUZZ", "200"))


def feed(*chunks: bytes) -> bytes:
    padding = PaddingFilter(b"bound")
    return b"".join(padding.feed(chunk) for chunk in chunks) + padding.rest()


@pytest.mark.parametrize(
    ("body", "passed"),
    [
        (b"--bound \t \r\nx", b"--bound\r\nx"),
        (b"\r\n--bound  \r\nx", b"\r\n--bound\r\nx"),
        (b"a\r\n--bound \r\nb\r\n--bound\t\r\nc", b"a\r\n--bound\r\nb\r\n--bound\r\nc"),
        (b"a\r\n--bound-- \r\n", b"a\r\n--bound-- \r\n"),
        (b"a\r\n--bound \r\n\r\n--bound \r\n", b"a\r\n--bound\r\n\r\n--bound\r\n"),
        (b"a\r\n--bound \r\n--bound \r\n", b"a\r\n--bound\r\n--bound\r\n"),
        # not at the beginning of a line, or not at its end: content
        (b"a--bound \r\n", b"a--bound \r\n"),
        (b"\n--bound \r\n", b"\n--bound \r\n"),
        (b"--bound x\r\n", b"--bound x\r\n"),
        (b"--bound \n", b"--bound \n"),
        (b"--boundless \r\n", b"--boundless \r\n"),
        (b"a \t\r\n", b"a \t\r\n"),
        (b"\r\r\n\r\n--boun\r", b"\r\r\n\r\n--boun\r"),
        (b"--bound ", b"--bound "),
        (b"", b""),
    ],
)
def test_padding(body: bytes, passed: bytes) -> None:
    assert feed(body) == passed
    assert feed(*[bytes([byte]) for byte in body]) == passed
    for size in (2, 3, 7):
        assert feed(*pieces(body, size)) == passed


WORDS = st.sampled_from([b"\r\n", b"\r", b"--bound", b"--", b" ", b"\t", b"x", b"\r\n--bound \r\n"])


@settings(max_examples=FUZZ)
@given(st.lists(WORDS, max_size=20), st.integers(1, 12))
def test_the_chunks_make_no_difference(words: list[bytes], size: int) -> None:
    body = b"".join(words)
    whole = feed(body)
    assert feed(*pieces(body, size)) == whole
    assert whole.replace(b" ", b"").replace(b"\t", b"") == body.replace(b" ", b"").replace(b"\t", b"")


def test_content_without_a_boundary_passes_as_it_is() -> None:
    padding = PaddingFilter(b"bound")
    padding.feed(b"--bound\r\n")
    chunk = bytes(range(14, 256)) * 100
    padding.feed(b"x" * 20)
    assert padding.feed(chunk) is chunk or padding.feed(chunk) == chunk


def test_endless_padding_is_refused() -> None:
    assert feed(b"--bound" + b" " * MOST_PADDING + b"\r\n") == b"--bound\r\n"
    for size in (1, 100, 5000):
        with pytest.raises(TooMuchPadding):
            feed(b"--bound", *pieces(b" " * 5000, size))


def test_the_time_is_linear() -> None:
    def seconds(size: int) -> float:
        begin = process_time()
        feed(*pieces(b"\r\n--bound \r" * size, 1000))
        return process_time() - begin

    seconds(1000)
    assert seconds(40_000) < max(0.5, 60 * seconds(1000))
