"""`RawResponse`: fields as bytes, with the same rules and the same view of its headers as any other response."""

from __future__ import annotations

from typing import Any

import pytest

from sketch.http import fields
from sketch.http.fields import RawFields
from sketch.pipeline.finalize import finalize
from sketch.transport import WireResponse
from sketch_asgi.hosting.response import RawResponse
from tests.support.requests import make_request

TEXT = (b"content-type", b"text/plain")


def finalized(fields: Any, body: bytes = b"body", status: int = 200, method: str = "GET") -> WireResponse:
    return finalize(make_request(method=method), RawResponse(status, fields, body))


def test_fields_are_sent_unchanged() -> None:
    fields = [TEXT, (b"X-Two", b"1"), [b"x-two", b"\xe9"], (b"empty", b""), (b"tab", b"a\tb")]
    response = finalized(fields)
    assert response.fields == [
        TEXT, (b"x-two", b"1"), (b"x-two", b"\xe9"), (b"empty", b""), (b"tab", b"a\tb"), (b"content-length", b"4"),
    ]  # fmt: skip
    assert (response.length, response.payload) == (4, b"body")
    assert finalized(fields).fields == response.fields  # now they are known


def test_framing_fields_are_left_out() -> None:
    response = finalized([(b"Transfer-Encoding", b"chunked"), (b"Content-Length", b"4"), (b"content-length", b"04")])
    assert response.fields == [(b"content-length", b"4")]


def test_answers_without_content() -> None:
    length = (b"content-length", b"4")
    assert finalized([length], method="HEAD").payload == b""
    assert finalized([length], method="HEAD").fields == [length]
    assert finalized([length], b"", method="HEAD").fields == [length]
    assert finalized([length], status=304).fields == []
    assert finalized([], status=204).payload == b""


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ([(b"a b", b"x")], ValueError, "expected a header name of token characters (RFC 9110 section 5.1), got b'a b'"),
        ([(b"", b"x")], ValueError, "expected a header name of token characters"),
        ([(b"a", b"x\r\ny")], ValueError, "expected no control characters in header b'a' (RFC 9110 section 5.5)"),
        ([(b"a", b"\x00")], ValueError, "expected no control characters"),
        ([(b"a", b"\x7f")], ValueError, "expected no control characters"),
        ([("a", b"x")], TypeError, "expected header names of bytes, got 'a'"),
        ([(b"a", "x")], TypeError, "expected header values of bytes, got 'x' for b'a'"),
        ([(b"a", bytearray(b"x"))], TypeError, "unhashable type"),
        ([[b"a", bytearray(b"x")]], TypeError, "expected header values of bytes, got bytearray(b'x') for b'a'"),
        ([(b"content-length", b"-4")], ValueError, "expected one Content-Length of digits, got b'-4'"),
        ([(b"content-length", b"4"), (b"content-length", b"5")], ValueError, "expected one Content-Length of digits"),
        ([(b"content-length", b"5")], ValueError, "expected Content-Length 4, the size of the body, got 5"),
    ],
)
def test_unsendable_fields_are_refused(fields: Any, error: type[Exception], message: str) -> None:
    for _ in range(2):  # what was refused once is not known the next time
        with pytest.raises(error) as caught:
            finalized(fields)
        assert str(caught.value).startswith(message)


def test_memory_of_fields_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "_known", set())
    finalized([(b"n%d" % number, b"x") for number in range(1000)])
    assert len(fields._known) == 512
    monkeypatch.setattr(fields, "_known", set())
    finalized([(b"long", bytes(b"x" * 128)), (b"content-length", b"4")])
    assert not fields._known


def test_headers_can_be_read_as_text() -> None:
    response = RawResponse(200, [TEXT, (b"x-two", b"1"), (b"X-Two", b"\xe9"), (b"transfer-encoding", b"chunked")], b"")
    assert response.headers.getall("X-Two") == ["1", "\xe9"]
    assert response.content_type == "text/plain"
    response.headers["X-More"] = "more"
    response.content_type = "text/html"
    response.set_cookie("a", "b")
    sent = finalize(make_request(), response).fields
    names = [name for name, _ in sent]
    assert names == [b"content-type", b"x-two", b"x-two", b"x-more", b"set-cookie", b"content-length"]
    assert dict(sent)[b"content-type"] == b"text/html"
    assert (b"x-two", b"\xe9") in sent


def test_unsendable_headers_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="control characters"):
        _ = RawResponse(200, [(b"a", b"\n")], b"").headers


def test_copies_have_fields_of_their_own() -> None:
    response = RawResponse(201, [TEXT], b"x")
    copy = response.copy()
    copy.headers["X-More"] = "more"
    assert (type(copy), copy.status, copy.body) == (RawResponse, 201, b"x")
    assert "X-More" not in response.headers
    fields = RawFields([TEXT])
    assert fields.copy() == fields
    assert fields.copy() is not fields


def test_repr() -> None:
    assert repr(RawResponse(201, [TEXT], b"")) == "<RawResponse status=201 content_type='text/plain'>"
