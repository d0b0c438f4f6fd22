"""What the callables for gateway servers share: the report of an exchange's end, and the course of a handshake."""

from __future__ import annotations

import asyncio
import logging
from asyncio import current_task
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sketch.concurrency.containment import as_error, ends_task
from sketch.observability.access_log import log_refused
from sketch.serving.endings import log_cancelled, log_left
from sketch.transport import ClientDisconnected, WireResponse
from sketch_gateway.connection import GatewayConnection
from sketch_gateway.deadlines import client_timer
from sketch_gateway.exchanges import Exchanges
from sketch_gateway.life import ApplicationLife
from sketch_gateway.refusal import Refused

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.concurrency.idle import DeadlineTimer
    from sketch.request import BaseRequest
    from sketch_gateway.handshake import HandshakeConnection

logger = logging.getLogger("sketch.server")


class GatewayApplication:
    """A sketch application as a gateway server calls it.

    Args:
        app: handles the requests.
        life: starts and stops it.
    """

    __slots__ = ("_app", "_exchanges", "_handle", "_loop", "_timer")

    def __init__(self, app: Application, life: ApplicationLife) -> None:
        self._exchanges: Exchanges = life.exchanges
        self._app = app
        self._handle: Callable[[BaseRequest], Awaitable[WireResponse]] = app.handle
        self._timer: DeadlineTimer = client_timer(app)
        self._loop: asyncio.AbstractEventLoop | None = None  # to ask for the task of a known loop is much faster

    def note_loop(self) -> asyncio.Task[Any] | None:
        """Note the running event loop, and return its current task: for the first exchange in a loop."""
        self._loop = asyncio.get_running_loop()
        return current_task(self._loop)

    async def report(
        self, connection: GatewayConnection, request: BaseRequest | None, fault: BaseException | None
    ) -> None:
        """Report the end of an exchange."""
        if request is not None:
            task = current_task()
            assert task is not None
            self._exchanges.finishing.add(task)
            try:
                await self._app.finished(request, connection.outcome(request, fault))
            finally:
                self._exchanges.finishing.discard(task)
            return
        if connection.status is not None:
            for count in self._app.refusals:
                count(connection.status)
        if self._app.access_log is not None:
            log_refusal(connection)

    async def shake_hands(self, connection: HandshakeConnection, ready: Callable[[], Awaitable[None]]) -> None:
        """Serve a websocket, from its handshake to the end of its session.

        Args:
            connection: of the handshake.
            ready: awaited before the application is asked; raises `Refused` if it does not run.
        """
        connection.began_at = perf_counter()
        fault: BaseException | None = None
        task = current_task()
        assert task is not None
        self._exchanges[task] = connection
        try:
            request = await connection.read()
            await ready()
            wire = await self._handle(request)
            await connection.answer(request, wire)
        except Refused as refusal:
            connection.request = None  # the application has not seen it
            await connection.refuse(refusal)
        except ClientDisconnected as exc:
            fault = exc
            log_left(*connection.named(connection.request), exc)
        except BaseException as exc:
            fault = exc if ends_task(exc) else as_error(exc)
            self.log_broken(fault, connection, connection.request)
            raise fault  # noqa: B904 - it has its cause, or is what was raised
        finally:
            try:
                await self.report(connection, connection.request, fault)
            finally:
                del self._exchanges[task]
                fault = None  # its traceback refers to this frame, which would form a cycle
                connection.over()
                if connection.body is not None and connection.body.detach():
                    await connection.body.close()

    def log_broken(self, exc: BaseException, connection: GatewayConnection, request: BaseRequest | None) -> None:
        """Log what the server gets: an error, without the traceback, as every server logs it; or a cancellation."""
        method, path = connection.named(request)
        if isinstance(exc, Exception):
            logger.error("the answer to %s %r broke off: %r", method, path, exc)
        elif isinstance(exc, asyncio.CancelledError):
            log_cancelled(method, path, self._app.stopping)


def log_refusal(connection: GatewayConnection) -> None:
    """Write the access log's line of what has not become a request."""
    log_refused(
        connection.client,
        connection.status,
        method=connection.named(None)[0],
        target=connection.target_as_sent(),
        sent=connection.size,
        seconds=0.0 if connection.began_at is None else perf_counter() - connection.began_at,
    )
