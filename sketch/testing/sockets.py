"""The client's end of a websocket on a connection, by the package websockets: the extra that serves them, too."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sketch.serving.options import ServeError
from sketch.testing.interfaces import only_in_memory
from sketch.websocket import ABNORMAL, WebSocketDisconnected

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection
    from websockets.exceptions import ConnectionClosed

    from sketch.http.fields import RawHeaders
    from sketch.request import BaseRequest
    from sketch.testing.sent import SentRequest
    from sketch.testing.wire import Place

_EMPTY_CLOSE = b"\x88\x80\x00\x00\x00\x00"
"""A close frame without a code, which the package does not send."""

_OWN = {b"host", b"connection", b"upgrade", b"sec-websocket-key", b"sec-websocket-version", b"user-agent"}
"""Fields that the package writes itself."""


async def open_socket(place: Place, sent: SentRequest, subprotocols: tuple[str, ...]) -> tuple[Head, WireEnd | None]:
    """Open a websocket. Returns the head of the answer, and the client's end if the websocket is open.

    Raises:
        ServeError: if the package is missing.
    """
    try:
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidStatus
    except ModuleNotFoundError:
        raise ServeError(
            f"websockets on the transport {place.transport!r} need the package websockets: "
            "pip install 'sketch-web[websockets]'"
        ) from None
    fields = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in sent.fields if n not in _OWN]
    agent, host = sent.field(b"user-agent"), sent.field(b"host") or b""
    uri = f"{'ws' if place.tls is None else 'wss'}://{host.decode('latin-1')}{sent.target.decode('latin-1')}"
    options: dict[str, Any] = {} if place.tls is None else {"ssl": place.tls, "server_hostname": place.name}
    try:
        connecting = connect(
            uri,
            host=place.host,
            port=place.port,
            additional_headers=fields,
            user_agent_header=None if agent is None else agent.decode("latin-1"),
            subprotocols=list(subprotocols) or None,  # type: ignore[arg-type]  # a NewType of str
            proxy=None,
            ping_interval=None,
            close_timeout=5,
            max_size=None,
            **options,
        )
        connecting.process_redirect = lambda exc: exc  # type: ignore[method-assign]  # a redirect is an answer, too
        connection = await connecting
    except InvalidStatus as exc:
        answer = exc.response
        return Head(place, answer.status_code, _raw(answer.headers), bytes(answer.body or b"")), None
    assert connection.response is not None, "the handshake is over"
    head = Head(place, connection.response.status_code, _raw(connection.response.headers), b"")
    return head, WireEnd(connection)


def _raw(headers: Any) -> RawHeaders:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.raw_items()]


class Head:
    """The answer to a handshake: an `Answer` whose body is there."""

    def __init__(self, place: Place, status: int, raw_headers: RawHeaders, body: bytes) -> None:
        self.status = status
        self.raw_headers = raw_headers
        self._place = place
        self._body = body

    @property
    def request(self) -> BaseRequest:
        """The handshake as the application got it: out of reach."""
        only_in_memory("the request as the application got it", self._place.transport)

    async def chunk(self) -> bytes:
        """The body, then `b""`."""
        body, self._body = self._body, b""
        return body

    def disconnect(self) -> None:
        """Do nothing: the connection is closed, or belongs to the websocket."""

    async def ended(self) -> None:
        """Return at once: see `disconnect`."""


class WireEnd:
    """The client's end of a websocket: see `sketch.testing.interfaces.Socket`."""

    def __init__(self, connection: ClientConnection) -> None:
        self.subprotocol: str | None = connection.subprotocol
        self._connection = connection

    @property
    def end(self) -> tuple[int, str] | None:
        """Code and reason, once either side has closed."""
        return _end(self._connection.protocol.close_exc) if self.over else None

    @property
    def over(self) -> bool:
        """Whether the connection is closed."""
        return self._connection.protocol.state.name == "CLOSED"

    async def receive(self) -> str | bytes:
        """The next message. Raises `WebSocketDisconnected` at the end."""
        from websockets.exceptions import ConnectionClosed

        try:
            return await self._connection.recv()
        except ConnectionClosed as exc:
            raise WebSocketDisconnected(*_end(exc)) from None

    async def send(self, data: str | bytes) -> None:
        """Send a message; waits while too much is under way. Raises `WebSocketDisconnected` after the end."""
        from websockets.exceptions import ConnectionClosed

        try:
            await self._connection.send(data)
        except ConnectionClosed as exc:
            raise WebSocketDisconnected(*_end(exc)) from None

    async def close(self, code: int | None, reason: str) -> None:
        """Close, unless either side has, and wait for the other side's close."""
        if code is None:
            self._connection.transport.write(_EMPTY_CLOSE)
            await self._connection.wait_closed()
        else:
            await self._connection.close(code, reason)

    def abort(self) -> None:
        """Break the connection off."""
        self._connection.transport.abort()

    async def ended(self, seconds: float) -> None:
        """Wait until the connection is closed, no longer than so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._connection.wait_closed()
        except TimeoutError:
            self.abort()


def _end(exc: ConnectionClosed) -> tuple[int, str]:
    """Return code and reason of the side that closed first."""
    first = exc.sent if exc.rcvd is None or exc.rcvd_then_sent is False else exc.rcvd
    return (ABNORMAL, "") if exc.rcvd is None or first is None else (first.code, first.reason)
