"""Responses as values, and the HTTP rules of finalize."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from sketch.application import Application
from sketch.response import (
    ErrorResponse,
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamResponse,
    TextResponse,
    finalize,
    json_response,
    quote_location,
)
from sketch.transport import Chunks, FileBody
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


async def pulled(response: Response) -> bytes:
    assert not isinstance(response.payload, bytes | FileBody)
    parts = []
    async with Chunks(response.payload, response.length) as chunks:
        while chunk := await chunks.next():
            parts.append(chunk)
    return b"".join(parts)


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


# -- streams -----------------------------------------------------------------------------------------------------------


@in_loop
async def test_a_stream_without_a_length() -> None:
    response = finalized(StreamResponse(numbers(), content_type="text/plain"))
    assert response.raw_headers == [(b"content-type", b"text/plain")]
    assert response.length is None
    assert await pulled(response) == b"12"


@in_loop
async def test_a_stream_with_a_declared_length() -> None:
    response = finalized(StreamResponse(numbers(), headers={"Content-Length": "2"}))
    assert response.length == 2
    assert await pulled(response) == b"12"
    short = finalized(StreamResponse(numbers(), headers={"Content-Length": "3"}))
    with pytest.raises(RuntimeError, match="3, got only 2"):
        await pulled(short)


@in_loop
async def test_a_synchronous_iterable_runs_in_a_thread_and_is_closed() -> None:
    file = io.BytesIO(b"a\nb\n")
    assert await pulled(finalized(StreamResponse(file))) == b"a\nb\n"
    assert file.closed


@pytest.mark.parametrize("make", [numbers, lambda: iter([b"1"]), lambda: io.BytesIO(b"1")])
@in_loop
async def test_a_used_up_iterator_is_a_clear_error(make: Callable[[], Any]) -> None:
    response = StreamResponse(make())
    assert await pulled(finalized(response)) in (b"1", b"12")
    with pytest.raises(RuntimeError, match="make a new response for each request"):
        finalized(response)
    with pytest.raises(RuntimeError, match="make a new response for each request"):
        finalized(response.copy())


@in_loop
async def test_an_iterable_that_starts_afresh_may_be_sent_again() -> None:
    class Fresh:
        def __aiter__(self) -> AsyncIterator[bytes]:
            return numbers()

    for iterable in ([b"1", b"2"], Fresh()):
        response = StreamResponse(iterable)
        for _ in range(3):
            assert await pulled(finalized(response)) == b"12"


@pytest.mark.parametrize("given", ["text", b"bytes", bytearray(b"x"), 5, numbers, None])
def test_what_is_no_stream(given: Any) -> None:
    with pytest.raises(TypeError, match="iterable of bytes"):
        StreamResponse(given)


@pytest.mark.parametrize("body", ["text", None, {"a": 1}, bytearray(b"a")])
def test_a_body_set_to_something_else_is_a_clear_error(body: Any) -> None:
    response = Response("a")
    response.body = body
    with pytest.raises(TypeError, match=r"expected response\.body to be bytes or an async iterable"):
        finalized(response)


@in_loop
async def test_a_body_set_to_a_bare_async_iterable_is_sent() -> None:
    response = Response("a")
    response.body = numbers()
    assert await pulled(finalized(response)) == b"12"


@in_loop
async def test_release_closes_what_nobody_sends() -> None:
    closed = []

    def produce() -> Iterator[bytes]:
        try:
            yield b"1"
        finally:
            closed.append(True)

    generator = produce()
    next(generator)
    response = StreamResponse(generator)
    await response.body.release(make_request())  # type: ignore[union-attr]
    assert closed == [True]
    with pytest.raises(RuntimeError, match="used up"):
        finalized(response)


@in_loop
async def test_release_leaves_what_another_request_sends() -> None:
    response = StreamResponse(numbers())
    first = make_request()
    finalize(first, response)
    await response.body.release(make_request())  # type: ignore[union-attr]
    assert await pulled(response) == b"12"


def test_a_file_body_has_the_length_of_its_part(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")
    response = Response()
    with path.open("rb") as file:
        response.body = FileBody(file, str(path), 2, 5)
        assert finalized(response).length == 5
        assert finalized(response, "HEAD").payload == b""


@in_loop
async def test_a_response_is_its_applications_json(monkeypatch: pytest.MonkeyPatch) -> None:
    from sketch.jsoncodec import STDLIB, JSONCodec

    app = Application(json=JSONCodec(dumps=lambda data: b"mine", loads=STDLIB.loads))
    with app.request_context(make_request()):
        assert json_response({}).body == b"mine"
