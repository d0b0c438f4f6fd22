"""One http scope of a foreign application: the request that it receives, and the response that it sends."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from sketch.exceptions import HTTPException
from sketch.serving.asgi import Message
from sketch.transport import SMALL_FILE, BodyReader, ClientDisconnected, FileBody
from sketch.websocket import WebSocketDisconnected
from sketch_asgi.hosting.extensions import EARLY_HINT, PATHSEND, open_path

if TYPE_CHECKING:
    from sketch.request import Request

logger = logging.getLogger("sketch.server")

ABANDONED_GRACE = 5.0
"""Seconds for which an application may go on with a response that is no longer wanted. Then it is cancelled."""

# Stages of a response: nothing has come, its start has come, parts are coming, the rest is unwanted, it is over.
START, BODY, PARTS, UNWANTED, OVER = range(5)


class Conversation(ABC):
    """The `receive` and `send` of one http scope. Subclasses decide where the response goes.

    Args:
        request: the request being answered.
    """

    __slots__ = ("_body", "_broken", "_ended", "_grace", "_reading", "_start", "kept", "left", "request", "stage")

    _start: Message

    def __init__(self, request: Request) -> None:
        self.request = request
        self.stage = START
        self.left = False
        """Whether the application was told that the client has left."""
        self.kept = False
        """Whether the server or a timer refers to this object, so that it needs `detach` at the end."""
        self._broken = False
        self._reading = True
        self._ended: asyncio.Event | None = None
        self._grace: asyncio.TimerHandle | None = None
        self._body: BodyReader | None = None

    # -- what the application is told ---------------------------------------------------------------------------------

    async def receive(self) -> Message:
        """Return the next part of the request body; after its end, wait for the disconnect or the response's end."""
        if self.stage < UNWANTED and not self.left:
            request = self.request
            if self._reading:
                if not request.has_body:
                    self._reading = False
                    return {"type": "http.request", "body": b"", "more_body": False}
                body = self._body
                if body is None:
                    body = self._body = request.take_body()
                try:
                    part = await body.read()
                except (ClientDisconnected, HTTPException) as exc:
                    self._fail_reading(exc)
                else:
                    # Marking the last part spares the application a message.
                    self._reading = more = part != b"" and not body.complete
                    return {"type": "http.request", "body": part, "more_body": more}
            elif not request.connection.disconnected:
                if self._ended is None:
                    self._ended = asyncio.Event()
                    self.listen()
                await self._ended.wait()
        return {"type": "http.disconnect"}

    def _fail_reading(self, exc: ClientDisconnected | HTTPException) -> None:
        if isinstance(exc, ClientDisconnected):
            self.leave()
        elif self.stage == PARTS:
            raise exc
        else:
            self.refuse(exc)

    @abstractmethod
    def listen(self) -> None:
        """Arrange for `leave` to be called when the client leaves."""

    # -- what it answers ----------------------------------------------------------------------------------------------

    async def send(self, message: Message) -> None:
        """Take a message of the response.

        Raises:
            ClientDisconnected: if the client has left: an OSError, as ASGI 2.4 requires.
            RuntimeError: for a message out of order.
            TypeError, ValueError: for what cannot be sent.
        """
        kind, stage = message["type"], self.stage
        if stage == START and kind == "http.response.start":
            self._start = message
            self.stage = BODY
            return
        if kind != "http.response.body" or (stage != BODY and stage != PARTS):  # `not in` would build a tuple each time
            if kind == PATHSEND and stage == BODY:
                await self._send_path(message)
            elif not (kind == EARLY_HINT and stage == START and await self.hint(message)):
                await self._drop(kind, stage)
            return
        part = message.get("body", b"")
        if type(part) is not bytes:
            part = _as_bytes(part)
        if stage == BODY:
            wait = self.begin(self._start, part, message.get("more_body", False))
        elif self._broken:
            raise ClientDisconnected("the client left before the end of the answer")
        else:
            wait = self.go_on(part, message.get("more_body", False))
        if wait is not None:
            await wait

    async def _send_path(self, message: Message) -> None:
        """Send a file as the whole body."""
        found = await open_path(message["path"], getattr(self.request.connection, "small_file", SMALL_FILE))
        if isinstance(found, FileBody):
            await self.send_file(self._start, found)
        else:
            wait = self.begin(self._start, found, False)
            if wait is not None:
                await wait

    async def hint(self, message: Message) -> bool:  # noqa: ARG002 - for those that can write it
        """Send an early hint. Returns whether that is possible."""
        return False

    async def _drop(self, kind: str, stage: int) -> None:
        """Take a message that is out of order: refuse it, or drop it if the response is no longer wanted."""
        if stage != UNWANTED:
            expected = {START: "http.response.start", OVER: "nothing after the end of the answer"}
            raise RuntimeError(f"expected {expected.get(stage, 'http.response.body')}, got {kind!r:.200}")
        await asyncio.sleep(0)  # an endless stream must not stop everything else

    @abstractmethod
    def begin(self, start: Message, part: bytes, more: bool) -> Awaitable[None] | None:
        """Begin the response, and end it if there is no more. Returns what is to be awaited."""

    @abstractmethod
    async def send_file(self, start: Message, file: FileBody) -> None:
        """Send a response whose body is an open file, and close the file."""

    @abstractmethod
    def go_on(self, part: bytes, more: bool) -> Awaitable[None] | None:
        """Go on with the response, and end it if there is no more. Returns what is to be awaited."""

    @abstractmethod
    def refuse(self, refusal: HTTPException) -> None:
        """Answer in the application's place: the request has a body that cannot be read."""

    # -- ends ---------------------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Note that the client has left before the end of the response."""
        if self.stage < UNWANTED and not self.left:
            self.left = True
            if self.stage == PARTS:
                self._broken = True
                self._cancel_later()
            self.note_end(self.stage)

    def drop_rest(self) -> None:
        """Drop what else the application sends: the client has all that it gets."""
        self._cancel_later()
        self.note_end(UNWANTED)

    def note_end(self, stage: int) -> None:
        """Set the stage, and wake the task that waits for the end."""
        self.stage = stage
        if self._ended is not None:
            self._ended.set()

    def _cancel_later(self) -> None:
        """Cancel the application after ABANDONED_GRACE: it was told that its response is no longer wanted."""
        if self._grace is None:
            self.kept = True
            self._grace = asyncio.get_running_loop().call_later(ABANDONED_GRACE, self.cancel)

    @abstractmethod
    def cancel(self) -> None:
        """Cancel the application."""

    def detach(self) -> None:
        """Cancel the timer: it refers to this object, which would form a cycle."""
        if self._grace is not None:
            self._grace.cancel()

    def conclude(self, error: Exception | None) -> Exception | None:
        """Return what is wrong with the response once the application has returned, or failed with `error`.

        An error after the response is only logged. One that says that the client has left becomes
        `ClientDisconnected`.
        """
        if self.stage >= UNWANTED:
            if error is not None:
                logger.error("error in the ASGI application after its answer to %r", self.request, exc_info=error)
            return None
        if (self.left or self.request.connection.disconnected) and (error is None or tells_of_leaving(error)):
            return ClientDisconnected("the client left before the end of the answer")
        what = "a response" if self.stage < PARTS else "the end of its response"
        return error or RuntimeError(f"expected the ASGI application to send {what} before it returned")


def _as_bytes(part: object) -> bytes:
    if not isinstance(part, bytes | bytearray | memoryview):
        raise TypeError(f"expected a body of bytes in http.response.body, got {part!r:.200}")
    return bytes(part)


def tells_of_leaving(exc: BaseException) -> bool:
    """Whether an exception says that the client has left: sketch's, one raised from it, or another framework's."""
    if isinstance(exc, BaseExceptionGroup):
        return all(tells_of_leaving(inner) for inner in exc.exceptions)
    reasons = (exc, exc.__cause__, exc.__context__)
    return "Disconnect" in type(exc).__name__ or any(
        isinstance(reason, ClientDisconnected | WebSocketDisconnected) for reason in reasons
    )
