"""The chain: middleware and handler folded into one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

import pytest

from sketch.application import Application
from sketch.exceptions import HTTPNotFound, HTTPUnauthorized
from sketch.limits import Limits
from sketch.middleware import Endpoint, fold
from sketch.middleware.cors import CORS
from sketch.middleware.csrf import CSRF
from sketch.middleware.https_redirect import HTTPSRedirect
from sketch.middleware.protection import Protection
from sketch.middleware.proxy_headers import ProxyHeaders
from sketch.middleware.rate_limit import RateLimit
from sketch.middleware.request_id import RequestID
from sketch.middleware.security_headers import SecurityHeaders
from sketch.middleware.sessions import Sessions
from sketch.middleware.trusted_hosts import TrustedHosts
from sketch.request import Request
from sketch.response import Response
from sketch.streams.stream import StreamResponse
from tests.core.websocket.support import session
from tests.support.requests import answer, in_loop, make_request
from tests.support.tagging import tagging, tags


async def ok() -> Response:
    return Response("ok")


def serving(handler: Any = ok, **options: Any) -> Application:
    app = Application(**options)
    app.add_route("GET", "/", handler)
    return app


# -- order -------------------------------------------------------------------------------------------------------------


@in_loop
async def test_the_first_is_the_outermost() -> None:
    log: list[str] = []
    app = Application(
        middlewares=[tagging("app 1", log), tagging("app 2", log)],
        outer_middlewares=[tagging("outer 1", log), tagging("outer 2", log)],
    )

    async def handler() -> Response:
        log.append("handler")
        return Response("ok")

    app.before_request(lambda: log.append("before"))
    app.add_route("GET", "/", handler, middlewares=[tagging("route", log)])
    app.after_request(lambda response: log.append("after"))
    app.on_response_prepare(lambda response: log.append("prepare"))
    response = await answer(app)
    names = ["outer 1", "outer 2", "app 1", "app 2", "route"]
    ins = [f"{name} in" for name in names]
    outs = [f"{name} out" for name in reversed(names)]
    assert log == [*ins[:2], "before", *ins[2:], "handler", *outs, "after", "prepare"]
    assert tags(response) == [name.encode() for name in reversed(names)]


@pytest.mark.parametrize(
    "given",
    [None, [], (), [tagging("a")], (tagging("a"),), (tagging(tag) for tag in "a")],
    ids=["None", "empty list", "empty tuple", "list", "tuple", "generator"],
)
@in_loop
async def test_middlewares_may_come_in_any_shape(given: Iterable[Any] | None) -> None:
    assert tags(await answer(serving(middlewares=given, outer_middlewares=None))) in ([], [b"a"])


@in_loop
async def test_the_list_that_was_given_stays_the_callers() -> None:
    given = [tagging("a")]
    app = serving(middlewares=given)
    app.middlewares.append(tagging("b"))
    assert len(given) == 1
    assert tags(await answer(app)) == [b"b", b"a"]


@in_loop
async def test_a_plain_function_that_returns_no_awaitable_is_named() -> None:
    def forgotten(request: Request, handler: Endpoint) -> Response:
        return Response("no")

    request = make_request()
    assert (await serving(middlewares=[forgotten]).handle(request)).status == 500
    assert str(request.error).startswith(
        "expected a middleware `async def`, got test_a_plain_function_that_returns_no_awaitable_is_named"
    )


@in_loop
async def test_a_middleware_may_be_any_callable_that_takes_the_keyword() -> None:
    class Tagging:
        async def __call__(self, request: Request, handler: Endpoint) -> Response:
            return await tagging("object")(request, handler)

    async def configured(tag: str, request: Request, *, handler: Endpoint) -> Response:
        return await tagging(tag)(request, handler)

    def plain(request: Request, handler: Endpoint) -> Awaitable[Response]:
        return handler(request)

    app = serving(middlewares=[Tagging(), partial(configured, "partial"), plain])
    assert tags(await answer(app)) == [b"partial", b"object"]


@in_loop
async def test_a_middleware_without_a_parameter_handler_gets_it_by_position() -> None:
    async def starlette_like(request: Request, call_next: Endpoint) -> Response:
        return await tagging("named otherwise")(request, call_next)

    async def only_positional(request: Request, handler: Endpoint, /) -> Response:
        return await tagging("positional")(request, handler)

    async def stars(*args: Any) -> Response:
        return await tagging("stars")(*args)

    async def optional(request: Request, call_next: Endpoint, verbose: bool = False) -> Response:
        assert not verbose
        return await tagging("optional")(request, call_next)

    def plain(request: Request, call_next: Endpoint) -> Awaitable[Response]:
        return call_next(request)

    app = serving(
        middlewares=[starlette_like, only_positional, plain],
        outer_middlewares=[stars, partial(optional)],
    )
    assert tags(await answer(app)) == [b"positional", b"named otherwise", b"optional", b"stars"]


class Outer:
    outer = True

    async def __call__(self, request: Request, handler: Endpoint) -> Response:
        return await handler(request)


async def swapped(handler: Endpoint, request: Request) -> Response:
    return await handler(request)


async def generating(request: Request, handler: Endpoint) -> Any:
    yield await handler(request)


async def with_more(request: Request, handler: Endpoint, user: str) -> Response:
    raise AssertionError


EVERYWHERE = [
    (lambda request: None, r"expected a middleware `async \(request, handler\)`, got .*lambda"),
    (with_more, r"expected a middleware .*, got with_more: "),
    (5, r"expected a middleware .*, got 5: "),
    (swapped, "got swapped: the request comes first"),
    (lambda call_next, request: None, "lambda.*: the request comes first"),
    (Outer, "got the class .*Outer.*: call it"),
    (generating, "got the generator generating"),
]
INSIDE = [
    (it, rf"expected middlewares that may stand around a handler, got .*{type(it).__name__}.*outer_middlewares=\[")
    for it in (
        CORS("*"),
        ProxyHeaders(["10.0.0.1"]),
        RequestID(),
        SecurityHeaders(),
        TrustedHosts(["a"]),
        CSRF(),
        HTTPSRedirect(host="a"),
        Protection(["a"]),
        Outer(),
    )
]


@pytest.mark.parametrize(("wrong", "message"), [*EVERYWHERE, *INSIDE])
@pytest.mark.parametrize("where", ["application", "outer", "appended", "group", "appended to a group", "route", "view"])
@in_loop
async def test_an_invalid_middleware_is_refused_where_it_is_given(where: str, wrong: Any, message: str) -> None:
    app = Application()
    group = app.group("/group")
    group.add_get("/x", ok)

    async def append(to: list[Any]) -> None:
        to.append(wrong)
        await app.startup()

    give: dict[str, Callable[[], Any]] = {
        "application": lambda: Application(middlewares=[wrong]),
        "outer": lambda: Application(outer_middlewares=[wrong]),
        "appended": lambda: append(app.middlewares),
        "group": lambda: app.group("/other", middlewares=[wrong]),
        "appended to a group": lambda: append(group.middlewares),
        "route": lambda: app.add_get("/", ok, middlewares=[wrong]),
        "view": lambda: app.websocket("/", middlewares=[wrong])(session),
    }
    if where == "outer" and message.startswith("expected middlewares"):
        give["outer"]()
        return

    async def run() -> None:
        given = give[where]()
        if given is not None:
            await given

    with pytest.raises(TypeError, match=message):
        await run()


def test_one_middleware_in_place_of_several() -> None:
    for give in (lambda: Application(middlewares=tagging("a")), lambda: Application(outer_middlewares=tagging("a"))):  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="expected several middlewares, got <function"):
            give()


READERS = {
    "TrustedHosts": lambda: TrustedHosts(["example.com"]),
    "Protection": lambda: Protection(["example.com"]),
    "CSRF": CSRF,
    "HTTPSRedirect": lambda: HTTPSRedirect(host="example.com"),
    "RateLimit": lambda: RateLimit("5/minute"),
    "Sessions": lambda: Sessions("s" * 32),
}


@pytest.mark.parametrize("name", READERS)
def test_what_reads_where_a_request_comes_from_stands_behind_proxy_headers(name: str) -> None:
    proxies, reader = ProxyHeaders(["10.0.0.0/8"]), READERS[name]()
    Application(outer_middlewares=[RequestID(), SecurityHeaders(), proxies, reader])
    with pytest.raises(TypeError, match=f"expected ProxyHeaders before {name} among the outer middlewares"):
        Application(outer_middlewares=[reader, proxies])
    app = Application(outer_middlewares=[reader])
    app.outer_middlewares.append(proxies)
    with pytest.raises(TypeError, match=f"expected ProxyHeaders before {name}"):
        app.freeze()


# -- what they see -----------------------------------------------------------------------------------------------------


@in_loop
async def test_inner_middlewares_see_exceptions_and_may_answer_them() -> None:
    seen: list[BaseException] = []

    async def catch(request: Request, handler: Endpoint) -> Response:
        try:
            return await handler(request)
        except Exception as exc:
            seen.append(exc)
            return Response("caught", status=418)

    async def fail() -> Response:
        raise ValueError("broken")

    app = serving(fail, middlewares=[catch])
    for target, method in (("/", "GET"), ("/nothing", "GET"), ("/", "POST")):
        assert (await answer(app, target, method=method)).status == 418
    assert [type(exc).__name__ for exc in seen] == ["ValueError", "HTTPNotFound", "HTTPMethodNotAllowed"]


@in_loop
async def test_outer_middlewares_always_get_a_response() -> None:
    seen: list[int] = []

    async def watch(request: Request, handler: Endpoint) -> Response:
        response = await handler(request)
        seen.append(response.status)
        response.headers["X-Tag"] = "outer"
        return response

    async def fail() -> Response:
        raise ValueError("broken")

    app = serving(fail, outer_middlewares=[watch])
    app.add_route("POST", "/body", ok, limits=Limits(body=1))
    responses = [
        await answer(app),
        await answer(app, "/nothing"),
        await answer(app, method="DELETE"),
        await answer(app, "/body", method="POST", body=[b"abc"], headers=[(b"content-length", b"3")]),
        await answer(app, method="OPTIONS"),
    ]
    assert seen == [response.status for response in responses] == [500, 404, 405, 413, 204]
    assert [tags(response) for response in responses] == [[b"outer"]] * 5


@in_loop
async def test_middlewares_may_answer_raise_or_return_an_exception() -> None:
    async def refuse(request: Request, handler: Endpoint) -> Response:
        return Response("refused", status=403)

    async def raise_it(request: Request, handler: Endpoint) -> Response:
        raise HTTPUnauthorized

    async def return_it(request: Request, handler: Endpoint) -> Any:
        return HTTPNotFound("returned")

    for middleware, status in ((refuse, 403), (raise_it, 401), (return_it, 404)):
        for where in ("middlewares", "outer_middlewares"):
            assert (await answer(serving(**{where: [middleware]}))).status == status


@in_loop
async def test_a_failing_outer_middleware_is_a_logged_500(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(request: Request, handler: Endpoint) -> Response:
        await handler(request)
        raise ValueError("outer broken")

    response = await answer(serving(outer_middlewares=[fail]))
    assert (response.status, response.payload) == (500, b"500 Internal Server Error")
    assert "outer broken" in caplog.text


@pytest.mark.parametrize("where", ["middlewares", "outer_middlewares"])
@in_loop
async def test_a_forgotten_return_names_the_middleware(where: str, caplog: pytest.LogCaptureFixture) -> None:
    async def forgetful(request: Request, handler: Endpoint) -> Any:
        await handler(request)

    assert (await answer(serving(**{where: [forgetful]}))).status == 500
    assert "forgetful, got None: did it forget to return one?" in caplog.text


@in_loop
async def test_a_stream_goes_through_untouched() -> None:
    async def produce() -> Any:
        yield b"1"

    async def handler() -> Response:
        return StreamResponse(produce())

    response = await answer(serving(handler, middlewares=[tagging("a")], outer_middlewares=[tagging("b")]))
    assert tags(response) == [b"a", b"b"]
    assert response.length is None


# -- folding -----------------------------------------------------------------------------------------------------------


def test_folding_nothing_is_the_endpoint() -> None:
    async def endpoint(request: Request) -> Response:
        return Response()

    assert fold([], endpoint) is endpoint


@pytest.mark.parametrize("where", ["app", "outer", "group", "mounted"])
def test_no_middleware_is_added_after_the_start(where: str) -> None:
    app, inner = Application(), Application()
    app.mount("/in", inner)
    group = app.group("/group")
    group.add_get("/x", lambda: Response())
    middlewares = {
        "app": lambda: app.middlewares,
        "outer": lambda: app.outer_middlewares,
        "group": lambda: group.middlewares,
        "mounted": lambda: inner.middlewares,
    }[where]
    middlewares().append(tagging("in time"))
    app.freeze()
    late = tagging("late")
    for change in (
        lambda: middlewares().append(late),
        lambda: middlewares().insert(0, late),
        lambda: middlewares().extend([late]),
        lambda: middlewares().__iadd__([late]),
        lambda: middlewares().__setitem__(0, late),
        lambda: middlewares().pop(),
    ):
        with pytest.raises(RuntimeError, match="expected middlewares to be added before the application starts"):
            change()
    assert len(middlewares()) == 1
