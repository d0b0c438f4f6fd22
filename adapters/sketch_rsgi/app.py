"""Serves a sketch application to a server that speaks RSGI."""

from __future__ import annotations

import asyncio
from asyncio import current_task
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sketch.concurrency.containment import as_error, ends_task
from sketch.http.status import PHRASES
from sketch.lifecycle.stopping import SHUTDOWN_GRACE
from sketch.pipeline.finish import note_end
from sketch.request import Request
from sketch.serving.endings import log_left
from sketch.serving.options import ServeOptions
from sketch.serving.registry import load_served
from sketch.transport import ClientDisconnected
from sketch_gateway.application import GatewayApplication
from sketch_gateway.refusal import Refused
from sketch_rsgi.connection import RSGIConnection
from sketch_rsgi.interfaces import Scope
from sketch_rsgi.life import RSGILife
from sketch_rsgi.scope import read_head
from sketch_rsgi.writer import as_text, write_payload

if TYPE_CHECKING:
    from sketch.application import Application

CLOSING = ("connection", "close")


class RSGIApplication(GatewayApplication):
    """Serves a sketch application by RSGI: what `__rsgi_init__`, `__rsgi__` and `__rsgi_del__` of it do.

    Args:
        app: handles the requests; with raw ASGI middleware around it, it is hosted as a foreign application.
        grace: seconds that background tasks and requests get between the order to stop and their end.
    """

    __slots__ = ("end", "init", "life")

    def __init__(self, app: Application, *, grace: float = SHUTDOWN_GRACE) -> None:
        served: Any = load_served(app, ServeOptions(shutdown_timeout=grace))
        self.life = RSGILife(served, grace)
        self.init = self.life.init
        self.end = self.life.end
        super().__init__(served, self.life)

    async def serve(self, scope: Scope, protocol: Any) -> None:  # noqa: C901 - one coroutine is faster
        """Serve one scope.

        Raises:
            Exception: what a stream raises after the head is sent, once the connection is broken off.
        """
        if scope.proto != "http":
            await self._serve_other(scope, protocol)
            return
        app = self._app
        connection = RSGIConnection(app, self._timer, scope, protocol)
        if app.watched:
            connection.began_at = perf_counter()
        request: Request | None = None
        fault: BaseException | None = None
        loop = self._loop
        task = (loop is not None and current_task(loop)) or self.note_loop()
        self._exchanges[task] = connection  # type: ignore[index]  # an RSGI server runs each scope in a task
        try:
            if not self.life.started:
                await self._ready(connection)
            request = read_head(scope, connection, Request)
            wire = await self._handle(request)
            payload = wire.payload
            if isinstance(payload, bytes):
                # Most responses. The server takes all of it at once, and never waits for the client.
                if (body := connection.body) is not None:
                    if not body.complete:  # most are read to their end
                        await body.leave()
                    connection.check_there()
                connection.status = wire.status
                if wire.plain and request.method != "HEAD":  # the server adds the length
                    protocol.response_bytes(200, [("content-type", wire.fields[0][1].decode("latin-1"))], payload)
                else:
                    protocol.response_bytes(wire.status, as_text(wire.fields), payload)
                if app.watched:
                    connection.first_byte_at = perf_counter()
                    connection.size = len(payload)
                    connection.ended_at = perf_counter()
            else:
                await write_payload(connection, wire, request)
        except BaseException as exc:
            fault = exc if ends_task(exc) else as_error(exc)
            if not self._recover(fault, connection, request):
                raise fault  # noqa: B904 - it has its cause, or is what was raised
        finally:
            try:
                if request is None or request.finishing is not None or app.listened:
                    if app.watched or request is not None:
                        await self.report(connection, request, fault)
                elif app.watched:
                    note_end(app, request, connection.outcome(request, fault))
            finally:
                fault = None  # its traceback refers to this frame, which would form a cycle
                self._exchanges.pop(task, None)  # type: ignore[arg-type]
                if connection.body is not None and connection.body.detach():
                    await connection.body.close()

    async def _serve_other(self, scope: Scope, protocol: Any) -> None:
        if scope.proto != "ws":
            raise RuntimeError(f"expected a scope of proto http or ws, got {scope.proto!r}")
        from sketch_rsgi.websocket import Handshake  # few applications have websockets

        handshake = Handshake(self._app, self._timer, scope, protocol)
        try:
            await self.shake_hands(handshake, partial(self._ready, handshake))
        except asyncio.CancelledError as exc:
            if not self._is_cut(exc):
                raise

    def _is_cut(self, exc: BaseException) -> bool:
        """Whether an exchange was cancelled because the server stops, and so is reported already."""
        return isinstance(exc, asyncio.CancelledError) and bool(self._app.stopping)

    async def _ready(self, connection: RSGIConnection) -> None:
        """Wait for the start of the application."""
        if self.life.started:
            return
        connection.began_at = perf_counter()
        if not await self.life.ready():
            raise Refused("The application does not run.", 503 if self.life.error is None else 500)

    def _recover(self, exc: BaseException, connection: RSGIConnection, request: Request | None) -> bool:
        """End an exchange that could not be answered. Returns whether that was all: else the server has to know."""
        if isinstance(exc, Refused):
            _refuse(connection, exc.status, str(exc))
            return True
        if isinstance(exc, ClientDisconnected):
            log_left(*connection.named(request), exc)
            if connection.status is None and request is not None and request.has_body:
                # A client that has only cut its body short still gets a response.
                _refuse(connection, 400, "expected a request body as long as announced", CLOSING)
            return True
        self.log_broken(exc, connection, request)
        if not self._is_cut(exc):
            return False
        if connection.status is not None:
            return True
        text = f"503 {PHRASES[503]}: the server is stopping\n"  # as the native server says
        _refuse(connection, 503, text, CLOSING, ("retry-after", "1"))
        return True


def _refuse(connection: RSGIConnection, status: int, text: str, *fields: tuple[str, str]) -> None:
    """Answer in plain text a request that the application does not see."""
    if connection.head.http_version[0] != "1":  # only HTTP/1 has this field
        fields = tuple(field for field in fields if field != CLOSING)
    body = text.encode()
    connection.protocol.response_bytes(status, [("content-type", "text/plain; charset=utf-8"), *fields], body)
    gone = connection.body is not None and connection.body.gone
    connection.status, connection.first_byte_at = status, None if gone else perf_counter()
    connection.size = 0 if gone else len(body)
