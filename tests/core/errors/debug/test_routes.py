"""In debug, a path without a route is answered with the routes that there are; without debug, with none."""

from __future__ import annotations

import json

import pytest

from sketch.application import Application
from sketch.errors.debug.routes import ROUTES, render_routes
from sketch.exceptions import HTTPNotFound
from sketch.request import Request
from sketch.response import Response, TextResponse
from sketch.transport import WireResponse
from tests.core.errors.debug.support import EVIL, read
from tests.core.websocket.support import session
from tests.support.requests import answer, in_loop, make_request
from tests.support.responses import headers_of

FORMS = {"page": b"text/html", "text": b"*/*", "problem": b"application/json"}


async def show(id: object) -> Response:
    raise HTTPNotFound(f"no user {id}")


async def foreign(scope: object, receive: object, send: object) -> None: ...


def shop(debug: bool = True) -> Application:
    app, inner = Application("shop", debug=debug), Application("inner")
    app.add_get("/users/{id:int}", show)
    app.add_route(["GET", "POST"], "/only", lambda: Response(), host="one.example.com")
    app.add_websocket("/chat", session)
    inner.add_get("/deep", lambda: Response())
    app.mount("/{tenant}/inner", inner)
    app.mount("/old", foreign)
    return app


async def missed(app: Application, form: str = "text", target: str = "/nowhere") -> WireResponse:
    fields = [(b"host", b"example.com"), (b"accept", FORMS[form])]
    return await answer(app, target, headers=fields)


def text_of(response: WireResponse) -> str:
    assert isinstance(response.payload, bytes)
    return response.payload.decode()


@in_loop
async def test_text_for_terminals() -> None:
    response = await missed(shop())
    first, second, *_ = text_of(response).split("\n\n")
    assert (response.status, first, second) == (404, "404 Not Found", "GET /nowhere")
    listed = [line.split() for line in text_of(response).partition("The routes:\n")[2].splitlines()]
    assert [line[:2] for line in listed] == [
        ["GET", "/users/{id:int}"], ["GET,POST", "/only"], ["WEBSOCKET", "/chat"], ["GET", "/{tenant}/inner/deep"],
        ["*,WEBSOCKET", "/old/*"],
    ]  # fmt: skip
    assert listed[0][2:] == ["show", f"({__file__}:{show.__code__.co_firstlineno})"]
    assert listed[1][2] == "host=one.example.com"


@in_loop
async def test_a_page_for_browsers() -> None:
    response = await missed(shop(), "page")
    text = read(text_of(response))
    assert response.status == 404
    assert "GET /nowhere404 Not FoundThe routesGET/users/{id:int}\nshow" in text
    assert headers_of(response)["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")


@in_loop
async def test_problem_details_for_programs() -> None:
    members = json.loads(text_of(await missed(shop(), "problem")))
    assert (members["status"], members["title"], len(members["routes"])) == (404, "Not Found", 5)
    assert all(route == route.strip() for route in members["routes"])


@pytest.mark.parametrize("form", FORMS)
@in_loop
async def test_no_form_is_cached_or_sniffed(form: str) -> None:
    headers = headers_of(await missed(shop(), form))
    assert (headers["Cache-Control"], headers["Vary"], headers["X-Content-Type-Options"]) == (
        "no-store", "Accept", "nosniff",
    )  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@in_loop
async def test_without_debug_no_form_lists_routes(form: str) -> None:
    response = await missed(shop(debug=False), form)
    assert response.status == 404
    assert "users" not in text_of(response)


@in_loop
async def test_other_answers_stay_as_they_are() -> None:
    app = shop()
    assert text_of(await missed(app, target="/users/7")) == "no user 7"
    refused = await answer(app, "/users/7", method="POST")
    assert (refused.status, refused.payload) == (405, b"405 Method Not Allowed")


@in_loop
async def test_an_error_handler_comes_first() -> None:
    app = shop()

    @app.error_handler(404)
    async def own(request: Request, exc: HTTPNotFound) -> Response:
        return TextResponse("own", status=404)

    assert text_of(await missed(app)) == "own"


@in_loop
async def test_a_miss_in_a_mounted_application_lists_those_of_the_whole() -> None:
    text = text_of(await missed(shop(), target="/t/inner/nowhere"))
    assert "GET /t/inner/nowhere" in text
    assert "/users/{id:int}" in text


@pytest.mark.parametrize("form", FORMS)
@in_loop
async def test_markup_and_secrets(form: str) -> None:
    app = shop()
    app.add_get(f"/api_key=sesame-open/{{a:{EVIL.replace('{0}', '')}}}", show)
    text = text_of(await missed(app, form, "/<script>alert(1)</script>?token=hidden-secret"))
    assert "sesame-open" not in text
    assert "hidden-secret" not in text
    if form == "page":
        read(text)
        assert "<script" not in text


@in_loop
async def test_many_routes_are_cut() -> None:
    app = Application(debug=True)
    for number in range(ROUTES + 3):
        app.add_get(f"/{number}/x", lambda: Response())
    text = text_of(await missed(app))
    assert f"/{ROUTES - 1}/x" in text
    assert f"/{ROUTES}/x" not in text
    assert "...  3 more" in text


@in_loop
async def test_an_application_without_routes() -> None:
    assert text_of(await missed(Application(debug=True))).endswith("The routes:\n  none\n")
    assert render_routes([]) == "  none"


@in_loop
async def test_a_failing_list_is_logged_and_answered_plainly(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = shop()
    monkeypatch.setattr("sketch.errors.debug.route_facts", lambda *_: 1 / 0)
    assert text_of(await missed(app)) == "404 Not Found"
    assert "the page that explains the error failed itself" in caplog.text


def test_requests_without_routing_have_no_miss() -> None:
    assert not hasattr(make_request("/"), "miss")
