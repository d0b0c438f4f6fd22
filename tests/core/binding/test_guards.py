"""Guards: of applications, groups and routes; in which order they run, and what they share with the handler.

Annotations are objects here: functions that are local to a test exist at run time.
"""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import pytest

from sketch.application import Application
from sketch.binding.response_parts import ResponseParts
from sketch.binding.sources import Depends, Header
from sketch.exceptions import HTTPForbidden, HTTPUnauthorized
from sketch.keys import RequestKey
from sketch.request import Request
from sketch.response import Response
from sketch.routing import Router
from sketch.routing.group import RouteGroup
from sketch.routing.views import View
from sketch.websocket import WebSocket
from tests.core.binding.support import JSON, fields, run, send, serving, text, told
from tests.core.websocket.support import shake
from tests.support.requests import answer, finished, make_request


class Notes:
    """Guards that note their calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def make(self, name: str) -> Depends:
        async def guard() -> None:
            self.calls.append(name)

        return Depends(guard)

    def make_with_exit(self, name: str, scope: Any) -> Depends:
        async def guard() -> AsyncIterator[None]:
            self.calls.append(f"+{name}")
            try:
                yield
            except Exception as exc:
                self.calls.append(f"{name} sees {type(exc).__name__}")
                raise
            finally:
                self.calls.append(f"-{name}")

        return Depends(guard, scope=scope)


async def handler(request: Request) -> Response:
    return Response("handler")


async def refuse(authorization: Annotated[str | None, Header()] = None) -> str:
    if authorization is None:
        raise HTTPUnauthorized
    return authorization


def test_the_outermost_runs_first() -> None:
    notes = Notes()
    app = Application(dependencies=[notes.make("app 1"), notes.make("app 2")])
    outer = app.group("/outer", dependencies=[notes.make("outer")])
    inner = outer.group("/inner", dependencies=[notes.make("inner")])
    inner.add_get("/", handler, dependencies=[notes.make("route 1"), notes.make("route 2")])
    assert text(run(send(app, "/outer/inner/"))) == "handler"
    assert notes.calls == ["app 1", "app 2", "outer", "inner", "route 1", "route 2"]


def test_a_group_that_is_added_later() -> None:
    notes = Notes()
    group = RouteGroup("/api", dependencies=[notes.make("group")])
    group.add_get("/", handler, dependencies=[notes.make("route")])
    app = Application(dependencies=[notes.make("app")])
    app.add_group(group)
    run(send(app, "/api/"))
    assert notes.calls == ["app", "group", "route"]


def test_a_copied_route_keeps_its_guards() -> None:
    notes = Notes()
    group = RouteGroup("/api", dependencies=[notes.make("group")])
    first, second = Application(), Application(dependencies=[notes.make("second")])
    first.add_group(group)
    second.add_routes(group.add_get("/", handler, dependencies=[notes.make("route")]))
    run(send(second, "/api/"))
    assert notes.calls == ["second", "group", "route"]


def test_a_copied_route_keeps_the_options_of_its_answers() -> None:
    async def number() -> int:
        return 1

    app = Application()
    app.add_routes(Router().add_get("/", number, status=201))
    assert run(send(app)).status == 201


def test_guards_run_inside_the_middlewares() -> None:
    notes = Notes()

    async def middleware(request: Any, call: Any) -> Any:
        notes.calls.append("middleware")
        return await call(request)

    run(send(serving(handler, dependencies=[notes.make("guard")], middlewares=[middleware])))
    assert notes.calls == ["middleware", "guard"]


def test_a_guard_may_refuse_before_the_body_is_read() -> None:
    async def with_body(item: dict[str, int]) -> Response:
        raise AssertionError

    app = serving(with_body, method="POST", dependencies=[Depends(refuse)])
    unread = AssertionError("expected a body that is not read")
    wire = run(answer(app, method="POST", headers=fields([JSON], b"{}"), body=[unread]))
    assert wire.status == 401
    assert run(send(serving(handler, dependencies=[Depends(refuse)]))).status == 401


def test_the_first_that_refuses_is_the_answer() -> None:
    notes = Notes()
    app = serving(handler, dependencies=[Depends(refuse), notes.make("second")])
    assert run(send(app)).status == 401
    assert notes.calls == []
    assert run(send(app, "/", (b"authorization", b"a"))).status == 200
    assert notes.calls == ["second"]


def test_values_are_shared_with_the_handler() -> None:
    calls: list[int] = []

    async def user() -> str:
        calls.append(1)
        return f"user {len(calls)}"

    async def shares(user: Annotated[str, Depends(user)]) -> Response:
        return told(user)

    app = Application(dependencies=[Depends(user)])
    app.add_get("/", shares, dependencies=[Depends(user)])
    assert text(run(send(app))) == "'user 1'"
    assert text(run(send(app))) == "'user 2'"


def test_faulty_inputs_of_guards() -> None:
    """They are told before the handler's own: it is not looked at."""

    async def guard(page: int) -> None:
        raise AssertionError

    async def other(size: int) -> None:
        raise AssertionError

    async def with_input(q: int) -> Response:
        raise AssertionError

    app = serving(with_input, dependencies=[Depends(guard), Depends(other)])
    wire = run(send(app))
    assert wire.status == 422
    assert text(wire).splitlines() == ["query page: is required", "query size: is required"]


