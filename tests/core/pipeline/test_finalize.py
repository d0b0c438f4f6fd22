"""`finalize`: the HTTP rules that are applied to a response before it is sent."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from multidict import CIMultiDict

from sketch.response import Response
from sketch.streams.stream import StreamResponse
from tests.support.responses import fields, finalized

# -- status and length -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 299, 418, 599, 999, HTTPStatus.CREATED])
def test_every_final_status(status: int) -> None:
    assert finalized(Response("a", status=status)).payload == b"a"


@pytest.mark.parametrize("status", [100, 101, 199, 0, -1, 1000])
def test_other_statuses_are_refused(status: int) -> None:
    with pytest.raises(ValueError, match="final status"):
        finalized(Response(status=status))


@pytest.mark.parametrize(
    ("method", "status", "length", "payload"),
    [
        ("GET", 200, b"2", b"ab"),
        ("HEAD", 200, b"2", b""),
        ("HEAD", 404, b"2", b""),
        ("GET", 204, None, b""),
        ("GET", 304, None, b""),
        ("HEAD", 304, None, b""),
        ("GET", 205, b"0", b""),
    ],
)
def test_responses_without_content(method: str, status: int, length: bytes | None, payload: bytes) -> None:
    response = Response("ab", status=status)
    assert fields(response, method).get(b"content-length") == length
    assert response.payload == payload


def test_finalize_changes_nothing_that_a_handler_sees() -> None:
    response = Response("ab", headers={"X-A": "1"})
    finalized(response, "HEAD")
    assert dict(response.headers) == {"X-A": "1", "Content-Type": "text/plain; charset=utf-8"}
    assert finalized(response, "GET").payload == b"ab"
    assert len(response.raw_headers) == 3


@pytest.mark.parametrize("declared", ["3", "-2", "2.0", "", "0x2"])
def test_a_content_length_that_is_not_the_bodys_is_refused(declared: str) -> None:
    with pytest.raises(ValueError, match="Content-Length"):
        finalized(Response("ab", headers={"Content-Length": declared}))


def test_content_length_is_sent_once() -> None:
    headers = [("Content-Length", "2"), ("content-length", "2")]
    assert fields(Response("ab", headers=headers))[b"content-length"] == b"2"
    with pytest.raises(ValueError, match="one Content-Length"):
        finalized(Response("ab", headers=[("Content-Length", "2"), ("Content-Length", "3")]))


def test_an_answer_to_head_may_declare_what_get_would_send() -> None:
    assert fields(Response(headers={"Content-Length": "10"}), "HEAD")[b"content-length"] == b"10"


def test_transfer_encoding_of_the_application_is_refused() -> None:
    with pytest.raises(ValueError, match="Transfer-Encoding"):
        finalized(Response("a", headers={"Transfer-Encoding": "chunked"}))


# -- header fields -----------------------------------------------------------------------------------------------------


def test_fields_keep_their_order_and_repetition() -> None:
    response = Response(headers=[("X-Tag", "1"), ("Y", " spaced\t"), ("X-Tag", "2")])
    response.headers.add("X-Name", "café")
    assert finalized(response).raw_headers == [
        (b"x-tag", b"1"),
        (b"y", b"spaced"),
        (b"x-tag", b"2"),
        (b"x-name", b"caf\xe9"),
        (b"content-length", b"0"),
    ]


@pytest.mark.parametrize("value", ["b\r\nSet-Cookie: x=1", "b\nx", "b\rx", "b\x00", "\x1b", "\x7f", "a\x0b"])
@pytest.mark.parametrize("place", ["header", "content_type"])
def test_no_value_splits_a_response(value: str, place: str) -> None:
    response = Response(headers={"A": value}) if place == "header" else Response(content_type=value)
    with pytest.raises(ValueError, match="control characters"):
        finalized(response)


@pytest.mark.parametrize("name", ["A\r\nB", "a b", "a:", "", "é", "a\x00", "(a)"])
def test_no_name_splits_a_response(name: str) -> None:
    with pytest.raises(ValueError, match="token"):
        finalized(Response(headers=CIMultiDict([(name, "x")])))


def test_values_of_other_types_and_encodings_are_refused() -> None:
    with pytest.raises(ValueError, match="percent-encode"):
        finalized(Response(headers={"A": "€"}))
    with pytest.raises(TypeError, match="header A, got 5"):
        finalized(Response(headers={"A": 5}))  # type: ignore[dict-item]


def test_which_answers_are_plain() -> None:
    """Adapters write plain answers without further checks."""
    assert finalized(Response("a")).plain
    assert finalized(Response("", content_type="a/b")).plain
    for other in (Response(), Response("a", status=201), Response("a", headers={"A": "b"}), StreamResponse([b"a"])):
        assert not finalized(other).plain
    assert not finalized(Response("a"), "HEAD").plain
    changed = finalized(Response("a"))
    changed.status = 404
    assert not finalized(changed).plain
