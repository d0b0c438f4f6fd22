"""Takes the response of a foreign application: writes it at once, or returns it as a value."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, MutableMapping
from typing import TYPE_CHECKING, Any, Self

from sketch.concurrency.containment import as_error, ends_task
from sketch.http.fields import media_type_alone
from sketch.pipeline.finalize import finalize
from sketch.transport import ClientDisconnected, FileBody
from sketch_asgi.hosting.conversation import OVER, PARTS, Conversation
from sketch_asgi.hosting.extensions import hint_fields
from sketch_asgi.hosting.response import RawResponse

if TYPE_CHECKING:
    from sketch.exceptions import HTTPException
    from sketch.request import Request
    from sketch.response import Response
    from sketch.serving.asgi import ASGIApp, Message
    from sketch.serving.contract import Answer

logger = logging.getLogger("sketch.server")


class _Unasked:
    """Placeholder for a body that is written part by part, and so is never iterated."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        raise TypeError("expected the parts of this body to be written, not to be asked for")


_UNASKED = _Unasked()


class Written(Conversation):
    """Writes the response as it comes. The application runs in the task of the exchange.

    Args:
        request: the request being answered.
        answer: lent by the server, to write with.
    """

    __slots__ = ("_answer",)

    def __init__(self, request: Request, answer: Answer) -> None:
        Conversation.__init__(self, request)
        self._answer = answer

    def begin(self, start: Message, part: bytes, more: bool) -> Awaitable[None] | None:
        """Write the head and the first part."""
        answer, request, status = self._answer, self.request, start["status"]
        fields = start.get("headers", ())
        if type(fields) is not list:  # any iterable is allowed, also one that can be read only once
            fields = list(fields)
        if status == 200 and not more and request.method != "HEAD":
            # Most responses: the code below does the same in twice the time.
            kind = media_type_alone(fields, len(part))
            if kind is not None and answer.reply(kind, part):
                self.note_end(OVER)
                return None
        wire = finalize(request, RawResponse(status, fields, _UNASKED if more else part))
        blocked = answer.begin(wire, part)
        self.stage = PARTS
        if more:
            if wire.payload is _UNASKED:
                self.listen()
                return answer.drain() if blocked else None
            answer.end()  # the response has no body: to HEAD, for example
            self.drop_rest()
        elif blocked:
            return self._end_after(answer.drain())
        else:
            answer.end()
            self.note_end(OVER)
        return None

    async def send_file(self, start: Message, file: FileBody) -> None:
        """Write the head and the file. A client that leaves ends this, as in `send`."""
        try:
            wire = finalize(self.request, RawResponse(start["status"], start.get("headers", ()), file))
            self.stage = PARTS
            if wire.payload is file:
                await self._answer.send_file(wire, file)
            else:  # the response has no body
                self._answer.begin(wire, b"")
                self._answer.end()
        finally:
            file.close()
        self.note_end(OVER)

    async def hint(self, message: Message) -> bool:
        """Write a 103, to a client that may get one."""
        if self.request.http_version != "1.1":
            return False
        wait = self._answer.hint(hint_fields(message["links"]))
        if wait is not None:
            await wait
        return True

    async def _end_after(self, wait: Awaitable[None]) -> None:
        await wait
        self._answer.end()
        self.note_end(OVER)

    def go_on(self, part: bytes, more: bool) -> Awaitable[None] | None:
        """Write a part, unless it is empty."""
        wait = self._answer.write(part) if part else None
        if more:
            return wait
        if wait is not None:
            return self._end_after(wait)
        self._answer.end()
        self.note_end(OVER)
        return None

    def refuse(self, refusal: HTTPException) -> None:
        """Answer at once with the refusal, and drop what the application sends."""
        self.reply(refusal.to_response())
        self.drop_rest()

    def reply(self, response: Response) -> None:
        """Answer in the application's place."""
        self._answer.begin(finalize(self.request, response), b"")
        self._answer.end()

    def listen(self) -> None:
        """Let the server call `leave`."""
        self.kept = True
        self._answer.on_leave = self.leave

    def cancel(self) -> None:
        """Cancel the exchange."""
        self._answer.cancel()

    def detach(self) -> None:
        """Cancel the timer, and take `leave` back from the server."""
        Conversation.detach(self)
        self._answer.on_leave = None


