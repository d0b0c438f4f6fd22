"""The transport in memory: no server, no socket, the test's own event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from sketch.request import BaseRequest, Request, WebSocketRequest
from sketch.testing.interfaces import NOT_STARTED
from sketch.testing.lifespan import Lifespan
from sketch.testing.transport import Exchange, MemoryConnection, Upload
from sketch.testing.websocket import Handshake, MemoryEnd, handshake_fields
from sketch.transport import ClientDisconnected

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.http.fields import RawHeaders
    from sketch.http.grammar import Address
    from sketch.testing.sent import SentRequest
    from sketch.testing.targets import Origin

E = TypeVar("E", bound=Exchange)


class MemoryTransport:
    """Calls the application in the event loop of the test.

    Args:
        app: the application.
        origin: gives the scheme and the server's address.
        raise_errors, root_path, client, shutdown_timeout: as for the client.
    """

    name = "memory"
    base_url = None
    output = ""

    def __init__(
        self,
        app: Application,
        origin: Origin,
        *,
        raise_errors: bool,
        root_path: str,
        client: Address | None,
        shutdown_timeout: float,
    ) -> None:
        if client is not None and not _is_address(client):
            raise TypeError(f"expected client as (host, port) or None, got {client!r:.200}")
        self.app = app
        self._origin = origin
        self._raise_errors = raise_errors
        self._root_path = root_path
        self._client = client
        self._shutdown_timeout = shutdown_timeout
        self._lifespan = Lifespan(app)
        self._exchanges: set[Exchange] = set()

    async def start(self) -> None:
        """Start the application. Raises what a start-up hook raises."""
        await self._lifespan.start()

    async def shutdown(self) -> None:
        """Tell the application to stop: the hooks run; requests that still run go on."""
        await self._lifespan.shutdown()

    async def stop(self) -> None:
        """Leave every open response, stop the application and clean it up. Raises what the hooks raise."""
        for exchange in self._exchanges:
            exchange.disconnect()
        self.app.stopping.set(self._shutdown_timeout)
        try:
            await self.shutdown()
        finally:
            await self._end_exchanges()
            await self._lifespan.cleanup()

    async def _end_exchanges(self) -> None:
        tasks = [exchange.task for exchange in self._exchanges]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._shutdown_timeout)
            for task in late:
                task.cancel()
            await asyncio.wait(tasks)

    def kill(self) -> None:
        """Do nothing: what is left ends with the event loop."""

    # -- exchanges --------------------------------------------------------------------------------------------------

    async def send(self, sent: SentRequest) -> MemoryAnswer:
        """Send a request and return the answer once its head is there.

        Raises:
            ClientDisconnected: if the upload was cut short and the application did not answer.
            Exception: an unexpected exception of a handler, with `raise_errors`.
        """
        connection = self._connect()
        length = next(
            (int(value) for name, value in sent.fields if name == b"content-length" and value.isdigit()), None
        )
        upload = Upload(sent.content or b"", length, connection) if sent.content or length else None
        request = Request(
            sent.method, sent.target, sent.fields, root_path=self._root_path, body=upload, connection=connection
        )
        return await self._answer(self._keep(Exchange(self.app, request, connection, upload, self._raise_errors)))

    async def open(self, sent: SentRequest, subprotocols: tuple[str, ...]) -> tuple[MemoryAnswer, MemoryEnd | None]:
        """Send the handshake of a websocket. Returns the answer, and the client's end if the websocket is open."""
        connection = self._connect()
        fields = sent.fields + handshake_fields(subprotocols)
        request = WebSocketRequest("GET", sent.target, fields, root_path=self._root_path, connection=connection)
        exchange = self._keep(Handshake(self.app, request, connection, None, self._raise_errors))
        answer = await self._answer(exchange)
        if exchange.client_end is None:
            return answer, None
        return answer, MemoryEnd(exchange, exchange.client_end, self._raise_errors)

    def _connect(self) -> MemoryConnection:
        if not self._lifespan.started:
            raise RuntimeError(NOT_STARTED)
        origin = self._origin
        return MemoryConnection(
            client=self._client,
            server=(origin.host, origin.port),
            scheme=origin.scheme,
            state=dict(self.app.state),
        )

    def _keep(self, exchange: E) -> E:
        self._exchanges.add(exchange)
        exchange.task.add_done_callback(lambda _: self._exchanges.discard(exchange))
        return exchange

    async def _answer(self, exchange: Exchange) -> MemoryAnswer:
        try:
            wire = await exchange.head()
        except ClientDisconnected as exc:
            raise exchange.upload_error or exc from None
        error = exchange.upload_error or (exchange.unexpected if self._raise_errors else None)
        if error is not None:
            exchange.disconnect()
            await exchange.ended()
            raise error
        return MemoryAnswer(exchange, wire.status, list(wire.fields))


def _is_address(client: Any) -> bool:
    return isinstance(client, tuple) and len(client) == 2 and isinstance(client[0], str) and isinstance(client[1], int)


class MemoryAnswer:
    """The answer of one exchange in memory: see `sketch.testing.interfaces.Answer`."""

    def __init__(self, exchange: Exchange, status: int, raw_headers: RawHeaders) -> None:
        self.status = status
        self.raw_headers = raw_headers
        self.request: BaseRequest = exchange.request
        self.chunk = exchange.chunk
        self.disconnect = exchange.disconnect
        self.ended = exchange.ended
