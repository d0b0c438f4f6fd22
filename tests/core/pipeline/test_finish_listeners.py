"""`Application.on_finished`: how listeners are written, what is watched, and what an exchange leaves to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sketch.application import Application
from sketch.exceptions import HTTPConflict
from sketch.request import BaseRequest, Request
from sketch.response import Response
from sketch.streams.stream import StreamResponse
from sketch.transport import Outcome
from tests.core.pipeline.test_finish import Log
from tests.support.requests import answer, exchange, in_loop, make_request


@in_loop
async def test_the_ways_to_write_a_listener() -> None:
    log: Log = []
    app = Application()

    @app.on_finished
    async def both(request: Request, outcome: Outcome) -> None:
        log.append((request.path, outcome.status))

    @app.on_event("finished")
    def plain(outcome: Outcome) -> None:
        log.append(outcome.status)

    async def one(outcome: Outcome) -> None:
        log.append(outcome.seconds)

    app.on_finished.append(one)
    app.on_finished.append(lambda: log.append("nothing"))
    await answer(app, "/a")
    assert log == [("/a", 404), 404, 2.0, "nothing"]


def test_a_listener_with_too_many_parameters() -> None:
    with pytest.raises(TypeError, match=r"expected a function of \(request, outcome\) for on_finished"):
        Application().on_finished(lambda request, outcome, more: None)


def silent(request: BaseRequest, outcome: Outcome) -> None:
    """An access log that writes nothing."""


def heard(outcome: Outcome) -> None:
    """A listener that does nothing."""


@pytest.mark.parametrize("where", ["nowhere", "access log", "root", "shop", "cart", "other"])
@in_loop
async def test_which_applications_are_watched(where: str) -> None:
    """All, if one has a listener or the outermost an access log; known from the start on."""
    root, shop, cart, other = map(Application, ("root", "shop", "cart", "other"))
    shop.mount("/cart", cart)
    root.mount("/shop", shop)
    root.mount("/other", other)
    every = {"root": root, "shop": shop, "cart": cart, "other": other}
    if where in every:
        every[where].on_finished(heard)
    assert not any(app.watched for app in every.values())
    await root.startup(silent if where == "access log" else None)
    assert [app.watched for app in every.values()] == [where != "nowhere"] * 4
    with pytest.raises(RuntimeError, match="on_finished cannot be changed any more"):
        root.on_finished(heard)
    root.access_log = None if where == "access log" else silent
    assert root.watched == (where != "nowhere")
    await root.cleanup()


@in_loop
async def test_what_was_raised_is_noted_only_where_something_asks_for_it() -> None:
    app, error = Application(), HTTPConflict()

    @app.get("/")
    async def handler() -> Response:
        raise error

    _, request = await exchange(app)
    assert request.raised is None
    assert make_request().raised is None
    watched = Application()
    watched.on_finished(heard)
    watched.add_get("/", handler)
    _, request = await exchange(watched)
    assert request.raised is error


@in_loop
async def test_work_begins_for_the_response_that_is_sent() -> None:
    """Not for one that a hook has replaced, nor for one that cannot be sent."""
    log: Log = []
    app = Application()

    def responding(name: str, **options: Any) -> Response:
        response = Response(**options)

        async def work() -> None:
            log.append(name)

        response.background = work
        return response

    @app.get("/{name}")
    async def handler(name: str) -> Response:
        return responding(name, status=42 if name == "unsendable" else 200)

    @app.after_request
    async def replace(request: Request, response: Response) -> Response | None:
        return responding("instead") if request.path == "/replaced" else None

    for name in ("sent", "replaced", "unsendable"):
        await answer(app, f"/{name}")
    await asyncio.sleep(0)
    assert log == ["sent", "instead"]


@in_loop
async def test_a_stream_that_was_never_begun_is_not_closed_here() -> None:
    """It is the payload: its adapter closes it."""
    closed: list[bool] = []

    class Source:
        def __aiter__(self) -> AsyncIterator[bytes]:
            raise AssertionError("expected not to be read")

        async def __anext__(self) -> bytes:
            raise AssertionError("expected not to be read")

        async def aclose(self) -> None:
            closed.append(True)

    app = Application()

    @app.get("/")
    async def handler() -> Response:
        return StreamResponse(Source())

    await answer(app)
    assert closed == []
    await answer(app, method="HEAD")
    assert closed == [True]
