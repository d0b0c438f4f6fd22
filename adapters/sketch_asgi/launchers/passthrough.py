"""Passes a foreign application through to an ASGI server as it is."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Any
from urllib.parse import unquote

from sketch.request import Request, WebSocketRequest
from sketch.serving.asgi import Message, Receive, Send
from sketch_asgi.app import ASGIApplication, log_refusal
from sketch_asgi.connection import Scope, ScopeConnection
from sketch_asgi.hosting.served import HostedApplication
from sketch_asgi.scope import Refused, read_head


class PassthroughApplication(ASGIApplication):
    """Passes each scope through to a foreign application, but runs its lifespan and writes the access log.

    Args:
        app: the foreign application.
        access_log, root_path, grace: as for `ASGIApplication`.
    """

    __slots__ = ("_asgi", "_prefix")

    def __init__(self, app: HostedApplication, *, access_log: bool, root_path: str, grace: float) -> None:
        super().__init__(app, access_log=access_log, root_path=root_path, grace=grace)
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
        if kind == "websocket":
            await self._hold(scope, receive, send)
        elif self._app.watched:
            await self._report(scope, receive, send)
        else:
            await self._asgi(self._prefixed(scope), receive, send)

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

    async def _hold(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._websockets.add(task)
        try:
            if self._app.watched:
                await self._report(scope, receive, send)
            else:
                await self._asgi(self._prefixed(scope), receive, send)
        finally:
            self._websockets.discard(task)

    async def _report(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a scope on, and report the end of its exchange."""
        connection = ScopeConnection(self._app, self._timer, scope, receive)
        connection.began_at = perf_counter()
        fault: BaseException | None = None
        try:
            await self._asgi(self._prefixed(scope), receive, _Watch(send, connection))
        except BaseException as exc:
            fault = exc
            raise
        finally:
            kind = WebSocketRequest if scope["type"] == "websocket" else Request
            try:
                request = read_head(scope, connection, self._root_path, kind)
            except Refused:
                log_refusal(connection, scope)
            else:
                request.app = self._app
                await self._app.finished(request, connection.outcome(request, fault))
            fault = None  # its traceback refers to this frame, which would form a cycle


class _Watch:
    """A `send` that notes in the connection what it sends."""

    __slots__ = ("_connection", "_send")

    def __init__(self, send: Send, connection: ScopeConnection) -> None:
        self._send = send
        self._connection = connection

    async def __call__(self, message: Message) -> Any:
        kind, connection = message["type"], self._connection
        if kind in ("http.response.start", "websocket.http.response.start"):
            self._begin(message["status"])
        elif kind in ("http.response.body", "websocket.http.response.body"):
            connection.size += len(message.get("body", b""))
        elif kind == "websocket.accept":
            self._begin(101)
        elif kind == "websocket.close" and connection.status is None:
            self._begin(403)
        await self._send(message)
        if kind == "http.response.body" and not message.get("more_body", False):
            connection.ended_at = perf_counter()

    def _begin(self, status: int) -> None:
        self._connection.status = status
        self._connection.first_byte_at = perf_counter()
