"""Background work: tasks of an application, and what responses leave to be done."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sketch.application import Application
from sketch.context import current_app, current_request
from sketch.exceptions import HTTPConflict
from sketch.files.response import FileResponse
from sketch.lifecycle import background
from sketch.lifecycle.stopping import Stopping
from sketch.request import Request
from sketch.response import JSONResponse, Response
from sketch.streams.stream import StreamResponse
from sketch.testing import TestClient
from tests.support.requests import in_loop, make_request


async def forever() -> None:
    await asyncio.Event().wait()


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


# -- tasks -------------------------------------------------------------------------------------------------------------


@in_loop
async def test_a_task_has_a_result_and_a_name() -> None:
    async def compute() -> int:
        return 7

    app = Application()
    task = app.spawn(compute())
    assert task.get_name().endswith("compute")
    assert await task == 7
    named = app.spawn(compute(), name="numbers")
    assert named.get_name() == "numbers"
    await named


@in_loop
async def test_a_failure_is_logged_at_once_with_the_name(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("broken")

    app = Application()
    await app.startup()
    task = app.spawn(fail(), name="newsletter")
    with pytest.raises(ValueError):
        await task
    assert logged(caplog) == ["background task newsletter failed"]
    assert "ValueError: broken" in caplog.text
    await app.cleanup()


@in_loop
async def test_a_task_that_was_cancelled_has_not_failed(caplog: pytest.LogCaptureFixture) -> None:
    app = Application()
    task = app.spawn(forever())
    task.cancel()
    await asyncio.wait([task])
    assert logged(caplog) == []


@pytest.mark.parametrize("wrong", [forever, None, asyncio.sleep])
@in_loop
async def test_what_is_no_coroutine(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"expected a coroutine, got .*: call the function"):
        Application().spawn(wrong)


def test_outside_the_event_loop() -> None:
    with pytest.raises(RuntimeError, match="event loop's thread"):
        Application().spawn(forever())


@in_loop
async def test_tasks_may_begin_at_any_time_but_after_the_end() -> None:
    app, seen = Application(), []

    async def note(place: str) -> None:
        seen.append(place)

    @app.on_startup
    async def starting() -> None:
        app.spawn(note("on_startup"))

    @app.on_shutdown
    async def stopping() -> None:
        app.spawn(note("on_shutdown"))

    @app.on_cleanup
    async def cleaning_up() -> None:
        with pytest.raises(RuntimeError, match=r"expected an application that has not ended, to run .*note"):
            app.spawn(note("too late"))
        seen.append("on_cleanup")

    @app.get("/")
    async def handler() -> Response:
        app.spawn(note("handler"))
        return Response()

    app.spawn(note("before"))
    for _ in range(2):  # and again
        async with TestClient(app) as client:
            await client.get("/")
    assert seen == ["before", *["on_startup", "handler", "on_shutdown", "on_cleanup"] * 2]


@in_loop
async def test_a_task_sees_the_context_it_was_spawned_in() -> None:
    app, seen = Application("shop"), []

    async def look(gate: asyncio.Event) -> None:
        await gate.wait()
        try:
            seen.append((current_app.name, current_request.path))
        except RuntimeError:
            seen.append((current_app.name, None))

    @app.on_startup
    async def start() -> None:
        app.gate = asyncio.Event()
        app.spawn(look(app.gate))

    @app.get("/{name}")
    async def handler() -> Response:
        app.spawn(look(app.gate))
        return Response()

    async with TestClient(app) as client:
        await client.get("/a")
        await client.get("/b")
        app.gate.set()
    assert sorted(seen, key=str) == [("shop", "/a"), ("shop", "/b"), ("shop", None)]


# -- the end -----------------------------------------------------------------------------------------------------------


def recording(seen: list[str]) -> Application:
    app = Application("shop")

    @app.cleanup_ctx
    async def context() -> AsyncIterator[None]:
        yield
        seen.append("context")

    app.on_shutdown(lambda: seen.append("on_shutdown"))
    app.on_cleanup(lambda: seen.append("on_cleanup"))
    return app


async def working(seen: list[str], release: asyncio.Event, name: str = "task") -> None:
    try:
        await release.wait()
        seen.append(f"{name} ended")
    except asyncio.CancelledError:
        seen.append(f"{name} cancelled")
        raise


@in_loop
async def test_tasks_are_waited_for_before_anything_is_cleaned_up(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    seen: list[str] = []
    app, release = recording(seen), asyncio.Event()
    await app.startup()
    app.spawn(working(seen, release), name="mail")
    await app.shutdown()
    ending = asyncio.create_task(app.cleanup())
    for _ in range(5):
        await asyncio.sleep(0)
    assert logged(caplog) == ["waiting for background tasks: mail"]
    assert seen == ["on_shutdown"]
    release.set()
    await ending
    assert seen == ["on_shutdown", "task ended", "on_cleanup", "context"]


@in_loop
async def test_a_task_may_spawn_others_at_the_end() -> None:
    seen: list[str] = []
    app = recording(seen)

    async def chain(left: int) -> None:
        await asyncio.sleep(0)
        seen.append(str(left))
        if left:
            app.spawn(chain(left - 1))

    await app.startup()
    app.spawn(chain(3))
    await app.shutdown()
    await app.cleanup()
    assert seen == ["on_shutdown", "3", "2", "1", "0", "on_cleanup", "context"]


@in_loop
async def test_after_the_grace_period_tasks_are_cancelled() -> None:
    seen: list[str] = []
    app = recording(seen)
    await app.startup()
    app.spawn(working(seen, asyncio.Event()))
    await asyncio.sleep(0)
    app.stopping.set(0.05)
    await app.shutdown()
    await app.cleanup()
    assert seen == ["on_shutdown", "task cancelled", "on_cleanup", "context"]


@in_loop
async def test_a_hook_may_shorten_the_grace_period() -> None:
    seen: list[str] = []
    app = recording(seen)
    app.on_shutdown(lambda: app.stopping.set(0.05))
    await app.startup()
    app.spawn(working(seen, asyncio.Event()))
    await asyncio.sleep(0)
    await app.shutdown()
    await app.cleanup()
    assert seen == ["on_shutdown", "task cancelled", "on_cleanup", "context"]


@in_loop
async def test_a_second_order_ends_the_wait() -> None:
    seen: list[str] = []
    app = recording(seen)
    await app.startup()
    app.spawn(working(seen, asyncio.Event()))
    app.stopping.set(60)
    await app.shutdown()
    ending = asyncio.create_task(app.cleanup())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not ending.done()
    app.stopping.set(0)
    await ending
    assert seen == ["on_shutdown", "task cancelled", "on_cleanup", "context"]


@in_loop
async def test_endless_tasks_are_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    seen: list[str] = []
    app = recording(seen)

    @app.on_startup
    async def start() -> None:
        app.spawn(working(seen, asyncio.Event(), "endless"), endless=True)

    async with TestClient(app, shutdown_timeout=60) as client:
        await client.shutdown()
        assert seen == ["on_shutdown"], "requests may still need it"
    assert seen == ["on_shutdown", "endless cancelled", "on_cleanup", "context"]
    assert logged(caplog) == []


@in_loop
async def test_a_task_that_cannot_be_cancelled_is_named_and_left_behind(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "CANCELLED", 0.05)
    seen: list[str] = []
    app, over = recording(seen), asyncio.Event()

    async def stubborn() -> None:
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                seen.append("no")

    await app.startup()
    task = app.spawn(stubborn(), name="stubborn one")
    await asyncio.sleep(0)
    app.stopping.set(0)
    await app.shutdown()
    await app.cleanup()
    over.set()
    await task
    assert seen == ["on_shutdown", "no", "on_cleanup", "context"]
    assert "left behind: background task stubborn one does not end" in logged(caplog)


@in_loop
async def test_a_failed_start_waits_for_nothing() -> None:
    seen: list[str] = []
    app = recording(seen)

    @app.on_startup
    async def first() -> None:
        app.spawn(working(seen, asyncio.Event()))
        await asyncio.sleep(0)

    @app.on_startup
    async def second() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await app.startup()
    assert seen == ["task cancelled", "on_cleanup", "context"]


@in_loop
async def test_cancelling_the_end_leaves_nothing_undone() -> None:
    seen: list[str] = []
    app = recording(seen)
    await app.startup()
    task = app.spawn(working(seen, asyncio.Event()))
    await app.shutdown()
    ending = asyncio.create_task(app.cleanup())
    for _ in range(5):
        await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    await asyncio.wait([task])
    assert sorted(seen) == ["context", "on_cleanup", "on_shutdown", "task cancelled"]


def test_an_application_may_run_again_in_another_loop() -> None:
    seen: list[str] = []
    app = recording(seen)

    async def live() -> None:
        async with TestClient(app):
            release = asyncio.Event()
            app.spawn(working(seen, release))
            asyncio.get_running_loop().call_later(0.01, release.set)

    for _ in range(2):
        asyncio.run(live())
    assert seen == ["on_shutdown", "task ended", "on_cleanup", "context"] * 2


@in_loop
async def test_tasks_of_a_mounted_application_end_before_it_does() -> None:
    seen: list[str] = []
    root, shop, release = Application("root"), recording(seen), asyncio.Event()
    root.mount("/shop", shop)
    root.on_cleanup(lambda: seen.append("root"))
    await root.startup()
    shop.spawn(working(seen, release, "shop"))
    root.spawn(working(seen, release, "root"))
    await root.shutdown()
    ending = asyncio.create_task(root.cleanup())
    await asyncio.sleep(0)
    release.set()
    await ending
    assert seen.index("shop ended") < seen.index("on_cleanup") < seen.index("root")
    assert seen.index("root ended") < seen.index("root")


@in_loop
async def test_the_grace_period_can_only_be_shortened() -> None:
    stopping = Stopping()
    await asyncio.wait_for(stopping.wait_grace(), 5)  # nobody has told
    loop = asyncio.get_running_loop()
    stopping.set(60)
    waiting = asyncio.create_task(stopping.wait_grace())
    await asyncio.sleep(0)
    stopping.set(600)
    began = loop.time()
    stopping.set(0.1)
    stopping.set(60)
    await waiting
    assert 0.05 < loop.time() - began < 5
    await asyncio.wait_for(stopping.wait_grace(), 5)


# -- after a response --------------------------------------------------------------------------------------------------


def answering(make: Callable[[], Any], **options: Any) -> Application:
    app = Application("shop", **options)
    app.add_get("/", make)
    return app


async def ask(app: Application, method: str = "GET", **options: Any) -> tuple[int, bytes]:
    """One request; at the end of the client's life, background work has ended."""
    async with TestClient(app) as client:
        response = await client.request(method, "/", **options)
        return response.status, await response.read()


