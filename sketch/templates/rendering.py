"""Renders templates piece by piece, so that a large page does not keep the event loop from other requests."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, cast

from jinja2 import Template

from sketch.concurrency.slices import Slices

_PIECES = 64
"""Pieces after which the clock is asked. A piece is mostly a value, or the text between two."""
CHUNK = 32 * 1024
"""Characters of a chunk of a streamed page."""


def pieces_of(template: Template, context: Mapping[str, Any]) -> AsyncGenerator[str, None]:
    """Return the generator of the pieces of a page."""
    return cast("AsyncGenerator[str, None]", template.generate_async(context))


async def render(template: Template, context: Mapping[str, Any]) -> str:
    """Return a whole page."""
    pieces: list[str] = []
    slices = Slices()
    async with aclosing(pieces_of(template, context)) as generator:
        async for piece in generator:
            pieces.append(piece)
            if not len(pieces) % _PIECES and slices.over():
                await slices.rest()
    return "".join(pieces)


def encode(text: str) -> bytes:
    """Encode a page. It cannot hold a lone surrogate, which a client can send in JSON: a question mark replaces it."""
    return text.encode("utf-8", "replace")


class PageChunks:
    """A page as an async iterator of chunks, each made when it is asked for. It must be closed.

    Attributes:
        first: the first chunk, once it is made.
        ended: whether there is no more after what was made.
    """

    __slots__ = ("_pieces", "ended", "first")

    def __init__(self, template: Template, context: Mapping[str, Any]) -> None:
        self._pieces = pieces_of(template, context)
        self.first: bytes | None = None
        self.ended = False

    async def begin(self) -> None:
        """Make the first chunk."""
        self.first = await self._make()

    def __aiter__(self) -> PageChunks:
        return self

    async def __anext__(self) -> bytes:
        first, self.first = self.first, None
        if first:
            return first
        if self.ended or not (chunk := await self._make()):
            raise StopAsyncIteration
        return chunk

    async def _make(self) -> bytes:
        pieces: list[str] = []
        size, slices = 0, Slices()
        async for piece in self._pieces:
            pieces.append(piece)
            size += len(piece)
            if size >= CHUNK:
                return encode("".join(pieces))
            if not len(pieces) % _PIECES and slices.over():
                await slices.rest()
        self.ended = True
        return encode("".join(pieces))

    async def aclose(self) -> None:
        """Stop, wherever it is."""
        await self._pieces.aclose()
