"""Passes a foreign application through to an ASGI server as it is."""

from __future__ import annotations

import asyncio
from asyncio import current_task
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import unquote

from sketch.concurrency.containment import as_error, ends_task
from sketch.pipeline.finish import log_outcome
from sketch.request import BaseRequest, Request, WebSocketRequest
from sketch.serving.asgi import Message, Receive, Send
from sketch.serving.endings import log_cancelled
from sketch_asgi.app import ASGIApplication
from sketch_asgi.connection import Scope, ScopeConnection
from sketch_asgi.hosting.served import HostedApplication
from sketch_asgi.lifespan import Life
from sketch_asgi.scope import read_head
from sketch_asgi.writer import closing
from sketch_gateway.application import log_refusal
from sketch_gateway.refusal import Refused


class PassthroughApplication(ASGIApplication):
    """Passes each scope through to a foreign application, but runs its lifespan and writes the access log.

    Args:
        app: the foreign application.
        access_log, root_path, grace, signals: as for `ASGIApplication`.
    """

    __slots__ = ("_asgi", "_prefix")

    def __init__(
        self, app: HostedApplication, *, access_log: bool, root_path: str, grace: float, signals: bool = True
    ) -> None:
        super().__init__(app, access_log=access_log, root_path=root_path, grace=grace, signals=signals)
        self._asgi = app.asgi
        self._prefix = root_path.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a scope on.

        Raises:
            Exception: whatever the application raises.
        """
        kind = scope["type"]
        if kind == "lifespan":
            await self.life.serve(scope, receive, send)
            return
        connection = ScopeConnection(self._app, self._timer, scope, receive)
        task = current_task()
        assert task is not None
        self._exchanges[task] = connection
        try:
            await self._pass(connection, receive, send)
        except BaseException as exc:
            if isinstance(exc, Exception) or ends_task(exc):
                raise
            raise as_error(exc)  # noqa: B904 - it has its cause
        finally:
            del self._exchanges[task]

    def _prefixed(self, scope: Scope) -> Scope:
        """Return the scope with the proxy's prefix in `root_path` and in the path, as the specification requires."""
        prefix = self._prefix
        if not prefix:
            return scope
        decoded = unquote(prefix)
        prefixed = {**scope, "root_path": decoded}
        if not f"{scope['path']}/".startswith(f"{decoded}/"):
            prefixed["path"] = decoded + scope["path"]
            if scope.get("raw_path") is not None:
                prefixed["raw_path"] = prefix.encode() + scope["raw_path"]
        return prefixed

    async def _pass(self, connection: ScopeConnection, receive: Receive, send: Send) -> None:
        """Pass a scope on, and report the end of its exchange to those that ask for it."""
        connection.began_at = perf_counter()
        scope = self._prefixed(connection.scope)
        watch = _Watch(send, connection, partial(self._log, scope) if self._app.watched else None, self.life)
        fault: BaseException | None = None
        try:
            await self._asgi(scope, receive, watch)
        except BaseException as exc:
            fault = exc if ends_task(exc) else as_error(exc)
            self._note_cut(fault, connection)
            if connection.scope["type"] == "websocket" or not await self.refused(fault, watch, connection):
                raise
        finally:
            if self._app.watched:
                await self._report(scope, connection, fault, logged=watch.ended)
            fault = None  # its traceback refers to this frame, which would form a cycle

    async def _report(
        self, scope: Scope, connection: ScopeConnection, fault: BaseException | None, *, logged: bool
    ) -> None:
        """Report the end of an exchange; `scope` is what the application got."""
        request = self._request(scope, connection)
        if request is not None:
            await self._app.finished(request, connection.outcome(request, fault), logged=logged)
        elif not logged:
            log_refusal(connection)

    def _note_cut(self, fault: BaseException, connection: ScopeConnection) -> None:
        if isinstance(fault, asyncio.CancelledError):
            log_cancelled(connection.scope.get("method", "GET"), connection.scope["path"], self._app.stopping)

    def _log(self, scope: Scope, connection: ScopeConnection) -> None:
        """Write the access log's line: the answer is complete, and the application may go on for long."""
        request = self._request(scope, connection)
        if request is None:
            log_refusal(connection)
        else:
            log_outcome(self._app.access_log, request, connection.outcome(request, None))

    def _request(self, scope: Scope, connection: ScopeConnection) -> BaseRequest | None:
        """Return the request of a connection, None for one that sketch would refuse; `scope` may have its route."""
        kind = WebSocketRequest if connection.scope["type"] == "websocket" else Request
        try:
            request = read_head(connection.scope, connection, self._root_path, kind)
        except Refused:
            return None
        request.app = self._app
        request.inner_scope = scope
        return request


class _Watch:
    """A `send` that notes in the connection what it sends.

    Args:
        send: of the scope.
        connection: of the scope.
        ended: called once the answer to an HTTP request is complete, if given.
        life: tells whether the connection is to be closed after the answer.
    """

    __slots__ = ("_connection", "_ended", "_life", "_send", "ended")

    def __init__(
        self, send: Send, connection: ScopeConnection, ended: Callable[[ScopeConnection], None] | None, life: Life
    ) -> None:
        self.ended = False
        """Whether the answer to an HTTP request is complete."""
        self._send = send
        self._connection = connection
        self._ended = ended
        self._life = life

    async def __call__(self, message: Message) -> Any:
        kind, connection = message["type"], self._connection
        if kind in ("http.response.start", "websocket.http.response.start"):
            self._begin(message["status"])
            if self._life.closing and kind == "http.response.start":
                message = {**message, "headers": closing(list(message.get("headers") or []), connection.scope)}
        elif kind in ("http.response.body", "websocket.http.response.body"):
            connection.size += len(message.get("body", b""))
        elif kind == "http.response.pathsend":
            connection.size += _size(message["path"])
        elif kind == "http.response.zerocopysend":
            connection.size += message.get("count") or 0
        elif kind == "websocket.send":
            connection.size += len(message["bytes"] if message.get("text") is None else message["text"].encode())
        elif kind == "websocket.accept":
            self._begin(101)
        elif kind == "websocket.close" and connection.status is None:
            self._begin(403)
        await self._send(message)
        if kind in _LAST and not message.get("more_body", False) and not self.ended:
            connection.ended_at = perf_counter()
            self.ended = True
            if self._ended is not None:
                self._ended(connection)

    def _begin(self, status: int) -> None:
        self._connection.status = status
        self._connection.first_byte_at = perf_counter()


def _size(path: str) -> int:
    """Return the size of a file, 0 for one that the server will not find either."""
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


_LAST = ("http.response.body", "http.response.pathsend", "http.response.zerocopysend")
