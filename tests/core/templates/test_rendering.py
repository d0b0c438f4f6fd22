"""Pages are made piece by piece."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sketch.application import Application
from sketch.concurrency import slices
from sketch.request import Request
from sketch.response import Response
from sketch.templates import Templates
from sketch.testing import TestClient
from tests.core.templates.support import write
from tests.support.requests import in_loop

LONG = "{% for n in range(count) %}{{ n }},{% endfor %}{{ after() }}"


@in_loop
async def test_a_large_page_lets_others_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE", 0.0)
    templates = Templates(write(tmp_path, a__txt=LONG))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    text = await templates.render("a.txt", {"count": 5000, "after": lambda: ""})
    counting.cancel()
    assert len(text.split(",")) == 5001
    assert turns > 50


@in_loop
async def test_a_small_page_is_made_in_one_go(tmp_path: Path) -> None:
    templates = Templates(write(tmp_path, a__txt=LONG))
    begun: list[bool] = []
    other = asyncio.ensure_future(asyncio.sleep(0, begun.append(True)))
    await templates.render("a.txt", {"count": 10, "after": lambda: ""})
    assert not other.done()
    await other


class Streaming:
    """An application that streams a page; what the page calls at its end is counted, or fails."""

    def __init__(self, folder: Path) -> None:
        self.app = Application()
        self.calls = 0
        self.fails = False
        templates = Templates(write(folder, a__txt=LONG))

        @self.app.get("/{count:int}")
        async def show(request: Request, count: int) -> Response:
            return await templates.stream(request, "a.txt", {"count": count, "after": self.after}, status=203)

    async def after(self) -> str:
        self.calls += 1
        if self.fails:
            raise LookupError("broken")
        return "end"


@in_loop
async def test_a_stream(tmp_path: Path) -> None:
    served = Streaming(tmp_path)
    async with TestClient(served.app) as client:
        small = await client.get("/3")
        assert (small.status, await small.text(), small.headers["content-length"]) == (203, "0,1,2,end", "9")
        large = await client.get("/50000")
        assert (large.status, large.headers["content-type"]) == (203, "text/plain; charset=utf-8")
        assert "content-length" not in large.headers
        assert served.calls == 1
        text = await large.text()
        assert (text[:6], text[-10:], text.count(",")) == ("0,1,2,", ",49999,end", 50000)


@in_loop
async def test_an_error_before_the_head_is_a_500_and_later_it_breaks_the_body(tmp_path: Path) -> None:
    served = Streaming(tmp_path)
    served.fails = True
    async with TestClient(served.app, raise_errors=False) as client:
        assert (await client.get("/3")).status == 500
        large = await client.get("/50000")
        assert large.status == 203
        with pytest.raises(ConnectionError):
            await large.read()


@in_loop
async def test_a_page_that_is_not_sent_is_closed(tmp_path: Path) -> None:
    """Its generator does not wait for the garbage collector."""
    served = Streaming(tmp_path)
    streams: list[Any] = []

    @served.app.after_request
    def replace(response: Response) -> Response:
        streams.append(response.body)
        return Response("other")

    async with TestClient(served.app) as client:
        assert await (await client.head("/50000")).read() == b""
    async with asyncio.timeout(5):
        pieces = streams[0]._iterable._pieces
        while pieces.ag_frame is not None:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0)
