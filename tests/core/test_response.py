"""Responses: bodies, media types, copies, cookies and redirects."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from sketch.application import Application
from sketch.exceptions import HTTPException, HTTPFound, HTTPMethodNotAllowed, HTTPNotFound
from sketch.files.response import FileResponse
from sketch.redirects import redirect
from sketch.response import (
    ErrorResponse,
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    TextResponse,
    json_response,
)
from sketch.streams.json_lines import JSONLinesResponse
from sketch.streams.sse import EventStreamResponse
from sketch.streams.stream import StreamResponse
from sketch.testing import TestClient
from sketch.websocket.response import WebSocketResponse
from tests.support.requests import in_loop
from tests.support.responses import fields, finalized


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
    wire = finalized(response)
    assert (wire.payload, wire.length) == (body, len(body))


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        ({"a": 1}, r"JSONResponse\(data\)"),
        ([1], r"JSONResponse\(data\)"),
        (5, r"JSONResponse\(data\)"),
        ((1, 2), r"JSONResponse\(data\)"),
        ((b"a" for _ in range(2)), r"StreamResponse\(iterable\)"),
        (numbers(), r"StreamResponse\(iterable\)"),
        (object(), r"Response\(str\(value\)\)"),
    ],
)
def test_another_body_is_an_error_that_says_what_to_use(body: Any, advice: str) -> None:
    with pytest.raises(TypeError, match=advice):
        Response(body)


@pytest.mark.parametrize(
    "make",
    [
        Response,
        TextResponse,
        HTMLResponse,
        JSONResponse,
        StreamResponse,
        JSONLinesResponse,
        EventStreamResponse,
        lambda value: ErrorResponse(404, value),
        HTTPNotFound,
    ],
)
def test_a_coroutine_was_not_awaited(make: Any) -> None:
    async def text() -> str:
        return "a"

    with pytest.raises(TypeError, match=r"got <coroutine object .*: did you forget to await it\?"):
        make(text())


def test_long_values_are_cut() -> None:
    values = {"a": "x" * 1000}
    for make in (Response, lambda value: Response(headers={"A": value}), lambda value: Response(status=value)):
        with pytest.raises(TypeError) as caught:
            make(values)
        assert 200 < len(str(caught.value)) < 350


@pytest.mark.parametrize(
    "make",
    [
        Response,
        TextResponse,
        HTMLResponse,
        JSONResponse,
        json_response,
        lambda _, **options: RedirectResponse("/", **options),
        lambda _, **options: redirect("/", **options),
        lambda _, **options: ErrorResponse(404, **options),
        lambda _, **options: StreamResponse([b"a"], **options),
        lambda _, **options: JSONLinesResponse([1], **options),
        lambda _, **options: EventStreamResponse(numbers(), **options),
        lambda _, **options: FileResponse("/a", **options),
        lambda _, **options: WebSocketResponse(print, **options),
        lambda _, **options: HTTPException(404, **options),
        lambda _, **options: HTTPNotFound(**options),
        lambda _, **options: HTTPFound("/", **options),
        lambda _, **options: HTTPMethodNotAllowed(["GET"], **options),
    ],
)
def test_fields_are_checked_where_they_are_given(make: Any) -> None:
    make("a", headers={"X-A": "1"})
    for value, kind in (
        (5, TypeError),
        (None, TypeError),
        ("€", ValueError),
        ("a\r\nb", ValueError),
        ("\0", ValueError),
    ):
        with pytest.raises(kind, match="header X-A"):
            make("a", headers={"X-A": value})
    with pytest.raises(ValueError, match="header name of token characters"):
        make("a", headers={"X A": "1"})
    for headers in ("X-A: 1", ["X-A"], {5: "a"}):
        with pytest.raises((TypeError, ValueError)):
            make("a", headers=headers)
    with pytest.raises(ValueError, match="Transfer-Encoding"):
        make("a", headers={"Transfer-Encoding": "chunked"})


def test_unserializable_values_are_refused() -> None:
    with pytest.raises(TypeError):
        JSONResponse(object())
    with pytest.raises(ValueError):
        JSONResponse(float("nan"))


@in_loop
async def test_the_log_names_what_cannot_be_sent_and_where_it_comes_from(caplog: pytest.LogCaptureFixture) -> None:
    app = Application()

    @app.get("/")
    async def orders() -> Response:
        return JSONResponse({"orders": [{"owner": app}]})

    async with TestClient(app, raise_errors=False) as client:
        assert (await client.get("/")).status == 500
    assert "an object of type sketch.application.Application at $.orders[0].owner: convert it" in caplog.text
    assert "in orders" in caplog.text


def test_content_type_can_be_set_before_and_after_headers_are_seen() -> None:
    response = Response("a")
    response.content_type = "a/b"
    assert response.headers["Content-Type"] == "a/b"
    response.content_type = "c/d"
    assert response.content_type == response.headers["Content-Type"] == "c/d"
    assert finalized(response).fields[0] == (b"content-type", b"c/d")


def test_a_custom_response_class() -> None:
    class CSVResponse(Response):
        media_type = "text/csv"

    response = CSVResponse("a,b")
    response.mark = 1
    copy = response.copy()
    assert (type(copy), copy.content_type, copy.mark) == (CSVResponse, "text/csv", 1)


def test_the_media_type_of_a_class_is_checked_when_it_is_defined() -> None:
    for media_type, kind in (("text/csv\n", ValueError), (5, TypeError)):
        with pytest.raises(kind, match="header Content-Type"):
            type("CSVResponse", (Response,), {"media_type": media_type})


def test_copies_share_nothing_that_changes() -> None:
    for response in (Response("a"), Response("a", headers={"X-A": "1"})):
        copy = response.copy()
        copy.headers["X-B"] = "2"
        copy.status = 404
        assert "X-B" not in response.headers
        assert (response.status, copy.body) == (200, b"a")


def test_repr() -> None:
    assert repr(TextResponse("a", status=404)) == ("<TextResponse status=404 content_type='text/plain; charset=utf-8'>")


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


def test_redirects() -> None:
    response = RedirectResponse("/a b", headers={"X-A": "1"})
    assert (response.status, response.headers["Location"], response.headers["X-A"]) == (307, "/a%20b", "1")
    assert RedirectResponse("/", status=303).status == 303
    for status in (200, 304, 305, 400):
        with pytest.raises(ValueError, match="for a redirect"):
            RedirectResponse("/", status=status)
    for location in (None, b"/a"):
        with pytest.raises(TypeError, match=r"expected a location as a str or yarl\.URL, got"):
            RedirectResponse(location)  # type: ignore[arg-type]


def test_deleting_a_partitioned_cookie_names_its_partition() -> None:
    response = Response()
    response.delete_cookie("a", samesite="none", partitioned=True)
    (cookie,) = response.headers.getall("Set-Cookie")
    assert cookie.startswith("a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; ")
    assert cookie.endswith("Path=/; Secure; SameSite=None; Partitioned")
