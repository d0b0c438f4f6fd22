"""Passes a foreign application through to an ASGI server as it is."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Any
from urllib.parse import unquote

from sketch.serving.asgi import Message, Receive, Send
from sketch_asgi.app import ASGIApplication, log_exchange
from sketch_asgi.connection import Scope, ScopeConnection
from sketch_asgi.hosting.served import HostedApplication


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
        elif self.access_log:
            await self._log(scope, receive, send)
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
            if self.access_log:
                await self._log(scope, receive, send)
            else:
                await self._asgi(self._prefixed(scope), receive, send)
        finally:
            self._websockets.discard(task)

    async def _log(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = ScopeConnection(self._app, self._timer, scope, receive)
        watch = _Watch(send)
        began = perf_counter()
        try:
            await self._asgi(self._prefixed(scope), receive, watch)
        finally:
            connection.size = watch.size
            log_exchange(connection, scope, watch.status, perf_counter() - began)


class _Watch:
    """A `send` that records the status and the size of the payload."""

    __slots__ = ("_send", "size", "status")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.size = 0
        self.status: int | None = None

    async def __call__(self, message: Message) -> Any:
        kind = message["type"]
        if kind in ("http.response.start", "websocket.http.response.start"):
            self.status = message["status"]
        elif kind == "http.response.body":
            self.size += len(message.get("body", b""))
        elif kind == "websocket.accept":
            self.status = 101
        elif kind == "websocket.close" and self.status is None:
            self.status = 403
        await self._send(message)