class Work:
    """Background work that notes that it was done."""

    def __init__(self) -> None:
        self.done: list[Any] = []

    async def later(self, *args: Any) -> None:
        await asyncio.sleep(0)
        self.done.append(args or "later")

    def blocking(self) -> None:
        self.done.append(threading.current_thread().name.startswith("shop-handler"))

    def left(self, work: Any, response: Response | None = None) -> Callable[[], Any]:
        async def handler() -> Response:
            answer = Response("ok") if response is None else response
            answer.background = work
            return answer

        return handler


@in_loop
async def test_functions_of_every_kind() -> None:
    work = Work()
    later = work.later
    assert await ask(answering(work.left(later))) == (200, b"ok")
    assert await ask(answering(work.left(partial(later, 1, 2)))) == (200, b"ok")
    assert await ask(answering(work.left(work.blocking))) == (200, b"ok")
    assert await ask(answering(work.left(lambda: later("lambda")))) == (200, b"ok")
    assert work.done == ["later", (1, 2), True, ("lambda",)]


@in_loop
async def test_several_functions_do_not_wait_for_each_other(caplog: pytest.LogCaptureFixture) -> None:
    both = asyncio.Barrier(2)
    done: list[int] = []

    async def meet(number: int) -> None:
        await both.wait()
        done.append(number)

    async def fail() -> None:
        raise ValueError("broken")

    work = [fail, partial(meet, 1), partial(meet, 2)]
    await ask(answering(Work().left(work)))
    assert sorted(done) == [1, 2]
    (message,) = logged(caplog)
    assert message.startswith("background task ")
    assert message.endswith("fail after GET '/' failed")


