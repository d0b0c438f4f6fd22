"""Flow control: a writer that waits while the peer reads slowly."""

from __future__ import annotations

import asyncio

from sketch.transport import ClientDisconnected


class FlowControl:
    """Whether the transport's buffer is too full to write, and the wait until it is not."""

    __slots__ = ("_waiters", "blocked", "lost")

    def __init__(self) -> None:
        self.blocked = False
        """Whether `drain` has something to wait for, or to raise."""
        self.lost = False
        self._waiters: list[asyncio.Future[None]] = []

    async def drain(self) -> None:
        """Wait until more may be written. Several tasks may.

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
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
