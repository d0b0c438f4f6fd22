"""What the parts of a connection need of the server and of the connection, so that they import neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio
    import contextvars
    from collections.abc import Awaitable, Callable

    from sketch.http.grammar import Address
    from sketch.request import BaseRequest
    from sketch.serving.contract import Answer, Served
    from sketch.serving.server_limits import ServerLimits
    from sketch.serving.tls.handshakes import FailedHandshakes
    from sketch.transport import WireResponse
    from sketch_native.admission import ConcurrencyLimit
    from sketch_native.connection import NativeConnection
    from sketch_native.flow_control import FlowControl
    from sketch_native.refusal import Refusal
    from sketch_native.writer import Clock


class ServedConnection(Protocol):
    """What the server needs of each of its connections. Deadlines are times of the event loop, in seconds."""

    read_deadline: float
    write_deadline: float

    @property
    def under_way(self) -> str | None:
        """What the connection is busy with, as in `sketch.serving.endings`; None if it is idle."""

    def sweep(self, now: float) -> None:
        """Act on each deadline that has passed."""

    def shut_down(self) -> None:
        """The server stops: limit how long the connection may stay idle."""

    def cancel(self) -> None:
        """Cancel what still runs on the connection."""


class Host(Protocol):
    """What connections need of the server."""

    app: Served
    handle: Callable[[BaseRequest], Awaitable[WireResponse]]
    respond: Callable[[BaseRequest, Answer], Awaitable[None]] | None
    """Writes the answer itself; None for an application that returns responses."""
    limits: ServerLimits
    root_path: str
    loop: asyncio.AbstractEventLoop
    context: contextvars.Context
    """The context that each exchange copies for its task."""
    plain_tasks: bool
    """Whether `create_task` of the event loop is that of asyncio or uvloop; see `makes_plain_tasks`."""
    clock: Clock
    now: float
    """The server's time at the next sweep, in seconds: that of the event loop, without what it has stood still."""
    admission: ConcurrencyLimit | None
    connections: set[ServedConnection]
    failed_handshakes: FailedHandshakes
    going_on: set[asyncio.Task[Any]]
    """Tasks of exchanges whose connection goes on without them; a server that stops waits for them."""
    stopping: bool
    watched: bool
    """Whether the application is told of the end of every exchange."""
    listened: bool
    """Whether it has to know more of it than the access log."""

    def time(self) -> float:
        """Return the server's time now, in seconds."""
        ...

    def forget(self, connection: ServedConnection) -> None:
        """Remove a connection: it is gone, and no task runs on it any more."""

    def release(self, task: asyncio.Task[Any]) -> None:
        """Do not wait for a task in `going_on` any more."""

    def log_refusal(self, client: Address | None, refusal: Refusal) -> None:
        """Write the access log's line for a refusal."""


class Line(Protocol):
    """What readers, exchanges and websockets need of an HTTP connection."""

    server: Host
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    connection: NativeConnection
    flow: FlowControl
    task: asyncio.Task[Any] | None
    """The task of the exchange that runs, None between two of them."""

    @property
    def ending(self) -> bool:
        """Whether the answer that is written now is the connection's last."""
        ...

    def want_body(self) -> None:
        """Resume reading, if nothing else holds it up."""

    def body_awaited(self, bonus: float) -> None:
        """Set the deadline of a body that a handler waits for: its timeout plus `bonus` seconds."""

    def body_arrived(self) -> None:
        """Drop that deadline."""

    def body_skipped(self, size: int) -> None:
        """Note bytes of a body that nothing reads."""

    def send_continue(self) -> None:
        """Write `100 Continue`, unless the answer has begun."""

    async def write(self, data: bytes) -> None:
        """Write, and wait until more may be written; raises `ClientDisconnected`."""

    def watch_writing(self) -> None:
        """Set the write deadline: from now on the peer has to read."""

    def writing_done(self) -> None:
        """Drop the write deadline."""

    def write_refusal(self, refusal: Refusal) -> None:
        """Write a refusal, in place of an answer of the application."""

    def reset_on_close(self, on: bool) -> None:
        """Choose whether the end of the connection is a TCP reset."""

    def break_off(self) -> None:
        """End the connection in the middle of an answer."""

    def exchange_ended(self, exchange: Any) -> None:
        """Go on to the next request: the exchange that runs has come to its end."""

    def hand_over(self, successor: ServedConnection) -> tuple[bytes, bool]:
        """Leave the connection to another protocol. Returns the bytes that it has to read, and whether EOF has come."""
        ...
