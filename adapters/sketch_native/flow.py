"""Flow control: a writer that waits while the peer reads slowly."""

from __future__ import annotations

import asyncio

from sketch.transport import ClientDisconnected


class WriteFlow:
    """Whether the transport's buffer is too full to write, and the wait until it is not."""

    __slots__ = ("_waiter", "blocked", "lost")

    def __init__(self) -> None:
        self.blocked = False
        """Whether `drain` has something to wait for, or to raise."""
        self.lost = False
        self._waiter: asyncio.Future[None] | None = None

    async def drain(self) -> None:
        """Wait until more may be written.

        Raises:
            ClientDisconnected: if the connection is lost.
        """
        while self.blocked and not self.lost:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if self.lost:
            raise ClientDisconnected("the client left before the end of the response")

    def pause(self) -> None:
        """The buffer is too full."""
        self.blocked = True

    def resume(self) -> None:
        """The buffer has room again."""
        self.blocked = self.lost
        self._wake()

    def lose(self) -> None:
        """Nothing can be written any more."""
        self.lost = self.blocked = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
