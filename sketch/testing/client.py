"""A client for tests: talks to an application in the same event loop, without a server or a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlsplit

from sketch.checks import check_flags
from sketch.http.fields import RawHeaders
from sketch.http.grammar import Address
from sketch.request import Request, WebSocketRequest
from sketch.testing.cookies import CookieJar
from sketch.testing.encoding import (
    BodyArgument,
    Fields,
    Files,
    HeaderFields,
    encode_body,
    encode_headers,
    encode_target,
)
from sketch.testing.lifespan import Lifespan
from sketch.testing.response import ClientResponse
from sketch.testing.transport import Exchange, MemoryConnection, Upload
from sketch.testing.websocket import ClientWebSocket, Handshake, WebSocketRefused, handshake_fields
from sketch.transport import ClientDisconnected

if TYPE_CHECKING:
    from sketch.application import Application

E = TypeVar("E", bound=Exchange)


class TestClient:
    """Starts an application, sends it requests, stops it.

        async with TestClient(app) as client:
            response = await client.post("/orders", json={"item": 7})
            assert response.status == 201

    Everything runs in the event loop of the test, so an endless body can be read in part, and
    `await response.close()` makes the client leave. So does the cancellation of a request (`asyncio.timeout`).

    Args:
        app: the application. It is started by `async with`, and stopped at the end of the block.
        raise_errors: raise an unexpected exception of a handler or a body here, instead of answering 500 (or, after
            the head, breaking the connection) as a server does.
        root_path: the prefix under which the application is reachable; it is removed once from a path that has it.
        base_url: scheme and host of the requests.
        headers: sent with every request, unless the request has a field of that name itself.
        client: the address requests come from.
        shutdown_timeout: how many seconds requests that still run at the end may take before they are cancelled.
    """

    __test__ = False  # pytest: not a class of tests, despite its name

    def __init__(
        self,
        app: Application,
        *,
        raise_errors: bool = True,
        root_path: str = "",
        base_url: str = "http://testserver",
        headers: HeaderFields = None,
        client: Address | None = ("127.0.0.1", 50000),
        shutdown_timeout: float = 5.0,
    ) -> None:
        url = urlsplit(base_url)
        if url.scheme not in ("http", "https") or not url.netloc:
            raise ValueError(f"expected a base_url like 'http://host', got {base_url!r}")
        check_flags(raise_errors=raise_errors)
        self.app = app
        self.cookies = CookieJar()
        """The cookies the application has set, sent back as a browser does."""
        self._raise_errors = raise_errors
        self._root_path = root_path
        self._scheme, self._host = url.scheme, url.netloc
        self._server = (url.hostname or "", url.port or (443 if url.scheme == "https" else 80))
        self._headers = encode_headers(headers)
        self._client = client
        self._shutdown_timeout = shutdown_timeout
        self._lifespan = Lifespan(app)
        self._exchanges: set[Exchange] = set()

    # -- life -------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the application. Raises what a start-up hook raises."""
        await self._lifespan.start()

    async def shutdown(self) -> None:
        """Tell the application to stop, as a server does: `app.stopping` is set, the hooks run.

        Requests that still run go on, and so do the responses that are being read.
        """
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

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # -- requests ---------------------------------------------------------------------------------------------------

    async def request(
        self,
        method: str,
        path: str | bytes,
        *,
        params: Fields | None = None,
        headers: HeaderFields = None,
        body: BodyArgument = None,
        json: Any = None,
        data: Fields | None = None,
        files: Files | None = None,
    ) -> ClientResponse:
        """Send a request and return the answer as soon as its head is there. Redirects are not followed.

        Args:
            method: as it is to be sent; methods are case-sensitive.
            path: with a query if wanted. Characters that a target cannot hold are percent-encoded, percent-encoded
                ones are kept; `bytes` are sent as they are.
            params: query fields to add.
            headers: header fields.
            body: bytes, or an async iterable of chunks, which the handler pulls as it reads. To simulate an upload that
                is cut short, raise `ClientDisconnected` in it, or give more `Content-Length` than body.
            json: data to send as JSON.
            data: form fields.
            files: files to upload as `multipart/form-data`, together with `data`.

        Raises:
            ClientDisconnected: if the upload was cut short and the application, rightly, did not answer.
            Exception: an unexpected exception of a handler, with `raise_errors`.
        """
        content, media_type = encode_body(body, json, data, files)
        target = encode_target(path, params)
        fields = self._fields(target, encode_headers(headers), content, media_type)
        return await self._answer(self._begin(method, target, fields, content))

    def _fields(self, target: bytes, fields: RawHeaders, content: BodyArgument, media_type: str | None) -> RawHeaders:
        """Return the header fields that a client sends: those of the test, and defaults for missing ones."""
        given = {name for name, _ in fields}
        fields = fields + [field for field in self._headers if field[0] not in given]
        path = target.decode("latin-1").partition("?")[0]
        cookies = self.cookies.header(path, secure=self._scheme == "https")
        defaults = [(b"host", self._host.encode("latin-1")), (b"accept", b"*/*"), (b"user-agent", b"sketch-testclient")]
        if cookies:
            defaults.append((b"cookie", cookies.encode()))
        if media_type is not None:
            defaults.append((b"content-type", media_type.encode("latin-1")))
        if isinstance(content, bytes):
            defaults.append((b"content-length", b"%d" % len(content)))
        elif content is not None and b"content-length" not in given:
            defaults.append((b"transfer-encoding", b"chunked"))
        given = {name for name, _ in fields}
        return fields + [field for field in defaults if field[0] not in given]

    def _connect(self) -> MemoryConnection:
        if not self._lifespan.started:
            raise RuntimeError("the application is not started: use `async with TestClient(app) as client:`")
        state = dict(self.app.state)
        return MemoryConnection(client=self._client, server=self._server, scheme=self._scheme, state=state)

    def _begin(self, method: str, target: bytes, fields: RawHeaders, content: BodyArgument) -> Exchange:
        connection = self._connect()
        length = next((int(value) for name, value in fields if name == b"content-length" and value.isdigit()), None)
        upload = Upload(content or b"", length, connection) if content or length else None
        request = Request(method, target, fields, root_path=self._root_path, body=upload, connection=connection)
        return self._keep(Exchange(self.app, request, connection, upload, self._raise_errors))

    def _begin_handshake(self, target: bytes, fields: RawHeaders) -> Handshake:
        connection = self._connect()
        request = WebSocketRequest("GET", target, fields, root_path=self._root_path, connection=connection)
        return self._keep(Handshake(self.app, request, connection, None, self._raise_errors))

    def _keep(self, exchange: E) -> E:
        self._exchanges.add(exchange)
        exchange.task.add_done_callback(lambda _: self._exchanges.discard(exchange))
        return exchange

    async def _answer(self, exchange: Exchange) -> ClientResponse:
        try:
            wire = await exchange.head()
        except ClientDisconnected as exc:
            raise exchange.upload_error or exc from None
        error = exchange.upload_error or (exchange.unexpected if self._raise_errors else None)
        if error is not None:
            exchange.disconnect()
            await exchange.ended()
            raise error
        answer = ClientResponse(exchange, wire)
        for value in answer.headers.getall("Set-Cookie", []):
            self.cookies.update(value, exchange.request.target.decode("latin-1").partition("?")[0])
        return answer

    async def get(self, path: str | bytes, **options: Any) -> ClientResponse:
        """Send a GET request; options as in `request()`."""
        return await self.request("GET", path, **options)

    async def head(self, path: str | bytes, **options: Any) -> ClientResponse:
        """Send a HEAD request; options as in `request()`."""
        return await self.request("HEAD", path, **options)

    async def post(self, path: str | bytes, **options: Any) -> ClientResponse:
        """Send a POST request; options as in `request()`."""
        return await self.request("POST", path, **options)

    async def put(self, path: str | bytes, **options: Any) -> ClientResponse:
        """Send a PUT request; options as in `request()`."""
        return await self.request("PUT", path, **options)

    async def patch(self, path: str | bytes, **options: Any) -> ClientResponse:
        """Send a PATCH request; options as in `request()`."""
        return await self.request("PATCH", path, **options)

    async def delete(self, path: str | bytes, **options: Any) -> ClientResponse:
        """Send a DELETE request; options as in `request()`."""
        return await self.request("DELETE", path, **options)

    async def options(self, path: str | bytes, **options: Any) -> ClientResponse:
        """Send an OPTIONS request; options as in `request()`."""
        return await self.request("OPTIONS", path, **options)

    @asynccontextmanager
    async def websocket(
        self,
        path: str | bytes,
        *,
        params: Fields | None = None,
        headers: HeaderFields = None,
        subprotocols: Iterable[str] = (),
    ) -> AsyncIterator[ClientWebSocket]:
        """Open a websocket for the duration of a block: `async with client.websocket("/chat/lobby") as ws`.

        At the end of the block it is closed with 1000, and its session gets `shutdown_timeout` to end. If the block
        raises, the websocket breaks off.

        Args:
            path, params, headers: as in `request()`. An `Origin` is only sent if it is given.
            subprotocols: those that the client offers, the best first.

        Raises:
            WebSocketRefused: if the application opens no websocket; the error has the response.
            Exception: an unexpected exception of a handler or the session, with `raise_errors`.
        """
        target = encode_target(path, params)
        fields = encode_headers(headers) + handshake_fields(subprotocols)
        exchange = self._begin_handshake(target, self._fields(target, fields, None, None))
        answer = await self._answer(exchange)
        if exchange.client_end is None:
            raise WebSocketRefused(answer)
        websocket = ClientWebSocket(exchange, exchange.client_end, answer, self._raise_errors)
        try:
            yield websocket
        except BaseException:
            websocket.abort()
            raise
        await websocket.finish(self._shutdown_timeout)
