"""The router: which route is found, which error where none is, and what may be added."""

from __future__ import annotations

import asyncio
import re
from itertools import permutations, product
from typing import Any
from urllib.parse import urljoin

import pytest
from hypothesis import given, strategies as st

from sketch.application import Application
from sketch.exceptions import HTTPMethodNotAllowed, HTTPNotFound, HTTPUpgradeRequired
from sketch.request import Request
from sketch.response import Response
from sketch.routing import WEBSOCKET, Converter, NoRoute, Router
from sketch.routing.route import Slashes
from tests.core.websocket.support import session
from tests.support.requests import answer, make_request
from tests.support.responses import headers_of


async def handler(request: object) -> None: ...


async def other(request: object) -> None: ...


def router_of(*routes: str) -> Router:
    """A router of routes written as `GET,POST /path`."""
    router = Router()
    for route in routes:
        methods, path = route.split(" ", 1)
        router.add_route(methods.split(","), path, handler)
    return router


def found(router: Router, method: str, path: str) -> str:
    """The template that is found, or the error with what it allows."""
    try:
        return router.match(method, path)[0].template
    except HTTPMethodNotAllowed as exc:
        return f"405 {exc.headers['Allow']}"
    except HTTPNotFound:
        return "404"


def test_every_route_is_reachable() -> None:
    router = router_of("GET /first", "GET /{id:int}/second", "GET /last/{name}")
    assert found(router, "GET", "/first") == "/first"
    assert found(router, "GET", "/2/second") == "/{id:int}/second"
    assert found(router, "GET", "/last/x") == "/last/{name}"
    assert found(router, "GET", "/nowhere") == "404"


# -- methods ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/a", "/{name}", "/x-{name}", "/{rest:path}", re.compile("/x-a")])
def test_same_path_many_methods(path: str | re.Pattern[str]) -> None:
    router = Router()
    got, posted = router.add_get(path, handler), router.add_post(path, other)
    sent = "/a" if path == "/a" else "/x-a"
    assert router.match("GET", sent)[0] is got
    assert router.match("POST", sent)[0] is posted
    assert router.match("HEAD", sent)[0] is got
    assert found(router, "PUT", sent) == "405 GET, HEAD, OPTIONS, POST"
    assert found(router, "get", sent) == "405 GET, HEAD, OPTIONS, POST"  # methods are case-sensitive
    assert found(router, "", sent) == "405 GET, HEAD, OPTIONS, POST"
    assert router.match("OPTIONS", sent)[0] is router.options_route
    assert router.allowed_methods(sent) == {"GET", "HEAD", "OPTIONS", "POST"}


def test_search_goes_on_for_the_method() -> None:
    router = router_of("GET /users/me", "POST /users/{id:int}", "PUT /users/{name}", "DELETE /{rest:path}")
    router.add_route("PATCH", re.compile("/users/.*"), handler)
    assert found(router, "GET", "/users/me") == "/users/me"
    assert found(router, "PUT", "/users/me") == "/users/{name}"
    assert found(router, "PUT", "/users/7") == "/users/{name}"
    assert found(router, "POST", "/users/7") == "/users/{id:int}"
    assert found(router, "DELETE", "/users/7") == "/{rest:path}"
    assert found(router, "PATCH", "/users/7") == "/users/.*"
    assert found(router, "QUERY", "/users/7") == "405 DELETE, OPTIONS, PATCH, POST, PUT"
    assert found(router, "QUERY", "/users/me") == "405 DELETE, GET, HEAD, OPTIONS, PATCH, PUT"


def test_an_explicit_head_route_comes_first() -> None:
    router = Router()
    router.add_get("/a", handler)
    head = router.add_head("/a", other)
    assert router.match("HEAD", "/a")[0] is head
    assert router.match("GET", "/a")[0] is not head


def test_no_head_without_get() -> None:
    assert found(router_of("POST /a"), "HEAD", "/a") == "405 OPTIONS, POST"


