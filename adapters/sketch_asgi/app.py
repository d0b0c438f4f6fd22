"""The ASGI 3 callable that serves a sketch application."""

from __future__ import annotations

import asyncio
import logging
from asyncio import current_task
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from sketch.concurrency.containment import as_error, ends_task
from sketch.http.status import PHRASES
from sketch.lifecycle.stopping import SHUTDOWN_GRACE
from sketch.observability.access_log import chosen_access_log
from sketch.pipeline.finish import note_end
from sketch.request import BaseRequest, Request
from sketch.serving.asgi import Send
from sketch.serving.endings import log_left
from sketch.transport import ClientDisconnected
from sketch_asgi.connection import Scope, ScopeConnection
from sketch_asgi.lifespan import NO_LIFESPAN, Life
from sketch_asgi.scope import read_head
from sketch_asgi.scope_route import noting_route
from sketch_asgi.writer import LARGE_BODY, closing, without_date, write_body
from sketch_gateway.application import GatewayApplication
from sketch_gateway.body import Receive
from sketch_gateway.deadlines import client_timer
from sketch_gateway.refusal import Refused
from sketch_gateway.streaming import pass_on

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.http.fields import RawHeaders

logger = logging.getLogger("sketch.server")

_new = object.__new__  # calling the class, with its arguments, takes longer; see BaseRequest.begin


