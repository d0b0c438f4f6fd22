"""`debug_response`: the answer to an unexpected error in debug, in each of its forms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from sketch.application import Application
from sketch.errors.debug import debug_response
from sketch.request import Request
from sketch.response import Response
from tests.core.errors.debug.support import EVIL, read
from tests.support.requests import answer, in_loop, make_request

FORMS = {"page": b"text/html", "text": b"*/*", "problem": b"application/json"}


def debug(exc: BaseException, form: str = "page", target: bytes = b"/x", headers: Any = ()) -> Response:
    fields = [(b"host", b"example.com"), (b"accept", FORMS[form]), *headers]
    request = make_request(target, headers=fields, app=Application("shop", debug=True))
    request.match_info = {}
    return debug_response(request, exc)


def text_of(response: Response) -> str:
    assert isinstance(response.body, bytes)
    return response.body.decode()


def error() -> ValueError:
    try:
        raise ValueError("broken order")
    except ValueError as exc:
        return exc


def test_a_page_for_browsers() -> None:
    response = debug(error())
    text = text_of(response)
    assert (response.status, response.content_type) == (500, "text/html; charset=utf-8")
    assert "<p>GET /x</p><h1>ValueError: broken order</h1>" in text
    assert "test_debug.py" in text
    read(text)
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")


@in_loop
async def test_a_route_that_is_called_like_a_secret_masks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    app = Application("sketch", debug=True)

    @app.get("/csrf", name="session")
    async def csrf() -> None:
        raise error()

    wire = await answer(app, b"/csrf", headers=[(b"accept", b"text/html")])
    assert isinstance(wire.payload, bytes)
    assert b"<th>Application</th><td>sketch</td>" in wire.payload
    assert b"masked" not in wire.payload


@pytest.mark.parametrize("accept", [[], [(b"accept", b"*/*")], [(b"accept", b"image/png")]])
def test_text_for_terminals(accept: Any) -> None:
    request = make_request("/x", headers=accept, app=Application(debug=True))
    response = debug_response(request, error())
    text = text_of(response)
    assert (response.status, response.content_type) == (500, "text/plain; charset=utf-8")
    assert text.startswith("Traceback (most recent call last):\n")
    assert '    raise ValueError("broken order")\nValueError: broken order\n\nGET /x\n' in text
    assert "Content-Security-Policy" not in response.headers


def test_problem_details_for_programs() -> None:
    response = debug(error(), "problem")
    members = json.loads(text_of(response))
    assert response.content_type == "application/problem+json"
    traceback = members.pop("traceback")
    assert members == {
        "type": "about:blank", "title": "Internal Server Error", "status": 500, "detail": "ValueError: broken order",
    }  # fmt: skip
    assert traceback[0] == "Traceback (most recent call last):"
    assert traceback[-1] == "ValueError: broken order"


@pytest.mark.parametrize("form", FORMS)
def test_no_form_is_cached_or_sniffed(form: str) -> None:
    headers = debug(error(), form).headers
    assert (headers["Cache-Control"], headers["Vary"], headers["X-Content-Type-Options"]) == (
        "no-store", "Accept", "nosniff",
    )  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_text_that_utf_8_cannot_hold_is_escaped(form: str) -> None:
    assert "name\\udcff" in text_of(debug(OSError("name\udcff"), form))


# -- through an application --------------------------------------------------------------------------------------------


def application(raise_it: Any, **options: Any) -> Application:
    app = Application("shop " + EVIL, **options)

    @app.get("/{name}", name=EVIL)
    async def handler(request: Request, name: str) -> Response:
        raise_it(request)
        return Response()

    return app


def hostile(request: Request) -> None:
    """Plants markup wherever an error page might show something of it."""
    source = f"def raise_it(error):\n    {quote(EVIL, safe='')!r}  # {EVIL}\n    raise error\nraise_it(error)\n"
    path = f"/tmp/{EVIL.replace('/', '')}.py"
    code = compile(source, path, "exec").replace(co_name=EVIL, co_qualname=EVIL)
    import linecache

    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    kind = type(EVIL, (Exception,), {"__module__": EVIL})
    exec(code, {"error": kind(EVIL), EVIL: EVIL, "value": {EVIL: [EVIL]}, "bytes": EVIL.encode()})


@pytest.fixture
def clean_linecache() -> Iterator[None]:
    yield
    import linecache

    linecache.clearcache()


@pytest.mark.usefixtures("clean_linecache")
@in_loop
async def test_markup_anywhere_stays_text() -> None:
    response = await answer(
        application(hostile, debug=True),
        f"/{quote(EVIL, safe='')}?{quote(EVIL)}={quote(EVIL)}&<script>=<b>",
        headers=[(b"host", b"example.com"), (b"accept", b"text/html"), (b"x-evil", EVIL.encode())],
    )
    assert response.status == 500
    assert isinstance(response.payload, bytes)
    page = response.payload.decode()
    text = read(page)
    assert "<script" not in page
    assert "<img" not in page
    # The title, the text, the application, the route's name, a header, the query's name and value, the file, the
    # function, two lines of source, three variables.
    assert text.count("<img src=x onerror=alert(1)>") >= 14
    assert "{0}" in text


PLANTED = "planted-7f3a"


class Account:
    def __init__(self) -> None:
        self.api_token = PLANTED + "-attribute"

    def __repr__(self) -> str:
        return f"<Account with {self.api_token}>"


def leaky(request: Request) -> None:
    password = PLANTED + "-local"
    copied = password
    config = {"host": "db", "inner": [{"db_password": PLANTED + "-nested", "dsn": f"pg://u:{PLANTED}-dsn@db/x"}]}
    headers, raw = dict(request.headers), request.raw_headers
    account, space = Account(), SimpleNamespace(session={"id": PLANTED + "-session"})
    again = [PLANTED + "-nested", f"{PLANTED}-session", account.api_token]
    try:
        raise KeyError(password)
    except KeyError:
        raise ValueError(f"{password} {again} {copied} {config} {headers} {raw} {space}", account) from None


@pytest.mark.parametrize("form", FORMS)
@in_loop
async def test_no_form_shows_secrets(form: str) -> None:
    secret = PLANTED.encode()
    headers = [
        (b"host", b"example.com"), (b"accept", FORMS[form]), (b"authorization", b"Bearer " + secret + b"-bearer"),
        (b"cookie", b"theme=dark; sid=" + secret + b"-cookie"), (b"x-api-key", secret + b"-header"),
    ]  # fmt: skip
    target = f"/{PLANTED}-query?page=2&token={PLANTED}-query"
    response = await answer(application(leaky, debug=True), target, headers=headers)
    assert isinstance(response.payload, bytes)
    text = response.payload.decode()
    assert "leaky" in text
    assert [place for place in range(len(text)) if text.startswith(PLANTED, place)] == []
    if form == "page":
        for shown in ("page", "&lt;masked&gt;", "authorization", "db_password", "token"):
            assert shown in text


@pytest.mark.parametrize("form", FORMS)
@in_loop
async def test_details_are_shown_only_in_debug(form: str) -> None:
    headers = [(b"host", b"example.com"), (b"accept", FORMS[form])]
    response = await answer(application(leaky), "/a", headers=headers)
    assert response.status == 500
    assert isinstance(response.payload, bytes)
    for detail in (b"leaky", b"ValueError", b"test_debug", b"Traceback", b"shop"):
        assert detail not in response.payload


@in_loop
async def test_a_page_has_a_bounded_size() -> None:
    def deep(request: Request, big: Any = None) -> None:
        deep(request, {"text": "<" * 100_000, "list": ["<" * 1000] * 1000})

    headers = [(b"host", b"x"), (b"accept", b"text/html"), *[(b"x-big", b"<" * 8000)] * 200]
    response = await answer(application(deep, debug=True), "/a?" + "<=<&" * 2000, headers=headers)
    assert isinstance(response.payload, bytes)
    assert len(response.payload) < 3_000_000
    read(response.payload.decode())


def test_a_request_that_was_never_routed(tmp_path: Path) -> None:
    """An error before there is a route, on an HTTP/1.0 connection over a unix socket."""
    request = make_request("/x", headers=[(b"accept", b"text/html")], app=Application(debug=True), version="1.0")
    request.match_info = {}
    request.connection.client = None
    text = text_of(debug_response(request, error()))
    assert "<td>unknown</td>" in text
    assert "<td>HTTP/1.0 over http</td>" in text
