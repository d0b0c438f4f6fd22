"""Mounted applications: their hooks, state, errors and life."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sketch import (
    Application,
    HTTPForbidden,
    HTTPNotFound,
    Limits,
    Request,
    Response,
    StreamResponse,
    TextResponse,
    current_app,
)
from tests.core.lifecycle.support import CLEANED, STARTED, STOPPED, Log, context, full, hook
from tests.support.requests import ScriptedBody, answer, in_loop, make_request
from tests.support.responses import headers_of

# -- life -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def log() -> Log:
    return []


def named(name: str, log: Log) -> Application:
    app = Application(name)
    app.cleanup_ctx.append(context(name, log))
    for signal, event in ((app.on_startup, "start"), (app.on_shutdown, "shutdown"), (app.on_cleanup, "clean")):
        signal.append(hook(f"{event} {name}", log))
    return app


@in_loop
async def test_parts_start_after_and_stop_before(log: Log) -> None:
    app, one, two, deep = (named(name, log) for name in ("app", "one", "two", "deep"))
    app.mount("/one", one)
    app.mount("/two", two)
    one.mount("/deep", deep)
    await app.startup()
    started = [f"{event} {name}" for name in ("app", "one", "deep", "two") for event in ("enter", "start")]
    assert log == started
    await app.shutdown()
    assert log[8:] == ["shutdown two", "shutdown deep", "shutdown one", "shutdown app"]
    await app.cleanup()
    assert log[12:] == [f"{event} {name}" for name in ("two", "deep", "one", "app") for event in ("clean", "exit")]


@in_loop
async def test_a_part_that_fails_rolls_everything_back(log: Log) -> None:
    app, one, two, three = (named(name, log) for name in ("app", "one", "two", "three"))
    for part in (one, two, three):
        app.mount(f"/{part.name}", part)
    two.on_startup.append(hook("fail", log, fails=True))
    with pytest.raises(ValueError, match="fail"):
        await app.startup()
    assert log[6:] == ["fail", "clean two", "exit two", "clean one", "exit one", "clean app", "exit app"]


@in_loop
async def test_errors_at_the_end_stop_nothing(log: Log) -> None:
    app, inner = full(log), named("inner", log)
    inner.on_cleanup.append(hook("bad", log, fails=True))
    app.mount("/in", inner)
    await app.startup()
    await app.shutdown()
    with pytest.raises(ValueError, match="bad"):
        await app.cleanup()
    assert log[-4:] == CLEANED
    assert set(STARTED) | set(STOPPED) <= set(log)


@in_loop
async def test_all_parts_share_one_stopping(log: Log) -> None:
    app, inner = Application(), Application()
    app.mount("/in", inner)
    await app.startup()
    assert not inner.stopping
    app.stopping.set()
    assert inner.stopping
    assert inner.stopping is app.stopping
    await app.shutdown()
    await app.cleanup()


@in_loop
async def test_a_mounted_application_runs_by_itself_too() -> None:
    app, inner = Application(middlewares=[adding("outside")]), Application()
    inner.get("/x", name="x")(where)
    app.mount("/in", inner)
    await inner.startup()
    assert (await answer(inner, "/x")).payload == b" /x /x"
    await inner.shutdown()
    await inner.cleanup()
    await app.startup()
    assert (await answer(app, "/in/x")).payload == b"/in /x /in/x"
    await app.shutdown()
    await app.cleanup()


@in_loop
async def test_debug_and_limits_of_the_parent_end_with_the_mounted_life() -> None:
    app, inner = Application(debug=True, limits=Limits(body=5)), Application()
    app.mount("/in", inner)
    route = inner.add_get("/x", nothing, limits=Limits(query_fields=1))
    alone = inner.limits
    await app.startup()
    assert inner.debug
    assert inner.limits.body == 5
    assert route.limits == Limits(body=5, query_fields=1).over(alone)
    app.debug = False
    assert not inner.debug
    app.debug = True
    await app.cleanup()
    await inner.startup()
    assert not inner.debug
    assert inner.limits == alone
    assert route.limits == Limits(query_fields=1).over(alone)
    await inner.cleanup()


@in_loop
async def test_a_second_life_beside_the_first_is_refused_and_changes_nothing() -> None:
    app, inner = Application("app"), Application("inner")
    inner.get("/x", name="x")(where)
    app.mount("/in", inner)
    await inner.startup()
    with pytest.raises(RuntimeError, match="not running, got one that is started"):
        await app.startup()
    assert inner.parent is None
    assert not inner.stopping
    assert (await answer(inner, "/x")).payload == b" /x /x"
    await inner.cleanup()
    await app.startup()
    with pytest.raises(RuntimeError, match="not running, got one that is started"):
        await inner.startup()
    assert inner.parent is app
    assert (await answer(app, "/in/x")).payload == b"/in /x /in/x"
    await app.cleanup()


@in_loop
async def test_routes_may_be_added_until_the_start() -> None:
    app, inner = Application(), Application()
    app.mount("/in", inner)
    inner.on_startup.append(lambda: inner.add_get("/late", where, name="x"))
    await app.startup()
    assert (await answer(app, "/in/late")).status == 200
    with pytest.raises(RuntimeError, match="before the application starts"):
        inner.add_get("/too-late", where)
    with pytest.raises(RuntimeError, match="before the application starts"):
        app.mount("/late", Application())


# -- requests ---------------------------------------------------------------------------------------------------------


async def where(request: Request) -> Response:
    return TextResponse(f"{request.root_path} {request.path} {request.app.url_for('x')}")


async def nothing() -> Response:
    return Response()


def adding(name: str) -> Any:
    async def middleware(request: Request, handler: Any) -> Response:
        before = request.app.name, request.path
        try:
            response: Response = await handler(request)
        finally:
            assert (request.app.name, request.path) == before
        response.headers.add("X-Order", name)
        return response

    return middleware


def pair(**options: Any) -> tuple[Application, Application]:
    app, inner = Application("app"), Application("inner", **options)
    app.mount("/in", inner)
    return app, inner


@in_loop
async def test_middlewares_and_hooks_in_their_places() -> None:
    app = Application("app", middlewares=[adding("app")], outer_middlewares=[adding("app outer")])
    inner = Application("inner", middlewares=[adding("inner")], outer_middlewares=[adding("inner outer")])
    app.mount("/in", inner)
    inner.get("/x", name="x", middlewares=[adding("route")])(where)
    inner.after_request(lambda response: response.headers.add("X-Order", "inner after"))
    app.after_request(lambda response: response.headers.add("X-Order", "app after"))
    seen = []
    app.before_request(lambda request: seen.append(request.app.name))
    inner.before_request(lambda request: seen.append(request.app.name))
    response = await answer(app, "/in/x")
    order = ["route", "inner", "inner outer", "inner after", "app", "app outer", "app after"]
    assert headers_of(response).getall("X-Order") == order
    assert seen == ["app", "inner"]


@in_loop
async def test_the_route_is_known_before_anything_runs() -> None:
    seen = []

    async def outer(request: Request, handler: Any) -> Response:
        seen.append((request.route and request.route.template, dict(request.match_info)))
        response: Response = await handler(request)
        seen.append((request.route and request.route.template, dict(request.match_info)))
        return response

    app, inner = Application(outer_middlewares=[outer]), Application()
    inner.get("/x/{id:int}", name="x")(lambda: Response())
    app.mount("/{tenant}/in", inner)
    await answer(app, "/t/in/x/7")
    assert seen == [("/{tenant}/in/x/{id:int}", {"tenant": "t", "id": 7})] * 2
    await answer(app, "/t/in/none")
    assert seen[2:] == [(None, {"tenant": "t"})] * 2


@in_loop
async def test_misses_are_the_mounted_applications_own() -> None:
    app, inner = pair(middlewares=[adding("inner")])
    inner.post("/x")(where)

    @inner.error_handler(404)
    async def not_found(request: Request, exc: HTTPNotFound) -> Response:
        return TextResponse(f"no {request.path} in {request.app.name}", status=404)

    assert (await answer(app, "/in/none")).payload == b"no /none in inner"
    assert (await answer(app, "/none")).payload != b"no /none in inner"
    refused = await answer(app, "/in/x")
    assert (refused.status, headers_of(refused)["Allow"]) == (405, "OPTIONS, POST")
    options = await answer(app, "/in/x", method="OPTIONS")
    assert (options.status, headers_of(options)["Allow"]) == (204, "OPTIONS, POST")
    assert headers_of(options)["X-Order"] == "inner"


@in_loop
async def test_a_path_of_both() -> None:
    """Methods and slashes of the outer route count if the mounted application has no route for the path."""
    app, inner = Application(), Application()
    app.mount("/", inner)
    for add, path in ((app.get, "/x"), (inner.post, "/x"), (app.get, "/y/")):
        add(path, slashes="redirect")(nothing)
    assert (await answer(app, "/x", method="POST")).status == 200
    for method, status in (("PUT", 405), ("OPTIONS", 204)):
        response = await answer(app, "/x", method=method)
        assert (response.status, headers_of(response)["Allow"]) == (status, "GET, HEAD, OPTIONS, POST")
    response = await answer(app, "/y")
    assert (response.status, headers_of(response)["Location"]) == (308, "./y/")


@in_loop
async def test_errors_that_the_mounted_application_does_not_answer() -> None:
    app, inner = pair(outer_middlewares=[adding("inner outer")])

    async def fails(request: Request) -> Response:
        raise {"key": KeyError, "type": TypeError}[request.query["e"]]

    inner.get("/x")(fails)

    @app.error_handler(LookupError)
    @app.error_handler(TypeError)
    async def of_app(request: Request, exc: Exception) -> Response:
        return TextResponse("of app", status=418)

    @inner.error_handler(TypeError)
    async def of_inner(request: Request, exc: Exception) -> Response:
        return TextResponse("of inner", status=418)

    answers = [await answer(app, f"/in/x?e={kind}") for kind in ("key", "type")]
    assert [(response.payload, headers_of(response)["X-Order"]) for response in answers] == [
        (b"of app", "inner outer"),
        (b"of inner", "inner outer"),
    ]


@in_loop
async def test_an_error_handler_runs_in_the_application_that_it_belongs_to() -> None:
    app, between, inner = Application("app"), Application("between"), Application("inner")
    app.mount("/{a}/between", between)
    between.mount("/in", inner)
    app.add_get("/home", nothing, name="home")

    async def fails(request: Request) -> Response:
        raise {"key": KeyError, "type": TypeError, "value": ValueError}[request.query["e"]]("x")

    async def page(request: Request, exc: Exception) -> Response:
        return TextResponse(f"{request.app.name} {request.root_path} {request.path}", status=418)

    inner.add_get("/x", fails, middlewares=[adding("inner")])
    app.error_handler(404)(page)
    app.error_handler(500)(page)
    between.error_handler(KeyError)(page)
    reports = []
    app.exception(lambda request, exc: reports.append((request.app.name, request.url_for("home").path)))
    answers = [await answer(app, f"/1/between/in/{path}") for path in ("none", "x?e=key", "x?e=type")]
    assert [response.payload for response in answers] == [
        b"app  /1/between/in/none",
        b"between /1/between /in/x",
        b"app  /1/between/in/x",
    ]
    assert reports == [("app", "/home")]


@in_loop
async def test_groups_inside_answer_no_errors_outside() -> None:
    async def refuse(request: Request, handler: Any) -> Response:
        raise HTTPForbidden

    for prefix in ("/", "/in"):
        app, inner = Application(middlewares=[refuse]), Application()
        app.mount(prefix, inner)
        group = inner.group("/group")
        group.add_get("/x", nothing)

        @group.error_handler(403)
        async def of_group(request: Request, exc: Exception) -> Response:
            raise AssertionError("it was asked")

        assert (await answer(app, f"{prefix.rstrip('/')}/group/x")).status == 403


def test_one_name_for_two_parameters_of_a_path() -> None:
    app, inner = Application(), Application()
    app.mount("/{id}/in", inner)
    inner.add_get("/x/{id}", where)
    with pytest.raises(ValueError, match=r"expected unique .* got 'id' in '/\{id\}/in/x/\{id\}' of where"):
        app.freeze()


@in_loop
async def test_limits_come_from_the_inside_out() -> None:
    app, inner = Application(limits=Limits(body=5)), Application(limits=Limits(query_fields=1))

    async def read(request: Request) -> Response:
        assert request.limits.write_timeout == 30.0
        return Response(await request.read())

    inner.post("/x")(read)
    app.mount("/in", inner)
    assert (await answer(app, "/in/x", method="POST", body=[b"12345"])).payload == b"12345"
    assert (await answer(app, "/in/x", method="POST", body=[b"123456"])).status == 413


@in_loop
async def test_an_announced_length_is_refused_inside_at_the_root_too() -> None:
    app, inner = Application(), Application(limits=Limits(body=3), outer_middlewares=[adding("inner")])
    inner.add_post("/x", nothing)
    app.mount("/", inner)
    headers = [(b"host", b"example.com"), (b"content-length", b"4")]
    response = await answer(app, "/x", method="POST", headers=headers, body=[b"1234"])
    assert (response.status, headers_of(response)["X-Order"]) == (413, "inner")


@in_loop
async def test_a_stream_belongs_to_the_application_that_made_it() -> None:
    app, inner = pair()

    @inner.get("/x", name="x")
    async def stream(request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            yield f"{request.app.name} {current_app.name} {request.url_for('x').path} {request.path}".encode()

        return StreamResponse(chunks())

    response = await answer(app, "/in/x")
    assert not isinstance(response.payload, bytes)
    assert [chunk async for chunk in response.payload] == [b"inner inner /in/x /x"]  # type: ignore[union-attr]


@in_loop
async def test_each_application_has_its_own_state() -> None:
    async def lifespan(app: Application) -> AsyncIterator[dict[str, str]]:
        yield {"who": app.name, app.name: "there"}

    app, inner = Application("app", lifespan=lifespan), Application("inner", lifespan=lifespan)

    async def state(request: Request) -> Response:
        return TextResponse(repr(sorted(request.state.items())))

    app.get("/x")(state)
    inner.get("/x")(state)
    app.mount("/in", inner)
    await app.startup()
    for path, expected in (
        ("/in/x", [("app", "there"), ("inner", "there"), ("who", "inner")]),
        ("/x", [("app", "there"), ("who", "app")]),
    ):
        request = make_request(path)
        request.connection.state.update(app.state)
        assert (await app.handle(request)).payload == repr(expected).encode()
    await app.shutdown()
    await app.cleanup()


@in_loop
async def test_one_response_object_for_both() -> None:
    """A change by the middleware of one application does not appear in the next answer."""
    app = Application(middlewares=[adding("app")])
    inner = Application()
    same = Response("same")

    async def handler() -> Response:
        return same

    inner.get("/x")(handler)
    app.mount("/in", inner)
    for _ in range(2):
        assert headers_of(await answer(app, "/in/x")).getall("X-Order") == ["app"]
    assert "X-Order" not in same.headers


@in_loop
async def test_a_body_is_read_once_for_all() -> None:
    async def reading(request: Request, handler: Any) -> Response:
        response: Response = await handler(request)
        assert await request.read() == b"body"
        return response

    app, inner = Application(middlewares=[reading]), Application(json="stdlib")

    async def echo(request: Request) -> Response:
        return Response(await request.read())

    inner.post("/x")(echo)
    app.mount("/in", inner)
    request = make_request("/in/x", method="POST")
    request._reader, request._body, request.has_body = ScriptedBody([b"bo", b"dy"]), None, True
    assert (await app.handle(request)).payload == b"body"
