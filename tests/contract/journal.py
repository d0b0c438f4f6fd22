"""A journal: handlers write down what a client cannot see in an answer."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from sketch import (
    Request,
)


class Journal:
    """Entries by key, and a way to wait for one."""

    def __init__(self) -> None:
        self.entries: defaultdict[str, list[str]] = defaultdict(list)
        self._changed = asyncio.Event()

    def write(self, request: Request, entry: str) -> None:
        self.note(request.query["key"], entry)

    def note(self, key: str, entry: str) -> None:
        self.entries[key].append(entry)
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, key: str, entry: str) -> list[str]:
        async with asyncio.timeout(15):
            while entry not in self.entries[key]:
                await self._changed.wait()
        return self.entries[key]
