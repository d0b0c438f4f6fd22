"""Messages for the next page."""

from __future__ import annotations

from typing import Any

import pytest

from sketch import Application, Request, Sessions, flash, flashed
from sketch.stores import MemoryStore
from sketch.testing import TestClient
from tests.core.middleware.sessions.support import SECRET
from tests.support.requests import in_loop


def make_app(store: Any) -> Application:
    app = Application(outer_middlewares=[Sessions(SECRET, store=store)])

    @app.get("/leave/{text}")
    async def leave(request: Request, text: str) -> str:
        flash(request, text)
        flash(request, text * 2, "error")
        return repr(dict(request.session))

    @app.get("/show")
    async def show(request: Request) -> list[list[str]]:
        first = flashed(request)
        assert flashed(request) == first, "a layout and its page may both ask"
        return [[message.category, message.text] for message in first]

    @app.get("/fail")
    async def fail(request: Request) -> str:
        flashed(request)
        raise LookupError

    @app.get("/both")
    async def both(request: Request) -> int:
        flash(request, "now")
        return len(flashed(request))

    return app


@pytest.mark.parametrize("make_store", [lambda: None, MemoryStore], ids=["cookie", "store"])
@in_loop
async def test_messages_are_shown_once(make_store: Any) -> None:
    async with TestClient(make_app(make_store()), raise_errors=False) as client:
        assert await (await client.get("/show")).json() == []
        assert await (await client.get("/leave/<b>")).text() == "{}", "they are no values of the session"
        await client.get("/leave/c")
        assert (await client.get("/fail")).status == 500
        expected = [["message", "<b>"], ["error", "<b><b>"], ["message", "c"], ["error", "cc"]]
        assert await (await client.get("/show")).json() == expected
        response = await client.get("/show")
        assert (await response.json(), "Set-Cookie" in response.headers) == ([], False)
        response = await client.get("/both")
        assert (await response.json(), "Set-Cookie" in response.headers) == (1, False)


@in_loop
async def test_they_are_text() -> None:
    for wrong in ((b"x",), ("x", None), (1,)):
        with pytest.raises(TypeError, match="the text and the category of a message as str"):
            flash(None, *wrong)  # type: ignore[arg-type]


@in_loop
async def test_a_visitor_without_such_a_page_keeps_the_newest() -> None:
    async with TestClient(make_app(None)) as client:
        for number in range(30):
            await client.get(f"/leave/{number}")
        shown = await (await client.get("/show")).json()
        assert (len(shown), shown[0], shown[-1]) == (20, ["message", "20"], ["error", "2929"])
