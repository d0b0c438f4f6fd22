"""Shared by the launchers: the run in an event loop, the first output line and the ASGI callable."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

from sketch.routing import WEBSOCKET
from sketch.serving.descriptors import make_room
from sketch.serving.loops import loop_factory
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.run import announce
from sketch.websocket import DEFAULT_POLICY, WebSocketPolicy
from sketch_asgi.app import ASGIApplication
from sketch_asgi.hosting.served import HostedApplication
from sketch_asgi.launchers.passthrough import PassthroughApplication
from sketch_asgi.lifespan import Life

if TYPE_CHECKING:
    from sketch.application import Application

_USUAL_MESSAGE = 16 * 1024 * 1024
"""Bytes of a websocket message that servers let through by default."""

_POLL = 0.01
"""Seconds between two checks whether a server listens: no server tells."""


def prepare(options: ServeOptions) -> None:
    """Do what precedes the start of any server: check the TLS files, and make room for connections.

    Raises:
        ServeError: for files that cannot be used.
    """
    check_certificate(options)
    make_room(None)
    logging.getLogger("asyncio").addFilter(AcceptErrors())


class AcceptErrors(logging.Filter):
    """Lets one line a second through about connections for which there is no descriptor.

    For each of them asyncio logs a traceback, up to `backlog` at a time.
    """

    def __init__(self) -> None:
        super().__init__()
        self._logged_at = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged."""
        if not record.getMessage().startswith("socket.accept() out of system resource"):
            return True
        now = monotonic()
        if now - self._logged_at < 1:
            return False
        self._logged_at = now
        record.msg, record.args, record.exc_info = "cannot accept (%s): new clients wait", (_reason(record),), None
        return True


def _reason(record: logging.LogRecord) -> str:
    error = record.exc_info[1] if record.exc_info else None
    return (isinstance(error, OSError) and error.strerror) or "no descriptor"


def check_certificate(options: ServeOptions) -> None:
    """Load the TLS files once, before a server does it in its own way.

    Raises:
        ServeError: for files that cannot be used.
    """
    if options.ssl_certfile is None:
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(options.ssl_certfile, options.ssl_keyfile)
    except OSError as exc:  # SSLError is one
        raise ServeError(f"cannot use {options.ssl_certfile} for TLS: {exc}") from None


def largest_message(app: Application) -> int:
    """Return the bytes of a websocket message that a server has to let through: the most that any route allows."""
    policies = [getattr(route.handler, "policy", None) for route in app.router.walk() if WEBSOCKET in route.methods]
    # The policy of a plain handler is not known before it answers; that of a foreign application, never.
    allowed = [policy.max_message if isinstance(policy, WebSocketPolicy) else _USUAL_MESSAGE for policy in policies]
    return max(allowed, default=DEFAULT_POLICY.max_message)


def run(main: Callable[[], Coroutine[Any, Any, None]], life: Life, options: ServeOptions) -> int:
    """Run a server's coroutine in a loop of its own. Returns the exit code.

    After a failed start a server raises an exception or ends silently. `life` knows, and has logged why.
    """
    try:
        with asyncio.Runner(loop_factory=loop_factory(options.loop)) as runner:
            runner.run(main())
    except asyncio.CancelledError:
        pass  # the second order to stop, which is no error either
    except Exception:
        if not life.exit_code:
            raise
    return life.exit_code


@asynccontextmanager
async def announced(options: ServeOptions, names: Sequence[object], listens: Callable[[], bool]) -> AsyncIterator[None]:
    """Tell the first line as soon as `listens` returns True, while the block runs; `names` is as for `announce`."""

    async def wait() -> None:
        while not listens():  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(_POLL)
        announce(options, names)

    task = asyncio.get_running_loop().create_task(wait())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


COMMON_OPTIONS = frozenset(
    {"access_log", "backlog", "host", "loop", "port", "root_path", "shutdown_timeout"}
    | {"ssl_certfile", "ssl_keyfile", "uds"}
)


def adapt(app: Application, options: ServeOptions) -> ASGIApplication:
    """Return the application as an ASGI callable. A foreign application is passed through as it is."""
    log, prefix, grace = options.access_log, options.root_path, options.shutdown_timeout
    if isinstance(app, HostedApplication):
        return PassthroughApplication(app, access_log=log, root_path=prefix, grace=grace)
    return ASGIApplication(app, access_log=log, root_path=prefix, grace=grace)
