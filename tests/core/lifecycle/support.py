"""Applications whose hooks and contexts note their order, and helpers for background work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sketch.application import Application


async def forever() -> None:
    await asyncio.Event().wait()


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


Log = list[str]


def context(name: str, log: Log, fails: str = "") -> Any:
    async def generator(app: Application) -> AsyncIterator[None]:
        log.append(f"enter {name}")
        if fails == "enter":
            raise ValueError(f"enter {name}")
        yield
        log.append(f"exit {name}")
        if fails == "exit":
            raise ValueError(f"exit {name}")

    return generator


def hook(name: str, log: Log, fails: bool = False) -> Any:
    async def call(app: Application) -> None:
        log.append(name)
        await asyncio.sleep(0)
        if fails:
            raise ValueError(name)

    return call


def full(log: Log, **options: Any) -> Application:
    app = Application(**options)
    app.cleanup_ctx.extend([context("1", log), context("2", log)])
    for signal, name in ((app.on_startup, "start"), (app.on_shutdown, "shutdown"), (app.on_cleanup, "clean")):
        signal.extend([hook(f"{name} 1", log), hook(f"{name} 2", log)])
    return app


STARTED = ["enter 1", "enter 2", "start 1", "start 2"]
STOPPED = ["shutdown 1", "shutdown 2"]
CLEANED = ["clean 2", "clean 1", "exit 2", "exit 1"]
