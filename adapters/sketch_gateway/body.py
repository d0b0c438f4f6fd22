"""What the client sends during one exchange: the request body, then the disconnect."""

from __future__ import annotations

import asyncio
import logging
from asyncio import current_task
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sketch.concurrency.cancellation import Interruption
from sketch.concurrency.idle import BEGUN, DeadlineTimer
from sketch.exceptions import HTTPException
from sketch.limits import SLOWEST, Limits
from sketch.transport import ClientDisconnected
from sketch_gateway.deadlines import ClientDeadline

if TYPE_CHECKING:
    from sketch.request import BaseRequest

logger = logging.getLogger("sketch.server")

Receive = Callable[[], Awaitable[Any]]

QUEUED_BYTES = 64 * 1024
"""Bytes of a body that may be queued unread while a task watches for the disconnect: as many as servers buffer."""

SHORT_BODY = 1024 * 1024
"""Bytes of a body that is left unread and still received in whole, as the native server does by default."""

LINGER = 2.0
"""Seconds for which the rest of a longer body is received after its answer, or before it where it has to end first."""

_NONE: deque[bytes] = deque(maxlen=0)


class ReceivedBody(ClientDeadline):
    """Sorts the messages of `receive()` into a body and a disconnect. It is the `BodyReader` of the request.

    Reading the body takes messages as they are needed. Waiting for the client to leave starts a watcher task, which
    takes all messages and queues the body's chunks. Either way one task at a time waits in `receive()`: servers do
    not promise more. All waits for the body together may take the body timeout; a client that sends gets more time.

    Args:
        receive: of the scope. It may return any awaitable, not only a coroutine.
        timer: counts the time spent waiting for the body.
        length: the announced size of the body in bytes, None if it is unknown, 0 without a body.
    """

    __slots__ = (
        "_arrived", "_chunks", "_complete", "_cut", "_ended", "_left", "_queued", "_receive", "_received", "_receiving",
        "_rest", "_room", "_watcher", "complete", "gone", "interruptible", "length", "may_be_empty", "must_end",
    )  # fmt: skip

    complete: bool
    """Whether the whole body has been read. A slot, not a property: each request with a body asks twice."""
    gone: bool
    """Whether the client has left."""
    interruptible: Interruptible | None
    """The block to interrupt when the client leaves."""
    length: int | None
    """The announced size of the body in bytes, None if it is unknown."""
    may_be_empty: bool
    """Whether a body of unknown size is complete if no byte of it comes."""
    must_end: bool
    """Whether the server breaks the connection if the body goes on behind the response: see `leave`."""

    _arrived: asyncio.Event | None
    _left: int | None  # bytes that have not come yet
    _rest: Rest | None
    _room: asyncio.Event | None
    _watcher: asyncio.Task[None] | None

    def __init__(self, receive: Receive, timer: DeadlineTimer, length: int | None = 0) -> None:
        self.begin(receive, timer, length)

    def begin(self, receive: Receive, timer: DeadlineTimer, length: int | None) -> None:
        """Initialize the body, after `__new__`: in less time than the constructor, see `BaseRequest.begin`.

        The first lines do what `begin_deadline` does.
        """
        self.request = None
        self._timer = timer
        self._waited = BEGUN
        self._task = None
        self._receive = receive
        self.length = self._left = length
        self.complete = self._complete = length == 0  # complete: every byte has come; `complete`: and was read
        self.gone = self.must_end = self._cut = self._ended = self._receiving = self._interrupted = False
        self.may_be_empty = True
        self._received = self._queued = 0
        self._chunks = _NONE
        self.interruptible = self._arrived = self._room = self._watcher = self._rest = None

    async def read(self) -> bytes:  # noqa: C901 - one coroutine is faster
        """Return the next chunk of the body, `b""` at its end and after it.

        Raises:
            ClientDisconnected: if the client left, or ended the body, before its announced end; and again later.
            HTTPException: 408 if the body takes too long.
        """
        while not self._chunks:
            if self._cut:
                raise ClientDisconnected("the client left before the end of the request body")
            if self._complete:
                return b""
            if self._receiving:
                with self:
                    chunk = await self._step()
            else:
                # Most bodies come this way: it does what the two lines above do, without their calls.
                timer = self._timer
                if timer.handle is None:
                    timer.arm()
                task = self._task = current_task(timer.loop)
                assert task is not None, "expected to run in a task"
                self._cancelling = task.cancelling()
                timer.waiting.add(self)
                self._receiving = True
                receive = self._receive
                try:
                    message = await receive()
                    chunk = message.get("body")
                    if chunk and len(chunk) == self._left and message["type"] == "http.request" and not self._cut:
                        # Most bodies are one message: what `_sort` does with the one that completes a body.
                        self._left = 0
                        self._complete = self.complete = True
                        if not message.get("more_body", False):
                            self._ended = True
                    else:
                        chunk = self._sort(message)
                except BaseException as exc:
                    if not self._is_gone(exc):
                        raise
                    chunk = b""
                self._receiving = False
                if self._arrived is not None:
                    self._done_receiving()
                timer.waiting.discard(self)
                if self._interrupted:
                    self.__exit__(None, None, None)
                self._task = None
            if chunk:
                self._received += len(chunk)
                return chunk
        chunk = self._chunks.popleft()
        self.complete = self._complete and not self._chunks
        self._queued -= len(chunk)
        self._received += len(chunk)
        if self._room is not None:
            self._room.set()
        return chunk

    def _is_gone(self, exc: BaseException) -> bool:
        """Whether an error of `receive()` says that the client has left. Any other ends the wait.

        Raises:
            HTTPException: if the error is the interruption of a wait that took too long.
        """
        if isinstance(exc, OSError):
            self._note_gone()
            return True
        self._done_receiving()
        self.__exit__(type(exc), exc, exc.__traceback__)
        return False

    def allowed(self, limits: Limits) -> float | None:
        """Return the body timeout plus a second for each 1,000 bytes received."""
        timeout = limits.body_timeout
        return None if timeout is None else timeout + self._received / SLOWEST

    def error(self) -> Exception:
        """Return a 408, as the native server answers."""
        return HTTPException(408, "the request body took too long")

    async def wait_gone(self) -> None:
        """Return once the client has left, or the exchange is over."""
        if not self.gone:
            # The task itself is not awaited: a cancelled waiter must not cancel it for the others.
            await asyncio.wait([self.watch()])

    def watch(self) -> asyncio.Task[None]:
        """Return the watcher task, which takes messages until the client leaves. The first call starts it."""
        if self._watcher is None:
            self._watcher = asyncio.get_running_loop().create_task(self._watch())
        return self._watcher

    def discard(self) -> None:
        """Drop the rest of the body, if there is one: the last part of the response is about to be sent.

        hypercorn takes that part only once the application has received what the client had sent before.
        """
        if not self._complete:
            self._cut = True
            self._chunks, self._queued = _NONE, 0
            if self._room is not None:
                self._room.set()
            self.watch()
            if self._rest is None and self.request is not None:
                self._rest = Rest(self.request, self.length)

    async def leave(self) -> None:
        """Leave the rest unread: before the last part of the response. Where the body must end first, wait for that."""
        self.discard()
        if self.must_end:
            await self._wait_for_its_end()

    async def _wait_for_its_end(self) -> None:
        """Wait until the client has sent the last part of its body, for a bounded time.

        hypercorn forgets a stream of HTTP/2 once its response is complete. A part of the request that comes then breaks
        off the connection, with all other streams on it.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                while not self._ended and not self.gone:
                    await self._step()

    def detach(self) -> bool:
        """Drop the reference to the request, which would form a cycle.

        Returns whether a watcher task still has to be closed.
        """
        self.request = None
        return self._watcher is not None

    async def close(self) -> None:
        """End the watcher task, if there is one, after the rest of an unread body: no task outlives its exchange."""
        watcher = self._watcher
        if watcher is None or watcher.done():
            return
        try:
            if self._rest is not None:
                await self._rest.wait(watcher)
        finally:
            watcher.cancel()
            await asyncio.wait([watcher])

    async def _watch(self) -> None:
        try:
            while not self.gone:
                if self._queued >= QUEUED_BYTES:
                    await self._wait_for_room()
                if chunk := await self._step():
                    self._queue(chunk)
                await asyncio.sleep(0)  # a receive() that never waits must not stop everything else
        except Exception:
            logger.exception("the ASGI server's receive() failed: taken as a disconnect")
            self._note_gone()
        if self.interruptible is not None:
            self.interruptible.interrupt()

    async def _wait_for_room(self) -> None:
        self._room = asyncio.Event()
        try:
            await self._room.wait()
        finally:
            self._room = None

    def _queue(self, chunk: bytes) -> None:
        if self._chunks is _NONE:
            self._chunks = deque()
        self._chunks.append(chunk)
        self._queued += len(chunk)
        self.complete = False

    async def _step(self) -> bytes:
        """Take one message and return its body bytes; while another task takes one, wait for it and return `b""`."""
        if self._receiving:
            if self._arrived is None:
                self._arrived = asyncio.Event()
            await self._arrived.wait()
            return b""
        self._receiving = True
        try:
            return self._sort(await self._receive())
        except OSError:
            return self._note_gone()
        finally:
            self._done_receiving()

    def _done_receiving(self) -> None:
        self._receiving = False
        if self._arrived is not None:
            self._arrived.set()
            self._arrived = None

    def _sort(self, message: Any) -> bytes:
        if message["type"] != "http.request":
            return self._note_gone()
        last = not message.get("more_body", False)
        if last:
            self._ended = True
        if self._complete or self._cut:
            if self._rest is not None and last:
                self._rest.end()
            return b""
        chunk: bytes = message.get("body") or b""
        left = self._left
        if left is not None:
            left = self._left = left - len(chunk)
        if left == 0:
            self._complete = True  # no byte is missing, whatever follows
            self.complete = not self._chunks
        elif last:
            if left is None and (self.may_be_empty or self._received or self._queued or chunk):
                self._complete = True
                self.complete = not self._chunks
            else:
                self._cut = True
        return chunk

    def _note_gone(self) -> bytes:
        self.gone = True
        if not self._complete:
            self._cut = True
        return b""


class Rest:
    """The rest of a body that is left unread, which is received after the answer, for a bounded time.

    Else granian closes the connection, and has not announced it.

    Args:
        request: which the body belongs to.
        length: the announced size of the body in bytes, None if it is unknown.
    """

    __slots__ = ("_ended", "_patience", "_stopping")

    def __init__(self, request: BaseRequest, length: int | None) -> None:
        short = length is not None and length <= SHORT_BODY
        self._patience = (request.limits.body_timeout if short else None) or LINGER
        self._stopping = request.app.stopping
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def end(self) -> None:
        """Note that it has come to its end, or need not come any more."""
        if not self._ended.done():
            self._ended.set_result(None)

    async def wait(self, watcher: asyncio.Task[None]) -> None:
        """Return once it has ended, the client has left (`watcher` has ended), the time is over or the server stops."""
        self._stopping.listen(self.end)
        try:
            await asyncio.wait([watcher, self._ended], timeout=self._patience, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stopping.forget(self.end)


class Interruptible(Interruption):
    """A context manager whose block ends with `ClientDisconnected` once the client has left.

    Args:
        body: of the exchange. One block at a time.

    Raises:
        ClientDisconnected: also at the beginning, if the client has left before.
    """

    __slots__ = ("_body",)

    insistent = True

    def __init__(self, body: ReceivedBody) -> None:
        super().__init__()
        self._body = body

    def __enter__(self) -> None:
        if self._body.gone:
            raise ClientDisconnected("the client has left")
        super().__enter__()
        self._body.interruptible = self
        self._body.watch()

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, traceback: object) -> None:
        self._body.interruptible = None
        super().__exit__(kind, exc, traceback)

    def error(self) -> Exception:
        """Return the error for a response that its client does not wait for."""
        return ClientDisconnected("the client left before the end of the answer")