class Returned(Conversation):
    """Returns the response as a value; a body of several parts is this object. The application runs in its own task.

    The body is read part by part: the application waits with each part until the previous one is taken.

    Args:
        request: the request being answered.
    """

    __slots__ = ("_asked", "_changed", "_error", "_part", "_task", "_watch", "response")

    def __init__(self, request: Request) -> None:
        Conversation.__init__(self, request)
        self.response: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._changed: asyncio.Event | None = None
        self._error: Exception | None = None
        self._part = b""
        self._asked = False
        self._task: asyncio.Task[Any] | None = None
        self._watch: asyncio.Task[None] | None = None

    # -- the application's side ---------------------------------------------------------------------------------------

    async def converse(self, app: ASGIApp, scope: MutableMapping[str, Any]) -> None:
        """Run the application. Its error is raised where the response, or a part of it, is awaited."""
        self._task = asyncio.current_task()
        error: Exception | None = None
        try:
            await app(scope, self.receive, self.send)
        except BaseException as exc:
            if ends_task(exc):
                if not self.response.cancelled():  # else the task that awaits it was cancelled
                    self._fail(RuntimeError("expected the ASGI application to answer, but it was cancelled"))
                raise
            error = as_error(exc)
        finally:
            self.detach()
            self._task = None
        error = self.conclude(error)
        if error is not None:
            self._fail(error)

    def begin(self, start: Message, part: bytes, more: bool) -> Awaitable[None] | None:
        """Hand over the response, if it is still awaited."""
        if self.response.done():
            raise ClientDisconnected("the response is no longer awaited")
        response = RawResponse(start["status"], start.get("headers", ()), self if more else part)
        if more:
            self._part = part
            self.stage = PARTS
            self.request.at_end.resources.append(self)  # closed if middleware answers something else
        else:
            self.note_end(OVER)
        self.response.set_result(response)
        return None

    async def send_file(self, start: Message, file: FileBody) -> None:
        """Hand over the response, if it is still awaited. The file is closed once it is sent, or the exchange ends."""
        if self.response.done():
            file.close()
            raise ClientDisconnected("the response is no longer awaited")
        self.request.at_end.resources.append(file)
        self.note_end(OVER)
        self.response.set_result(RawResponse(start["status"], start.get("headers", ()), file))

    def go_on(self, part: bytes, more: bool) -> Awaitable[None] | None:
        """Hand over a part, once the previous one is taken."""
        return self._put(part, more)

    async def _put(self, part: bytes, more: bool) -> None:
        while self._part and self.stage == PARTS and not self._broken:
            await self._wait()
        if self._broken:
            raise ClientDisconnected("the client left before the end of the answer")
        if self.stage == PARTS:
            self._part = part
            if more:
                self._change()
            else:
                self.note_end(OVER)

    def refuse(self, refusal: HTTPException) -> None:
        """Raise the refusal where the response is awaited."""
        self._fail(refusal)
        self.drop_rest()

    def _fail(self, error: Exception) -> None:
        """Raise the error in place of the response or of its next part; log it if neither is awaited."""
        if not self.response.done():
            self.response.set_exception(error)
        elif not self._broken and not self.response.cancelled():
            self._error = error
            self._change()
        elif not isinstance(error, ClientDisconnected):
            logger.error("error in the ASGI application, for which %r does not wait", self.request, exc_info=error)

    def listen(self) -> None:
        """Start a task that waits for the client to leave."""
        self._watch = asyncio.get_running_loop().create_task(self._watch_client())

    async def _watch_client(self) -> None:
        await self.request.connection.wait_disconnected()
        self.leave()

    def cancel(self) -> None:
        """Cancel the application's task."""
        if self._task is not None:
            self._task.cancel()

    def detach(self) -> None:
        """Cancel the timer, and the task that waits for the client to leave."""
        super().detach()
        if self._watch is not None:
            self._watch.cancel()

    def note_end(self, stage: int) -> None:
        """Set the stage, and also wake the task that waits for a part."""
        super().note_end(stage)
        self._change()

    # -- the body of the response -------------------------------------------------------------------------------------

    def __aiter__(self) -> Self:
        self._asked = True
        return self

    async def __anext__(self) -> bytes:
        while not self._part:
            if self._error is not None:
                raise self._error
            if self.stage != PARTS:
                raise StopAsyncIteration
            await self._wait()
        part, self._part = self._part, b""
        self._change()
        return part

    async def aclose(self) -> None:
        """Drop the rest of the body: the response is to HEAD, for example, or its client has left."""
        if self.stage == PARTS:
            if self._asked:
                self.leave()
            else:
                self.drop_rest()

    async def _wait(self) -> None:
        if self._changed is None:
            self._changed = asyncio.Event()
        self._changed.clear()
        await self._changed.wait()

    def _change(self) -> None:
        if self._changed is not None:
            self._changed.set()
