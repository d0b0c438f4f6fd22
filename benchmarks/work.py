"""The work that every contestant does.

It imports nothing of sketch: in a peer's process, that would count as the peer's time and memory.
"""

from __future__ import annotations

from dataclasses import dataclass

TEXT = b"Hello, World!"
DATA = {"message": "Hello, World!"}
ITEM = {"id": 42, "name": "a thing", "tags": ["blue", "round"], "price": 12.5, "stock": {"here": 3, "there": 0}}
CHUNK = b"0123456789abcdef" * 64
CHUNKS = 16
FILES = {"1k": CHUNK, "64k": CHUNK * 64, "16m": CHUNK * 16 * 1024}


@dataclass(frozen=True, slots=True)
class Variant:
    """How an application is built: with how many routes `/section{n}/{id}`, and how many middlewares that do nothing.

    `file` is what `/file` answers: for who measures, one of FILES; for the application, its path.
    """

    routes: int = 1
    middlewares: int = 0
    file: str = "64k"
