"""The judge: it finds malformed HTTP, and answers that a case does not allow."""

from __future__ import annotations

from typing import Any

import pytest

from tests.native.conformance.judge import judge, text
from tests.native.conformance.replies import parse

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/2 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 O\nK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx : 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\ncontent-length: 0\r\n\r\n",
        CHUNKED + b"2\r\nok!\r\n0\r\n\r\n",
        CHUNKED + b"x\r\nok\r\n0\r\n\r\n",
        CHUNKED + b"2\nok\r\n0\r\n\r\n",
    ],
)
def test_malformed_answers_are_found(raw: bytes) -> None:
    replies, _ = parse(raw, ["GET"], ended=True)
    assert any(reply.faults or not reply.complete for reply in replies)


@pytest.mark.parametrize("raw", [OK[:-1], CHUNKED, CHUNKED + b"2\r\nok\r\n", CHUNKED + b"2\r\nok\r\n0\r\n"])
def test_incomplete_answers_are_found(raw: bytes) -> None:
    (reply,), _ = parse(raw, ["GET"], ended=True)
    assert not reply.complete


def test_good_answers_are_told_apart() -> None:
    raw = b"HTTP/1.1 100 Continue\r\n\r\n" + OK + CHUNKED + b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n" + OK[:-2] + OK
    replies, rest = parse(raw, ["POST", "GET", "HEAD", "GET"], ended=False)
    assert [reply.body for reply in replies] == [b"ok", b"abc", b"", b"ok"]
    assert [reply.framing for reply in replies] == ["cl", "chunked", "none", "cl"]
    assert replies[0].interim == [100]
    assert rest == b""


@pytest.mark.parametrize(
    "expected",
    [
        {"status": [[404]]},
        {"status": [[200], [200]]},
        {"status": []},
        {"status": [[200]], "closed": True},
        {"status": [[200]], "checks": [["body", 0, "no"]]},
        {"status": [[200]], "checks": [["hdr", 0, "date"]]},
        {"status": [[200]], "checks": [["body", 1, "ok"]]},
        {"status": [[200]], "checks": [["raw_no", "200 OK"]]},
        {"raw_re": "404"},
    ],
)
def test_answers_that_a_case_does_not_allow_are_found(expected: dict[str, Any]) -> None:
    assert judge(expected, *parse(OK, ["GET"], ended=False), OK, None) is not None
    assert judge({"status": [[200]], "closed": False}, *parse(OK, ["GET"], ended=False), OK, None) is None
    assert judge({"status": [[200]]}, *parse(OK + b"stray", ["GET"], ended=False), OK, None) is not None


def test_texts_of_cases() -> None:
    assert text("a\xff") == b"a\xff"
    assert text(["a", ["bc", 2], ["{0};", {"count": 3}]]) == b"abcbc0;1;2;"
