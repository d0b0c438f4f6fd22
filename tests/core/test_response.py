"""Responses as values, and the HTTP rules of finalize."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import pytest
from multidict import CIMultiDict

from sketch.response import (
    ErrorResponse,
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    TextResponse,
    finalize,
    json_response,
    quote_location,
)
from tests.core.support import in_loop, make_request


def finalized(response: Response, method: str = "GET") -> Response:
    finalize(make_request(method=method), response)
    return response


def fields(response: Response, method: str = "GET") -> dict[bytes, bytes]:
    raw = finalized(response, method).raw_headers
    assert len(dict(raw)) == len(raw)
    return dict(raw)


async def numbers() -> AsyncIterator[bytes]:
    yield b"1"
    yield b"2"


# -- bodies and media types --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "body", "media_type"),
    [
        (Response(), b"", None),
        (Response("é"), "é".encode(), "text/plain; charset=utf-8"),
        (Response(b"\xff"), b"\xff", "application/octet-stream"),
        (Response(bytearray(b"a")), b"a", "application/octet-stream"),
        (Response(memoryview(b"a")), b"a", "application/octet-stream"),
        (Response("a", content_type="text/css"), b"a", "text/css"),
        (Response("a", headers={"Content-Type": "text/css"}), b"a", "text/css"),
        (Response("a", headers={"content-type": "text/css"}, content_type="text/x"), b"a", "text/x"),
        (TextResponse("a"), b"a", "text/plain; charset=utf-8"),
        (TextResponse(b"a"), b"a", "text/plain; charset=utf-8"),
        (HTMLResponse("<p>"), b"<p>", "text/html; charset=utf-8"),
        (HTMLResponse(b"<p>"), b"<p>", "text/html; charset=utf-8"),
        (HTMLResponse("<p>", headers={"Content-Type": "application/xhtml+xml"}), b"<p>", "application/xhtml+xml"),
        (JSONResponse({"a": [1, "é"]}), '{"a":[1,"é"]}'.encode(), "application/json"),
        (JSONResponse([], content_type="application/problem+json"), b"[]", "application/problem+json"),
        (JSONResponse([], headers={"Content-Type": "application/problem+json"}), b"[]", "application/problem+json"),
        (json_response(None, status=201, content_type="a/b"), b"null", "a/b"),
        (ErrorResponse(404), b"404 Not Found", "text/plain; charset=utf-8"),
        (ErrorResponse(404, "no such order"), b"no such order", "text/plain; charset=utf-8"),
        (ErrorResponse(599), b"599 Unknown Status", "text/plain; charset=utf-8"),
    ],
    ids=str,
)
def test_bodies(response: Response, body: bytes, media_type: str | None) -> None:
    assert (response.body, response.content_type) == (body, media_type)
    sent = fields(response)
    assert sent.get(b"content-type") == (None if media_type is None else media_type.encode())
    assert sent[b"content-length"] == str(len(body)).encode()
    assert response.payload == body
    assert response.length == len(body)


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        ({"a": 1}, r"JSONResponse\(data\)"),
        ([1], r"JSONResponse\(data\)"),
        (5, r"JSONResponse\(data\)"),
        ((b"a" for _ in range(2)), r"StreamResponse\(iterable\)"),
        (numbers(), r"StreamResponse\(iterable\)"),
        (object(), r"str\(\) of it"),
    ],
)
def test_another_body_is_an_error_that_says_what_to_use(body: Any, advice: str) -> None:
    with pytest.raises(TypeError, match=advice):
        Response(body)


def test_what_json_cannot_hold() -> None:
    with pytest.raises(TypeError):
        JSONResponse(object())
    with pytest.raises(ValueError):
        JSONResponse(float("nan"))


def test_content_type_can_be_set_before_and_after_headers_are_seen() -> None:
    response = Response("a")
    response.content_type = "a/b"
    assert response.headers["Content-Type"] == "a/b"
    response.content_type = "c/d"
    assert response.content_type == response.headers["Content-Type"] == "c/d"
    assert finalized(response).raw_headers[0] == (b"content-type", b"c/d")


def test_a_class_of_ones_own() -> None:
    class CSVResponse(Response):
        media_type = "text/csv"

    response = CSVResponse("a,b")
    response.mark = 1
    copy = response.copy()
    assert (type(copy), copy.content_type, copy.mark) == (CSVResponse, "text/csv", 1)


def test_copies_share_nothing_that_changes() -> None:
    for response in (Response("a"), Response("a", headers={"X-A": "1"})):
        copy = response.copy()
        copy.headers["X-B"] = "2"
        copy.status = 404
        assert "X-B" not in response.headers
        assert (response.status, copy.body) == (200, b"a")


def test_repr() -> None:
    assert repr(TextResponse("a", status=404)) == ("<TextResponse status=404 content_type='text/plain; charset=utf-8'>")


# -- status and length -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 299, 418, 599, 999, HTTPStatus.CREATED])
def test_every_final_status(status: int) -> None:
    assert finalized(Response("a", status=status)).payload == b"a"


@pytest.mark.parametrize("status", [100, 101, 199, 0, -1, 1000])
def test_what_is_no_final_status(status: int) -> None:
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
def test_what_has_no_content(method: str, status: int, length: bytes | None, payload: bytes) -> None:
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


def test_the_framing_is_not_the_applications() -> None:
    with pytest.raises(ValueError, match="Transfer-Encoding"):
        finalized(Response("a", headers={"Transfer-Encoding": "chunked"}))


# -- header fields -----------------------------------------------------------------------------------------------------


def test_fields_go_out_in_order_and_repeated() -> None:
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


def test_values_that_are_no_latin1_and_no_text() -> None:
    with pytest.raises(ValueError, match="percent-encode"):
        finalized(Response(headers={"A": "€"}))
    with pytest.raises(TypeError, match="header A, got 5"):
        finalized(Response(headers={"A": 5}))  # type: ignore[dict-item]


def test_memory_of_names_and_media_types_is_bounded() -> None:
    from sketch import response as module

    for number in range(1200):
        finalized(Response("a", content_type=f"a/{number}"))
        finalized(Response("a", headers={f"X-{number}": "1"}))
    assert max(len(module._names), len(module._content_types)) <= module._CACHED_FIELDS


# -- cookies and redirects ---------------------------------------------------------------------------------------------


def test_cookies_are_added_each_in_a_field_of_its_own() -> None:
    response = Response()
    response.set_cookie("a", "1", expires=datetime(2026, 1, 2, tzinfo=UTC))
    response.delete_cookie("__Host-b")
    assert response.headers.getall("Set-Cookie") == [
        "a=1; Expires=Fri, 02 Jan 2026 00:00:00 GMT; Path=/; SameSite=Lax",
        "__Host-b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; Secure; SameSite=Lax",
    ]
    with pytest.raises(ValueError):
        response.set_cookie("a", "b\r\nX: y")
    assert len(response.headers.getall("Set-Cookie")) == 2


@pytest.mark.parametrize(
    ("location", "sent"),
    [
        ("/a b", "/a%20b"),
        ("/a%20b?q=1&r=%2F#f", "/a%20b?q=1&r=%2F#f"),
        ("/é", "/%C3%A9"),
        ("//evil/x", "/evil/x"),
        ("/\\evil/x", "/evil/x"),
        ("\\\\evil/x", "/evil/x"),
        ("/a\r\nSet-Cookie: x=1", "/a%0D%0ASet-Cookie:%20x=1"),
        ("https://example.com/a?b", "https://example.com/a?b"),
        ("relative", "relative"),
        ("", ""),
        ("/\t/evil", "/%09/evil"),
    ],
)
def test_locations(location: str, sent: str) -> None:
    assert quote_location(location) == sent


def test_redirects() -> None:
    response = RedirectResponse("/a b", headers={"X-A": "1"})
    assert (response.status, response.headers["Location"], response.headers["X-A"]) == (307, "/a%20b", "1")
    assert RedirectResponse("/", status=303).status == 303


@in_loop
async def test_most_responses_need_no_preparation() -> None:
    response = Response()
    assert not response.prepares
    assert await response.prepare(make_request()) is response


def test_deleting_a_partitioned_cookie_names_its_partition() -> None:
    response = Response()
    response.delete_cookie("a", samesite="none", partitioned=True)
    (cookie,) = response.headers.getall("Set-Cookie")
    assert cookie.startswith("a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; ")
    assert cookie.endswith("Path=/; Secure; SameSite=None; Partitioned")
