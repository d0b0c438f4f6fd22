"""The vocabulary for adding routes: decorators, helpers, tuples."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sketch.limits import Limits
from sketch.routing import Route, Router
from sketch.routing.group import RouteGroup
from sketch.routing.views import View

VERBS = ["get", "post", "put", "patch", "delete", "head", "options", "query"]


async def handler(request: object) -> None: ...


async def middleware(request: Any, handler: Any) -> Any:
    return await handler(request)


class Example(View):
    async def get(self) -> None: ...

    async def post(self) -> None: ...


def listed(router: Router) -> list[str]:
    return [f"{','.join(sorted(route.methods))} {route.template}" for route in router.routes()]


@pytest.mark.parametrize("verb", VERBS)
def test_verb_helpers(verb: str) -> None:
    router = Router()
    limits = Limits(body=1)
    route = getattr(router, f"add_{verb}")("/a", handler, name="n", middlewares=[middleware], limits=limits)
    assert listed(router) == [f"{verb.upper()} /a"]
    assert (route.handler, route.name, route.middlewares, route.limits) == (handler, "n", (middleware,), limits)


@pytest.mark.parametrize("verb", VERBS)
def test_verb_decorators(verb: str) -> None:
    router = Router()
    assert getattr(router, verb)("/a", "/b")(handler) is handler
    assert listed(router) == [f"{verb.upper()} /a", f"{verb.upper()} /b"]


def test_route_decorator() -> None:
    router = Router()
    limits = Limits(body=1)
    decorate = router.route("/doc", "/help", name="doc", middlewares=[middleware], limits=limits)
    assert decorate(handler) is handler
    assert listed(router) == ["GET /doc", "GET /help"]
    assert [route.name for route in router.routes()] == ["doc", None]
    assert {(route.middlewares, route.limits) for route in router.routes()} == {((middleware,), limits)}


@pytest.mark.parametrize(
    "methods", [["GET", "POST"], ("GET", "POST"), {"GET", "POST"}, iter(["GET", "POST"]), ["get", "post"]]
)
def test_methods_of_the_decorator(methods: Any) -> None:
    router = Router()
    before = list(methods) if isinstance(methods, list) else None
    router.route("/a", "/b", methods=methods)(handler)
    assert listed(router) == ["GET,POST /a", "GET,POST /b"]
    assert before is None or methods == before


def test_one_method_as_text() -> None:
    router = Router()
    router.route("/a", methods="POST")(handler)
    assert listed(router) == ["POST /a"]


def test_re_route() -> None:
    router = Router()
    router.re_route("/regexp/\\w{3}-\\d{2}/?", re.compile("/x"), methods=["GET", "POST"])(handler)
    assert listed(router) == ["GET,POST /regexp/\\w{3}-\\d{2}/?", "GET,POST /x"]
    assert router.match("POST", "/regexp/abc-12/")[0] is router.routes()[0]
    with pytest.raises(ValueError, match="expected a regular expression, got '\\('"):
        router.re_route("(")


@pytest.mark.parametrize(
    ("add", "message"),
    [
        (
            lambda to: to.route("/a", method="POST"),
            r"got method='POST': write @app.route\('/path', methods=\['POST'\]\)",
        ),
        (
            lambda to: to.get("/a", methods=["POST"]),
            r"got methods=\['POST'\]: write @app.route\('/path', methods=\['POS",
        ),
        (lambda to: to.post("/a", middleware=[]), r"got middleware=\[\]: write middlewares="),
        (lambda to: to.websocket("/a", endpoint="chat"), "got endpoint='chat': write name='chat'"),
        (lambda to: to.re_route("/a", groups=()), r"expected options of name, middlewares, .*, got groups=\(\)$"),
        (lambda to: to.add_get("/a", handler, converters={}), r"expected options of name, .*, got converters=\{\}$"),
        (lambda to: to.add_route("GET", "/a", handler, method="POST"), "got multiple values for argument 'method'"),
        (lambda to: to.add_websocket("/a", handler, tag="x"), r"got tag='x': write tags=\['x'\]"),
    ],
)
@pytest.mark.parametrize("to", [Router(), RouteGroup("/g")])
def test_unknown_options_are_refused_with_the_right_spelling(add: Any, message: str, to: Any) -> None:
    with pytest.raises(TypeError, match=message):
        add(to)


def test_a_method_in_place_of_a_path_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected a path that begins with '/', got 'POST': give methods as methods="):
        Router().route("/a", "POST")


def test_a_decorator_without_a_path_is_refused() -> None:
    with pytest.raises(TypeError, match=r"expected a path, got <function handler .*write @app.route"):
        Router().route(handler)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected at least one path"):
        Router().get()


def test_views_take_their_methods() -> None:
    router = Router()
    assert router.route("/a")(Example) is Example
    router.add_view("/b", Example)
    router.add_route("*", "/c", Example)
    router.add_get("/d", Example)
    router.route("/e", methods=["POST"])(Example)
    router.add_view("/f", Example.as_view())
    router.route("/g")(Example.as_view())
    assert listed(router) == [
        "GET,POST /a",
        "GET,POST /b",
        "GET,POST /c",
        "GET /d",
        "POST /e",
        "GET,POST /f",
        "GET,POST /g",
    ]
    with pytest.raises(ValueError, match="expected methods that the view has, got PUT; in the route '/h' of Example"):
        router.add_put("/h", Example)


def test_add_routes() -> None:
    router = Router()
    added = router.add_routes(
        ("/help/", "/doc/", handler),
        ("/test/", Example.as_view()),
        ("/class/", Example),
        (re.compile("/r.*"), handler),
        Route("POST", "/route", handler, name="r", middlewares=[middleware], limits=Limits(body=1)),
        [Route("PUT", "/listed", handler), ("/also", handler)],
        (route for route in [Route("GET", "/made", handler)]),
    )
    assert tuple(added) == router.routes()
    assert listed(router) == [
        "* /help/",
        "* /doc/",
        "GET,POST /test/",
        "GET,POST /class/",
        "* /r.*",
        "POST /route",
        "PUT /listed",
        "* /also",
        "GET /made",
    ]
    copied = router.named("r")
    assert (copied.middlewares, copied.limits) == ((middleware,), Limits(body=1))


def test_one_route_in_two_routers() -> None:
    route = Route("GET", "/a", handler)
    one, two = Router(), Router()
    one.add_routes(route)
    two.add_routes(route)
    assert len({route, *one.routes(), *two.routes()}) == 3


def test_add_routes_loses_nothing_of_a_route() -> None:
    group = RouteGroup("/in", name="in", middlewares=[middleware], limits=Limits(body=1), host="a.example", tags=["t"])
    route = group.add_get("/x", handler, name="x", headers={"X-Version": "2"}, tags=["u"], on_disconnect="cancel")
    (copy,) = Router().add_routes(route)
    assert copy is not route
    for name in ("path", "name", "groups", "tags", "on_disconnect", "methods"):
        assert getattr(copy, name) == getattr(route, name), name
    assert copy.conditions is not None
    assert route.conditions is not None
    assert copy.conditions.key == route.conditions.key == ("host=a.example", "x-version=2")


def test_add_routes_to_a_group_takes_what_the_group_says() -> None:
    group = Router().group("/in", host="a.example", slashes="redirect")
    (route,) = group.add_routes(Route("GET", "/x", handler))
    assert route.conditions is not None
    assert (route.conditions.key, route.slashes) == (("host=a.example",), "redirect")


@pytest.mark.parametrize("wrong", ["/a", 5, ["/a", handler], handler])
def test_add_routes_refuses(wrong: Any) -> None:
    with pytest.raises(ValueError, match="expected a Route or a tuple of paths and a handler"):
        Router().add_routes(wrong)


def test_a_class_other_than_a_view_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a function or a subclass of View as handler"):
        Router().add_get("/a", dict)