def test_what_is_no_function() -> None:
    response = Response()
    for wrong in (forever(), 7, [forever(), forever], [None]):
        with pytest.raises(TypeError, match="expected a function for the background, got"):
            response.background = wrong  # type: ignore[assignment]
    assert response.background == ()
    response.background = forever
    response.background += (forever,)
    assert response.background == (forever, forever)
    response.background = None
    assert response.background == ()


@pytest.mark.parametrize("kind", ["json", "stream", "file", "empty", "not modified", "fields"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@in_loop
async def test_responses_of_every_kind(kind: str, method: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 300_000)
    made: dict[str, Callable[[], Response]] = {
        "json": lambda: JSONResponse({}),
        "stream": lambda: StreamResponse(iter([b"a", b"b"])),
        "file": lambda: FileResponse(tmp_path / "file"),
        "empty": lambda: Response(status=204),
        "not modified": lambda: Response(status=304),
        "fields": lambda: Response("a", headers={"X-A": "1"}),
    }
    work = Work()
    app = answering(lambda: work.left(work.later, made[kind]())())
    assert (await ask(app, method))[0] in (200, 204, 304)
    assert work.done == ["later"]


@in_loop
async def test_one_response_for_many_requests_leaves_it_each_time() -> None:
    work, shared = Work(), Response("shared")
    shared.background = work.later
    app = answering(lambda: shared)
    app.after_request(lambda response: response.headers.add("X-A", "1"))
    async with TestClient(app) as client:
        for _ in range(3):
            assert (await client.get("/")).headers.getall("X-A") == ["1"]
    assert work.done == ["later"] * 3


@in_loop
async def test_middleware_and_hooks_may_add_to_it() -> None:
    work = Work()

    async def middleware(request: Request, handler: Any) -> Response:
        response: Response = await handler(request)
        response.background += (partial(work.later, "middleware"),)
        return response

    app = answering(work.left(work.later), middlewares=[middleware])

    @app.after_request
    async def hook(response: Response) -> None:
        response.background += (partial(work.later, "hook"),)

    await ask(app)
    assert work.done == ["later", ("middleware",), ("hook",)]


@pytest.mark.parametrize("fault", ["raise", "replace", "unsendable", "missing"])
@in_loop
async def test_what_is_not_sent_leaves_nothing(fault: str, tmp_path: Path) -> None:
    work = Work()
    response = FileResponse(tmp_path / "none") if fault == "missing" else Response("ok")
    app = answering(work.left(work.later, response))

    @app.after_request
    async def hook(response: Response) -> Response | None:
        if fault == "raise":
            raise HTTPConflict
        if fault == "unsendable":
            response.headers["X-A"] = "a\r\nb"
        return Response("other") if fault == "replace" else None

    async with TestClient(app, raise_errors=False) as client:
        assert (await client.get("/")).status == {"raise": 409, "unsendable": 500, "missing": 404, "replace": 200}[
            fault
        ]
    assert work.done == []


@in_loop
async def test_a_client_that_leaves_changes_nothing() -> None:
    work, closed = Work(), asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 1000
        finally:
            closed.set()

    async with TestClient(answering(lambda: work.left(work.later, StreamResponse(endless()))())) as client:
        response = await client.get("/")
        await anext(response.stream())
        assert work.done == []
        await response.close()
        await closed.wait()
    assert work.done == ["later"]


@in_loop
async def test_the_client_has_the_answer_first() -> None:
    told, done = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        await told.wait()
        done.set()

    async with TestClient(answering(Work().left(wait))) as client:
        assert await (await client.get("/")).read() == b"ok"
        assert not done.is_set()
        told.set()
        await done.wait()


@in_loop
async def test_it_belongs_to_the_application_that_has_answered() -> None:
    root, shop, seen = Application("root"), Application("shop"), []

    async def look() -> None:
        await asyncio.sleep(0)
        seen.append((current_app.name, current_request.path, current_request.root_path))

    shop.add_get("/a", Work().left(look))
    root.mount("/shop", shop)
    shop.on_cleanup(lambda: seen.append("shop ended"))
    async with TestClient(root) as client:
        await client.get("/shop/a")
    assert seen == [("shop", "/a", "/shop"), "shop ended"]


@in_loop
async def test_after_the_end_it_is_not_begun(caplog: pytest.LogCaptureFixture) -> None:
    app = Application()
    await app.startup()
    await app.cleanup()
    request = make_request("/late", app=app)
    request.background = (forever,)
    request.begin_background()
    (message,) = logged(caplog)
    assert message.startswith("background task forever after GET '/late' was not begun: ")
