"""Background work that a response leaves to be done."""

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
from sketch.request import Request
from sketch.response import JSONResponse, Response
from sketch.streams.stream import StreamResponse
from sketch.testing import TestClient
from tests.core.lifecycle.support import forever, logged
from tests.support.requests import finished, in_loop, make_request


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


def test_anything_but_functions_is_refused() -> None:
    response = Response()

    def generate() -> Any:
        yield

    for wrong in (forever(), 7, [forever(), forever], [None], generate, partial(generate)):
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
async def test_a_shared_response_leaves_work_each_time() -> None:
    work, shared = Work(), Response("shared")
    shared.background = work.later
    app = answering(lambda: shared)
    app.after_request(lambda response: response.headers.add("X-A", "1"))
    async with TestClient(app) as client:
        for _ in range(3):
            assert (await client.get("/")).headers.getall("X-A") == ["1"]
    assert work.done == ["later"] * 3


@in_loop
async def test_middleware_and_hooks_may_add_work() -> None:
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
async def test_unsent_responses_leave_no_work(fault: str, tmp_path: Path) -> None:
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
async def test_work_belongs_to_the_application_that_answered() -> None:
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
async def test_work_is_not_begun_after_the_end(caplog: pytest.LogCaptureFixture) -> None:
    app = Application()
    await app.startup()
    await app.cleanup()
    request = make_request("/late", app=app)
    request.at_end.background = (forever,)
    await finished(app, request)
    (message,) = logged(caplog)
    assert message.startswith("background task forever after GET '/late' was not begun: ")
