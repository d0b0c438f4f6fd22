"""The interfaces between a server and the application that it serves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sketch.lifecycle.stopping import Stopping
    from sketch.request import BaseRequest
    from sketch.transport import AccessLog, FileBody, Outcome, RawHeaders, WireResponse


class Served(Protocol):
    """What a server needs of its application: an `Application`, or the host of a foreign application."""

    state: dict[str, Any]
    """The state that its lifespan has provided; each connection gets it."""
    access_log: AccessLog | None
    """Writes the access log's line, None without a log: what the server has given to `startup`."""
    refusals: list[Callable[[int], object]]
    """Called with the status of each refusal: of what has not become a request."""
    watched: bool
    """Whether every exchange has to be reported to `finished`; known after the start."""
    listened: bool
    """Whether something else than the access log asks for the report; known after the start. Where it is False, and
    `request.finishing` is None, a server may call `sketch.pipeline.finish.note_end` in place of `finished`."""
    observers: list[AccessLog]
    """Plain functions called with each request and its outcome."""

    @property
    def stopping(self) -> Stopping:
        """Set by the server as soon as it is told to stop."""
        ...

    async def startup(self, access_log: AccessLog | None = None) -> None:
        """Start, with this access log. A failed start cleans up before it raises its error."""

    async def shutdown(self) -> None:
        """Announce the end, while exchanges may still run."""

    async def cleanup(self) -> None:
        """Clean up after the last exchange."""

    @property
    def handle(self) -> Callable[[BaseRequest], Awaitable[WireResponse]]:
        """Answers a request. Only `ClientDisconnected` and cancellation pass through."""
        ...

    def finished(self, request: BaseRequest, outcome: Outcome, *, logged: bool = False) -> Coroutine[Any, Any, None]:
        """Note that an exchange is over: awaited once for each, in its task, after its last byte or its failure.

        It may be left out where `request.finishing` is None and `watched` is False. `logged` says that the access log
        has its line already. Raises only cancellation.
        """
        ...


class Responder(Served, Protocol):
    """An application that can also write its answers itself, part by part, if the server gives it an `Answer`.

    For applications that send messages instead of returning a response: to turn these into a response takes another
    task and a queue. A server may use `respond` for every request except websocket handshakes.
    """

    async def respond(self, request: BaseRequest, answer: Answer) -> None:
        """Answer a request. The call may go on after the end of the answer, and then raises only cancellation.

        Raises `ClientDisconnected` as `handle` does; any other exception means that an answer failed after its begin.
        """


class Answer(Protocol):
    """The answer of one exchange, written part by part: `begin`, any number of `write`, `end`."""

    on_leave: Callable[[], None] | None
    """Called when the client leaves before the end of the answer."""

    def reply(self, kind: tuple[bytes, bytes], body: bytes) -> bool:
        """Write the most usual answer and end it: status 200, this media type, a body and its length.

        Returns False, without any effect, if the answer needs more than that: then use `begin`.
        """
        ...

    def begin(self, wire: WireResponse, part: bytes) -> bool:
        """Write the head of a response, with its payload if that is bytes, else with the first part.

        Returns whether to `drain` before more is written. Raises `ClientDisconnected` if the client has left.
        """
        ...

    def hint(self, fields: RawHeaders) -> Awaitable[None] | None:
        """Write an interim response 103 with these fields (RFC 8297), before the begin; only to clients of HTTP/1.1.

        Returns what to await if the client reads slowly. Raises `ClientDisconnected` if it has left.
        """
        ...

    async def send_file(self, wire: WireResponse, file: FileBody) -> None:
        """Write a whole answer, the head and then its payload, and close the file.

        Raises `ClientDisconnected` when the client leaves, RuntimeError if the file has shrunk.
        """

    async def drain(self) -> None:
        """Wait until the client has read enough; raises `ClientDisconnected` when it has left."""

    def write(self, part: bytes) -> Awaitable[None] | None:
        """Write a part. Returns what to await before the next one if the client reads slowly, else None.

        Raises `ClientDisconnected` when it has left, RuntimeError for more bytes than announced.
        """
        ...

    def end(self) -> None:
        """Complete the answer: the connection goes on to the next request.

        Raises RuntimeError for fewer bytes than announced.
        """

    def cancel(self) -> None:
        """Cancel the task of the exchange, also after the end of the answer."""
