"""The error for invalid input: in every form, with what was declared and what came in debug alone."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any, NamedTuple

import pytest

from sketch.application import Application
from sketch.binding.invalid_input import InputError, InvalidInput
from sketch.exceptions import HTTPUnprocessableContent
from sketch.request import Request
from sketch.response import JSONResponse, Response
from sketch.transport import WireResponse
from tests.core.errors.debug.support import EVIL, read
from tests.support.requests import answer, in_loop
from tests.support.responses import headers_of


class Declared(NamedTuple):
    place: str
    name: str
    kind: Any
    required: bool = True


def error(place: str, name: str, message: str, pointer: str = "") -> InputError:
    return {"in": place, "name": name, "pointer": pointer, "message": message}


ERRORS = [
    error("query", "page", "expected an integer"),
    error("header", "x-token", "expected text of at most 5 characters"),
    error("body", "", "is required", "/items/0/price"),
]
INPUTS = [
    Declared("path", "id", int),
    Declared("query", "page", int | None, False),
    Declared("header", "x-token", str),
    Declared("cookie", "theme", str, False),
    Declared("form", "file", bytes),
    Declared("body", "", dict[str, Any]),
]
LINES = (
    "query page: expected an integer\n"
    "header x-token: expected text of at most 5 characters\n"
    "body at /items/0/price: is required"
)
FORMS = {"page": b"text/html", "text": b"*/*", "problem": b"application/json"}


def shop(debug: bool = False, errors: list[InputError] = ERRORS) -> Application:
    app = Application(debug=debug)

    @app.post("/{id}")
    async def buy(request: Request) -> Response:
        await request.read()
        raise InvalidInput(errors, inputs=INPUTS)

    return app


async def ask(app: Application, form: str, body: bytes = b'{"items": [{}], "password": "hunter2"}') -> WireResponse:
    fields = [
        (b"host", b"x"), (b"accept", FORMS[form]), (b"x-token", b"abcdef-123"), (b"cookie", b"theme=dark; sid=12345"),
    ]  # fmt: skip
    return await answer(app, "/7?page=x&page=y&z=1", method="POST", headers=fields, body=[body])


def text_of(response: WireResponse) -> str:
    assert isinstance(response.payload, bytes)
    return response.payload.decode()


def test_an_error_like_others() -> None:
    exc = InvalidInput(ERRORS, headers={"X-A": "1"})
    assert isinstance(exc, HTTPUnprocessableContent)
    assert (exc.status, exc.errors, exc.detail, str(exc)) == (422, ERRORS, LINES, LINES)
    assert exc.to_response().headers["X-A"] == "1"
    for twin in (copy.copy(exc), pickle.loads(pickle.dumps(InvalidInput(ERRORS, inputs=INPUTS)))):
        assert (type(twin), twin.status, twin.errors, twin.detail) == (InvalidInput, 422, ERRORS, LINES)


def test_long_lists_are_cut_in_the_text_alone() -> None:
    exc = InvalidInput([error("query", f"q{number}", "is required") for number in range(100)])
    assert len(exc.errors) == 100
    assert str(exc).splitlines()[19:] == ["query q19: is required", "and 80 more faults"]


@in_loop
async def test_each_form() -> None:
    app = shop()
    response = await ask(app, "text")
    assert (response.status, text_of(response)) == (422, LINES)
    page = text_of(await ask(app, "page"))
    assert f"<h1>422 Unprocessable Content</h1><p>{LINES}</p>" in page
    response = await ask(app, "problem")
    assert headers_of(response)["Content-Type"] == "application/problem+json"
    assert json.loads(text_of(response)) == {
        "type": "about:blank", "title": "Unprocessable Content", "status": 422, "detail": LINES, "errors": ERRORS,
    }  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@in_loop
async def test_no_value_is_shown_without_debug(form: str) -> None:
    text = text_of(await ask(shop(), form))
    for value in ("theme", "abcdef", "hunter2", "int | None"):
        assert value not in text


@in_loop
async def test_an_error_handler_changes_the_shape() -> None:
    for debug in (False, True):
        app = shop(debug)

        @app.error_handler(InvalidInput)
        async def shape(_: Request, exc: InvalidInput) -> Response:
            return JSONResponse({"errors": [each["message"] for each in exc.errors]}, status=400)

        response = await ask(app, "text")
        assert response.status == 400
        assert json.loads(text_of(response)) == {"errors": [each["message"] for each in ERRORS]}


# -- in debug ----------------------------------------------------------------------------------------------------------


@in_loop
async def test_text_shows_what_was_declared_beside_what_came() -> None:
    text = text_of(await ask(shop(debug=True), "text"))
    assert text.startswith(f"{LINES}\n\nPOST /7\n\n")
    for part in (
        "path id:\n  declared int, required\n  sent     '7'\n",
        "query page:\n  declared int | None\n  sent     'x'\n  sent     'y'\n  fault    expected an integer\n",
        "cookie theme:\n  declared str\n  sent     <masked>\n",
        "form file:\n  declared bytes, required\n  sent     nothing\n",
        "  sent     {'items': [{}], 'password': <masked>}\n  fault    /items/0/price is required\n",
    ):
        assert part in text
    assert text.index("query page:") < text.index("body:") < text.index("path id:"), "what is wrong comes first"
    assert "abcdef" not in text
    assert "hunter2" not in text


@in_loop
async def test_a_page_and_problem_details() -> None:
    response = await ask(shop(debug=True), "page")
    assert response.status == 422
    text = read(text_of(response))
    assert "query pagedeclaredint | Nonesent'x'\n'y'faultexpected an integer" in text
    assert headers_of(response)["Content-Security-Policy"].startswith("default-src 'none'")
    problem = json.loads(text_of(await ask(shop(debug=True), "problem")))
    assert problem["errors"] == ERRORS
    assert problem["inputs"][0] == {
        "name": "query page", "declared": "int | None", "sent": "'x'\n'y'", "fault": "expected an integer",
    }  # fmt: skip


@in_loop
async def test_what_came_is_hostile() -> None:
    errors = [error("body", EVIL, EVIL, EVIL)]
    page = text_of(await ask(shop(True, errors), "page", EVIL.encode()))
    assert EVIL in read(page)
    for body in (b"", b"\xff", b"[" * 100_000):
        assert (await ask(shop(True), "page", body)).status == 422


@in_loop
async def test_a_page_that_fails_is_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(InvalidInput, "explain", lambda exc, request: 1 // 0)
    response = await ask(shop(True), "text")
    assert (response.status, text_of(response)) == (422, LINES)
    assert "the page that explains the error failed itself" in caplog.text