def test_nothing_is_called_behind_a_guard_with_faulty_input() -> None:
    """What it would have stored, or refused, is not there for what follows."""
    user = RequestKey[str]("user")

    def keep(request: Request, name: Annotated[str, Header()]) -> None:
        request[user] = name

    def only_ann(request: Request, name: Annotated[str, user], size: int = 0) -> None:
        if name != request[user] or name != "ann":
            raise HTTPForbidden

    async def shows(_: Annotated[None, Depends(keep)], name: Annotated[str, user], q: int = 0) -> Response:
        return Response(name)

    for options in ({"dependencies": [Depends(keep), Depends(only_ann)]}, {}):
        app = serving(shows, **options)
        assert text(run(send(app, "/", (b"name", b"ann")))) == "ann"
        wire = run(send(app, "/?size=x&q=x"))
        assert wire.status == 422
        assert text(wire).splitlines() == [
            "header name: is required", f"query {'size' if options else 'q'}: expected an integer",
        ]  # fmt: skip
        app.threads.close()


@pytest.mark.parametrize("kind", ["untyped", "view", "def", "typed"])
def test_handlers_of_every_kind_are_guarded(kind: str) -> None:
    class Page(View):
        async def get(self, q: int = 0) -> Response:
            return Response("handler")

    def blocking() -> Response:
        return Response("handler")

    async def typed(q: int = 0) -> Response:
        return Response("handler")

    handlers: dict[str, Any] = {"untyped": handler, "view": Page, "def": blocking, "typed": typed}
    app = Application(dependencies=[Depends(refuse)])
    app.add_get("/", handlers[kind])
    assert run(send(app)).status == 401
    assert text(run(send(app, "/", (b"authorization", b"a")))) == "handler"
    app.threads.close()


@pytest.mark.parametrize("scope", ["handler", "request"])
def test_the_exits_of_guards(scope: Any) -> None:
    notes = Notes()

    async def noted(request: Request) -> Response:
        notes.calls.append("handler")
        return Response()

    async def failing(request: Request) -> Response:
        raise HTTPForbidden

    guards = [notes.make_with_exit("a", scope), notes.make_with_exit("b", scope)]
    assert run(send(serving(noted, dependencies=guards))).status == 200
    assert notes.calls == ["+a", "+b", "handler", "-b", "-a"]
    notes.calls.clear()
    assert run(send(serving(failing, dependencies=guards))).status == 403
    assert notes.calls == ["+a", "+b", "b sees HTTPForbidden", "-b", "a sees HTTPForbidden", "-a"]
    notes.calls.clear()
    assert run(send(serving(noted, dependencies=[*guards, Depends(refuse)]))).status == 401
    assert notes.calls == ["+a", "+b", "b sees HTTPUnauthorized", "-b", "a sees HTTPUnauthorized", "-a"]


def test_the_exits_of_guards_come_after_those_of_the_handler() -> None:
    notes = Notes()
    mine = notes.make_with_exit("mine", "handler")

    async def with_exit(a: Annotated[None, mine], q: int = 0) -> Response:
        notes.calls.append("handler")
        return Response()

    run(send(serving(with_exit, dependencies=[notes.make_with_exit("guard", "handler")])))
    assert notes.calls == ["+guard", "+mine", "handler", "-mine", "-guard"]


def test_parts_of_the_response_in_guards() -> None:
    async def guard(response: ResponseParts) -> None:
        response.headers["X-Guard"] = "yes"

    async def typed(response: ResponseParts) -> Response:
        response.status = 201
        return Response("typed")

    for each, status in ((handler, 200), (typed, 201)):
        wire = run(send(serving(each, dependencies=[Depends(guard)])))
        assert (wire.status, dict(wire.fields)[b"x-guard"]) == (status, b"yes")


