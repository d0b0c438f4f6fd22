"""The routes of the reference page: where it is, who may read it, under which path it is reached."""

from __future__ import annotations

import pytest

from sketch import Application, HTTPForbidden, Request, Response
from sketch.middleware import Endpoint
from sketch.openapi import OpenAPI
from sketch.testing import TestClient
from tests.support.requests import in_loop

PAGE = ("/docs", "/docs/page.css", "/docs/page.js")


def documented(**options: object) -> Application:
    app = Application()
    OpenAPI(title="Shop", version="1", **options).attach(app)  # type: ignore[arg-type]
    return app


@in_loop
async def test_the_page_and_its_files() -> None:
    async with TestClient(documented()) as client:
        page = await client.get("/docs")
        text = await page.text()
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
        for name, kind in (("page.css", "text/css"), ("page.js", "text/javascript")):
            assert f'"/docs/{name}"' in text
            answer = await client.get(f"/docs/{name}")
            assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


@in_loop
async def test_a_browser_that_has_the_files_is_not_sent_them_again() -> None:
    async with TestClient(documented()) as client:
        for path in ("/docs/page.css", "/docs/page.js"):
            first = await client.get(path)
            assert first.headers["Cache-Control"] == "no-cache"
            again = await client.get(path, headers={"If-None-Match": first.headers["ETag"]})
            assert (again.status, await again.read()) == (304, b"")


@in_loop
async def test_no_page_where_none_is_wanted() -> None:
    async with TestClient(documented(docs=None)) as client:
        assert [(await client.get(path)).status for path in (*PAGE, "/openapi.json")] == [404, 404, 404, 200]


@in_loop
async def test_a_page_elsewhere() -> None:
    async with TestClient(documented(docs="/about/api", path="/about/api.json")) as client:
        text = await (await client.get("/about/api")).text()
        assert 'src="/about/api/page.js"' in text
        assert 'data-document="/about/api.json"' in text
        assert (await client.get("/about/api/page.js")).status == 200


@in_loop
@pytest.mark.parametrize("docs", ["/", "/docs/"])
async def test_a_path_that_ends_with_a_slash(docs: str) -> None:
    async with TestClient(documented(docs=docs)) as client:
        text = await (await client.get(docs)).text()
        assert f'src="{docs}page.js"' in text
        assert (await client.get(f"{docs}page.js")).status == 200


@in_loop
async def test_middlewares_guard_the_page_too() -> None:
    async def refuse(request: Request, handler: Endpoint) -> Response:
        raise HTTPForbidden

    async with TestClient(documented(middlewares=[refuse])) as client:
        assert {(await client.get(path)).status for path in (*PAGE, "/openapi.json")} == {403}


@in_loop
async def test_the_page_of_a_mounted_application() -> None:
    outer = Application()
    outer.mount("/shop", documented())
    async with TestClient(outer) as client:
        text = await (await client.get("/shop/docs")).text()
        assert 'data-base="/shop" data-document="/shop/openapi.json"' in text
        assert (await client.get("/shop/docs/page.js")).status == 200


@pytest.mark.parametrize("docs", ["docs", "", 1])
def test_a_path_that_is_none(docs: object) -> None:
    with pytest.raises((TypeError, ValueError), match="expected"):
        documented(docs=docs)