@pytest.mark.parametrize("path", ["/a", "/{name}"])
def test_any_method(path: str) -> None:
    router = Router()
    anything, posted = router.add_route("*", path, handler), router.add_post(path, other)
    for method in ("GET", "HEAD", "OPTIONS", "QUERY", "PROPFIND"):
        assert router.match(method, "/a")[0] is anything
    assert router.match("POST", "/a")[0] is posted
    assert anything.methods == {"*"}
    assert router.allowed_methods("/a") == {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY"}


# -- automatic OPTIONS ------------------------------------------------------------------------------------------------


class NoConnection:
    """A peer that is never spoken to."""

    client = server = tls = None
    scheme = "http"
    state: dict[str, Any] = {}  # noqa: RUF012
    trailers: list[tuple[bytes, bytes]] = []  # noqa: RUF012

    async def wait_disconnected(self) -> None:
        raise AssertionError


def options(router: Router, target: bytes) -> tuple[int, str]:
    async def main() -> tuple[int, str]:
        request = Request("OPTIONS", target, [], connection=NoConnection())
        request.app = Application()
        request.app.router = router
        route, request.match_info = router.resolve(request)
        response = await route.call(request)
        return response.status, response.headers["Allow"]

    return asyncio.run(main())


def test_automatic_options() -> None:
    router = router_of("GET /a", "POST /{name}", "PURGE /b/{id:int}")
    assert options(router, b"/a?x=1") == (204, "GET, HEAD, OPTIONS, POST")
    assert options(router, b"/c") == (204, "OPTIONS, POST")
    assert options(router, b"*") == (204, "GET, HEAD, OPTIONS, POST, PURGE")
    assert options(Router(), b"*") == (204, "OPTIONS")
    assert found(router, "OPTIONS", "/x/y") == "404"
    assert found(router, "GET", "*") == "404"


def test_allowed_methods_of_nothing() -> None:
    for path in ("/x/y", "/%ff", "a", ""):
        assert router_of("GET /a", "POST /{name}").allowed_methods(path) == frozenset()


def test_an_explicit_options_route_comes_first() -> None:
    router = router_of("GET /a")
    route = router.add_options("/{name}", handler)
    assert router.match("OPTIONS", "/a")[0] is route


# -- order of preference ----------------------------------------------------------------------------------------------


# From the first choice to the last, each with a segment that only this route and later ones match.
LADDER = [
    ("/p/7", "7"),
    ("/p/{a:int}", "8"),
    ("/p/{a:float}", "8.5"),
    ("/p/file.{a}", "file.x"),
    (r"/p/{a:[\w.]+}", "word"),
    ("/p/{a}", "a-b"),
    ("/p/{a:path}", "a/b"),
]


@pytest.mark.parametrize("shift", range(len(LADDER)))
def test_preference_does_not_depend_on_the_order_of_adding(shift: int) -> None:
    for order in (1, -1):
        routes = [f"GET {template}" for template, _ in (LADDER[shift:] + LADDER[:shift])[::order]]
        router = Router()
        router.add_route("GET", re.compile("/p/.*"), handler)
        for route in routes:
            router.add_get(route[4:], handler)
        for template, segment in LADDER:
            assert found(router, "GET", f"/p/{segment}") == template


def test_more_text_first() -> None:
    for order in permutations(["/{a}.txt", "/x{a}.txt", "/{a:[a-z.]+}"]):
        router = router_of(*(f"GET {path}" for path in order))
        assert found(router, "GET", "/xy.txt") == "/x{a}.txt"
        assert found(router, "GET", "/y.txt") == "/{a}.txt"
        assert found(router, "GET", "/y.csv") == "/{a:[a-z.]+}"


def test_more_text_beats_the_alphabet() -> None:
    assert found(router_of("GET /a{x}", "GET /{x}.txt"), "GET", "/ab.txt") == "/{x}.txt"


def test_uuid_before_float_and_str() -> None:
    router = router_of("GET /{a}", "GET /{a:float}", "GET /{a:uuid}")
    assert found(router, "GET", "/00000000-0000-0000-0000-000000000005") == "/{a:uuid}"


def test_backtracking() -> None:
    router = router_of("GET /a/{x:int}/c", "GET /a/{y}/d", "GET /{z}/7/e", "GET /a/{rest:path}", "GET /{rest:path}")
    assert router.match("GET", "/a/7/c")[1] == {"x": 7}
    assert router.match("GET", "/a/7/d")[1] == {"y": "7"}
    assert router.match("GET", "/a/7/e") == (router.routes()[3], {"rest": "7/e"})
    assert router.match("GET", "/b/7/e")[1] == {"z": "b"}
    assert router.match("GET", "/b/7/f")[1] == {"rest": "b/7/f"}


def test_patterns_come_last_in_their_order() -> None:
    router = Router()
    for pattern in ("/w/a.*", "/w/.*", "/w/ab"):
        router.add_route("GET", re.compile(pattern), handler)
    router.add_get("/w/abc", handler)
    assert found(router, "GET", "/w/ab") == "/w/a.*"
    assert found(router, "GET", "/w/b") == "/w/.*"
    assert found(router, "GET", "/w/abc") == "/w/abc"


def test_pattern_parameters() -> None:
    router = Router()
    router.add_route("GET", re.compile(r"/r/(?P<a>\w{3})-(?P<b>\d{2})?/?$"), handler)
    assert router.match("GET", "/r/abc-12/")[1] == {"a": "abc", "b": "12"}
    assert router.match("GET", "/r/%C3%A9bc-")[1] == {"a": "ébc", "b": None}
    for path in ("/r/abc-123", "/r/abc-12%0A", "/x/r/abc-12", "/r%2Fabc-12", "/r/abc-%ff"):
        assert found(router, "GET", path) == "404"


# -- what a search costs ----------------------------------------------------------------------------------------------


def test_a_search_visits_each_node_at_most_once() -> None:
    reads = 0

    def count(text: str) -> str:
        nonlocal reads
        reads += 1
        return text

    router = Router()
    router.converters["one"] = Converter("a+", count)
    router.converters["two"] = Converter("[a]+", count)
    depth = 6
    for kinds in product(("one", "two"), repeat=depth):
        router.add_get("".join(f"/{{p{index}:{kind}}}" for index, kind in enumerate(kinds)) + "/end", handler)
    nodes = sum(2**level for level in range(1, depth + 1))
    assert found(router, "GET", "/a" * depth + "/no") == "404"
    assert reads == nodes
    reads = 0
    assert found(router, "GET", "/a" * 4000) == "404"
    assert reads == nodes


def test_deep_paths_do_not_recurse() -> None:
    router = router_of("GET /{a}", "GET /{a}/{b}", "GET /s/{rest:path}")
    assert found(router, "GET", "/a" * 100_000) == "404"
    assert found(router, "GET", "/" * 100_000) == "404"
    assert found(router, "GET", "/s" + "/" * 100_000) == "/s/{rest:path}"


@pytest.mark.parametrize("path", ["", "a", "*", "//", "/../", "/%2E%2E/", "http://h/a", "/%00", "/%"])
def test_odd_paths(path: str) -> None:
    assert found(router_of("GET /a", "GET /b/{c}"), "GET", path) == "404"


def test_matching_shares_nothing() -> None:
    router = router_of("GET /u/{name}")
    _, first = router.match("GET", "/u/ann")
    _, second = router.match("GET", "/u/bob")
    assert (first, second) == ({"name": "ann"}, {"name": "bob"})
    assert not hasattr(handler, "path_params")


def test_empty_parameters_cannot_be_changed() -> None:
    _, parameters = router_of("GET /a").match("GET", "/a")
    with pytest.raises(TypeError):
        parameters["x"] = 1  # type: ignore[index]


@given(st.lists(st.sampled_from([template for template, _ in LADDER]), unique=True, min_size=1), st.randoms())
def test_the_answer_does_not_depend_on_the_order_of_adding(templates: list[str], random: Any) -> None:
    shuffled = random.sample(templates, len(templates))
    one, another = (router_of(*(f"GET {path}" for path in order)) for order in (templates, shuffled))
    for _, segment in LADDER:
        assert found(one, "GET", f"/p/{segment}") == found(another, "GET", f"/p/{segment}")


# -- conflicts, names, freezing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/a", "/a"),
        ("/caf%C3%A9", "/café"),
        ("/{a}", "/{b}"),
        ("/{a}", "/{b:str}"),
        ("/{a:[0-9]}", "/{b:[0-9]}"),
        ("/x-{a}", "/x-{b}"),
        ("/d/{a:path}", "/d/{b:path}"),
        (re.compile("/a"), re.compile("/a")),
    ],
)
def test_conflicts_name_both_places(first: str, second: str) -> None:
    router = Router()
    router.add_route(["GET", "POST"], first, handler)
    router.add_put(second, other)
    with pytest.raises(ValueError, match="expected one handler for POST") as caught:
        router.add_route(["PATCH", "POST"], second, other)
    for function in (handler, other):
        assert f"{function.__name__} ({__file__}:{function.__code__.co_firstlineno})" in str(caught.value)
    assert len(router.routes()) == 2
    assert not any("PATCH" in router.allowed_methods(path) for path in ("/a", "/1", "/caf%C3%A9", "/x-1", "/d/1"))


