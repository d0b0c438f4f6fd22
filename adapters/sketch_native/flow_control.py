"""Flow control: writers wait while the peer reads slowly."""

from __future__ import annotations

import asyncio

from sketch.transport import ClientDisconnected


class FlowControl:
    """Tracks whether the transport's write buffer is too full, and makes writers wait until it has room."""

    __slots__ = ("_waiters", "blocked", "lost")

    def __init__(self) -> None:
        self.blocked = False
        """Whether `drain` would wait or raise."""
        self.lost = False
        self._waiters: list[asyncio.Future[None]] = []

    async def drain(self) -> None:
        """Wait until more may be written. Several tasks may wait at once.

        Raises:
            ClientDisconnected: if the connection is lost.
        """
        while self.blocked and not self.lost:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            finally:
                self._waiters.remove(waiter)
        if self.lost:
            raise ClientDisconnected("the client left before the end of the response")

    def pause(self) -> None:
        """Make writers wait: the buffer is too full."""
        self.blocked = True

    def resume(self) -> None:
        """Let writers go on: the buffer has room again."""
        self.blocked = self.lost
        self._wake()

    def lose(self) -> None:
        """Note that the connection is lost: `drain` raises from now on, also where it already waits."""
        self.lost = self.blocked = True
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
