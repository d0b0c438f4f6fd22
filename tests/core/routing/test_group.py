"""Route groups: prefixes and everything that routes share."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sketch import Application, HTTPNotFound, Limits, Request, Response, RouteGroup
from sketch.limits import DEFAULT_LIMITS
from sketch.routing import Converter
from tests.support.requests import answer, in_loop
from tests.support.responses import headers_of


async def handler(request: Request) -> Response:
    return Response("ok")


def marking(name: str) -> Any:
    async def middleware(request: Request, handler: Any) -> Response:
        response: Response = await handler(request)
        response.headers.add("X-Order", name)
        return response

    return middleware


def templates(app: Application) -> list[str]:
    return [route.template for route in app.router.routes()]


def test_a_group_that_is_filled_before_and_after() -> None:
    group, app = RouteGroup("/users"), Application()
    group.get("")(handler)
    app.add_group(group)
    group.get("/{id:int}")(handler)
    assert templates(app) == ["/users", "/users/{id:int}"]


def test_groups_in_groups_whatever_the_order() -> None:
    for late in (False, True):
        app, outer, inner = (
            Application(),
            RouteGroup("/a", name="a", tags=["x"]),
            RouteGroup("/b", name="b", tags=["y"]),
        )
        if not late:
            inner.get("/c", name="c", tags=["z"])(handler)
        outer.add_group(inner)
        app.add_group(outer)
        if late:
            inner.get("/c", name="c", tags=["z"])(handler)
        (route,) = app.router.routes()
        assert (route.template, route.name, route.tags) == ("/a/b/c", "a:b:c", ("x", "y", "z"))
        assert route.groups == (outer, inner)


def test_group_of_an_application() -> None:
    app = Application()
    app.group("/api").group("/v1").post("/x")(handler)
    assert templates(app) == ["/api/v1/x"]


def test_prefix_with_a_parameter() -> None:
    app = Application()

    @app.group("/{tenant}").get("/x/{id:int}")
    async def show(tenant: str, id: int) -> Response:
        return Response()

    assert app.router.match("GET", "/t/x/3")[1] == {"tenant": "t", "id": 3}


def test_a_regular_expression_in_a_group() -> None:
    app = Application()
    group = app.group("/a.b")
    group.re_route("/(?P<x>[0-9]+)|/y")(handler)
    assert app.router.match("GET", "/a.b/7")[1] == {"x": "7"}
    assert app.router.match("GET", "/a.b/y")[1] == {"x": None}
    with pytest.raises(HTTPNotFound):
        app.router.match("GET", "/aXb/7")
    group.re_route("(?i)(?s)/z.")(handler)
    assert app.router.match("GET", "/a.b/Z%0A")[0].handler is handler
    with pytest.raises(ValueError, match="without parameters before a regular expression"):
        app.group("/{x}").re_route(re.compile("/y"))(handler)


@pytest.mark.parametrize("prefix", ["api", "/", "/api/"])
def test_malformed_prefix(prefix: str) -> None:
    with pytest.raises(ValueError, match="expected a prefix that begins with '/' and does not end with it"):
        RouteGroup(prefix)


def test_mistakes_are_found_where_they_are_made() -> None:
    group = RouteGroup("/x")
    with pytest.raises(ValueError, match=r"expected '}' after '\{'"):
        group.get("/{a")(handler)
    with pytest.raises(ValueError, match="expected a path that begins with '/', or an empty one"):
        group.add_get("a", handler)
    with pytest.raises(ValueError, match="expected a parameter of 'request', 'id'"):

        @group.get("/{id}")
        async def wrong(request: Request, other) -> None: ...  # type: ignore[no-untyped-def]

    with pytest.raises(ValueError, match=r"got 'q: .*RouteGroup'.*; in the route '/x/\{id\}'"):

        @group.get("/{id}")
        async def annotated(q: RouteGroup) -> None: ...


def test_a_converter_of_the_application() -> None:
    app, group = Application(), RouteGroup("/x")
    app.router.converters["hex"] = Converter("[0-9a-f]+", lambda text: int(text, 16))
    group.get("/{n:hex}")(handler)
    app.add_group(group)
    assert app.router.match("GET", "/x/ff")[1] == {"n": 255}
    stranger = RouteGroup("/y")
    stranger.get("/{n:unknown}")(handler)
    with pytest.raises(ValueError, match="for 'n', got 'unknown'"):
        app.add_group(stranger)


def test_a_group_belongs_to_one_place() -> None:
    app, group = Application(), RouteGroup("/x")
    app.add_group(group)
    with pytest.raises(ValueError, match="expected a group that is added once"):
        Application().add_group(group)


def test_a_group_in_itself() -> None:
    outer, inner = RouteGroup("/a"), RouteGroup("/b")
    outer.add_group(inner)
    for place in (outer, inner):
        with pytest.raises(ValueError, match="expected a group in another one, got <RouteGroup '/a'> in itself"):
            place.add_group(outer)


def test_anything_but_a_group_is_refused() -> None:
    with pytest.raises(TypeError, match="expected a RouteGroup, got <Application sketch>: an application is mounted"):
        Application().add_group(Application())  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [RouteGroup, lambda **options: Application().add_get("/", handler, **options)])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"slashes": "never"}, "expected slashes to be 'strict' or 'redirect', got 'never'"),
        ({"on_disconnect": "stop"}, "expected on_disconnect to be 'ignore' or 'cancel', got 'stop'"),
        ({"tags": "users"}, r"expected several tags, got 'users': write \['users'\]"),
        ({"limits": {"body": 1}}, r"expected limits as Limits\(...\), got {'body': 1}"),
    ],
)
def test_invalid_options_are_refused(make: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        make(**options)


def test_conflicts_name_both_places() -> None:
    app = Application()
    app.get("/x/a")(handler)
    group = RouteGroup("/x")
    group.get("/a")(handler)
    with pytest.raises(ValueError, match=r"expected one handler for GET '/x/a', got handler \(.*test_group"):
        app.add_group(group)


def test_unset_options_of_a_route_come_from_the_group() -> None:
    app = Application()
    group = app.group("/x", host="example.com", slashes="redirect", on_disconnect="cancel")
    plain = group.add_get("/a", handler)
    own = group.add_get("/b", handler, host="other.org", slashes="strict", on_disconnect="ignore")
    assert (repr(plain.conditions), plain.slashes, plain.on_disconnect) == ("host=example.com", "redirect", "cancel")
    assert (repr(own.conditions), own.slashes, own.on_disconnect) == ("host=other.org", "strict", "ignore")
    assert app.add_get("/c", handler).on_disconnect == "ignore"


@in_loop
async def test_middlewares_from_the_outside_in() -> None:
    app = Application(middlewares=[marking("app")])
    outer = app.group("/a", middlewares=[marking("outer")])
    inner = outer.group("/b")
    inner.get("/c", middlewares=[marking("route")])(handler)
    inner.middlewares.append(marking("inner"))  # until the start
    response = await answer(app, "/a/b/c")
    assert headers_of(response).getall("X-Order") == ["route", "inner", "outer", "app"]


@in_loop
async def test_limits_from_the_inside_out() -> None:
    app = Application(limits=Limits(body=1, query_fields=2))
    group = app.group("/a", limits=Limits(body=3, body_timeout=4.0)).group("/b", limits=Limits(body_timeout=5.0))
    route = group.add_get("/c", handler, limits=Limits(handler_timeout=6.0))
    await answer(app, "/a/b/c")
    expected = Limits(body=3, body_timeout=5.0, handler_timeout=6.0, query_fields=2)
    assert route.limits == expected.over(DEFAULT_LIMITS)


@in_loop
async def test_the_nearest_error_handler_wins() -> None:
    app = Application()
    outer = app.group("/a")
    inner = outer.group("/b")

    def answering(text: str) -> Any:
        async def handle(request: Request, exc: Exception) -> Response:
            return Response(text, status=418)

        return handle

    async def fails(request: Request) -> Response:
        raise {"key": KeyError, "value": ValueError, "type": TypeError, "gone": HTTPNotFound}[request.query["e"]]

    inner.get("/c")(fails)
    app.error_handler(KeyError)(answering("app key"))
    app.error_handler(TypeError)(answering("app type"))
    app.error_handler(404)(answering("app 404"))
    outer.error_handler(LookupError)(answering("outer lookup"))
    outer.error_handler(ValueError)(answering("outer value"))
    inner.error_handler(ValueError)(answering("inner value"))
    inner.error_handler(404)(answering("inner 404"))
    texts = [(await answer(app, f"/a/b/c?e={kind}")).payload for kind in ("key", "value", "type", "gone")]
    assert texts == [b"outer lookup", b"inner value", b"app type", b"inner 404"]
    assert (await answer(app, "/a/b/unknown")).payload == b"app 404"  # no route, so no group
