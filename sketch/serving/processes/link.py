"""The end of the pipe in a worker: heartbeats to the parent, and its orders to the server."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    import socket

    from sketch.observability.metrics import Metrics
    from sketch.serving.processes.pipe import Message, Pipe
    from sketch.serving.processes.reports import Reports

logger = logging.getLogger("sketch")

AcceptAlso = Callable[[Sequence["socket.socket"]], None]
"""Lets a server accept on these bound sockets beside its own, and on no others."""


class Link:
    """What a worker tells its parent, and what it does when the parent tells it something.

    It works in the server's event loop: the heartbeats say that the loop runs.

    Args:
        pipe: the worker's end.
        others: the sockets of the other slots, by their index.
        interval: seconds between two heartbeats.
        counts: whether the parent wants to know how many requests are served.
    """

    def __init__(
        self, pipe: Pipe, others: Mapping[int, Sequence[socket.socket]], interval: float, *, counts: bool = False
    ) -> None:
        self.counts = counts
        self.requests = 0
        """How many requests have begun."""
        self._pipe = pipe
        self._others = others
        self._interval = interval
        self._loop: asyncio.AbstractEventLoop | None = None
        self._accept_also: AcceptAlso | None = None
        self._reports: Reports | None = None

    def report(self, metrics: Metrics) -> None:
        """Tell the parent what these metrics count, and let them show what it knows of all workers."""
        from sketch.serving.processes.reports import Reports  # most applications have no metrics

        self._reports = Reports(self._pipe, metrics)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Work in an event loop, as soon as it runs."""
        if self._loop is None or self._loop.is_closed():
            self._loop = loop
            loop.call_soon(self._begin, loop)

    def ready(self, accept_also: AcceptAlso | None) -> None:
        """Tell that the server listens. Called in its event loop."""
        self.attach(asyncio.get_running_loop())
        self._accept_also = accept_also
        self._pipe.send(ready=True, covers=accept_also is not None)

    def failed(self, reason: str) -> None:
        """Tell why the server could not start."""
        self._pipe.send(failed=reason)

    def broken(self, fault: str, read: Sequence[str]) -> None:
        """Tell why the application cannot be started, and which files have to do with that: a page will be served."""
        self._pipe.send(broken=fault, read=list(read))

    def read(self, files: Sequence[str]) -> None:
        """Tell which files the application consists of."""
        self._pipe.send(read=list(files))

    def stopping(self) -> None:
        """Tell that the server was told to stop."""
        self._pipe.send(stopping=True)

    def end(self) -> None:
        """Tell the last figures. Called when the event loop has ended."""
        if self._reports is not None:
            self._reports.end()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.add_reader(self._pipe.fileno(), self._read, loop)
        self._beat(loop)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_later(self._interval, self._beat, loop)
        self._pipe.flush()
        if not self._pipe.full:  # else the parent does not read
            self._pipe.send(requests=self.requests)
        if self._reports is not None:
            self._reports.send(loop)

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        for message in self._pipe.receive():
            self._obey(message, loop)
        if self._pipe.closed:
            loop.remove_reader(self._pipe.fileno())
            logger.warning("the parent process has ended: this worker stops")
            signal.raise_signal(signal.SIGTERM)

    def _obey(self, message: Message, loop: asyncio.AbstractEventLoop) -> None:
        if "explain" in message:
            from sketch.concurrency.stacks import describe_tasks  # it is hardly ever needed

            logger.warning("the server is not ready yet. What it waits for:\n%s", describe_tasks(loop))
        if self._reports is not None:
            self._reports.obey(message, loop)
        if "accept" in message and self._accept_also is not None:
            self._accept_also([sock for index in message["accept"] for sock in self._others.get(index, ())])


Answers = TypeVar("Answers", bound=Callable[..., Any])
_link: Link | None = None


def current_link() -> Link | None:
    """Return the link to the parent; None in a process that is no worker."""
    return _link


def connect(link: Link) -> None:
    """Make this process a worker."""
    global _link
    _link = link


def counted(answers: Answers) -> Answers:
    """Return a function that answers requests, so that its calls are counted if the parent wants to know of them."""
    link = _link
    if link is None or not link.counts:
        return answers

    def count(*arguments: Any) -> Any:
        link.requests += 1
        return answers(*arguments)

    return cast("Answers", count)
