"""Mounts: which prefix takes which path, and what is left of it inside."""

from __future__ import annotations

from typing import Any

import pytest

from sketch import Application, Response
from sketch.exceptions import HTTPMethodNotAllowed, HTTPNotFound
from sketch.routing.mount import Mount


async def handler(request: object) -> Response:
    return Response()


@pytest.mark.parametrize(
    ("prefix", "path", "expected"),
    [
        ("/admin", "/admin", ("/admin", "")),
        ("/admin", "/admin/", ("/admin", "/")),
        ("/admin", "/admin/a/b", ("/admin", "/a/b")),
        ("/a/b", "/a/b/c", ("/a/b", "/c")),
        ("/{x}/b", "/1%2F2/b//c%2F", ("/1%2F2/b", "//c%2F")),
        ("/", "/", ("", "/")),
        ("/", "/x/y", ("", "/x/y")),
    ],
)
def test_split(prefix: str, path: str, expected: tuple[str, str]) -> None:
    assert Mount(prefix, handler).split(path) == expected


@pytest.mark.parametrize("prefix", ["", "admin", "/admin/", "//"])
def test_malformed_prefix(prefix: str) -> None:
    with pytest.raises(ValueError, match="expected a prefix that begins with '/' and does not end with it"):
        Mount(prefix, handler)


def test_a_prefix_with_a_rest() -> None:
    with pytest.raises(ValueError, match="without a parameter of type path"):
        Mount("/x/{rest:path}", handler)


def app_of(*paths: str) -> Application:
    app = Application()
    for path in paths:
        app.add_get(path, handler)
    return app


def found(app: Application, path: str, method: str = "GET") -> str:
    try:
        route, parameters = app.router.match(method, path)
    except HTTPMethodNotAllowed as exc:
        return f"405 {exc.headers['Allow']}"
    except HTTPNotFound:
        return "404"
    return f"{route.path} {dict(parameters)}" if parameters else str(route.path)


def test_routes_inside() -> None:
    app, inner = app_of("/"), app_of("/", "/x", "/{name}/y")
    app.mount("/in", inner)
    assert found(app, "/in") == found(app, "/in/") == "/"
    assert found(app, "/in/x") == "/x"
    assert found(app, "/in/a%2Fb/y") == "/{name}/y {'name': 'a/b'}"
    assert found(app, "/in/z") == "404"
    assert found(app, "/inner") == "404"
    assert found(app, "/in/x", "POST") == "405 GET, HEAD, OPTIONS"


def test_routes_of_the_application_itself_come_first() -> None:
    for mount_first in (True, False):
        app, inner = Application(), app_of("/a", "/b", "/c/d")
        if mount_first:
            app.mount("/in", inner)
        app.add_get("/in/a", handler, name="own a")
        app.add_get("/in/c/{x}", handler, name="own c")
        if not mount_first:
            app.mount("/in", inner)
        assert app.router.match("GET", "/in/a")[0].name == "own a"
        assert app.router.match("GET", "/in/c/d")[0].name == "own c"
        assert app.router.match("GET", "/in/b")[0].name is None


def test_the_longest_prefix_wins() -> None:
    app, outer, inner = Application(), app_of("/x", "/b/y"), app_of("/x")
    app.mount("/a", outer)
    app.mount("/a/b", inner)
    assert app.router.match("GET", "/a/b/x")[0] is inner.router.routes()[0]
    assert app.router.match("GET", "/a/x")[0] is outer.router.routes()[0]
    assert found(app, "/a/b/y") == "404"  # what a mount answers is final


def test_parameters_of_prefix_and_route() -> None:
    app, inner = Application(), app_of("/u/{id:int}", "/static")
    app.mount("/{tenant}", inner)
    assert found(app, "/t/u/3") == "/u/{id:int} {'tenant': 't', 'id': 3}"
    assert found(app, "/t/static") == "/static {'tenant': 't'}"


def test_an_application_mounted_at_the_root() -> None:
    app, inner = app_of("/own"), app_of("/", "/x")
    app.mount("/", inner)
    assert found(app, "/own") == "/own"
    assert found(app, "/") == "/"
    assert found(app, "/x") == "/x"
    assert found(app, "//x") == "404"


def test_a_method_that_the_path_has_outside() -> None:
    app, inner, root = app_of("/in/a", "/in/b", "/own"), app_of("/b"), app_of("/x")
    inner.add_put("/b", handler)
    app.mount("/in", inner)
    app.mount("/", root)
    assert found(app, "/own", "POST") == found(app, "/in/a", "POST") == "405 GET, HEAD, OPTIONS"
    assert found(app, "/in/b", "POST") == "405 GET, HEAD, OPTIONS, PUT"
    assert found(app, "/in/b", "PUT") == "/b"
    assert found(app, "/in/none", "POST") == "404"
    allowed = app.router.allowed_methods
    assert allowed("/own") == allowed("/in/a") == {"GET", "HEAD", "OPTIONS"}
    assert allowed("/in/b") == allowed("*") == {"GET", "HEAD", "OPTIONS", "PUT"}
    assert allowed("/in/none") == frozenset()


def test_a_prefix_twice() -> None:
    app = Application()
    app.mount("/a", Application())
    app.mount("/b", foreign)
    with pytest.raises(ValueError, match=r"for .* '/a/\*', got <Application new> beside <Application sketch>"):
        app.mount("/a", Application("new"))
    with pytest.raises(ValueError, match=r"for .* '/b/\*', got <Application new> beside foreign \(.*test_mount.py:"):
        app.mount("/b", Application("new"))


async def foreign(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("not called")


def test_an_application_twice() -> None:
    app, inner = Application(), Application()
    app.mount("/a", inner)
    with pytest.raises(ValueError, match="expected an application that is mounted once"):
        app.mount("/b", inner)


def test_an_application_in_itself() -> None:
    app, inner, innermost = Application("outer"), Application(), Application()
    app.mount("/a", inner)
    inner.mount("/b", innermost)
    for place in (app, inner, innermost):
        with pytest.raises(ValueError, match="got <Application outer>, which it is a part of"):
            place.mount("/c", app)


def test_walk_lists_every_route() -> None:
    app, inner, deepest = app_of("/a"), app_of("/b"), app_of("/c")
    app.mount("/in", inner)
    inner.mount("/deep", deepest)
    assert [route.path for route in app.router.walk()] == ["/a", "/b", "/c"]
