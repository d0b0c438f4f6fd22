"""The ASGI server's side of one scope, message by message."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

from sketch.application import Application
from sketch_asgi.app import ASGIApplication

Message = dict[str, Any]

DISCONNECT: Message = {"type": "http.disconnect"}
END: Message = {"type": "http.request", "body": b"", "more_body": False}


def chunk(body: bytes, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def in_loop(function: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run a coroutine test in a loop of its own, bounded; no task may be left at its end."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(20):
                await function(*args, **kwargs)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, left

        asyncio.run(bounded())

    return run


def http_scope(
    method: str = "GET", target: bytes = b"/", headers: Any = ((b"host", b"test"),), **extra: Any
) -> Message:
    path, _, query = target.partition(b"?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "headers": list(headers),
        "client": ("192.0.2.1", 1234),
        "server": ("192.0.2.2", 80),
    }
    return scope | extra


async def until(condition: Callable[[], object]) -> None:
    """Let other tasks run until the condition holds; else the test's timeout ends the wait."""
    while not condition():  # noqa: ASYNC110  # what is waited for has no event
        await asyncio.sleep(0)


class Script:
    """What `receive` gives, in order, then nothing more; and what `send` got."""

    def __init__(self, *messages: Message, send_error: Exception | None = None, send_limit: int | None = None) -> None:
        self.sent: list[Message] = []
        self.send_error = send_error
        self.send_limit = send_limit
        self.receives = 0
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        for message in messages:
            self._messages.put_nowait(message)

    def put(self, message: Message) -> None:
        self._messages.put_nowait(message)

    async def receive(self) -> Message:
        self.receives += 1
        return await self._messages.get()

    async def send(self, message: Message) -> None:
        if self.send_error is not None and (self.send_limit is None or len(self.sent) >= self.send_limit):
            raise self.send_error
        self.sent.append(message)

    @property
    def status(self) -> int:
        assert self.sent, "nothing was sent"
        assert self.sent[0]["type"] == "http.response.start", self.sent[0]
        status: int = self.sent[0]["status"]
        return status

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])

    @property
    def complete(self) -> bool:
        return bool(self.sent) and not self.sent[-1].get("more_body", False) and len(self.sent) > 1


def application(handler: Any, **options: Any) -> Application:
    """An application with one handler for every request."""
    app = Application(**options)
    app.router.add_route("*", "/{rest:path}", handler)
    return app


def started(app: Application) -> ASGIApplication:
    """The ASGI callable of an application that counts as started; its hooks do not run."""
    asgi = ASGIApplication(app)
    asgi.life.started = True
    return asgi


async def exchange(handler: Any, script: Script, scope: Message | None = None) -> Script:
    """One request to an application with that handler."""
    await started(application(handler))(scope or http_scope(), script.receive, script.send)
    return script
