"""Runs the session of a websocket, from the handshake to its end."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from sketch.concurrency.cancellation import InterruptedBy
from sketch.concurrency.containment import as_error, ends_task
from sketch.concurrency.idle import idle_timer
from sketch.transport import ClientDisconnected
from sketch.websocket.close_codes import INTERNAL_ERROR, NORMAL, WebSocketDisconnected
from sketch.websocket.socket import WebSocket

if TYPE_CHECKING:
    from sketch.request import WebSocketRequest
    from sketch.transport import WebSocketTransport
    from sketch.websocket.policy import WebSocketPolicy

logger = logging.getLogger("sketch")

SocketSession = Callable[[WebSocket], Awaitable[Any]]
"""`async (websocket)`: awaited after the handshake; the websocket is closed when it ends."""


async def run_session(
    session: SocketSession,
    request: WebSocketRequest,
    transport: WebSocketTransport,
    *,
    subprotocol: str | None,
    policy: WebSocketPolicy,
) -> None:
    """Await a session with an open websocket, then close the websocket.

    The websocket is closed with 1000 when the session returns, and with 1011 when it raises: the exception is logged.
    When `app.stopping` is set, it is closed with 1012 at once; the session may go on as long as the server waits. On a
    route with `on_disconnect="cancel"` the session is cancelled when the peer leaves, whatever it waits for. Any other
    cancellation of the task passes through: the adapter cuts the connection.
    """
    request.reenter()
    ws = WebSocket(request, transport, subprotocol=subprotocol, policy=policy)
    stopping = request.app.stopping
    watch = None if policy.idle_timeout is None else idle_timer(policy.idle_timeout)
    stopping.listen(ws.stop)
    if watch is not None:
        watch.add(ws)
    try:
        code = await _run(ws, session)
        await ws.finish(code)
    except BaseException:
        ws.abandon()
        raise
    finally:
        stopping.forget(ws.stop)
        if watch is not None:
            watch.discard(ws)


async def _run(ws: WebSocket, session: SocketSession) -> int:
    """Await the session. Returns the code to close with, if the websocket is still open."""
    route = ws.request.route
    try:
        if route is not None and route.on_disconnect == "cancel":
            with InterruptedBy(ws.request.wait_disconnected, _left):
                await session(ws)
        else:
            await session(ws)
    except BaseException as exc:
        if ends_task(exc):
            raise
        if ws.close_code is None or not _is_end(exc):  # the end of another websocket is an error like any other
            await _note_error(ws.request, as_error(exc))
            return INTERNAL_ERROR
    return NORMAL


def _left() -> ClientDisconnected:
    return ClientDisconnected("the peer left, so its session was cancelled")


def _is_end(exc: BaseException) -> bool:
    """Whether an exception, or each one of a group, only says that the websocket has ended."""
    if isinstance(exc, ExceptionGroup):
        return all(_is_end(inner) for inner in exc.exceptions)
    return isinstance(exc, WebSocketDisconnected | ClientDisconnected)


async def _note_error(request: WebSocketRequest, exc: Exception) -> None:
    """Log an unexpected error and run the hooks for such errors; they cannot answer any more."""
    request.error = exc
    logger.error("error in the websocket session of %r", request.raw_path, exc_info=exc)
    try:
        await request.app.exception.send(request, exc)
    except BaseException as second:
        if ends_task(second):
            raise
        message = "error in a hook for an error in the websocket session of %r"
        logger.exception(message, request.raw_path, exc_info=as_error(second))
