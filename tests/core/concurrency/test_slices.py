"""Slices of long work."""

from __future__ import annotations

import asyncio

import pytest

from sketch.concurrency import slices
from sketch.concurrency.slices import Slices
from tests.support.requests import in_loop


@in_loop
async def test_others_run_between_the_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(slices, "perf_counter", lambda: now)
    work = Slices()
    assert not work.over()
    now = slices.SLICE * 1.1
    assert work.over()
    other = asyncio.ensure_future(asyncio.sleep(0))
    await work.rest()
    assert not work.over()
    await work.rest()
    assert other.done()