def test_shapes_that_differ_do_not_conflict() -> None:
    router_of(
        "GET /{a}", "GET /{a:int}", "GET /{a}/", "GET /{a:[0-9]}", "GET /a", "GET /a/", "GET /A", "POST /a", "* /a"
    )


def test_names() -> None:
    router = Router()
    listed = router.add_get("/items", handler, name="items")
    router.add_post("/items", other, name="items")
    assert router.named("items") is listed
    assert router.add_get("/unnamed", handler).name is None
    with pytest.raises(ValueError, match="expected the name 'items' for one path, got '/other' of other") as caught:
        router.add_get("/other", other, name="items")
    assert str(caught.value).count(__file__) == 2
    with pytest.raises(LookupError, match="expected the name of a route, got 'nope'; there are 'items'"):
        router.named("nope")


def test_freezing() -> None:
    router = router_of("GET /a")
    router.freeze()
    with pytest.raises(RuntimeError, match="expected routes to be added before the application starts"):
        router.add_get("/b", handler)
    assert found(router, "GET", "/a") == "/a"


def test_routes_in_order() -> None:
    router = router_of("GET /b", "GET /{a}", "POST /b", "GET /a")
    assert [str(route) for route in router.routes()] == [
        "<Route GET /b>",
        "<Route GET /{a}>",
        "<Route POST /b>",
        "<Route GET /a>",
    ]


