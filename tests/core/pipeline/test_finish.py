"""`Application.finished`: what is done once an exchange is over, in which order, and what happens when a part fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sketch import current_app
from sketch.application import Application
from sketch.exceptions import HTTPConflict
from sketch.request import BaseRequest, Request
from sketch.response import Response
from sketch.transport import ClientDisconnected, Outcome
from tests.support.requests import answer, exchange, finished, in_loop

Log = list[Any]


class Held:
    """A resource that notes when it is closed."""

    def __init__(self, log: Log, error: BaseException | None = None) -> None:
        self._log = log
        self._error = error

    async def aclose(self) -> None:
        self._log.append("resource")
        if self._error is not None:
            raise self._error


def leaving(log: Log, name: str, error: BaseException | None = None) -> Callable[[Exception | None], Awaitable[None]]:
    """An exit that notes its name and the error that it gets."""

    async def leave(exc: Exception | None) -> None:
        log.append((name, exc))
        if error is not None:
            raise error

    return leave


class Work:
    """An application whose handler leaves a bit of everything to the end of its exchange.

    Args:
        fails: what each part raises, by the name that it notes.
        handler_error: what the handler raises in the end.
    """

    def __init__(self, fails: dict[str, BaseException] | None = None, handler_error: Exception | None = None) -> None:
        self.log: Log = []
        self.fails = fails or {}
        self.error = handler_error
        self.worked = asyncio.Event()
        self.app = Application("outer")
        self.app.access_log = self.write
        self.app.add_get("/", self.handle)
        self.app.on_finished(self.listen)
        self.app.on_finished(self.listen_too)

    def write(self, request: BaseRequest, outcome: Outcome) -> None:
        self.log.append("access log")
        self.fail("access log")

    def fail(self, name: str) -> None:
        if name in self.fails:
            raise self.fails[name]

    async def listen(self, outcome: Outcome) -> None:
        self.log.append("listener")
        self.fail("listener")

    async def listen_too(self) -> None:
        self.log.append("second listener")

    async def handle(self, request: Request) -> Response:
        log, fails = self.log, self.fails
        request.at_end.resources.append(Held(log, fails.get("resource")))
        request.at_end.exits += [
            leaving(log, "outer exit", fails.get("outer exit")),
            leaving(log, "inner exit", fails.get("inner exit")),
        ]
        if self.error is not None:
            raise self.error
        response = Response("ok")
        response.background = self.work
        return response

    async def work(self) -> None:
        self.log.append("work")
        self.worked.set()

    @property
    def order(self) -> list[str]:
        """The names in the log, without the errors that the exits got."""
        return [each[0] if isinstance(each, tuple) else each for each in self.log]


ORDER = ["access log", "resource", "inner exit", "outer exit", "listener", "second listener"]


# -- order -------------------------------------------------------------------------------------------------------------


@in_loop
async def test_the_order() -> None:
    work = Work()
    wire, request = await exchange(work.app)
    assert work.log == []
    await finished(work.app, request, wire)
    assert work.order == ORDER
    assert [each for each in work.log if isinstance(each, tuple)] == [("inner exit", None), ("outer exit", None)]
    await work.worked.wait()


@in_loop
async def test_background_work_is_begun_before_the_exits_are_awaited() -> None:
    """It is a task of its own, so it runs as soon as an exit waits."""
    log: Log = []
    app = Application()
    begun = asyncio.Event()

    async def work() -> None:
        log.append("work")
        begun.set()

    async def leave(error: Exception | None) -> None:
        await begun.wait()
        log.append("exit")

    @app.get("/")
    async def handler(request: Request) -> Response:
        request.at_end.exits.append(leave)
        response = Response()
        response.background = work
        return response

    await answer(app)
    assert log == ["work", "exit"]


@in_loop
async def test_nothing_is_done_twice() -> None:
    """An exchange ends once; what it had to close and to leave is gone after that."""
    work = Work()
    wire, request = await exchange(work.app)
    await finished(work.app, request, wire)
    assert request.finishing is None
    await finished(work.app, request, wire)
    names = [name for name in work.order if name in ("resource", "inner exit", "outer exit")]
    assert names == ["resource", "inner exit", "outer exit"]
    await work.worked.wait()
    await asyncio.sleep(0)
    assert work.log.count("work") == 1


@pytest.mark.parametrize("error", [HTTPConflict("taken"), ValueError("broken")])
@in_loop
async def test_exits_get_the_error_of_the_handler(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """Also one that became an answer."""
    work = Work(handler_error=error)
    outcomes: list[Outcome] = []
    work.app.on_finished(outcomes.append)
    await answer(work.app)
    assert work.order == ORDER
    assert [each for each in work.log if isinstance(each, tuple)] == [("inner exit", error), ("outer exit", error)]
    assert [outcome.error for outcome in outcomes] == [error]


@in_loop
async def test_exits_get_the_error_of_a_body() -> None:
    work, broken = Work(), ValueError("broken body")
    wire, request = await exchange(work.app)
    await finished(work.app, request, wire, fault=broken)
    assert [each for each in work.log if isinstance(each, tuple)] == [("inner exit", broken), ("outer exit", broken)]


@in_loop
async def test_a_client_that_left_is_no_error() -> None:
    work = Work()
    outcomes: list[Outcome] = []
    work.app.on_finished(outcomes.append)
    wire, request = await exchange(work.app)
    await finished(work.app, request, wire, fault=ClientDisconnected())
    assert [each for each in work.log if isinstance(each, tuple)] == [("inner exit", None), ("outer exit", None)]
    (outcome,) = outcomes
    assert (outcome.error, outcome.disconnected, outcome.cancelled) == (None, True, False)


@in_loop
async def test_an_exchange_that_leaves_nothing_to_do() -> None:
    app = Application()

    @app.get("/")
    async def handler() -> Response:
        return Response("ok")

    wire, request = await exchange(app)
    assert (request.finishing, app.watched) == (None, False)
    await finished(app, request, wire)


# -- errors and cancellation -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ORDER[:-1])
@in_loop
async def test_an_error_in_one_is_logged_and_the_others_go_on(name: str, caplog: pytest.LogCaptureFixture) -> None:
    work = Work({name: ValueError("broken end")})
    assert (await answer(work.app)).status == 200
    assert work.order == ORDER
    assert "broken end" in caplog.text
    assert len(caplog.records) == 1


@in_loop
async def test_errors_in_all_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    work = Work({name: ValueError(f"broken {name}") for name in ORDER})
    await answer(work.app)
    assert work.order == ORDER
    for name in ORDER[:-1]:
        assert f"broken {name}" in caplog.text


@pytest.mark.parametrize("stray", [asyncio.CancelledError("inner"), SystemExit(2), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("name", ORDER[:-1])
@in_loop
async def test_whatever_one_raises_the_others_are_called(
    name: str, stray: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work({name: stray})
    wire, request = await exchange(work.app)
    await finished(work.app, request, wire)
    assert work.order == ORDER
    await work.worked.wait()
    await asyncio.sleep(0)
    assert repr(stray) in caplog.text


@in_loop
async def test_a_task_that_is_cancelled_at_the_end() -> None:
    """As a server does it at the end of its grace period."""
    log: Log = []
    app, entered = Application(), asyncio.Event()

    async def leave(error: Exception | None) -> None:
        entered.set()
        await asyncio.Event().wait()

    @app.get("/")
    async def handler(request: Request) -> Response:
        request.at_end.exits += [leaving(log, "outer exit"), leave]
        return Response()

    app.on_finished(lambda: log.append("listener"))
    wire, request = await exchange(app)
    task = asyncio.create_task(finished(app, request, wire))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == [("outer exit", None), "listener"]


@in_loop
async def test_work_that_cannot_begin_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    work = Work()
    wire, request = await exchange(work.app)
    await work.app.startup(work.write)
    await work.app.cleanup()
    await finished(work.app, request, wire)
    assert work.order == ORDER
    assert "was not begun" in caplog.text


# -- listeners of mounted applications ---------------------------------------------------------------------------------


class Tree:
    """Applications mounted in each other, `/shop/cart`, each with a listener that notes where it is called."""

    def __init__(self, fails: dict[str, BaseException] | None = None) -> None:
        self.log: Log = []
        self.fails = fails or {}
        self.root, self.shop, self.cart, self.other = map(Application, ("root", "shop", "cart", "other"))
        self.shop.mount("/cart", self.cart)
        self.root.mount("/shop", self.shop)
        self.root.mount("/other", self.other)
        for app in (self.root, self.shop, self.cart, self.other):
            app.add_get("/x", self.handle)
            app.on_finished(self.listener(app.name))

    async def handle(self, request: Request) -> Response:
        return Response(request.app.name)

    def listener(self, name: str) -> Callable[[Request, Outcome], None]:
        def listen(request: Request, outcome: Outcome) -> None:
            self.log.append((name, request.app.name, request.root_path, request.path, outcome.status))
            if name in self.fails:
                raise self.fails[name]

        return listen


CART = [
    ("cart", "cart", "/shop/cart", "/x", 200),
    ("shop", "shop", "/shop", "/cart/x", 200),
    ("root", "root", "", "/shop/cart/x", 200),
]


@pytest.mark.parametrize(
    ("target", "log"),
    [
        ("/shop/cart/x", CART),
        ("/shop/x", [("shop", "shop", "/shop", "/x", 200), ("root", "root", "", "/shop/x", 200)]),
        ("/x", [("root", "root", "", "/x", 200)]),
        ("/none", [("root", "root", "", "/none", 404)]),
        ("/shop/none", [("shop", "shop", "/shop", "/none", 404), ("root", "root", "", "/shop/none", 404)]),
    ],
)
@in_loop
async def test_listeners_from_the_application_that_answered_outward(target: str, log: Log) -> None:
    tree = Tree()
    wire, request = await exchange(tree.root, target)
    assert tree.log == []
    await finished(tree.root, request, wire)
    assert tree.log == log


@pytest.mark.parametrize("name", ["cart", "shop", "root"])
@in_loop
async def test_a_listener_that_fails_keeps_no_other_from_its_call(name: str, caplog: pytest.LogCaptureFixture) -> None:
    tree = Tree({name: ValueError("broken")})
    wire, request = await exchange(tree.root, "/shop/cart/x")
    await finished(tree.root, request, wire)
    assert tree.log == CART
    assert "broken" in caplog.text
    tree = Tree({name: asyncio.CancelledError("inner")})
    wire, request = await exchange(tree.root, "/shop/cart/x")
    await finished(tree.root, request, wire)
    assert tree.log == CART
    assert "CancelledError('inner')" in caplog.text


@in_loop
async def test_exits_and_work_see_the_application_that_answered() -> None:
    log: Log = []
    root, shop = Application("root"), Application("shop")
    worked = asyncio.Event()

    @shop.get("/x")
    async def handler(request: Request) -> Response:
        def note(what: str) -> None:
            log.append((what, request.app.name, request.root_path, current_app.name))

        async def leave(error: Exception | None) -> None:
            note("exit")

        async def work() -> None:
            note("work")
            worked.set()

        request.at_end.exits.append(leave)
        response = Response()
        response.background = work
        return response

    root.mount("/shop", shop)
    await answer(root, "/shop/x")
    await worked.wait()
    assert log == [("exit", "shop", "/shop", "shop"), ("work", "shop", "/shop", "shop")]
