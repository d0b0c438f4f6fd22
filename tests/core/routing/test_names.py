"""Reverse URLs through mounts and groups."""

from __future__ import annotations

import pytest

from sketch import Application, Request, Response, TextResponse
from tests.support.requests import answer, in_loop


async def handler(request: Request) -> Response:
    return Response()


@pytest.fixture
def app() -> Application:
    app, shop, orders = Application(), Application(), Application()
    app.add_get("/", handler, name="home")
    app.add_get("/users/{id:int}", handler, name="user")
    shop.add_get("/items/{name}", handler, name="item")
    orders.add_get("/{id:int}", handler, name="order")
    app.mount("/{tenant}/shop", shop, name="shop")
    shop.mount("/orders", orders)
    return app


def test_paths(app: Application) -> None:
    assert str(app.url_for("home")) == "/"
    assert str(app.url_for("user", id=3)) == "/users/3"
    assert str(app.url_for("shop:item", tenant="a", name="b/c d")) == "/a/shop/items/b%2Fc%20d"
    assert str(app.url_for("shop:order", tenant="a", id=1)) == "/a/shop/orders/1"
    assert str(app.url_for("shop", tenant="é")) == "/%C3%A9/shop/"


def test_names_from_inside_a_mounted_application(app: Application) -> None:
    (mount,) = app.router.mounts()
    assert mount.app is not None
    assert str(mount.app.url_for("item", tenant="a", name="b")) == "/a/shop/items/b"


def test_unknown_names(app: Application) -> None:
    for name in ("nope", "shop:nope", "item", "order", "nope:item", "user:x"):
        with pytest.raises(LookupError, match="expected the name of a route"):
            app.url_for(name)


def test_parameters(app: Application) -> None:
    with pytest.raises(ValueError, match="expected values for 'id'"):
        app.url_for("user")
    with pytest.raises(ValueError, match="expected values for 'tenant'"):
        app.url_for("shop:item", name="x")
    with pytest.raises(ValueError, match=r"expected only the parameters of '/users/\{id:int}', got 'page'"):
        app.url_for("user", id=3, page=2)
    with pytest.raises(ValueError, match="parameter 'id'"):
        app.url_for("user", id="x")


def test_a_name_that_is_in_two_mounts_without_names() -> None:
    app = Application()
    for prefix in ("/a", "/b"):
        inner = Application()
        inner.add_get("/x", handler, name="x")
        app.mount(prefix, inner)
    with pytest.raises(LookupError, match="expected the name of one route, got 'x'"):
        app.url_for("x")


def test_a_path_that_would_be_a_host() -> None:
    app, inner = Application(), Application()
    inner.add_get("/evil.example/x", handler, name="x")
    app.mount("/{name:[a-z]*}", inner)
    assert str(app.url_for("x", name="a")) == "/a/evil.example/x"
    with pytest.raises(ValueError, match="cannot be taken for a host"):
        app.url_for("x", name="")


@in_loop
async def test_only_the_prefixes_that_the_request_came_by_are_known() -> None:
    app, inner = Application(), Application()
    app.mount("/{id}/in", inner, name="in")
    inner.add_get("/x", handler, name="x")

    @app.get("/users/{id}")
    async def user(request: Request) -> Response:
        with pytest.raises(ValueError, match=r"expected values for 'id' of '/\{id\}/in'"):
            request.url_for("in:x")
        return TextResponse(request.url_for("in:x", id=8).path)

    assert (await answer(app, "/users/7")).payload == b"/8/in/x"


@in_loop
async def test_url_for_in_the_answer_to_a_miss() -> None:
    app, inner = Application(), Application()
    app.mount("/{tenant}/in", inner)
    inner.add_get("/x", handler, name="x")

    @inner.error_handler(404)
    @inner.error_handler(405)
    async def lost(request: Request, exc: Exception) -> Response:
        return TextResponse(request.url_for("x").path, status=404)

    assert (await answer(app, "/t/in/none")).payload == b"/t/in/x"
    assert (await answer(app, "/t/in/x", method="POST")).payload == b"/t/in/x"


@in_loop
async def test_url_for_in_a_request() -> None:
    app, inner = Application(), Application()

    @inner.get("/here/{id:int}", name="here")
    async def here(request: Request) -> Response:
        assert request.app is inner
        assert (request.root_path, request.path, request.base_path) == ("/api/t1/in", "/here/3", "/api")
        return TextResponse(f"{request.url_for('here', id=4)} {request.url_for('here', tenant='t2', id=4)}")

    app.mount("/{tenant}/in", inner)
    response = await answer(app, "/t1/in/here/3", root_path="/api")
    assert response.payload == b"http://example.com/api/t1/in/here/4 http://example.com/api/t2/in/here/4"
