"""What a test client needs of a transport: the way to the application, in memory or over a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Protocol

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.http.fields import RawHeaders
    from sketch.request import BaseRequest
    from sketch.testing.sent import SentRequest


NOT_STARTED = (
    "the application is not started: use `async with TestClient(app) as client:`, "
    "or `client = await sketch_client(app)` with the fixture in an async test"
)


class Answer(Protocol):
    """The answer to one request, from the client's side: its head is there, its body comes as it is read."""

    @property
    def status(self) -> int:
        """The status code."""
        ...

    @property
    def raw_headers(self) -> RawHeaders:
        """The header fields as they came."""
        ...

    @property
    def request(self) -> BaseRequest:
        """The request as the application got it. Raises RuntimeError where it is out of reach."""
        ...

    async def chunk(self) -> bytes:
        """The next chunk of the body, `b""` at its end. Raises what the body failed with."""
        ...

    def disconnect(self) -> None:
        """Make the client leave."""

    async def ended(self) -> None:
        """Wait until the exchange has ended, as far as the client can know."""


class Socket(Protocol):
    """The client's end of an open websocket."""

    @property
    def end(self) -> tuple[int, str] | None:
        """Code and reason, once either side has closed."""
        ...

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that was agreed on, if any."""
        ...

    async def receive(self) -> str | bytes:
        """The next message. Raises `WebSocketDisconnected` at the end."""
        ...

    async def send(self, data: str | bytes) -> None:
        """Send a message. Raises `WebSocketDisconnected` after the end."""

    async def close(self, code: int | None, reason: str) -> None:
        """Close, unless either side has."""

    def abort(self) -> None:
        """Break the connection off."""

    async def ended(self, seconds: float) -> None:
        """Wait until the session has ended, as far as the client can know, and no longer than so many seconds."""


class Transport(Protocol):
    """The way from a client to an application. It starts and stops the application."""

    name: str

    @property
    def app(self) -> Application:
        """The application. Raises RuntimeError where it is out of reach."""
        ...

    @property
    def base_url(self) -> str | None:
        """Scheme, address and port of the server, None without one."""
        ...

    @property
    def output(self) -> str:
        """What the server's process has printed; empty without one."""
        ...

    async def start(self) -> None:
        """Start the application, and the server if there is one. Raises what a start-up hook raises."""

    async def shutdown(self) -> None:
        """Tell the application to stop."""

    async def stop(self) -> None:
        """Leave every open answer, stop the application and clean it up."""

    def kill(self) -> None:
        """End at once what is left, in a place where nothing can be awaited."""

    async def send(self, sent: SentRequest) -> Answer:
        """Send a request and return the answer once its head is there."""
        ...

    async def open(self, sent: SentRequest, subprotocols: tuple[str, ...]) -> tuple[Answer, Socket | None]:
        """Send the handshake of a websocket. Returns the answer, and the client's end if the websocket is open."""
        ...


def only_in_memory(what: str, name: str) -> NoReturn:
    """Refuse what only the in-memory transport can do.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError(f"{what} is out of reach on the transport {name!r}: use transport='memory'")
