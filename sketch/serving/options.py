"""The options for serving an application, the same on every backend."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from sketch.checks import check_flags

if TYPE_CHECKING:
    import socket
    import ssl as tls


class ServeError(Exception):
    """Raised when an application cannot be served; the message tells the user why, in one line."""


LOOPS = ("auto", "asyncio", "uvloop")
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")

# RFC 3986 section 3.3, without empty segments; one slash may follow.
_ROOT_PATH = re.compile(r"(?:/(?:[\w!$&'()*+,;=:@.~-]|%[0-9A-Fa-f]{2})+)*/?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """The options for serving an application: the same names on every backend, and as flags of `sketch run`.

    Raises:
        ServeError: for a value that no backend could honour.
    """

    host: str = "127.0.0.1"
    """The name or address to listen on."""
    port: int = 8080
    """The TCP port; 0 takes a free one."""
    server: str = "native"
    """The backend's name."""
    loop: str = "auto"
    """`"asyncio"`, `"uvloop"`, or `"auto"`: uvloop where it is installed."""
    root_path: str = ""
    """The prefix under which a proxy publishes the application, percent-encoded: `"/api"`."""
    access_log: bool = True
    """Whether to log a line per request."""
    log_level: str = "info"
    """The lowest level that the logger `sketch` logs."""
    debug: bool | None = None
    """Overrides the application's own `debug`."""
    shutdown_timeout: float = 20.0
    """How many seconds running requests may take after the server was told to stop."""
    ssl: tls.SSLContext | None = None
    """A ready-made TLS context."""
    ssl_certfile: str | None = None
    """The path of a certificate chain in PEM. Serves HTTPS."""
    ssl_keyfile: str | None = None
    """The path of its private key."""
    uds: str | None = None
    """The path of a unix socket to listen on instead of a port."""
    sock: socket.socket | None = None
    """A bound socket to listen on instead of a port."""
    backlog: int = 2048
    """How many connections may wait to be accepted."""
    server_limits: Any = None
    """`sketch_native.limits.ServerLimits`: limits on what precedes a request."""
    limits: Any = None
    """`sketch.Limits`: what a client may ask of a foreign application."""
    proxy_protocol: bool = False
    """Whether each connection begins with a header of the PROXY protocol, which names the client; a
    connection without it is closed. Only if the load balancer alone can reach the server: the header is trusted."""
    workers: int = 1
    """How many processes. More than one is not supported yet."""
    reload: bool = False
    """Restart when the code changes. Not supported yet."""

    def __post_init__(self) -> None:
        if not isinstance(self.host, str):
            raise ServeError(f"expected a host as a str, got {self.host!r:.200}")
        self._check_numbers()
        self._check_switches()
        if not isinstance(self.root_path, str) or not _ROOT_PATH.fullmatch(self.root_path):
            raise ServeError(f"expected a root path like '/api', percent-encoded, got {self.root_path!r}")
        if self.loop not in LOOPS:
            raise ServeError(f"expected a loop of {', '.join(LOOPS)}, got {self.loop!r}")
        if self.log_level not in LOG_LEVELS:
            raise ServeError(f"expected a log level of {', '.join(LOG_LEVELS)}, got {self.log_level!r}")
        if self.ssl_keyfile is not None and self.ssl_certfile is None:
            raise ServeError("expected ssl_certfile together with ssl_keyfile")
        if self.ssl is not None and self.ssl_certfile is not None:
            raise ServeError("expected either ssl or ssl_certfile, got both")
        if self.uds is not None and self.sock is not None:
            raise ServeError("expected either uds or sock, got both")
        if self.proxy_protocol and self.scheme == "https":
            raise ServeError("proxy_protocol together with TLS is not supported: let the load balancer end TLS")
        if self.workers != 1:
            raise ServeError(f"workers={self.workers!r} is not supported yet: start one process per worker")
        if self.reload:
            raise ServeError("reload is not supported yet: restart the server by hand")

    def _check_numbers(self) -> None:
        if not isinstance(self.port, int) or not 0 <= self.port <= 65535:
            raise ServeError(f"expected a port from 0 to 65535, got {self.port!r}")
        if not isinstance(self.shutdown_timeout, int | float) or not self.shutdown_timeout >= 0:
            raise ServeError(f"expected a shutdown timeout of at least 0 seconds, got {self.shutdown_timeout!r}")
        if not isinstance(self.backlog, int) or self.backlog < 1:
            raise ServeError(f"expected a backlog of at least 1 connection, got {self.backlog!r}")

    def _check_switches(self) -> None:
        given = {name: getattr(self, name) for name in ("access_log", "debug", "proxy_protocol", "reload")}
        if self.debug is None:
            del given["debug"]
        try:
            check_flags(**given)
        except TypeError as exc:
            raise ServeError(str(exc)) from None

    @property
    def scheme(self) -> str:
        """`"https"` if TLS was asked for, else `"http"`."""
        return "http" if self.ssl is None and self.ssl_certfile is None else "https"

    def given(self) -> set[str]:
        """The names of the options that differ from their default."""
        return {field.name for field in fields(self) if getattr(self, field.name) != field.default}
