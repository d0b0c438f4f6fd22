"""The ASGI 3 callable that serves a sketch application."""

from __future__ import annotations

import asyncio
import logging
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sketch.lifecycle.stopping import SHUTDOWN_GRACE
from sketch.request import Request
from sketch.serving.access_log import log_access
from sketch.transport import ClientDisconnected
from sketch_asgi.body import Receive
from sketch_asgi.connection import Scope, ScopeConnection
from sketch_asgi.deadlines import DeadlineTimer
from sketch_asgi.lifespan import Life
from sketch_asgi.scope import Refused, read_head, read_target
from sketch_asgi.writer import LARGE_BODY, Send, pass_on, write_body

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch_asgi.handshake import Handshake

logger = logging.getLogger("sketch.server")


class ASGIApplication:
    """Makes a sketch application an ASGI 3 callable, `async (scope, receive, send)`.

    Args:
        app: handles the requests.
        access_log: whether to write an access line per request. Off if the server writes its own.
        root_path: the prefix under which the application is published, if the server was not told of it.
        grace: seconds that background tasks and requests get between the order to stop and their end.
    """

    __slots__ = ("_app", "_handle", "_root_path", "_timer", "_websockets", "access_log", "life")

    def __init__(
        self, app: Application, *, access_log: bool = False, root_path: str = "", grace: float = SHUTDOWN_GRACE
    ) -> None:
        self.access_log = access_log
        self.life = Life(app, grace)
        self._app = app
        self._handle = app.handle
        self._root_path = root_path
        self._timer = DeadlineTimer(app)
        self._websockets: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope.

        Raises:
            RuntimeError: for a scope of another type than http, websocket and lifespan.
            Exception: what a stream raises after the head is sent: the server has to abort the connection.
        """
        if scope["type"] != "http":
            await self._serve_other(scope, receive, send)
            return
        began = perf_counter() if self.access_log else 0.0
        connection = ScopeConnection(self._app, self._timer, scope, receive)
        request: Request | None = None
        status: int | None = None
        try:
            if not self.life.started and not await self.life.start_late():
                raise Refused("The application does not run.", 503 if self.life.error is None else 500)
            request = read_head(scope, connection, self._root_path, Request)
            response = await self._handle(request)
            # Read at once: another request may get the same response object before this one is written.
            status = response.status
            start = {"type": "http.response.start", "status": status, "headers": response.raw_headers}
            payload = response.payload
            if isinstance(payload, bytes) and len(payload) <= LARGE_BODY:
                # Most responses: written here, without another coroutine and without a write deadline.
                try:
                    await send(start)
                    await send({"type": "http.response.body", "body": payload})
                except OSError as exc:
                    raise ClientDisconnected("the client left before the end of the answer") from exc
                if self.access_log:
                    connection.size = len(payload)
            else:
                await write_body(connection, send, start, payload, response.length, scope, request)
        except Refused as refusal:
            status = refusal.status
            await _refuse(send, connection, status, str(refusal))
        except ClientDisconnected as exc:
            await _leave(send, connection, status, exc)
        except Exception as exc:
            # Without the traceback: every server logs it itself.
            logger.error("the answer to %s %r broke off: %r", scope["method"], scope["path"], exc)  # noqa: TRY400
            raise
        finally:
            if self.access_log:
                log_exchange(connection, scope, status, perf_counter() - began, request)
            if request is not None and request.background:
                request.begin_background()
            if connection.body is not None and connection.body.detach():
                await connection.body.close()

    async def _serve_other(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan":
            self._timer = DeadlineTimer(self._app)  # a new lifespan may run in another event loop
            await self.life.serve(scope, receive, send)
        elif kind == "websocket":
            from sketch_asgi.handshake import Handshake  # few applications have websockets

            await self._shake_hands(Handshake(self._app, self._timer, scope, receive, send), scope)
        else:
            raise RuntimeError(f"expected a scope of type http, websocket or lifespan, got {kind!r}")

    async def _shake_hands(self, connection: Handshake, scope: Scope) -> None:
        began = perf_counter()
        task = asyncio.current_task()
        assert task is not None
        self._websockets.add(task)
        try:
            request = await connection.read(self._root_path)
            if not self.life.started and not await self.life.start_late():
                raise Refused("The application does not run.", 503 if self.life.error is None else 500)
            await connection.answer(request, await self._handle(request))
        except Refused as refusal:
            await connection.refuse(refusal)
        except ClientDisconnected as exc:
            logger.info("%s: %s", connection.client, exc)
        except Exception as exc:
            # Without the traceback: every server logs it itself.
            logger.error("the handshake of %r broke off: %r", scope["path"], exc)  # noqa: TRY400
            raise
        finally:
            self._websockets.discard(task)
            if self.access_log:
                log_exchange(connection, scope, connection.status, perf_counter() - began, connection.request)
            if connection.request is not None and connection.request.background:
                connection.request.begin_background()
            connection.over()
            if connection.body is not None and connection.body.detach():
                await connection.body.close()

    async def websockets_ended(self) -> None:
        """Wait until no websocket is open, including those that open meanwhile."""
        while self._websockets:
            await asyncio.wait(self._websockets)


async def _refuse(send: Send, connection: ScopeConnection, status: int, text: str) -> None:
    """Answer in plain text a request that the application does not see."""
    body = text.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    try:
        await pass_on(send, {"type": "http.response.start", "status": status, "headers": headers}, connection)
        await pass_on(send, {"type": "http.response.body", "body": body}, connection)
        connection.size = len(body)
    except ClientDisconnected as exc:
        logger.info("%s left before it was refused: %s", connection.client, exc)


async def _leave(send: Send, connection: ScopeConnection, status: int | None, exc: ClientDisconnected) -> None:
    """End an exchange after a disconnect. A client that only cut its body short still gets a response."""
    logger.info("%s: %s", connection.client, exc)
    if status is None and connection.body is not None and not connection.body.gone:
        await _refuse(send, connection, 400, "expected a request body as long as announced")


def log_exchange(
    connection: ScopeConnection, scope: Scope, status: int | None, seconds: float, request: Request | None = None
) -> None:
    """Write the access log line of one scope."""
    # The request's connection is preferred: middleware may have put the client behind a proxy there.
    client = connection.client if request is None else request.connection.client
    try:
        target = read_target(scope)
    except Refused:
        target = scope.get("raw_path") or scope["path"].encode("utf-8", "replace")
    method: Any = scope.get("method", "GET")
    log_access(client, method, target, status, connection.size, seconds)
