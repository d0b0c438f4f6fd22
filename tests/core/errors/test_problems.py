"""HTTP errors in the form that the client asks for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sketch.application import Application
from sketch.errors.problems import choose_form, error_response
from sketch.exceptions import (
    HTTPConflict,
    HTTPException,
    HTTPFound,
    HTTPMethodNotAllowed,
    HTTPNotFound,
    HTTPServiceUnavailable,
    HTTPUnauthorized,
)
from sketch.response import JSONResponse, Response
from tests.support.requests import answer, in_loop, make_request

TEXT, HTML, PROBLEM = "text/plain; charset=utf-8", "text/html; charset=utf-8", "application/problem+json"
CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
AXIOS = "application/json, text/plain, */*"


def respond(exc: HTTPException, *accept: str) -> Response:
    headers = [(b"host", b"x"), *[(b"accept", value.encode("latin-1")) for value in accept]]
    return error_response(make_request("/", headers=headers), exc)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ((), TEXT),
        (("",), TEXT),
        (("*/*",), TEXT),
        (("*/*;q=0.1",), TEXT),
        (("text/plain",), TEXT),
        (("text/*",), TEXT),
        ((CHROME,), HTML),
        (("text/html",), HTML),
        (("TEXT/HTML; charset=utf-8",), HTML),
        (("text/html;q=0.8, text/plain;q=0.9",), TEXT),
        (("text/html;q=0.9, application/json;q=0.8",), HTML),
        (("application/json",), PROBLEM),
        (("application/problem+json",), PROBLEM),
        ((AXIOS,), PROBLEM),
        (("application/*",), PROBLEM),
        (("application/json;q=0.5, text/html;q=0.4, */*;q=0.3",), PROBLEM),
        (("application/json;q=0, */*",), TEXT),
        (("text/plain;q=0, text/html",), HTML),
        (("image/png",), TEXT),
        (("text/plain;q=0",), TEXT),
        (("application/json;q=nonsense",), TEXT),
        (("image/png", "text/html"), HTML),
    ],
)
def test_the_form_is_what_the_client_asks_for(accept: tuple[str, ...], form: str) -> None:
    headers = [(b"accept", value.encode()) for value in accept]
    assert choose_form(make_request("/", headers=headers)) == form
    response = respond(HTTPNotFound(), *accept)
    assert response.content_type == form
    assert response.headers["Vary"] == "Accept"


def test_text() -> None:
    assert respond(HTTPNotFound()).body == b"404 Not Found"
    assert respond(HTTPConflict("taken")).body == b"taken"
    assert respond(HTTPConflict("")).body == b""
    assert respond(HTTPException(499)).body == b"499 Unknown Status"


def test_page() -> None:
    page = respond(HTTPConflict("taken"), "text/html").body
    assert isinstance(page, bytes)
    assert b"<title>409 Conflict</title>" in page
    assert b"<h1>409 Conflict</h1><p>taken</p>" in page
    bare = respond(HTTPNotFound(), "text/html").body
    assert isinstance(bare, bytes)
    assert b"<h1>404 Not Found</h1></main>" in bare


def test_problem_details() -> None:
    assert json.loads(respond(HTTPConflict("taken"), "application/json").body) == {
        "type": "about:blank", "title": "Conflict", "status": 409, "detail": "taken",
    }  # fmt: skip
    assert json.loads(respond(HTTPNotFound(), "application/json").body) == {
        "type": "about:blank", "title": "Not Found", "status": 404,
    }  # fmt: skip


EVIL = "</p><script>alert('x')</script>{0}%s\""


def test_a_page_shows_a_detail_as_text() -> None:
    page = respond(HTTPConflict(EVIL), "text/html").body
    assert isinstance(page, bytes)
    assert b"<script" not in page
    assert b"&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;{0}%s&quot;" in page
    assert json.loads(respond(HTTPConflict(EVIL), "application/json").body)["detail"] == EVIL
    assert respond(HTTPConflict(EVIL)).body == EVIL.encode()


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/json"])
def test_a_detail_that_utf_8_cannot_hold(accept: str) -> None:
    body = respond(HTTPConflict("name\udcff"), accept).body
    assert isinstance(body, bytes)
    assert b"name\\udcff" in body


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/json"])
@pytest.mark.parametrize(
    ("error", "name", "value"),
    [
        (HTTPMethodNotAllowed(["GET"]), "Allow", "GET"),
        (HTTPServiceUnavailable(headers={"Retry-After": "7"}), "Retry-After", "7"),
        (HTTPUnauthorized(headers={"WWW-Authenticate": "Basic"}), "WWW-Authenticate", "Basic"),
    ],
)
def test_fields_of_the_exception_are_kept(accept: str, error: HTTPException, name: str, value: str) -> None:
    response = respond(error, accept)
    assert response.headers[name] == value
    assert response.headers["Vary"] == "Accept"
    response.headers["X-A"] = "1"
    assert "X-A" not in respond(error, accept).headers, "the exception's own"


def test_vary_of_the_exception_is_added_to() -> None:
    response = respond(HTTPUnauthorized(headers={"vary": "Origin"}))
    assert response.headers.getall("Vary") == ["Origin, Accept"]


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_redirects_and_other_answers_are_left_unchanged(accept: str) -> None:
    class Custom(HTTPConflict):
        def to_response(self) -> Response:
            return JSONResponse({"mine": True}, status=self.status)

    redirect = respond(HTTPFound("/x"), accept)
    assert (redirect.content_type, redirect.body, "Vary" in redirect.headers) == (TEXT, b"302 Found", False)
    own = respond(Custom(), accept)
    assert (own.content_type, own.body) == ("application/json", b'{"mine":true}')
    typed = respond(HTTPConflict("<a/>", headers={"content-type": "text/xml"}), accept)
    assert (typed.content_type, typed.body) == ("text/xml", b"<a/>")


@pytest.mark.parametrize("how", ["raise", "return", "middleware", "hook"])
@in_loop
async def test_an_exception_is_answered_alike_wherever_it_comes_from(how: str) -> None:
    async def middleware(request: Any, handler: Any) -> Any:
        return HTTPConflict("taken") if how == "middleware" else await handler(request)

    app = Application(middlewares=[middleware])

    @app.before_request
    async def hook() -> Any:
        return HTTPConflict("taken") if how == "hook" else None

    @app.get("/")
    async def handler() -> Any:
        if how == "raise":
            raise HTTPConflict("taken")
        return HTTPConflict("taken")

    response = await answer(app, headers=[(b"host", b"x"), (b"accept", b"application/json")])
    assert isinstance(response.payload, bytes)
    assert (response.status, json.loads(response.payload)["detail"]) == (409, "taken")


@in_loop
async def test_head_has_the_fields_of_get() -> None:
    accept = [(b"host", b"x"), (b"accept", b"text/html")]
    app = Application()
    get, head = await answer(app, "/none", headers=accept), await answer(app, "/none", method="HEAD", headers=accept)
    assert (head.payload, head.length) == (b"", get.length)
    assert head.fields == get.fields
