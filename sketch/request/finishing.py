"""What is to be done once an exchange is over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sketch.callables import Work
    from sketch.transport import Body, Closable

Exit = Callable[[Exception | None], Awaitable[Any]]
"""`async (error)`: awaited with what the handler or the body has raised, None if nothing."""


class Finishing:
    """What is to be done once an exchange is over, by `Application.finished`, in the order of the attributes."""

    __slots__ = ("background", "exits", "resources")

    def __init__(self) -> None:
        self.resources: list[Body | Closable] = []
        """Bodies and files that were opened for the request and are not the payload, which the adapter closes."""
        self.background: tuple[Work, ...] = ()
        """The background work of the response."""
        self.exits: list[Exit] = []
        """What was entered for the handler. The last is awaited first."""
