"""Runs a test with a client of the demo."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sketch.demo import app
from sketch.testing import TestClient


def run(test: Callable[[TestClient], Awaitable[None]], **options: object) -> None:
    async def main() -> None:
        async with TestClient(app, **options) as client:  # type: ignore[arg-type]
            await test(client)

    asyncio.run(main())
