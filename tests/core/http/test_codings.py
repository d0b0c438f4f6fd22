"""Content codings: compressing a body, and expanding one within bounds."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given, settings, strategies as st

from sketch.http import codings
from sketch.http.codings import MOST_FRAMES, NAMES, Coding, Decoder, find_coding, installed_codings

TEXT = b"".join(b"line %d of a text that compresses well\n" % number for number in range(5000))


@pytest.fixture(params=NAMES)
def coding(request: pytest.FixtureRequest) -> Coding:
    return find_coding(request.param)


def expand(coding: Coding, data: bytes, most: int = 1000, piece: int = 1 << 30) -> tuple[bytes, bool]:
    """Expand a body as a server does: piece by piece, never more than about `most` bytes at once."""
    decoder = Decoder(coding)
    expanded = []
    for start in range(0, len(data), piece):
        expanded.append(decoder.decode(data[start : start + piece], most))
        while decoder.pending:
            expanded.append(decoder.decode(b"", most))
    return b"".join(expanded), decoder.complete


def test_a_whole_body(coding: Coding) -> None:
    for data in (b"", b"x", TEXT):
        for level in (coding.level, coding.levels[0], coding.levels[-1]):
            assert expand(coding, coding.compress(data, level)) == (data, True)
    assert len(coding.compress(TEXT, coding.level)) < len(TEXT) / 5


def test_gzip_agrees_with_the_standard_library() -> None:
    coding = find_coding("gzip")
    assert gzip.decompress(coding.compress(TEXT, 5)) == TEXT
    assert expand(coding, gzip.compress(TEXT)) == (TEXT, True)


def test_each_chunk_of_a_stream_can_be_read_at_once(coding: Coding) -> None:
    encoder, decoder = coding.encoder(coding.level), Decoder(coding)
    for number in range(5):
        chunk = b"data: event %d\n\n" % number
        assert decoder.decode(encoder.encode(chunk), 1000) == chunk
        assert not decoder.complete
    assert decoder.decode(encoder.finish(), 1000) == b""
    assert decoder.complete


@settings(max_examples=50)
@given(st.binary(max_size=3000), st.integers(1, 700), st.integers(1, 700), st.sampled_from(NAMES))
def test_any_division(data: bytes, most: int, piece: int, name: str) -> None:
    coding = find_coding(name)
    assert expand(coding, coding.compress(data * 3, coding.level), most, piece) == (data * 3, True)


def test_output_is_bounded(coding: Coding) -> None:
    """However well a body is compressed; brotli's library works in fixed blocks."""
    bomb = coding.compress(bytes(20_000_000), coding.level)
    assert len(bomb) < 30_000
    decoder = Decoder(coding)
    total = len(decoder.decode(bomb, 65536))
    while decoder.pending:
        part = decoder.decode(b"", 65536)
        assert len(part) < 2 * 65536
        total += len(part)
    assert (total, decoder.complete) == (20_000_000, True)


def test_a_body_that_is_cut_short_is_not_complete(coding: Coding) -> None:
    whole = coding.compress(TEXT, coding.level)
    for end in (1, len(whole) // 2, len(whole) - 1):
        assert expand(coding, whole[:end])[1] is False
    assert Decoder(coding).complete, "nothing at all is an empty body"


def test_malformed_data(coding: Coding) -> None:
    with pytest.raises(ValueError, match=f"malformed {coding.name}"):
        expand(coding, b"\xff" * 100)


@pytest.mark.parametrize("name", ["gzip", "deflate"])
def test_a_wrong_checksum_is_an_error(name: str) -> None:
    whole = find_coding(name).compress(TEXT, 5)
    with pytest.raises(ValueError, match="incorrect"):
        expand(find_coding(name), whole[:-4] + b"1234")


def test_deflate_is_the_zlib_format_alone() -> None:
    raw = zlib.compressobj(5, zlib.DEFLATED, -15)
    data = raw.compress(TEXT) + raw.flush()
    with pytest.raises(ValueError, match="malformed deflate"):
        expand(find_coding("deflate"), data)


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_a_series_of_frames_is_one_body(name: str) -> None:
    """RFC 1952 section 2.2, RFC 8878 section 3."""
    coding = find_coding(name)
    parts = [coding.compress(part, coding.level) for part in (b"one", b"", TEXT, b"two")]
    for piece in (1 << 30, 7):
        assert expand(coding, b"".join(parts), piece=piece) == (b"one" + TEXT + b"two", True)
    with pytest.raises(ValueError, match=name):
        expand(coding, parts[0] + b"junk")


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_frames_are_counted(name: str) -> None:
    coding = find_coding(name)
    frame = coding.compress(b"x", coding.level)
    assert expand(coding, frame * MOST_FRAMES)[1]
    with pytest.raises(ValueError, match="data after the end"):
        expand(coding, frame * (MOST_FRAMES + 1))


@pytest.mark.parametrize("name", ["br", "deflate"])
def test_nothing_may_follow_a_single_frame(name: str) -> None:
    coding = find_coding(name)
    frame = coding.compress(b"x", coding.level)
    for piece in (1 << 30, len(frame)):
        with pytest.raises(ValueError, match=name):
            expand(coding, frame + frame, piece=piece)


def test_a_zstd_frame_may_not_ask_for_any_amount_of_memory() -> None:
    frame = b"\x28\xb5\x2f\xfd" + bytes([0x00, (24 - 10) << 3]) + b"\x01\x00\x00"  # a window of 16 MiB, an empty block
    with pytest.raises(ValueError, match="too much memory"):
        expand(find_coding("zstd"), frame)
    frame = b"\x28\xb5\x2f\xfd" + bytes([0x00, (23 - 10) << 3]) + b"\x01\x00\x00"  # RFC 9659: 8 MiB is allowed
    assert expand(find_coding("zstd"), frame) == (b"", True)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    find_coding.cache_clear()
    monkeypatch.setattr(codings, "import_module", missing)
    try:
        assert list(installed_codings()) == ["gzip", "deflate"]
        with pytest.raises(RuntimeError, match=r"br needs a package: pip install 'sketch-web\[compression\]'"):
            find_coding("br")
    finally:
        find_coding.cache_clear()
    monkeypatch.undo()
    assert list(installed_codings()) == list(NAMES)


def test_unknown_codings() -> None:
    with pytest.raises(ValueError, match="expected a content coding of zstd, br, gzip, deflate, got 'lzma'"):
        find_coding("lzma")
