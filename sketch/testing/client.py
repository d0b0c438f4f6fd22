"""A client for tests: talks to an application in memory, or to a real server that it starts."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from yarl import URL

from sketch.checks import check_flags
from sketch.http.fields import RawHeaders
from sketch.http.grammar import Address, tokens
from sketch.serving.options import ServeOptions
from sketch.testing.client_websocket import ClientWebSocket, WebSocketRefused
from sketch.testing.clock import TimeControl
from sketch.testing.cookies import CookieJar
from sketch.testing.encoding import (
    Auth,
    BodyArgument,
    Data,
    Files,
    HeaderFields,
    Params,
    check_cookies,
    check_method,
    encode_auth,
    encode_body,
    encode_headers,
)
from sketch.testing.interfaces import Transport
from sketch.testing.memory import MemoryTransport
from sketch.testing.redirects import MAX_REDIRECTS, redirected
from sketch.testing.response import ClientResponse
from sketch.testing.sent import SentRequest
from sketch.testing.server_transport import ServerTransport, check_app
from sketch.testing.targets import Origin, Path
from sketch.testing.verbs import Verbs

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.request.session import Session
    from sketch.testing.certificates import Certificate

TRANSPORTS = ("memory", "native", "uvicorn", "hypercorn", "granian")
"""The ways from a client to an application."""

_RECENT = 10
_LOCAL: Address = ("127.0.0.1", 50000)


class TestClient(Verbs):
    """Starts an application, sends it requests, stops it.

        async with TestClient(app) as client:
            response = await client.post("/orders", json={"item": 7})
            assert response.status == 201

    In memory everything runs in the event loop of the test, without a server or a socket, so an endless body can be
    read in part, and `await response.close()` makes the client leave. So does the cancellation of a request
    (`asyncio.timeout`). The other transports start a real server on a free port of the loopback interface, and send
    each request on a connection of its own: `"native"` in the test's event loop, `"uvicorn"` and `"hypercorn"` in a
    thread with a loop of their own, `"granian"` in a process.

    Args:
        app: the application, or its import string: `"package.module:app"`, `"package.module:create_app()"`. granian
            needs a string. It is started by `async with`, and stopped at the end of the block.
        transport: one of `TRANSPORTS`.
        raise_errors: raise an unexpected exception of a handler or a body here, instead of answering 500 (or, after
            the head, breaking the connection) as a server does. Only in memory, where it is the default.
        root_path: the prefix under which the application is reachable; it is removed once from a path that has it.
        base_url: scheme and host of the requests, on every transport: a server is reached under this name, too. With
            `https` it has TLS.
        headers: sent with every request, unless the request has a field of that name itself.
        auth: user and password, sent with every request.
        client: the address requests come from. Only in memory.
        follow_redirects: whether requests follow redirects unless they say otherwise.
        shutdown_timeout: how many seconds requests that still run at the end may take before they are cancelled.
        certificate: the paths of a certificate and its key for a server with TLS; without it, the package trustme
            makes one.
        server_options: further options of `run_app` for a server, such as `{"server_limits": ServerLimits(...)}`.

    Raises:
        ValueError: for an unknown transport, a base_url that is none, and what the transport cannot do.
        TypeError: for no application, or an object where the transport needs an import string.
        ServeError: for a root_path or a shutdown_timeout that no server takes.
    """

    __test__ = False  # pytest: not a class of tests, despite its name

    def __init__(
        self,
        app: Application | str,
        *,
        transport: str = "memory",
        raise_errors: bool | None = None,
        root_path: str = "",
        base_url: str | URL = "http://testserver",
        headers: HeaderFields = None,
        auth: Auth = None,
        client: Address | None = _LOCAL,
        follow_redirects: bool = False,
        shutdown_timeout: float = 1.0,
        certificate: Certificate | None = None,
        server_options: Mapping[str, Any] | None = None,
    ) -> None:
        check_flags(follow_redirects=follow_redirects)
        if raise_errors is not None:
            check_flags(raise_errors=raise_errors)
        if transport not in TRANSPORTS:
            raise ValueError(f"expected a transport of {', '.join(TRANSPORTS)}, got {transport!r:.200}")
        ServeOptions(root_path=root_path, shutdown_timeout=shutdown_timeout)  # for its checks
        self._origin = Origin(base_url)
        self.cookies = CookieJar(self._origin.host)
        """The cookies the application has set, sent back as a browser does: a mapping from names to values."""
        self._headers = encode_headers(headers)
        self._auth = encode_auth(auth)
        self._follow_redirects = follow_redirects
        self._shutdown_timeout = shutdown_timeout
        self._last = b"/"
        self._recent: deque[tuple[SentRequest, int | None]] = deque(maxlen=_RECENT)
        """The last requests and the status of their answers, None without an answer, for reports."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._transport: Transport
        if transport == "memory":
            found = check_app(app, transport)
            assert found is not None, "it is in this process"
            if certificate is not None or server_options:
                raise ValueError("expected certificate and server_options for a transport with a server, got 'memory'")
            self._transport = MemoryTransport(
                found,
                self._origin,
                raise_errors=raise_errors is not False,
                root_path=root_path,
                client=client,
                shutdown_timeout=shutdown_timeout,
            )
            return
        if raise_errors:
            raise ValueError(
                f"expected raise_errors on the transport 'memory' only, got {transport!r:.200}: a server answers"
            )
        if client is not _LOCAL:
            raise ValueError(
                f"expected client on the transport 'memory' only, got {transport!r:.200}: it has a real address"
            )
        self._transport = ServerTransport(
            transport,
            app,
            self._origin,
            certificate=certificate,
            root_path=root_path,
            shutdown_timeout=shutdown_timeout,
            options=server_options,
        )

    @property
    def app(self) -> Application:
        """The application. Raises RuntimeError if it runs in another process."""
        return self._transport.app

    @property
    def transport(self) -> str:
        """The name of the transport."""
        return self._transport.name

    @property
    def base_url(self) -> URL:
        """Scheme and host of the requests."""
        return URL(f"{self._origin.scheme}://{self._origin.authority}")

    @property
    def server_url(self) -> URL | None:
        """Scheme, address and port of the server, for other clients; None in memory, and unless it runs."""
        return None if self._transport.base_url is None else URL(self._transport.base_url)

    @property
    def server_output(self) -> str:
        """What granian's process has printed. The other servers run in this process, where pytest captures it."""
        return self._transport.output

    # -- life -------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the application, and the server if there is one.

        Raises:
            ServeError: if a server cannot start.
            Exception: what a start-up hook raises, unless it runs in another process.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError(
                "expected an asyncio event loop: sketch does not run on trio. With anyio's pytest plugin, a fixture "
                "anyio_backend that returns 'asyncio' chooses it"
            ) from None
        await self._transport.start()
        self._loop = loop

    def _check_loop(self) -> None:
        """Refuse another event loop than that of the start: there, what runs in the first one would never answer.

        Raises:
            RuntimeError: in another event loop.
        """
        if self._loop is not None and asyncio.get_running_loop() is not self._loop:
            raise RuntimeError(
                "expected the event loop in which the client was started, got another one: start the client in the "
                "test, or give its fixture and the test one loop (pytest-asyncio: loop_scope); in a plain function "
                "use sketch_run"
            )

    async def shutdown(self) -> None:
        """Tell the application to stop, as a server does: `app.stopping` is set, the hooks run.

        Requests that still run go on, and so do the responses that are being read.
        """
        self._check_loop()
        await self._transport.shutdown()

    async def stop(self) -> None:
        """Leave every open response, stop the application and clean it up.

        Raises:
            RuntimeError: in another event loop than that of the start; a server of its own is killed then.
            Exception: what the hooks raise.
        """
        try:
            self._check_loop()
        except RuntimeError:
            self.kill()
            raise
        await self._transport.stop()

    def kill(self) -> None:
        """End at once what is left of a server, where `stop` cannot be awaited. Does nothing after `stop`."""
        self._transport.kill()

    # `with` is what users of other test clients write first; Python's own error does not name the mend.
    def __enter__(self) -> None:
        """Raise TypeError: a client is started by `async with`."""
        raise TypeError(
            "expected `async with` for a client, got `with`: a plain function has the fixture sketch_client"
        )

    def __exit__(self, *unused: object) -> None:
        """Do nothing: `with` is refused at its start."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def time(self) -> TimeControl:
        """Control the time of the event loop: `async with client.time() as time: await time.advance(30)`.

        Only where the application runs in the test's event loop: in memory, and natively.

        Raises:
            RuntimeError: on another transport, or in another event loop than asyncio's own.
        """
        if self.transport not in ("memory", "native"):
            raise RuntimeError(
                f"expected the transport 'memory' or 'native' for time control, got {self.transport!r:.200}: "
                "its server has a loop of its own"
            )
        return TimeControl()

    # -- requests ---------------------------------------------------------------------------------------------------

    async def request(
        self,
        method: str,
        path: Path,
        *,
        params: Params = None,
        headers: HeaderFields = None,
        cookies: Mapping[str, str] | None = None,
        auth: Auth = None,
        body: BodyArgument = None,
        json: Any = None,
        data: Data = None,
        files: Files | None = None,
        follow_redirects: bool | None = None,
    ) -> ClientResponse:
        """Send a request and return the answer as soon as its head is there.

        Args:
            method: as it is to be sent; methods are case-sensitive.
            path: with a query if wanted; a URL of the client's origin; or a reference that is relative to the request
                before: `"./x"`, `"../x"`, `"?a=1"`. Characters that a target cannot hold are percent-encoded,
                percent-encoded ones are kept; `bytes` are sent as they are.
            params: query fields to add: a mapping, pairs, or a text that is a query already.
            headers: header fields; values are text, numbers, or bytes that are sent as they are.
            cookies: cookies of this request alone, in place of kept ones of the same names.
            auth: user and password of HTTP Basic authentication.
            body: bytes, or an async iterable of chunks, which the handler pulls as it reads. To simulate an upload that
                is cut short, raise `ClientDisconnected` in it, or give more `Content-Length` than body.
            json: data to send as JSON: what `JSONResponse` takes, such as dataclasses and dates.
            data: form fields; or a text, sent as `text/plain`, or bytes, sent as `application/octet-stream`.
            files: files to upload as `multipart/form-data`, together with `data`: contents, paths, open files, or
                `(name, content)` and `(name, content, media type)`.
            follow_redirects: whether to follow redirects to this origin, at most 20; those to another origin are
                returned. None for what the client was made with. 303 becomes a GET, and so do 301 and 302 after a POST;
                307 and 308 send the same again.

        Raises:
            TypeError, ValueError: for what no client could send.
            ClientDisconnected: if the upload was cut short and the application, rightly, did not answer.
            ConnectionError: if a server breaks the connection before the head of the answer.
            RuntimeError: for more than 20 redirects, and for one that has to send an iterable body again; in another
                event loop than the one in which the client was started.
            Exception: an unexpected exception of a handler, with `raise_errors`.
        """
        if follow_redirects is not None:
            check_flags(follow_redirects=follow_redirects)
        content, media_type = encode_body(body, json, data, files)
        target = self._origin.target(path, params, last=self._last)
        fields = self._fields(encode_headers(headers) + encode_auth(auth), content, media_type)
        follow = self._follow_redirects if follow_redirects is None else follow_redirects
        return await self._send(self._sent(method, target, fields, content, cookies), cookies, follow)

    async def _request(self, method: str, path: Path, options: dict[str, Any]) -> ClientResponse:
        return await self.request(method, path, **options)

    async def _send(self, sent: SentRequest, cookies: Mapping[str, str] | None, follow: bool) -> ClientResponse:
        history: list[ClientResponse] = []
        while True:
            self._last = sent.target if sent.target != b"*" else self._last
            with self._noting(sent):
                answer = await self._transport.send(sent)
            response = ClientResponse(answer, sent, tuple(history))
            self._note(response, sent)
            following = redirected(sent, response, self._origin) if follow else None
            if following is None:
                return response
            await response.read()
            history.append(response)
            if len(history) > MAX_REDIRECTS:
                raise RuntimeError(f"expected at most {MAX_REDIRECTS} redirects, got one more: {response.curl()}")
            method, target, fields, content = following
            sent = self._sent(method, target, fields, content, cookies)

    @contextmanager
    def _noting(self, sent: SentRequest) -> Iterator[None]:
        """Around the sending of a request: note one that gets no answer, and refuse another event loop.

        Raises:
            RuntimeError: in another event loop than the client's. A server in that one could not answer.
        """
        self._check_loop()
        try:
            yield
        except BaseException:
            self._recent.append((sent, None))
            raise

    def _note(self, response: ClientResponse, sent: SentRequest) -> None:
        self._recent.append((sent, response.status))
        for value in response.headers.getall("Set-Cookie", []):
            self.cookies.update_from(value, sent.path, sent.host)

    def _fields(self, fields: RawHeaders, content: BodyArgument, media_type: str | None) -> RawHeaders:
        """Return the header fields that a client sends: those of the test, and defaults for missing ones."""
        given = {name for name, _ in fields}
        fields = fields + [field for field in [*self._headers, *self._auth] if field[0] not in given]
        defaults = [
            (b"host", self._origin.authority.encode("latin-1")),
            (b"accept", b"*/*"),
            (b"user-agent", b"sketch-testclient"),
        ]
        if media_type is not None:
            defaults.append((b"content-type", media_type.encode("latin-1")))
        if isinstance(content, bytes):
            defaults.append((b"content-length", b"%d" % len(content)))
        elif content is not None and b"content-length" not in given:
            defaults.append((b"transfer-encoding", b"chunked"))
        given = {name for name, _ in fields}
        return fields + [field for field in defaults if field[0] not in given]

    def _sent(
        self,
        method: str,
        target: bytes,
        fields: RawHeaders,
        content: BodyArgument,
        cookies: Mapping[str, str] | None,
        *,
        websocket: bool = False,
    ) -> SentRequest:
        """Make the request, with the cookies for its target unless the test gives a field for them."""
        check_cookies(cookies)
        sent = SentRequest(check_method(method), target, fields, content, self._origin.url(target), websocket)
        if sent.field(b"cookie") is None:
            kept = self.cookies.header(sent.path, secure=self._origin.secure, host=sent.host, extra=cookies)
            if kept:
                fields.append((b"cookie", kept.encode()))
        return sent

    @asynccontextmanager
    async def websocket(
        self,
        path: Path,
        *,
        params: Params = None,
        headers: HeaderFields = None,
        cookies: Mapping[str, str] | None = None,
        auth: Auth = None,
        subprotocols: Iterable[str] = (),
    ) -> AsyncIterator[ClientWebSocket]:
        """Open a websocket for the duration of a block: `async with client.websocket("/chat/lobby") as ws`.

        At the end of the block it is closed with 1000, and its session gets `shutdown_timeout` to end. If the block
        raises, the websocket breaks off. A server, and so the client, needs the package websockets.

        Args:
            path, params, headers, cookies, auth: as in `request()`. An `Origin` is only sent if it is given.
            subprotocols: those that the client offers, the best first.

        Raises:
            WebSocketRefused: if the application opens no websocket; the error has the response.
            Exception: an unexpected exception of a handler or the session, with `raise_errors`.
        """
        target = self._origin.target(path, params, last=self._last)
        fields = self._fields(encode_headers(headers) + encode_auth(auth), None, None)
        sent = self._sent("GET", target, fields, None, cookies, websocket=True)
        self._last = sent.target
        offered = tuple(tokens("subprotocols", subprotocols))
        with self._noting(sent):
            answer, socket = await self._transport.open(sent, offered)
        response = ClientResponse(answer, sent)
        self._note(response, sent)
        if socket is None:
            raise WebSocketRefused(response)
        websocket = ClientWebSocket(socket, response)
        try:
            yield websocket
        except BaseException:
            websocket.abort()
            raise
        await websocket.finish(self._shutdown_timeout)

    def session(self) -> AbstractAsyncContextManager[Session[Any]]:
        """Read and change the client's session: `async with client.session() as session: session["user"] = 7`.

        What was changed is kept at the end of the block, as by an answer of the application.

        Raises:
            RuntimeError: for an application without the middleware `Sessions`, or one in another process.
        """
        from sketch.testing.sessions import open_session  # not every application has sessions

        return open_session(self.app, self.cookies, self.base_url)

    def __repr__(self) -> str:
        return f"<TestClient {self.transport} {self.base_url}>"