class ASGIApplication(GatewayApplication):
    """Makes a sketch application an ASGI 3 callable, `async (scope, receive, send)`.

    Args:
        app: handles the requests.
        access_log: whether to write an access line per request. Off if the server writes its own.
        root_path: the prefix under which the application is published, if the server was not told of it.
        grace: seconds that background tasks and requests get between the order to stop and their end.
        signals: whether to learn of the order to stop by the signals of the process. Off if a launcher tells of it.
    """

    __slots__ = ("_root_path", "life")

    def __init__(
        self,
        app: Application,
        *,
        access_log: bool = False,
        root_path: str = "",
        grace: float = SHUTDOWN_GRACE,
        signals: bool = True,
    ) -> None:
        self.life = Life(app, grace, chosen_access_log() if access_log else None, signals=signals)
        super().__init__(app, self.life)
        self._root_path = root_path
        app.pipeline.wrap_find(noting_route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: C901 - one coroutine is faster
        """Serve one scope.

        Raises:
            RuntimeError: for a scope of another type than http, websocket and lifespan.
            Exception: what a stream raises after the head is sent: the server has to abort the connection.
        """
        if scope["type"] != "http":
            await self._serve_other(scope, receive, send)
            return
        app, life = self._app, self.life
        connection = _new(ScopeConnection)
        connection.begin(app, self._timer, scope, receive)
        if app.watched:
            connection.began_at = perf_counter()
        request: Request | None = None
        fault: BaseException | None = None
        loop = self._loop
        task = (loop is not None and current_task(loop)) or self.note_loop()
        self._exchanges[task] = connection  # type: ignore[index]  # an ASGI server runs each scope in a task
        try:
            if not life.started:
                await self._ready(connection)
            request = read_head(scope, connection, self._root_path, Request)
            handle = self._handle  # a name of its own: what is called on `self` is looked up as a method first
            wire = await handle(request)
            if not wire.plain:
                wire.fields = without_date(wire.fields)
            if life.closing:
                wire.fields = closing(wire.fields, scope)
            payload = wire.payload
            status = connection.status = wire.status
            start = {"type": "http.response.start", "status": status, "headers": wire.fields}
            if isinstance(payload, bytes) and len(payload) <= LARGE_BODY:
                # Most responses: written here, without another coroutine and without a write deadline.
                body = connection.body
                if body is not None:
                    if body.must_end or not body.complete:  # most are read to their end
                        await body.leave()
                    if body.gone:
                        connection.check_there()
                try:
                    await send(start)
                    if app.watched:
                        connection.first_byte_at = perf_counter()
                    await send({"type": "http.response.body", "body": payload})
                except OSError as exc:
                    raise ClientDisconnected("the client left before the end of the answer") from exc
                if app.watched:
                    connection.size = len(payload)
                    connection.ended_at = perf_counter()
            else:
                await write_body(connection, send, start, payload, wire.length, scope, request)
        except BaseException as exc:
            fault = exc if ends_task(exc) else as_error(exc)
            if not await self._recover(fault, send, connection, request):
                raise fault  # noqa: B904 - it has its cause, or is what was raised
        finally:
            try:
                if app.watched or (request is not None and request.finishing is not None):
                    if request is None or request.finishing is not None or app.listened:
                        await self.report(connection, request, fault)
                    else:
                        note_end(app, request, connection.outcome(request, fault))
            finally:
                fault = None  # its traceback refers to this frame, which would form a cycle
                self._exchanges.pop(task, None)  # type: ignore[arg-type]
                if connection.body is not None and connection.body.detach():
                    await connection.body.close()

    async def _ready(self, connection: ScopeConnection) -> None:
        """Start the application if the server has sent no lifespan."""
        if self.life.started:
            return
        connection.began_at = perf_counter()
        if not await self.life.start_late(NO_LIFESPAN):
            raise Refused("The application does not run.", 503 if self.life.error is None else 500)

    async def _serve_other(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan":
            self._timer = client_timer(self._app)  # a new lifespan may run in another event loop
            await self.life.serve(scope, receive, send)
        elif kind == "websocket":
            from sketch_asgi.handshake import Handshake  # few applications have websockets

            handshake = Handshake(self._app, self._timer, scope, receive, send, self._root_path)
            await self.shake_hands(handshake, partial(self._ready, handshake))
        else:
            raise RuntimeError(f"expected a scope of type http, websocket or lifespan, got {kind!r}")

    async def _recover(
        self, exc: BaseException, send: Send, connection: ScopeConnection, request: Request | None
    ) -> bool:
        """End an exchange that could not be answered. Returns whether that was all: else the server has to know."""
        if isinstance(exc, Refused):
            connection.status = exc.status
            await _refuse(send, connection, str(exc))
            return True
        if isinstance(exc, ClientDisconnected):
            await _leave(send, connection, request, exc)
            return True
        self.log_broken(exc, connection, request)
        return await self.refused(exc, send, connection)

    async def refused(self, exc: BaseException, send: Send, connection: ScopeConnection) -> bool:
        """Answer 503 if an exchange was cancelled at the end of the grace period, and nothing is out. Returns whether.

        Without an answer, some servers would send a 500.
        """
        if not (isinstance(exc, asyncio.CancelledError) and self._app.stopping and connection.status is None):
            return False
        connection.status = 503
        text = f"503 {PHRASES[503]}: the server is stopping\n"  # as the native server says
        await _refuse(send, connection, text, closing([(b"retry-after", b"1")], connection.scope))
        return True


async def _refuse(send: Send, connection: ScopeConnection, text: str, fields: RawHeaders | None = None) -> None:
    """Answer in plain text a request that the application does not see."""
    body = text.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body)), *(fields or [])]
    start = {"type": "http.response.start", "status": connection.status, "headers": headers}
    try:
        await pass_on(send, start, connection)
        connection.first_byte_at = perf_counter()
        await pass_on(send, {"type": "http.response.body", "body": body}, connection)
        connection.size = len(body)
    except ClientDisconnected as exc:
        log_left(*connection.named(None), exc)


async def _leave(send: Send, connection: ScopeConnection, request: BaseRequest | None, exc: ClientDisconnected) -> None:
    """End an exchange after a disconnect. A client that only cut its body short still gets a response."""
    log_left(*connection.named(request), exc)
    if connection.status is None and connection.body is not None and not connection.body.gone:
        connection.status = 400
        # What the server takes for the next request may be the rest of the body.
        fields = closing([], connection.scope)
        await _refuse(send, connection, "expected a request body as long as announced", fields)
