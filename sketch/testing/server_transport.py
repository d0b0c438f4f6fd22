"""The transports with a real server: it listens on a free port of the loopback, and each request is a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sketch.serving.loading import is_sketch_application, load_app
from sketch.serving.options import ServeError
from sketch.testing.certificates import TLS, Certificate, prepare_tls
from sketch.testing.interfaces import NOT_STARTED, only_in_memory
from sketch.testing.process import InProcess
from sketch.testing.runners import GRACE, STARTUP, InTask, InThread, Runner
from sketch.testing.servers import make_serve
from sketch.testing.sockets import Head, WireEnd, open_socket
from sketch.testing.wire import Place, WireExchange

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.testing.sent import SentRequest
    from sketch.testing.targets import Origin

HOST = "127.0.0.1"
PROCESS = frozenset({"granian"})
"""Servers that run in a process of their own."""
THREADS = frozenset({"uvicorn", "hypercorn"})
"""Servers that run in a thread, with an event loop of their own."""


def check_app(app: Any, name: str) -> Application | None:
    """Return the application that a transport runs in this process; None if it runs in another.

    Raises:
        TypeError: for no application, or an object where an import string is needed.
        ServeError: if an import string leads to no application.
    """
    if name in PROCESS:
        if not isinstance(app, str):
            raise TypeError(
                f"expected an import string, got {app!r:.200}: {name} runs in a process of its own, "
                f"which an object cannot reach: TestClient('package.module:app') or 'package.module:create_app()'"
            )
        return None
    found = load_app(app) if isinstance(app, str) else app
    if not is_sketch_application(found):
        raise TypeError(f"expected a sketch Application or its import string, got {found!r:.200}")
    return found


def _check_certificate(certificate: Any, origin: Origin) -> None:
    if certificate is None:
        return
    if not isinstance(certificate, tuple) or len(certificate) != 2:
        raise TypeError(f"expected certificate as (certificate, key), the paths of two files, got {certificate!r:.200}")
    if not origin.secure:
        raise ValueError(f"expected certificate with a base_url of https, got {origin.scheme}://{origin.authority}")


class ServerTransport:
    """Starts a server, and sends each request on a connection of its own.

    Args:
        name: `"native"`, `"uvicorn"`, `"hypercorn"` or `"granian"`.
        app: the application, or its import string.
        origin: the scheme says whether the server has TLS, the host what its certificate is for.
        certificate: the files of a certificate, None to make one.
        root_path, shutdown_timeout: as for the client.
        options: further options of `run_app`.
    """

    def __init__(
        self,
        name: str,
        app: Application | str,
        origin: Origin,
        *,
        certificate: Certificate | None,
        root_path: str,
        shutdown_timeout: float,
        options: Mapping[str, Any] | None,
    ) -> None:
        if options is not None and not isinstance(options, Mapping):
            raise TypeError(f"expected server_options to be a mapping from names to values, got {options!r:.200}")
        _check_certificate(certificate, origin)
        self.name = name
        self._given = app
        self._app = check_app(app, name)
        self._origin = origin
        self._certificate = certificate
        self._options = {
            "host": HOST,
            "root_path": root_path,
            "shutdown_timeout": shutdown_timeout,
            "access_log": False,
            "loop": "asyncio",
            **(options or {}),
        }
        self._seconds = shutdown_timeout
        self._runner: Runner | None = None
        self._tls: TLS | None = None
        self._place: Place | None = None
        self._open: set[WireExchange | WireEnd] = set()

    @property
    def app(self) -> Application:
        """The application. Raises RuntimeError if it runs in another process."""
        if self._app is None:
            only_in_memory("the application, which runs in another process,", self.name)
        return self._app

    @property
    def base_url(self) -> str | None:
        """Scheme, address and port of the server, None unless it runs."""
        return None if self._place is None else self._place.base_url

    @property
    def output(self) -> str:
        """What the server's process has printed; empty for a server in this process, whose output is pytest's."""
        return self._runner.output if isinstance(self._runner, InProcess) else ""

    async def start(self) -> None:
        """Start the server with the application.

        Raises:
            ServeError: if the server cannot start, or not in time.
            Exception: what a start-up hook raises, if the server runs in this process.
        """
        if self._place is not None:
            raise RuntimeError("the application is already started")
        options = dict(self._options)
        if self._origin.secure:
            self._tls = prepare_tls(self._origin.host, self._certificate)
            options |= {"ssl_certfile": self._tls.certificate, "ssl_keyfile": self._tls.key}
        self._runner = self._make_runner(options)
        try:
            port = await self._runner.start(STARTUP)
        except BaseException as exc:
            self._remove_tls()
            if isinstance(exc, TimeoutError):
                raise ServeError(f"{self.name}: {exc}") from exc
            raise
        tls = None if self._tls is None else self._tls.client
        self._place = Place(self.name, HOST, port, tls, self._origin.host)

    def _make_runner(self, options: dict[str, Any]) -> Runner:
        if self._app is None:
            assert isinstance(self._given, str), "checked when it was given"
            # granian waits for websockets, and then for requests, each for this long.
            return InProcess(self.name, self._given, {**options, "shutdown_timeout": self._seconds / 2})
        serve = make_serve(self.name, self._app, options)
        return InThread(serve) if self.name in THREADS else InTask(serve)

    async def shutdown(self) -> None:
        """Tell the server to stop. It stops when the requests that still run have ended."""
        if self._runner is not None:
            self._runner.tell()
        if self._app is not None:
            stopping: Callable[[], bool] = lambda: bool(self.app.stopping)  # noqa: E731
            await _until(stopping, self._seconds)

    async def stop(self) -> None:
        """Leave every open response, and stop the server. Raises what its hooks raise, if it runs in this process."""
        if self._runner is None or self._place is None:
            return
        for one in list(self._open):
            _leave(one)
        try:
            self._runner.tell()
            await self._runner.end(self._seconds + GRACE)
        except BaseException:
            self._runner.kill()
            raise
        finally:
            self._place = None
            self._remove_tls()

    def kill(self) -> None:
        """Stop the server, where nothing can be awaited. One in the test's own event loop ends with that."""
        if self._runner is None or self._place is None or isinstance(self._runner, InTask):
            return
        self._runner.kill()
        self._place = None
        self._remove_tls()

    def _remove_tls(self) -> None:
        if self._tls is not None:
            self._tls.remove()
            self._tls = None

    # -- exchanges --------------------------------------------------------------------------------------------------

    async def send(self, sent: SentRequest) -> WireExchange:
        """Send a request and return the answer once its head is there. Raises as `WireExchange.head` does."""
        exchange = WireExchange(self._listening(), sent)
        self._open.add(exchange)
        try:
            await exchange.head()
        except BaseException:
            self._open.discard(exchange)
            raise
        return exchange

    async def open(self, sent: SentRequest, subprotocols: tuple[str, ...]) -> tuple[Head, WireEnd | None]:
        """Send the handshake of a websocket. Returns the answer, and the client's end if the websocket is open."""
        head, end = await open_socket(self._listening(), sent, subprotocols)
        if end is not None:
            self._open.add(end)
        return head, end

    def _listening(self) -> Place:
        if self._place is None:
            raise RuntimeError(NOT_STARTED)
        self._open = {one for one in self._open if not one.over}
        return self._place


def _leave(one: WireExchange | WireEnd) -> None:
    if isinstance(one, WireExchange):
        one.disconnect()
    else:
        one.abort()


async def _until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until a server in another thread has done something."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # it is another thread's loop that has the event
            await asyncio.sleep(0.001)
