"""`OpenAPI`: the document of an application, served beside it."""

import json
import subprocess
import sys
import time
from dataclasses import make_dataclass
from typing import Any

import pytest

from sketch import Application, HTTPForbidden, Request, Response
from sketch.openapi import OPENAPI, OpenAPI
from sketch.testing import TestClient
from tests.support.requests import in_loop


def shop(**settings: Any) -> Application:
    app = Application("shop")

    @app.get("/teas/{number}")
    async def tea(number: int, q: str = "") -> list[str]:
        return []

    OpenAPI(**{"title": "Shop", "version": "1.0", **settings}).attach(app)
    return app


@in_loop
async def test_the_document_is_served() -> None:
    app = shop()
    async with TestClient(app) as client:
        answer = await client.get("/openapi.json")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
        found = await answer.json()
        assert found == app[OPENAPI].document()
        assert list(found)[:4] == ["openapi", "info", "servers", "paths"]
        assert list(found["paths"]) == ["/teas/{number}"], "the document itself is not in it"
        assert (await client.head("/openapi.json")).status == 200


def test_the_info() -> None:
    settings: dict[str, Any] = {
        "summary": "Sells.", "description": "Sells tea.", "terms_of_service": "https://example.com/terms",
        "contact": {"name": "Ada"}, "license": {"name": "MIT"},
    }  # fmt: skip
    info = shop(**settings)[OPENAPI].document()["info"]
    assert info.pop("termsOfService") == settings.pop("terms_of_service")
    assert info == {"title": "Shop", "version": "1.0", **settings}


@pytest.mark.parametrize(
    ("root_path", "url"),
    [("", "/"), ("/api", "/api"), ("/a%20b", "/a%20b"), ("/{x}<", "/%7Bx%7D%3C"), ("/ü", "/%C3%BC")],
)
def test_the_server_is_a_path_alone(root_path: str, url: str) -> None:
    made = shop()[OPENAPI]
    assert made.document(root_path)["servers"] == [{"url": url}]
    assert json.loads(made.text(root_path)) == made.document(root_path)


@in_loop
async def test_the_server_of_a_mounted_application() -> None:
    outer = Application("outer")
    outer.mount("/{tenant}/shop", shop())
    async with TestClient(outer) as client:
        for tenant in ("a", "b"):
            found = await (await client.get(f"/{tenant}/shop/openapi.json", headers={"Host": "evil.example"})).json()
            assert found["servers"] == [{"url": f"/{tenant}/shop"}]


@in_loop
async def test_the_document_is_made_once() -> None:
    app = shop()
    async with TestClient(app) as client:
        first = await (await client.get("/openapi.json")).read()
        made = app[OPENAPI]
        before = made.text()
        assert made.text() is before, "the bytes are kept"
        assert await (await client.get("/openapi.json")).read() == first == before
        assert made.document()["paths"] is made.document("/api")["paths"]


def test_routes_may_be_added_until_the_start() -> None:
    app = shop()
    made = app[OPENAPI]
    assert list(made.document()["paths"]) == ["/teas/{number}"]
    assert b"/later" not in made.text()
    app.add_get("/later", lambda: Response())
    assert list(made.document()["paths"]) == ["/teas/{number}", "/later"]
    app.freeze()
    assert b"/later" in made.text()
    assert made.text() is made.text()


@in_loop
async def test_middlewares_guard_the_document_alone() -> None:
    async def refuse(request: Request, handler: Any) -> Response:
        raise HTTPForbidden("not for you")

    async with TestClient(shop(middlewares=[refuse], path="/internal/api.json")) as client:
        assert (await client.get("/internal/api.json")).status == 403
        assert (await client.get("/teas/1")).status == 200
        assert (await client.get("/openapi.json")).status == 404


def test_one_for_an_application() -> None:
    app = shop()
    with pytest.raises(RuntimeError, match="expected one OpenAPI for one application"):
        OpenAPI(title="Other", version="1").attach(app)
    with pytest.raises(RuntimeError, match="expected one OpenAPI for one application"):
        app[OPENAPI].attach(Application())
    with pytest.raises(RuntimeError, match=r"expected an OpenAPI that is attached to an application: OpenAPI\(...\)"):
        OpenAPI(title="Other", version="1").document()


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"title": 1}, "expected title as text, got 1"),
        ({"version": 1.0}, "expected version as text, got 1.0"),
        ({"description": 2}, "expected description as text, got 2"),
        ({"tags": [{"name": "a"}]}, "expected tags as a mapping of texts, got"),
        ({"contact": "me"}, "expected contact as a mapping of texts, got 'me'"),
        ({"middlewares": [OpenAPI]}, "expected a middleware"),
    ],
)
def test_mistakes(settings: dict[str, Any], error: str) -> None:
    with pytest.raises(TypeError, match=error):
        shop(**settings)


def test_a_path_that_is_taken() -> None:
    app = Application()
    app.add_get("/openapi.json", lambda: Response())
    made = OpenAPI(title="Shop", version="1")
    with pytest.raises(ValueError, match=r"/openapi\.json"):
        made.attach(app)
    assert OPENAPI not in app


def test_an_application_without_it_loads_none_of_it() -> None:
    code = "import sketch, sys; sketch.Application(); assert 'sketch.openapi' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_a_thousand_typed_routes() -> None:
    kinds = [make_dataclass(f"Tea{number}", [("name", str), ("grams", int)]) for number in range(50)]
    app = Application()
    for number in range(1000):
        kind = kinds[number % 50]

        async def handler(number: int, tea: Any, q: int = 0, on: bool = False) -> Any: ...

        handler.__annotations__ |= {"tea": kind, "return": kind}
        app.add_post(f"/teas/{{number}}/{number}", handler)
    made = OpenAPI(title="Many", version="1")
    made.attach(app)
    app.freeze()
    started = time.process_time()
    text = made.text()
    spent = time.process_time() - started
    assert len(json.loads(text)["paths"]) == 1000
    assert spent < 2, "it takes 0.2 seconds on an idle machine"
    started = time.process_time()
    for _ in range(1000):
        made.text()
    assert time.process_time() - started < spent
