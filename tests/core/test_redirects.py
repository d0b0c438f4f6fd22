"""`redirect`."""

from __future__ import annotations

from typing import Any

import pytest
from yarl import URL

import sketch
from sketch.application import Application
from sketch.exceptions import HTTPBadRequest, HTTPSeeOther
from sketch.redirects import redirect
from sketch.request import Request
from sketch.response import RedirectResponse, Response
from sketch.testing import TestClient
from tests.support.requests import in_loop


def test_the_default_is_to_ask_by_get() -> None:
    response = redirect("/a b", headers={"X-A": "1"})
    assert type(response) is RedirectResponse
    assert (response.status, response.headers["Location"], response.headers["X-A"]) == (303, "/a%20b", "1")
    assert redirect("/", status=302).status == 302
    assert sketch.redirect is redirect


@pytest.mark.parametrize("make", [redirect, RedirectResponse, HTTPSeeOther])
def test_urls_are_locations(make: Any) -> None:
    assert make(URL("/a").with_query(q="é")).headers["Location"] == "/a?q=%C3%A9"


def test_arguments() -> None:
    for status in (200, 304, "303", True):
        with pytest.raises(ValueError, match="for a redirect, got"):
            redirect("/", status=status)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected local to be True or False, got 'yes'"):
        redirect("/", local="yes")  # type: ignore[arg-type]
    wrong: Any = 5
    with pytest.raises(TypeError, match="expected a location"):
        redirect(wrong, local=True)


def test_only_paths_of_this_origin() -> None:
    assert redirect("/home?a=1", local=True).headers["Location"] == "/home?a=1"
    for location in ("https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "home"):
        with pytest.raises(HTTPBadRequest, match="expected a path of this site, got"):
            redirect(location, local=True)


@in_loop
async def test_the_next_page_after_a_form() -> None:
    app = Application()

    @app.post("/login")
    async def login(request: Request) -> Response:
        return redirect(request.query.get("next", "/"), local=True)

    async with TestClient(app) as client:
        response = await client.post("/login?next=/orders%3Fopen=1")
        assert (response.status, response.headers["Location"]) == (303, "/orders?open=1")
        for target in ("https://evil.example", "//evil.example", "%2F%5Cevil.example", "/%09/evil.example", "/%ff"):
            response = await client.post(f"/login?next={target}")
            assert response.status in (400, 303)
            assert "evil" not in response.headers.get("Location", "")