@pytest.mark.parametrize("count", [10, 3000])
def test_many_routes(count: int) -> None:
    router = router_of(*(f"GET /s{n}/{{id:int}}/t{m}" for n in range(count // 10) for m in range(10)))
    assert router.match("GET", f"/s{count // 10 - 1}/5/t9") == (router.routes()[-1], {"id": 5})


ENDING = ["GET /{a}", "GET,POST /u/{id}", "* /v/{id}", "POST /u/me", "GET /w/{id:int}", "GET /w/{id}", "GET /x/é/{id}"]


PATHS = ["*", "x", "/", "/x", "//", "/u", "/u/", "/u/1", "/u/me", "/u/%31", "/u/%00", "/u/a/b", "/u/a%2Fb", "/u/\xff"]
PATHS += ["/u/%ff", "/v/1", "/w/1", "/w/a", "/x/%C3%A9/1", "/x/\xc3\xa9/1"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "PATCH", "BREW"])
@pytest.mark.parametrize("path", PATHS)
def test_the_fast_path_finds_what_the_tree_finds(method: str, path: str) -> None:
    growing, frozen = router_of(*ENDING), router_of(*ENDING)
    frozen.freeze()
    assert found(frozen, method, path) == found(growing, method, path)
    if not found(frozen, method, path).startswith("40"):
        assert frozen.match(method, path)[1] == growing.match(method, path)[1]


# -- slashes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("route", "sent", "location"),
    [
        ("/a/b", "/a/b/", "../b"),
        ("/a/b/", "/a/b", "./b/"),
        ("/a/b/", "/a/b?x=1&y=%20", "./b/?x=1&y=%20"),
        ("/{x}/", "/c%2Fd:e", "./c%2Fd:e/"),
        ("/{x}", "/c%2Fd/", "../c%2Fd"),
        ("/a/", "/a//", "../"),
        ("/{rest:path}", "/", None),  # a slash that stands for something
        ("/a", "/a//", None),
        ("/a", "/b/", None),
        ("/a", "//", None),
    ],
)
def test_redirect_of_a_slash(route: str, sent: str, location: str | None) -> None:
    app = Application(slashes="redirect")
    app.add_get(route, answering)

    async def ask() -> None:
        response = await answer(app, sent)
        if location is None:
            assert response.status == (200 if route == "/{rest:path}" else 404)
        else:
            assert (response.status, headers_of(response)["Location"]) == (308, location)
            if "//" not in sent:  # urljoin() drops empty segments, browsers do not
                assert urljoin(sent, location).partition("?")[0].strip("/") == sent.partition("?")[0].strip("/")

    asyncio.run(ask())


async def answering(request: Request) -> Response:
    return Response()


def test_slashes_are_strict_by_default() -> None:
    router = Router()
    router.add_get("/strict", handler)
    router.add_get("/soft", handler, slashes="redirect")
    assert found(router, "GET", "/strict/") == "404"
    assert router.match("GET", "/soft/")[0] is router.slash_route
    assert found(router, "POST", "/soft/") == "404"  # there is no POST to redirect to
    soft = Router("redirect")
    soft.add_get("/strict", handler, slashes="strict")
    soft.add_get("/soft", handler)
    assert found(soft, "GET", "/strict/") == "404"
    assert soft.match("GET", "/soft/")[0] is soft.slash_route


@pytest.mark.parametrize("outer", ["strict", "redirect"])
@pytest.mark.parametrize("inner", ["strict", "redirect"])
def test_the_prefix_of_a_mount_is_redirected_to_its_root(outer: Slashes, inner: Slashes) -> None:
    app, mounted = Application(slashes=outer), Application(slashes=inner)
    mounted.add_get("/", handler)
    mounted.add_websocket("/ws", session)
    app.mount("/{tenant}/m", mounted)
    wanted = "redirect" in (outer, inner)
    assert (app.router.match("GET", "/t/m")[0] is app.router.slash_route) == wanted
    assert app.router.match("GET", "/t/m/")[0] is mounted.router.routes()[0]
    assert found(app.router, "POST", "/t/m") == found(app.router, "POST", "/t/m/") == "405 GET, HEAD, OPTIONS"
    assert app.router.find(WEBSOCKET, "/t/m/ws", None)[0] is mounted.router.routes()[1]


def test_the_route_of_a_mounted_root_says_whether_the_prefix_is_redirected() -> None:
    app, mounted = Application(), Application(slashes="redirect")
    mounted.add_get("/", handler, slashes="strict")
    mounted.add_websocket("/", session)
    app.mount("/m", mounted)
    assert app.router.match("GET", "/m")[0] is mounted.router.routes()[0]
    assert app.router.find(WEBSOCKET, "/m", None)[0] is app.router.slash_route


@pytest.mark.parametrize("dots", [".", "..", "%2E", "%2e%2E"])
def test_what_a_client_resolves_is_not_redirected(dots: str) -> None:
    """`./%2E%2E/` as the target of a redirect is the directory above."""
    router = Router("redirect")
    router.add_get("/in/{name}/", handler)
    router.add_get("/out/{name}", handler)
    assert found(router, "GET", f"/in/{dots}") == found(router, "GET", f"/out/{dots}/") == "404"
    assert router.match("GET", f"/in/x{dots}")[0] is router.slash_route
    app, mounted = Application(slashes="redirect"), Application()
    mounted.add_get("/", handler)
    app.mount("/{tenant}", mounted)
    assert app.router.match("GET", f"/{dots}")[0] is mounted.router.routes()[0]


def test_a_mount_at_the_root_and_one_in_a_mount() -> None:
    app, between, inner = (Application(slashes="redirect") for _ in range(3))
    inner.add_get("/", handler)
    app.mount("/", between)
    between.mount("/in", inner)
    assert app.router.match("GET", "/in")[0] is between.router.slash_route
    assert app.router.match("GET", "/in/")[0] is inner.router.routes()[0]


def test_the_prefix_of_a_foreign_application() -> None:
    async def foreign(scope: Any, receive: Any, send: Any) -> None: ...

    for slashes, redirects in (("strict", False), ("redirect", True)):
        app = Application(slashes=slashes)  # type: ignore[arg-type]
        app.mount("/m", foreign)
        for method in ("GET", "POST", WEBSOCKET):
            assert (app.router.find(method, "/m", None)[0] is app.router.slash_route) == redirects
            assert app.router.find(method, "/m/", None)[0] is app.router.mounts()[0]


def test_resolve_raises_what_the_client_would_get() -> None:
    router = router_of("GET /a")
    router.add_route(WEBSOCKET, "/ws", handler)
    assert router.resolve(make_request("/a"))[0] is router.routes()[0]
    with pytest.raises(HTTPNotFound):
        router.resolve(make_request("/b"))
    with pytest.raises(HTTPMethodNotAllowed) as refused:
        router.resolve(make_request("/a", method="POST"))
    assert refused.value.allowed == ["GET", "HEAD", "OPTIONS"]
    with pytest.raises(HTTPUpgradeRequired):
        router.resolve(make_request("/ws"))


def test_an_existing_route_is_not_redirected() -> None:
    router = Router("redirect")
    router.add_get("/a", handler)
    router.add_post("/a/", handler)
    assert found(router, "GET", "/a/") == "405 OPTIONS, POST"


# -- websockets -------------------------------------------------------------------------------------------------------


def test_websockets_are_apart_from_methods() -> None:
    router = router_of("GET /get", "* /any")
    socket = router.add_route(WEBSOCKET, "/ws", handler)
    both = router.add_route(WEBSOCKET, "/get", handler)
    assert router.find(WEBSOCKET, "/ws", None)[0] is socket
    assert router.find(WEBSOCKET, "/get", None)[0] is both
    for path in ("/any", "/none"):
        with pytest.raises(NoRoute) as miss:
            router.find(WEBSOCKET, path, None)
        assert miss.value.answer.status == 404
    with pytest.raises(HTTPUpgradeRequired) as upgrade:
        router.match("GET", "/ws")
    assert upgrade.value.headers["Upgrade"] == "websocket"
    assert found(router, "POST", "/get") == "405 GET, HEAD, OPTIONS"
    assert router.allowed_methods("/ws") == frozenset()