# -- mounted applications ---------------------------------------------------------------------------------------------


def test_guards_around_mounted_applications() -> None:
    notes = Notes()
    inner = Application(dependencies=[notes.make("inner")])
    inner.add_get("/", handler, dependencies=[notes.make("route")])
    middle = Application(dependencies=[notes.make("middle")])
    middle.mount("/inner", inner)
    app = Application(dependencies=[notes.make("outer")])
    app.mount("/middle", middle)

    async def main() -> None:
        await app.startup()
        assert text(await send(app, "/middle/inner/")) == "handler"
        assert notes.calls == ["outer", "middle", "inner", "route"]
        assert (await send(app, "/middle/inner/nothing")).status == 404
        await app.shutdown()
        await app.cleanup()

    run(main())
    assert notes.calls == ["outer", "middle", "inner", "route"]


async def foreign(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"foreign"})


def test_guards_around_foreign_applications() -> None:
    app = Application(dependencies=[Depends(refuse)])
    app.mount("/foreign", foreign)

    async def main() -> None:
        await app.startup()
        assert (await send(app, "/foreign/page")).status == 401
        assert (await shake(app, "/foreign/ws")).status == 401
        await app.shutdown()
        await app.cleanup()

    run(main())


def test_guards_of_websockets() -> None:
    """They run before the handshake is answered; exits of both scopes run after the session."""
    from tests.core.websocket.support import Pipe, handshake

    notes = Notes()
    app = Application(dependencies=[Depends(refuse)])

    async def session(ws: WebSocket) -> None:
        notes.calls.append("session")

    guards = [notes.make_with_exit("a", "request"), notes.make_with_exit("b", "handler")]
    app.add_websocket("/ws", session, dependencies=guards)

    async def main() -> None:
        assert (await shake(app)).status == 401
        assert notes.calls == []
        request = handshake(app, headers=[(b"authorization", b"a")])
        wire = await app.handle(request)
        assert wire.switch is not None
        await wire.switch.run(request, Pipe())
        await finished(app, request, wire)  # type: ignore[arg-type]

    run(main())
    assert notes.calls == ["+a", "+b", "session", "-b", "-a"]


def test_what_no_route_answers_is_not_guarded() -> None:
    """404, 405 and the automatic OPTIONS."""
    app = Application(dependencies=[Depends(refuse)])
    app.add_get("/", handler)
    assert run(send(app, "/nothing")).status == 404
    assert run(send(app, "/", method="POST")).status == 405
    assert run(send(app, "/", method="OPTIONS")).status == 204


# -- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", [refuse, Depends(), Header(), Depends, None])
def test_what_is_no_guard(mark: Any) -> None:
    for add in (
        lambda: Application(dependencies=[mark]),
        lambda: Router().add_get("/", handler, dependencies=[mark]),
        lambda: RouteGroup("/a", dependencies=[mark]).add_get("/", handler),
    ):
        with pytest.raises(TypeError, match=r"expected dependencies as Depends\(function\), got "):
            add()


def test_guards_with_mistakes() -> None:
    def wanting(a, b) -> None: ...  # type: ignore[no-untyped-def]

    def of_path(id: Annotated[str, "path"], request: Request) -> None: ...

    with pytest.raises(
        ValueError, match=r"expected a parameter of 'request', .*, got 'b', in the dependency .*wanting"
    ):
        Application(dependencies=[Depends(wanting)])
    with pytest.raises(ValueError, match=r"got 'b', in the dependency .*wanting.*; in the route '/' of handler"):
        Router().add_get("/", handler, dependencies=[Depends(wanting)])
    Router().add_get("/{id}", handler, dependencies=[Depends(of_path)])


def body_reader(item: dict[str, int]) -> None: ...


@pytest.mark.parametrize("make", [lambda mark: {"dependencies": [mark]}])
def test_a_guard_that_reads_the_body(make: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError, match="expected no body on GET"):
        Router().add_get("/", handler, **make(Depends(body_reader)))
    Router().add_post("/", handler, **make(Depends(body_reader)))


def test_a_guard_without_a_body_leaves_it_to_the_handler() -> None:
    async def with_body(item: dict[str, int]) -> Response:
        return told(item)

    async def main() -> None:
        app = serving(with_body, method="POST", dependencies=[Depends(refuse)])
        request = make_request(
            method="POST", headers=fields([JSON, (b"authorization", b"a")], b'{"a": 1}'), body=[b'{"a"', b": 1}"]
        )
        wire = await app.handle(request)
        await finished(app, request, wire)
        assert text(wire) == "{'a': 1}"

    run(main())
