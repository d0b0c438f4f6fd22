"""What a server needs of what it serves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sketch.lifecycle.stopping import Stopping
    from sketch.request import Request
    from sketch.response import Response


class Served(Protocol):
    """What a server needs of what it serves: an `Application`, or what stands for one that is not ours."""

    state: dict[str, Any]
    """What its lifespan handed out; each connection gets it."""

    @property
    def stopping(self) -> Stopping:
        """Set by the server as soon as it is told to stop."""
        ...

    async def startup(self) -> None:
        """Start. What a failed start leaves is cleaned up already when its error is raised."""

    async def shutdown(self) -> None:
        """Hear of the end, while exchanges may still run."""

    async def cleanup(self) -> None:
        """End, after the last exchange."""

    @property
    def handle(self) -> Callable[[Request], Awaitable[Response]]:
        """Answers a request by a finalized response. Only `ClientDisconnected` and cancellation pass through."""
        ...


class Responder(Served, Protocol):
    """Something that may also write its answers itself, part by part, where a server lends the means.

    For applications that send messages instead of returning a response: as values, their answers would need a task more
    and a queue. Everything but websockets may be asked of it in this way.
    """

    async def respond(self, request: Request, answer: Answer) -> None:
        """Answer a request. It may go on after the end of the answer, and then raises nothing but cancellation.

        Raises `ClientDisconnected` as `handle` does; any other exception is the failure of an answer that has begun.
        """


class Answer(Protocol):
    """The answer of one exchange, for who writes it part by part: `begin`, any number of `write`, `end`."""

    on_leave: Callable[[], None] | None
    """Called when the client leaves before the end of the answer."""

    def reply(self, kind: tuple[bytes, bytes], body: bytes) -> bool:
        """Write the most usual of all answers and end it: status 200, this media type, a body and its length.

        Returns False, and has done nothing, where there is more to say: that is for `begin`.
        """
        ...

    def begin(self, response: Response, part: bytes) -> bool:
        """Write the head of a finalized response, with its payload if that is bytes, else with the first part.

        Returns whether the client has to read first before more is written, see `drain`. Raises `ClientDisconnected` if
        it has left.
        """
        ...

    async def drain(self) -> None:
        """Wait until the client has read; raises `ClientDisconnected` when it has left."""

    def write(self, part: bytes) -> Awaitable[None] | None:
        """Write a part. Returns what is to be awaited before the next, while the client reads slowly.

        Raises `ClientDisconnected` when it has left, RuntimeError for more than the response has announced.
        """
        ...

    def end(self) -> None:
        """The answer is complete: the connection goes on to the next.

        Raises RuntimeError if it is less than the response has announced.
        """

    def cancel(self) -> None:
        """Cancel the task of the exchange, also after the end of the answer."""
